"""The incident's episode: which faults and alerts belong together, and whether it is an incident.

Bad signals are grouped by entity, and entities by dependency: time alone groups nothing when a
topology is known, since unrelated things go wrong at the same time every night.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nova_timeline import knowledge

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    import polars as pl

    from nova_timeline.topology import Topology

NEAR = 10 * 60_000_000_000
"""ns; quiet for longer than this, and an entity's trouble is another episode."""
ENOUGH = 4.0
"""The least weight of distinct evidence that is called an incident."""
FIRM = 1.5
"""The least weight of a sign of harm; a resource that fills up is a precursor."""
_SOLID = 1.0
"""The least weight of a sign that counts towards an incident: what is only odd is there always."""
_HINT = 2.0
_ANOTHER, _ALERTS = 0.5, 3
"""What another alert of one entity adds, and how many are counted: three that say different things
are an incident by themselves."""
BENEATH = frozenset(
    ("certificate", "hardware", "infrastructure_change", "network", "resource_exhaustion")
)
"""Categories of what fails below all services."""
_PROBE = re.compile(
    r"synthetic|\bprob(e|er|ing)\b|blackbox|uptime|pingdom|statuscake|checkly", re.I
)
_JUST_BEFORE, _JUST_AFTER = 5 * 60_000_000_000, 60_000_000_000  # ns
_EVER = 2**62  # ns; after every window

Signal = dict[str, Any]
"""One row of the signals table, by column."""


@dataclass(frozen=True)  # no slots: onset and weight are asked for over and over, and kept
class Trouble:
    """A stretch in which one entity was in trouble."""

    entity: str
    first: int
    last: int
    signals: tuple[Signal, ...]

    @cached_property
    def onset(self) -> int:
        """When harm first showed: the first firm sign, or the first of any where none is firm."""
        return min((s["time"] for s in self.signals if s["weight"] >= FIRM), default=self.first)

    @cached_property
    def begun(self) -> int:
        """By when harm had surely begun: the stamp of an interval says no more than its start."""
        firm = [s for s in self.signals if s["weight"] >= FIRM] or self.signals
        ends: list[int] = [s["time"] + s["precision"] for s in firm]
        return max(self.onset, min(ends))

    @cached_property
    def weight(self) -> float:
        """Add up the evidence, each kind of it once."""
        return _weighed(self.signals)

    @cached_property
    def solid(self) -> float:
        """Add up the evidence that is more than odd, each kind of it once."""
        return _weighed(s for s in self.signals if s["weight"] >= _SOLID)


def _weighed(signals: Iterable[Signal]) -> float:
    kinds: dict[tuple[str, str], float] = {}
    alerts = set[str]()
    for s in signals:
        key = (s["role"], s["kind"])
        kinds[key] = max(kinds.get(key, 0.0), s["weight"])
        if s["role"] == "alert_firing":
            alerts.add(s["title"])
    return sum(kinds.values()) + _ANOTHER * max(0, min(len(alerts), _ALERTS) - 1)


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


def find(
    signals: pl.DataFrame, topology: Topology, affected: Iterable[str] = (),
    usual_until: int | None = None,
) -> Episode | None:  # fmt: skip
    """Find the heaviest episode; None when nothing weighs enough to be called an incident.

    Without one firm sign of harm there is none, however much is odd.

    Args:
        signals: see `nova_timeline.correlate.signals.gather`.
        topology: who depends on whom.
        affected: entities that are said to be affected.
        usual_until: ns; what began before it is no part of an incident.
    """
    import polars as pl

    late = pl.lit(value=True)
    if usual_until is not None:
        late = pl.col("time") + pl.col("precision") > usual_until
    bad = signals.filter("is_effect", pl.col("weight") > 0, late).to_dicts()
    groups = _groups(_troubles(bad), topology)
    hinted = {topology.name(a) for a in affected}
    weighed = [
        (e.weight + _HINT * bool(hinted & set(e.entities)), -e.signals[0]["time"], e)
        for e in (Episode(tuple(g)) for g in groups)
        if sum(t.solid for t in e.troubles) >= ENOUGH
        and any(s["weight"] >= FIRM for s in e.signals)
    ]
    if not weighed:
        return None
    return _beneath(max(weighed, key=lambda w: w[:2])[2], groups, topology)


def _beneath(found: Episode, groups: Sequence[Sequence[Trouble]], topology: Topology) -> Episode:
    """Add what failed firmly just before it on entities that no topology knows.

    A kernel, a network plug-in, an admission controller: all stand on it, and nobody draws it.
    """
    known = topology.drawn()
    first = min(t.first for t in found.troubles)
    firm = min(t.onset for t in found.troubles)
    more = [
        t for group in groups for t in group
        if known and t.entity not in known and t not in found.troubles
        and first - _JUST_BEFORE <= t.onset <= firm + _JUST_AFTER
        and any(s["weight"] >= FIRM and s["category"] in BENEATH for s in t.signals)
    ]  # fmt: skip
    return Episode((*found.troubles, *more)) if more else found


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
            last = max(last if run else 0, _until(s))
            run.append(s)
        found.append(Trouble(entity, run[0]["time"], last, tuple(run)))
    return found


def _until(sign: Signal) -> int:
    """Say until when a sign of trouble lasted.

    A metric that never came back is off ever since, and what hangs says so once and is silent.
    """
    if sign["end"] is None and sign["kind"] == "metric_change":
        return _EVER
    if sign["rule"] in knowledge.lasting():
        return _EVER
    return int(sign["end"] or sign["time"])


def _groups(troubles: list[Trouble], topology: Topology) -> list[list[Trouble]]:
    """Join troubles that overlap in time and are at most two dependencies apart, either way."""
    parent = list(range(len(troubles)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for near in _near(troubles, topology):
        # Sorted by their beginning, all that touch the stretch so far hang together.
        for before, i in _overlapping(near, troubles):
            a, b = sorted((root(before), root(i)))
            parent[b] = a
    groups: dict[int, list[Trouble]] = {}
    for i, trouble in enumerate(troubles):
        groups.setdefault(root(i), []).append(trouble)
    return list(groups.values())


def _near(troubles: Sequence[Trouble], topology: Topology) -> Iterable[list[int]]:
    """List the troubles (positions) on each entity and those one dependency away from it.

    Any two entities of one such star are at most two dependencies apart, and any two that are, are
    in one star. Without a topology everything may hang together.
    """
    if not topology.edges:
        return [list(range(len(troubles)))]
    placed: dict[str, list[int]] = {}
    for i, trouble in enumerate(troubles):
        placed.setdefault(trouble.entity, []).append(i)
    stars: dict[str, set[str]] = {}
    for edge in topology.edges:
        stars.setdefault(edge.caller, {edge.caller}).add(edge.callee)
        stars.setdefault(edge.callee, {edge.callee}).add(edge.caller)
    near = [[i for e in star for i in placed.get(e, ())] for star in stars.values()]
    return [*near, _seen_from_outside(troubles, {edge.callee for edge in topology.edges})]


def _seen_from_outside(troubles: Sequence[Trouble], called: Container[str]) -> list[int]:
    """Take what tries a service from outside, as people do, and the entries of which alerts tell.

    Nobody draws a probe: it comes in where everybody does.
    """
    probes = [i for i, t in enumerate(troubles) if _PROBE.search(t.entity)]
    entries = [
        i for i, t in enumerate(troubles)
        if t.entity not in called and any(s["role"] == "alert_firing" for s in t.signals)
    ]  # fmt: skip
    return [*probes, *entries] if probes else []


def _overlapping(near: list[int], troubles: Sequence[Trouble]) -> Iterable[tuple[int, int]]:
    """Pair each trouble with one before it that was not over, or over for no longer than `NEAR`."""
    longest: int | None = None
    for i in sorted(near, key=lambda i: (troubles[i].first, i)):
        if longest is not None and troubles[i].first <= troubles[longest].last + NEAR:
            yield longest, i
        if longest is None or troubles[i].last > troubles[longest].last:
            longest = i
