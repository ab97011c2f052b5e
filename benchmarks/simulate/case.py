"""One incident, from its seed to everything that was recorded of it and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fixtures.scenario import MINUTE, SECOND, Json, at, iso

from . import alerts, chatter, decoys, faults, machines, observed, requests, world
from .wording import Wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.scenario import Alert, Span

    from .changes import Change
    from .machines import Machines
    from .observed import Gauge
    from .physics import State
    from .plan import Draft, Fault
    from .wording import Written
    from .world import World

_DAY = "2026-03-03"


@dataclass(frozen=True, slots=True)
class Settings:
    """How hard it is made; what `--sweep` turns."""

    kind: str | None = None
    """A kind of `faults.KINDS`; any if None."""
    noise: float = 1.0
    """A factor on errors that mean nothing."""
    missing: float = 0.06
    """The share of sources that are not there."""
    skew: float = machines.MOST_SKEW
    """Seconds that a machine's clock is off at most."""
    decoys: float = decoys.USUAL
    """How many harmless changes there are, on average."""


@dataclass(frozen=True, slots=True)
class Case:
    """One incident."""

    seed: int
    settings: Settings
    world: World
    fault: Fault
    draft: Draft
    state: State
    start: int
    end: int
    onset: int
    """When the first entity did worse than it would have, in ns."""
    changes: tuple[Change, ...]
    machines: Machines
    lines: tuple[Written, ...]
    spans: tuple[Span, ...]
    gauges: tuple[Gauge, ...]
    alerts: tuple[Alert, ...]
    struck: tuple[str, ...]
    """Entities that did worse, in the order of when."""

    @property
    def id(self) -> str:
        """Name it."""
        return f"SIM-{self.seed:05}"


def draw(seed: int, settings: Settings | None = None) -> Case:
    """Draw a case; a seed whose world allows no such fault takes the next world that does.

    Args:
        seed: the same one gives the same case.
        settings: how hard it is made.
    """
    chosen = settings or Settings()
    start = at(_DAY, "00:00:00") + (seed * 7919 % 1200) * MINUTE
    for attempt in range(50):
        there = world.draw(seed + attempt * 1_000_003)
        try:
            drawn = faults.drawn(there, seed + attempt * 1_000_003, chosen.kind)
        except faults.HarmlessError:
            continue
        return _told(seed, chosen, there, drawn, start)
    msg = f"seed {seed}: no world of 50 allows a fault of kind {chosen.kind!r}"
    raise faults.HarmlessError(msg)


def _told(
    seed: int, settings: Settings, there: World,
    drawn: tuple[Fault, Draft, State, State, float], start: int,
) -> Case:  # fmt: skip
    """Add what was seen of a fault, and what else went on."""
    fault, draft, state, calm, onset = drawn
    outages: dict[str, tuple[float, float]] = {}
    if fault.kind == "host_down":
        outages[fault.details["host"]] = (draft.begin, draft.end - 25)
    fleet = machines.Machines(machines.skews(there, seed, settings.skew), outages)
    walk = requests.follow(there, state, fleet, seed, start)
    loud = chatter.Loudness(settings.noise)
    said = [*walk.lines, *chatter.lines(there, state, calm, fleet, seed, start, loud)]
    earliest = fault.change.time if fault.change else draft.begin
    acts = (start + int((earliest - 1) * SECOND), start + int((draft.end + 5) * SECOND))
    wording = Wording(there, fault, state, seed, start, acts)
    lines = sorted((wording.written(s) for s in said), key=lambda w: (w.time, w.entity))
    others = decoys.drawn(there, draft, fault, onset, seed, settings.decoys)
    both = (c for c in (fault.change, *others, fault.cure) if c is not None)
    made = tuple(sorted(both, key=lambda c: c.time))
    gauges = tuple(observed.metrics(there, state, fault, made, seed, start))
    return Case(
        seed, settings, there, fault, draft, state, start, start + draft.seconds * SECOND,
        start + int(onset * SECOND), made, fleet,
        tuple(lines), tuple(walk.spans), gauges,
        tuple(alerts.fired(gauges, seed, there.entry)), tuple(_struck(there, state, calm)),
    )  # fmt: skip


def _struck(there: World, state: State, calm: State) -> list[str]:
    """Name the entities that did worse for a while, the first to do so first."""
    found: list[tuple[int, str]] = []
    for name in there.order:
        hurt = faults.harmed(there, state, calm, name)
        if hurt.sum() >= 20:
            found.append((int(hurt.argmax()), name))
    return [name for _, name in sorted(found)]


def truth(case: Case, digests: Sequence[tuple[str, Json]], ids: Sequence[str]) -> Json:
    """Say what is true of a case; no input holds any of it.

    Args:
        case: the case.
        digests: the digest of each record that was kept -> what is true of it.
        ids: the names by which records that were kept call the change that is the cause.
    """
    fault = case.fault
    return {
        "case": case.id,
        "seed": case.seed,
        "kind": fault.kind,
        "incident": fault.kind != "quiet",
        "onset": iso(case.onset, 9),
        "categories": list(fault.categories),
        "looks": list(faults.LOOKS.get(fault.kind, ())),
        "entities": list(fault.entities),
        "roots": list(fault.roots),
        "by_change": fault.change is not None,
        "change_ids": list(ids),
        "struck": list(case.struck),
        "skew_ns": dict(case.machines.skew),
        "most_skew_ns": int(case.settings.skew * SECOND),
        "records": dict(digests),
    }
