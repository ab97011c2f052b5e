"""The incident's episode: which faults and alerts belong together, and whether they are an incident.

Bad signals are grouped by entity, and entities by dependency: time alone groups nothing when a
topology is known, since unrelated things go wrong at the same time every night.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from nova_timeline.topology import Topology

NEAR = 10 * 60_000_000_000
"""ns; quiet for longer than this, and an entity's trouble is another episode."""
ENOUGH = 4.0
"""The least weight of distinct evidence that is called an incident."""
FIRM = 1.5
"""The least weight of a sign of harm; a resource that fills up is a precursor."""
_HINT = 2.0

Signal = dict[str, Any]
"""One row of the signals table, by column."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A stretch in which one entity was in trouble."""

    entity: str
    first: int
    last: int
    signals: tuple[Signal, ...]

    @property
    def onset(self) -> int:
        """When harm first showed: the first firm sign, or the first of any where none is firm."""
        return min((s["time"] for s in self.signals if s["weight"] >= FIRM), default=self.first)

    @property
    def weight(self) -> float:
        """Add up the evidence, each kind of it once."""
        kinds: dict[tuple[str, str], float] = {}
        for s in self.signals:
            key = (s["role"], s["kind"])
            kinds[key] = max(kinds.get(key, 0.0), s["weight"])
        return sum(kinds.values())


@dataclass(frozen=True, slots=True)
class Episode:
    """Troubles that hang together; the incident, if there is one."""

    troubles: tuple[Trouble, ...]

    @property
    def weight(self) -> float:
        """Add up the evidence of all entities."""
        return sum(t.weight for t in self.troubles)

    @property
    def entities(self) -> tuple[str, ...]:
        """Name the entities in trouble, once each."""
        return tuple(sorted({t.entity for t in self.troubles}))

    @property
    def signals(self) -> list[Signal]:
        """List the bad signals in the order of time."""
        return sorted((s for t in self.troubles for s in t.signals), key=lambda s: s["signal"])


def find(signals: pl.DataFrame, topology: Topology, affected: Iterable[str] = ()) -> Episode | None:
    """Find the heaviest episode; None when nothing weighs enough to be called an incident."""
    bad = signals.filter("is_effect", signals["weight"] > 0).to_dicts()
    groups = _groups(_troubles(bad), topology)
    hinted = {topology.name(a) for a in affected}
    weighed = [
        (e.weight + _HINT * bool(hinted & set(e.entities)), -e.signals[0]["time"], e)
        for e in (Episode(tuple(g)) for g in groups)
        if e.weight >= ENOUGH
    ]
    return max(weighed, key=lambda w: w[:2])[2] if weighed else None


def _troubles(bad: Sequence[Signal]) -> list[Trouble]:
    """Cut each entity's bad signals where it was quiet for long."""
    by_entity: dict[str, list[Signal]] = {}
    for s in bad:
        by_entity.setdefault(s["entity"] or "", []).append(s)
    found: list[Trouble] = []
    for entity, signals in sorted(by_entity.items()):
        run: list[Signal] = []
        last = 0
        for s in signals:
            if run and s["time"] - last > NEAR:
                found.append(Trouble(entity, run[0]["time"], last, tuple(run)))
                run = []
            last = max(last if run else 0, s["end"] or s["time"])
            run.append(s)
        found.append(Trouble(entity, run[0]["time"], last, tuple(run)))
    return found


def _groups(troubles: list[Trouble], topology: Topology) -> list[list[Trouble]]:
    """Join troubles that overlap in time and depend on one another, directly or through one between."""
    parent = list(range(len(troubles)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    close = neighbours(topology)
    for i, a in enumerate(troubles):
        for j in range(i):
            b = troubles[j]
            apart = a.first > b.last + NEAR or b.first > a.last + NEAR
            known = (
                not topology.edges or a.entity == b.entity or b.entity in close.get(a.entity, ())
            )
            if not apart and known:
                parent[root(i)] = root(j)
    groups: dict[int, list[Trouble]] = {}
    for i, trouble in enumerate(troubles):
        groups.setdefault(root(i), []).append(trouble)
    return [groups[k] for k in sorted(groups)]


def neighbours(topology: Topology) -> dict[str, set[str]]:
    """Map each entity to those one or two dependencies away, in either direction."""
    near: dict[str, set[str]] = {}
    for edge in topology.edges:
        near.setdefault(edge.caller, set()).add(edge.callee)
        near.setdefault(edge.callee, set()).add(edge.caller)
    return {e: found.union(*(near[n] for n in found)) - {e} for e, found in near.items()}
