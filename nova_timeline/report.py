"""``report.html``: the findings as one page that needs nothing else, not even a script.

Everything that comes from a log passes `nova_timeline.wording.printable` and Jinja's escaping on
its way into the page, and the page's own policy forbids scripts and loads of any kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from nova_timeline import highlights
from nova_timeline.clock import rfc3339
from nova_timeline.wording import (
    counted,
    doubt,
    duration,
    link,
    moment_time,
    printable,
    when,
    words,
)

if TYPE_CHECKING:
    import jinja2

    from nova_timeline.model import Citation, Findings

_CITED = 10


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the phase strip: the phase it follows (empty before the onset), and how long."""

    phase: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Strip:
    """The window on one line: stretches between phases, and where the first cause stands on it."""

    stretches: tuple[Stretch, ...]
    cause_percent: float | None


def render(findings: Findings) -> str:
    """Write the report as HTML."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            findings=findings,
            incident=findings.incident,
            moments=highlights.by_id(findings),
            steps=highlights.steps(findings),
            strip=strip(findings),
            cause=highlights.leading(findings),
            planned=highlights.planned(findings),
            not_seen=highlights.not_seen(findings),
            undated=highlights.undated(findings),
            is_close=highlights.is_close(findings),
            uncertain=highlights.uncertain(findings.moments),
        )
    )


def strip(findings: Findings) -> Strip:
    """Cut the window at each phase that was reached."""
    window = findings.incident.window
    cuts = [("", window.start)]
    for name, phase in sorted(findings.phases.items(), key=lambda item: item[1].time):
        cuts.append((name, min(max(phase.time, window.start), window.end)))
    ends = [time for _, time in cuts[1:]] + [window.end]
    stretches = (
        Stretch(name, (end - time) / 1e9) for (name, time), end in zip(cuts, ends, strict=True)
    )
    return Strip(tuple(s for s in stretches if s.seconds > 0), _cause_percent(findings))


def _cause_percent(findings: Findings) -> float | None:
    cause = highlights.leading(findings)
    moment = highlights.by_id(findings).get(cause.moment or "") if cause else None
    window = findings.incident.window
    if moment is None or moment.time not in window:
        return None
    return 100 * (moment.time - window.start) / (window.end - window.start)


@cache
def _environment() -> jinja2.Environment:
    import jinja2
    from markupsafe import Markup

    def text(value: object) -> object:
        """Write out what a reader could not see, in every value the template puts on the page."""
        return printable(value) if isinstance(value, str) and type(value) is not Markup else value

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nova_timeline"),
        autoescape=True,
        finalize=text,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "counted": counted,
        "doubt": doubt,
        "duration": duration,
        "link": link,
        "moment_time": moment_time,
        "rfc3339": rfc3339,
        "when": when,
        "words": words,
    }
    environment.filters.update(filters)
    functions: Any = environment.globals
    functions["cited"] = _cited
    return environment


def _cited(findings: Findings, evidence: tuple[str, ...]) -> tuple[tuple[Citation, ...], int]:
    """Return the first citations that are known, and how many are left out."""
    known = tuple(findings.evidence[key] for key in evidence if key in findings.evidence)
    return known[:_CITED], len(evidence) - len(known[:_CITED])
