"""The values a timeline is made of: frozen, comparable, and independent of any table library.

They mirror ``timeline.json`` one to one. Times are nanoseconds since 1970 UTC; ids are text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nova_timeline.clock import Window

PHASES = ("onset", "detected", "acknowledged", "mitigated", "recovered")
"""The steps of an incident, in the order in which they are expected."""

PLANNED = "maintenance.planned"
"""The rule of a moment that tells of announced work: what failed with it is no incident."""


@dataclass(frozen=True, slots=True)
class Source:
    """One ``[[source]]`` of an incident file: which connector reads what, and how."""

    use: str
    name: str
    path: str = ""
    entity: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Incident:
    """What to look at: a half-open window, the sources, and the topology if it is known."""

    id: str
    title: str
    window: Window
    severity: str | None = None
    affected: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    topology: Mapping[str, Any] = field(default_factory=dict[str, Any])
    base: Path = Path()
    """The folder that relative paths start from: the incident file's own."""
    usual_until: int | None = None
    """ns; no incident is looked for before it: what came before only tells what is usual."""


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a line of the timeline is proved: a record, by source, place and digest."""

    id: str
    source: str
    uri: str
    locator: str
    sha256: str
    url: str | None = None
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a source could be seen; ``files`` lists those that were not read whole."""

    source: str
    use: str
    asked: Window
    seen: tuple[int, int] | None
    rows: int
    state: str
    reason: str = ""
    read: int = 0
    undated: int = 0
    duplicates: int = 0
    files: tuple[FileCoverage, ...] = ()


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """A file that was not read whole, or gave something to say."""

    uri: str
    rows: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClockEstimate:
    """How far a clock was ahead of the reference (positive: ahead), and how sure that is."""

    clock: str
    offset_ns: int
    uncertainty_ns: int
    constraints: int


@dataclass(frozen=True, slots=True)
class Reason:
    """One term of a score in plain words; a negative weight speaks against."""

    text: str
    weight: float
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """What a moment was caused by, with the reasons for thinking so."""

    moment: str
    score: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline: something that happened, where, when, and what proves it."""

    id: str
    time: int
    entity: str
    kind: str
    title: str
    role: str | None = None
    category: str | None = None
    rule: str | None = None
    end_time: int | None = None
    precision_ns: int = 1
    uncertainty_ns: int = 0
    phase: str | None = None
    severity: int = 9
    count: int = 1
    actor: str | None = None
    change_id: str | None = None
    evidence: tuple[str, ...] = ()
    caused_by: tuple[Cause, ...] = ()
    cascade: str | None = None
    order: str = "certain"


@dataclass(frozen=True, slots=True)
class Phase:
    """When a step of the incident was reached, and the moment that shows it."""

    time: int
    moment: str


@dataclass(frozen=True, slots=True)
class Cascade:
    """Moments that one failed entity explains."""

    id: str
    root_entity: str
    root_moment: str
    moments: tuple[str, ...]
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RootCause:
    """A ranked answer; ``moment`` and ``change_id`` are None when no change explains it."""

    rank: int
    moment: str | None
    entity: str
    category: str
    change_id: str | None
    score: float
    confidence: float
    title: str = ""
    reasons: tuple[Reason, ...] = ()
    contributing: tuple[str, ...] = ()
    """Moments that made it worse, or let it through, without having caused it."""
    behind: tuple[Reason, ...] = ()
    """What puts it behind the first; none for the first itself."""


@dataclass(frozen=True, slots=True)
class RuledOut:
    """A change near the onset that is not the cause, and what speaks against it."""

    moment: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What it cost; seconds, None where a phase was not reached."""

    duration_s: float | None
    time_to_detect_s: float | None
    time_to_recover_s: float | None
    entities: tuple[str, ...] = ()
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything `timeline.json` holds."""

    incident: Incident
    verdict: str
    """``incident``, or ``no incident found``."""
    coverage: tuple[Coverage, ...]
    clocks: tuple[ClockEstimate, ...]
    phases: Mapping[str, Phase]
    moments: tuple[Moment, ...]
    cascades: tuple[Cascade, ...]
    root_causes: tuple[RootCause, ...]
    ruled_out: tuple[RuledOut, ...]
    impact: Impact
    evidence: Mapping[str, Citation]

    def moment(self, moment_id: str) -> Moment:
        """Return the moment of that id."""
        return next(m for m in self.moments if m.id == moment_id)
