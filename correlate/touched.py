"""What a change touched, when its record does not say: the entity that its own words name.

A commit names what it is about in its title (``orders-db: ...``, Conventional Commits' scope) and
in the paths of the files it changes. Only names that the topology knows are taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nova_timeline.topology import Topology

_SCOPE = re.compile(
    r"^(?:commit \w+: )?(?:revert \")?(?:\w+\((?P<scope>[^)]+)\)|(?P<plain>[\w./-]+)):",
    re.IGNORECASE,
)
_SEGMENT = re.compile(r"[^/\s\"',\[\]]+")


def entities(changes: Iterable[tuple[str, str]], topology: Topology) -> list[str | None]:
    """Name the entity that each change is about; None when its words name none, or several alike.

    Args:
        changes: of each its one line, and all that its record says, file paths included.
        topology: whose names count.
    """
    folded = {n.casefold(): n for n in topology.kinds}
    return [_entity(title, text, topology, folded) for title, text in changes]


def _entity(title: str, text: str, topology: Topology, folded: Mapping[str, str]) -> str | None:
    scoped = _SCOPE.match(title)
    if scoped:
        named = topology.name(scoped["scope"] or scoped["plain"])
        if named in topology.kinds:
            return named
    counted = _counted(text, folded)
    best = sorted(counted, key=lambda n: (-counted[n], n))
    if not best or (len(best) > 1 and counted[best[0]] == counted[best[1]]):
        return None
    return best[0]


def _counted(text: str, folded: Mapping[str, str]) -> Mapping[str, int]:
    """Count how often each known name stands as a whole segment of a path."""
    found: dict[str, int] = {}
    for segment in _SEGMENT.findall(text):
        name = folded.get(segment.casefold().split(".")[0])
        if name is not None:
            found[name] = found.get(name, 0) + 1
    return found
