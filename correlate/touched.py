"""What a change touched, when its record does not say: the entity that its own words name.

A commit names what it is about in its title (``orders-db: ...``, Conventional Commits' scope, a
``#tag``) and in the paths of the files it changes. Only names that are known are taken; folders are
often named for a part of a service's name (``services/checkout`` for ``checkoutservice``).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nova_timeline.topology import Topology

_SCOPE = re.compile(
    r"^(?:commit \w+: )?(?:revert \")?"
    r"(?:\w+\((?P<scope>[^)]+)\):|(?P<plain>[\w./-]+):|#(?P<tag>[\w-]+))",
    re.IGNORECASE,
)
_SEGMENT = re.compile(r"[^/\s\"',\[\]]+")
_PATH = re.compile(r"(?<![\w.@-])[\w.@-]++(?:/[\w.@-]++)+")
_ENDING = re.compile(r"[-_]?(?:services?|svc|server|srv)$")
_PART = re.compile(r"[-_.]")
_EVERYWHERE = """
    app apps common config core data docs go internal lib libs main pkg public service services
    shared source src svc test tests tools util vendor
"""
_ANYWHERE = frozenset(_EVERYWHERE.split())
"""Folders that say nothing of whose they are."""
_DEEP = 3  # segments of a path in which a part of a name counts
_LETTERS = 4  # of a name's beginning that stand for it


def entities(
    changes: Iterable[tuple[str, str]], topology: Topology, others: Iterable[str] = ()
) -> list[str | None]:
    """Name the entity that each change is about; None when its words name none, or several alike.

    Args:
        changes: of each its one line, and all that its record says, file paths included.
        topology: whose names count.
        others: more names that count: those that records come from.
    """
    known = [*topology.kinds, *(n for n in others if n not in topology.kinds)]
    names = _Names(known, topology)
    return [_entity(title, text, names) for title, text in changes]


class _Names:
    """Names of entities, and what may stand for each."""

    def __init__(self, known: Iterable[str], topology: Topology) -> None:
        self._topology = topology
        self.whole = {n.casefold(): n for n in known}
        self._stems = _only((_ENDING.sub("", f), n) for f, n in self.whole.items())
        parts = ((p, n) for f, n in self.whole.items() for p in _PART.split(_ENDING.sub("", f)))
        self._parts = _only((p, n) for p, n in parts if len(p) > 1 and p not in _ANYWHERE)

    def scope(self, text: str) -> str | None:
        """Name the entity that a title's scope stands for."""
        named = self._topology.name(text)
        if named.casefold() in self.whole:
            return self.whole[named.casefold()]
        folded = text.casefold()
        found = self._stems.get(folded) or self._parts.get(folded)
        if found is None and len(folded) >= _LETTERS:
            begun = {n for f, n in self.whole.items() if f.startswith(folded)}
            found = begun.pop() if len(begun) == 1 else None
        return found

    def folder(self, segment: str, depth: int) -> str | None:
        """Name the entity that a segment of a path stands for."""
        folded = segment.casefold().split(".")[0]
        if folded in self.whole:
            return self.whole[folded]
        if folded in _ANYWHERE:
            return None
        part = self._parts.get(folded) if depth < _DEEP else None
        return self._stems.get(_ENDING.sub("", folded)) or part


def _only(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Keep what stands for one name only."""
    found: dict[str, set[str]] = {}
    for short, name in pairs:
        found.setdefault(short, set()).add(name)
    return {short: min(names) for short, names in found.items() if len(names) == 1}


def _entity(title: str, text: str, names: _Names) -> str | None:
    scoped = _SCOPE.match(title)
    if scoped:
        named = names.scope(scoped["scope"] or scoped["plain"] or scoped["tag"])
        if named is not None:
            return named
    counted = _counted(text, names)
    best = sorted(counted, key=lambda n: (-counted[n], n))
    if not best or (len(best) > 1 and counted[best[0]] == counted[best[1]]):
        return None
    return best[0]


def _counted(text: str, names: _Names) -> Mapping[str, int]:
    """Count how often each name stands as a whole segment of a path, or a folder stands for it."""
    plain = (names.whole.get(s.casefold().split(".")[0]) for s in _SEGMENT.findall(text))
    found = Counter(n for n in plain if n is not None)
    if not found:
        paths = dict.fromkeys(_PATH.findall(text))
        folders = ((s, i) for p in paths for i, s in enumerate(p.split("/")[:-1]))
        told = (names.folder(s, i) for s, i in folders)
        found = Counter(n for n in told if n is not None)
    return found
