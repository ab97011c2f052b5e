"""Cascades: which entity's fault explains which.

An entity's trouble is explained when something it depends on, directly or through others, was in
trouble no later than itself. The root is the entity that nothing else explains (the traversal of
Liu et al., "MicroHECL", ICSE-SEIP 2021, without its learned part).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .episode import FIRM

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from nova_timeline.topology import Topology

    from .episode import Episode, Signal, Trouble

DEPTH = 4
_HEAVY = 1.0  # the least weight of a trouble that can explain another; what is odd explains nothing
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


def find(episode: Episode, topology: Topology, guilty: str | None = None) -> tuple[Cascade, ...]:
    """Split an episode into cascades, the widest first; every entity is in exactly one.

    Args:
        episode: the troubles.
        topology: who depends on whom.
        guilty: the entity that the failure plainly comes from, by other evidence than time: if it
            is in trouble, nothing explains it, and what it explains is the first cascade.
    """
    troubles = _main(episode)
    below = reachable(troubles, topology)
    explained = {
        e: {
            d: hops
            for d, hops in below[e].items()
            if _explains(troubles[d], troubles[e]) and not _mutual(d, e, below, troubles)
        }
        for e in troubles
    }
    if guilty is not None and guilty in troubles:
        _blame(guilty, explained, below, troubles)
    by_entity: dict[str, list[Signal]] = {}
    for s in episode.signals:
        by_entity.setdefault(s["entity"] or "", []).append(s)
    return tuple(
        _cascade(root, depth, troubles, by_entity)
        for root, depth in _split(explained, troubles, guilty, _outrun(troubles, topology)).items()
    )


def _blame(
    guilty: str, explained: dict[str, dict[str, int]], below: Mapping[str, Mapping[str, int]],
    troubles: Mapping[str, Trouble],
) -> None:  # fmt: skip
    """Let nothing explain the guilty entity, and let it explain all that depend on it.

    Where nothing in trouble depends on it, what it presses on may be: more requests came in than
    what it calls can bear.
    """
    explained[guilty] = {}
    began = troubles[guilty].first
    callers = {e: hops[guilty] for e, hops in below.items() if guilty in hops and e != guilty}
    for e, hops in (callers or below[guilty]).items():
        if began <= troubles[e].last + SLACK:
            explained[e][guilty] = hops


def _split(
    explained: Mapping[str, Mapping[str, int]],
    troubles: Mapping[str, Trouble],
    guilty: str | None,
    outrun: Container[str],
) -> dict[str, dict[str, int]]:
    """Give every entity to one root: root -> entity -> how many dependencies away."""
    explains: dict[str, dict[str, int]] = {e: {} for e in troubles}
    for e, causes in explained.items():
        for d, hops in causes.items():
            explains[d][e] = hops

    def order(root: str) -> tuple[bool, bool, int, bool, int, str]:
        trouble = troubles[root]
        light = trouble.solid < _HEAVY
        told = any(s["role"] == "alert_firing" for s in trouble.signals) and root not in outrun
        return root != guilty, light, -len(explains[root]), not told, trouble.onset, root

    found: dict[str, dict[str, int]] = {}
    left = set(troubles)
    roots = sorted((e for e in troubles if not explained[e]), key=order)
    for root in roots:
        found[root] = {e: hops for e, hops in explains[root].items() if e in left} | {root: 0}
        left -= set(found[root])
    for root in roots:
        _follow(found[root], explains, left)
    while left:  # a ring too long to be seen as one: each explains the next
        root = min(left, key=order)
        found[root] = {root: 0}
        left.discard(root)
        _follow(found[root], explains, left)
    return found


def _outrun(troubles: Mapping[str, Trouble], topology: Topology) -> frozenset[str]:
    """Name those in trouble that nobody drew, and that others were in trouble well ahead of.

    An alert on one of them tells who noticed: what it came from has no edge to be followed along.
    """
    drawn = topology.drawn()
    firm = [t for t in troubles.values() if any(s["weight"] >= FIRM for s in t.signals)]
    first = min((t.begun for t in firm if t.solid >= _HEAVY), default=0)
    return frozenset(e for e, t in troubles.items() if e not in drawn and t.onset > first + SLACK)


def _follow(
    depth: dict[str, int], explains: Mapping[str, Mapping[str, int]], left: set[str]
) -> None:
    """Add to a cascade what those in it explain, though the root does so only through them."""
    queue = [(far, e) for e, far in depth.items()]
    heapq.heapify(queue)
    while queue:
        far, e = heapq.heappop(queue)
        for above, hops in explains[e].items():
            if above in left:
                left.discard(above)
                depth[above] = far + hops
                heapq.heappush(queue, (far + hops, above))


def _cascade(
    root: str,
    depth: dict[str, int],
    troubles: Mapping[str, Trouble],
    by_entity: Mapping[str, Sequence[Signal]],
) -> Cascade:
    members = tuple(sorted(depth, key=lambda e: (depth[e], troubles[e].onset, e)))
    inside = sorted((s for e in members for s in by_entity[e]), key=lambda s: s["signal"])
    return Cascade(root, members, tuple(inside), depth)


def _main(episode: Episode) -> dict[str, Trouble]:
    """Take each entity's heaviest trouble, the earlier of equals."""
    main: dict[str, Trouble] = {}
    for trouble in sorted(episode.troubles, key=lambda t: (-t.weight, t.first)):
        main.setdefault(trouble.entity, trouble)
    return main


def _explains(cause: Trouble, effect: Trouble) -> bool:
    return cause.onset <= effect.begun + SLACK and cause.solid >= _HEAVY


def _mutual(
    a: str, b: str, below: Mapping[str, Mapping[str, int]], troubles: Mapping[str, Trouble]
) -> bool:
    """Say whether a is no better an explanation of b than b of a: a cycle, and a was not first."""
    return b in below[a] and (troubles[b].onset, b) < (troubles[a].onset, a)


def reachable(troubles: Iterable[str], topology: Topology) -> dict[str, dict[str, int]]:
    """Map each entity in trouble to those it depends on, within `DEPTH`, and how far away."""
    depends = topology.dependencies()
    wanted = set(troubles)
    found: dict[str, dict[str, int]] = {}
    for entity in wanted:
        level, seen = {entity}, {entity}
        found[entity] = {}
        for hops in range(1, DEPTH + 1):
            level = {c for e in level for c in depends.get(e, ())} - seen
            seen |= level
            found[entity] |= dict.fromkeys(level & wanted, hops)
    return found
