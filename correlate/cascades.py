"""Cascades: which entity's fault explains which.

An entity's trouble is explained when something it depends on, directly or through others, was in
trouble no later than itself. The root is the entity that nothing else explains (the traversal of
Liu et al., "MicroHECL", ICSE-SEIP 2021, without its learned part).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nova_timeline.topology import Topology

    from .episode import Episode, Signal, Trouble

DEPTH = 4
_HEAVY = 1.0  # the least weight of a trouble that can explain another
SLACK = 120_000_000_000
"""ns; how much later than its caller an entity may show its trouble and still explain it: metrics
come once a minute, and alerts later still."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """An entity that failed, and those in trouble because they depend on it."""

    root: str
    entities: tuple[str, ...]
    signals: tuple[Signal, ...]
    depth: dict[str, int]
    """Entity -> how many dependencies away from the root."""


def find(episode: Episode, topology: Topology) -> tuple[Cascade, ...]:
    """Split an episode into cascades, the widest first; every entity is in exactly one."""
    troubles = _main(episode)
    below = {e: _reachable(e, topology) for e in troubles}
    explained = {
        e: {
            d: hops
            for d, hops in below[e].items()
            if d in troubles
            and _explains(troubles[d], troubles[e])
            and not _mutual(d, e, below, troubles)
        }
        for e in troubles
    }
    roots = sorted(
        (e for e in troubles if not explained[e]),
        key=lambda r: (
            troubles[r].weight < _HEAVY,
            -_followers(r, explained),
            troubles[r].onset,
            r,
        ),
    )
    found: list[Cascade] = []
    left = set(troubles)
    for root in roots:
        depth = {e: explained[e][root] for e in left if root in explained[e]} | {root: 0}
        left -= set(depth)
        members = tuple(sorted(depth, key=lambda e: (depth[e], troubles[e].onset, e)))
        inside = tuple(s for s in episode.signals if s["entity"] in depth)
        found.append(Cascade(root, members, inside, depth))
    return tuple(found)


def _main(episode: Episode) -> dict[str, Trouble]:
    """Take each entity's heaviest trouble, the earlier of equals."""
    main: dict[str, Trouble] = {}
    for trouble in sorted(episode.troubles, key=lambda t: (-t.weight, t.first)):
        main.setdefault(trouble.entity, trouble)
    return main


def _explains(cause: Trouble, effect: Trouble) -> bool:
    return cause.onset <= effect.onset + SLACK and cause.weight >= _HEAVY


def _mutual(a: str, b: str, below: dict[str, dict[str, int]], troubles: dict[str, Trouble]) -> bool:
    """Say whether a is no better an explanation of b than b of a: a cycle, and a was not first."""
    return b in below[a] and (troubles[b].onset, b) < (troubles[a].onset, a)


def _followers(root: str, explained: dict[str, dict[str, int]]) -> int:
    return sum(root in causes for causes in explained.values())


def _reachable(entity: str, topology: Topology) -> dict[str, int]:
    """Map what an entity depends on, within `DEPTH`, to how far away it is."""
    below = topology.dependencies()
    found: dict[str, int] = {}
    level = {entity}
    for hops in range(1, DEPTH + 1):
        level = {c for e in level for c in below.get(e, ())} - set(found) - {entity}
        found |= dict.fromkeys(level, hops)
    return found
