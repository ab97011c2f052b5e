"""What of the findings to tell first: the moments that matter, the steps, and what was not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nova_timeline.model import PHASES, PLANNED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nova_timeline.model import Coverage, Findings, Moment, Phase, RootCause

NO_INCIDENT = "no incident found"

_FIRST, _LINKED, _LEAST = 0, 1, 4
_RANKS = {
    "gap": 1,
    "alert_firing": 2,
    "alert_resolved": 2,
    "acknowledgement": 2,
    "recovery": 2,
    "change": 3,
    "fault": 3,
}
_COMPLETE = "complete"
_CLOSE = 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """A phase; the seconds from the onset to it, and from it to the next that was reached."""

    name: str
    phase: Phase | None
    after_onset: float | None
    until_next: float | None


def by_id(findings: Findings) -> dict[str, Moment]:
    """Map each moment's id to it."""
    return {moment.id: moment for moment in findings.moments}


def main_moments(findings: Findings, limit: int) -> tuple[Moment, ...]:
    """Return the moments a reader needs first, at most limit, in the order of the timeline.

    Phases, root causes and what contributed come first; then changes that something is put down
    to, and lost evidence; then alerts, acknowledgements and recoveries; the rest by severity.
    """
    named = _named(findings)
    linked = {cause.moment for moment in findings.moments for cause in moment.caused_by}
    linked.update(cause.moment for cause in findings.root_causes if cause.moment)

    def importance(place: int) -> tuple[int, int, int]:
        moment = findings.moments[place]
        rank = _RANKS.get(moment.role or "", _LEAST)
        if moment.id in named:
            rank = _FIRST
        elif moment.role == "change" and moment.id in linked:
            rank = _LINKED
        return (rank, -moment.severity, place)

    chosen = sorted(range(len(findings.moments)), key=importance)[:limit]
    return tuple(findings.moments[place] for place in sorted(chosen))


def _named(findings: Findings) -> set[str]:
    """Name planned work, and the moments that phases, the first two causes or cascades rest on."""
    named = {phase.moment for phase in findings.phases.values()}
    named.update(moment.id for moment in planned(findings))
    for cause in findings.root_causes[:2]:
        named.update(cause.contributing)
        named.update(() if cause.moment is None else (cause.moment,))
    named.update(cascade.root_moment for cascade in findings.cascades)
    return named


def steps(findings: Findings) -> tuple[Step, ...]:
    """Return every phase in the expected order, reached or not."""
    onset = findings.phases.get("onset")
    reached = sorted(phase.time for phase in findings.phases.values())
    found: list[Step] = []
    for name in PHASES:
        phase = findings.phases.get(name)
        if phase is None:
            found.append(Step(name, None, None, None))
            continue
        later = [time for time in reached if time > phase.time]
        found.append(
            Step(
                name,
                phase,
                (phase.time - onset.time) / 1e9 if onset else None,
                (later[0] - phase.time) / 1e9 if later else None,
            )
        )
    return tuple(found)


def not_seen(findings: Findings) -> tuple[Coverage, ...]:
    """Return the sources that could not be looked at in full."""
    return tuple(c for c in findings.coverage if c.state != _COMPLETE)


def remarked(findings: Findings) -> tuple[Coverage, ...]:
    """Return the sources read in full of which there is something to say besides."""
    return tuple(c for c in findings.coverage if c.state == _COMPLETE and c.reason)


def empty(findings: Findings) -> tuple[Coverage, ...]:
    """Return the sources read in full that hold no record of the window."""
    return tuple(c for c in findings.coverage if c.state == _COMPLETE and c.rows == 0)


def planned(findings: Findings) -> tuple[Moment, ...]:
    """Return the notices of announced work that explains what failed, and is no incident."""
    return tuple(m for m in findings.moments if m.rule == PLANNED)


def undated(findings: Findings) -> int:
    """Count the records that carry no readable time, and so have no place in the order."""
    return sum(coverage.undated for coverage in findings.coverage)


def uncertain(moments: Iterable[Moment]) -> tuple[Moment, ...]:
    """Return the moments whose place in the order is not certain."""
    return tuple(moment for moment in moments if moment.order == "uncertain")


def leading(findings: Findings) -> RootCause | None:
    """Return the first root cause, if one was ranked and there was an incident at all."""
    if findings.verdict == NO_INCIDENT or not findings.root_causes:
        return None
    return findings.root_causes[0]


def runner_up(findings: Findings) -> RootCause | None:
    """Return the second root cause, if there is one."""
    return findings.root_causes[1] if leading(findings) and len(findings.root_causes) > 1 else None


def is_close(findings: Findings) -> bool:
    """Say whether the runner-up's score is within a tenth of the first one's."""
    first, second = leading(findings), runner_up(findings)
    if first is None or second is None:
        return False
    return first.score - second.score <= _CLOSE * abs(first.score)


def effects(findings: Findings, moment_id: str) -> tuple[Moment, ...]:
    """Return the moments that this one is given as a cause of."""
    return tuple(m for m in findings.moments if any(c.moment == moment_id for c in m.caused_by))
