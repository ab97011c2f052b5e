"""What the command line prints: a run on one screen, and one moment with its proof.

Rich draws it. Nothing from a log is read as Rich markup or reaches the terminal as an escape: every
text is a `rich.text.Text` that `nova_timeline.wording.printable` has been over.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from nova_timeline import highlights
from nova_timeline.errors import RunFolderError, UnknownMomentError, nearest
from nova_timeline.excerpt import excerpt
from nova_timeline.wording import (
    counted,
    doubt,
    duration,
    lead,
    moment_time,
    printable,
    short,
    when,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from rich.console import Console
    from rich.text import Text

    from nova_timeline.around import Logged
    from nova_timeline.model import Citation, Findings, Moment, RootCause

    Raw = Callable[[str], bytes | None]
    Nearby = Callable[[Moment], Logged]

_MOMENTS = 25
_DAY = len("2026-03-03")
_LISTED = 10
_CITED = 5
_COLOURS = {
    "onset": "red",
    "detected": "dark_orange",
    "acknowledged": "yellow",
    "mitigated": "blue",
    "recovered": "green",
}


def summary(console: Console, findings: Findings, run: Path | None = None) -> None:
    """Print what was found, and loudly what was not seen; run is the folder it was saved to."""
    incident = findings.incident
    _line(console, f"{incident.id} {incident.title}", "bold")
    window = f"{when(incident.window.start)} to {when(incident.window.end)} UTC"
    verdict = "bold green" if findings.verdict == highlights.NO_INCIDENT else "bold red"
    _line(console, f"{findings.verdict}, {window}", verdict)
    _phases(console, findings)
    _causes(console, findings)
    _moments(console, findings)
    _cascades(console, findings)
    _coverage(console, findings)
    if run is not None:
        _heading(console, "Saved")
        _line(console, f"{run / 'report.html'}")


def explanation(console: Console, findings: Findings, asked: str, raw: Raw, nearby: Nearby) -> None:
    """Print why a moment is in the timeline, or why a cause is ranked where it is.

    Args:
        console: where to print.
        findings: what to explain.
        asked: a moment's id, or ``cause:N`` for the cause of that rank.
        raw: gives the raw bytes of a citation by its id; None where they are gone.
        nearby: tells what a moment's entity logged around it.

    Raises:
        UnknownMomentError: there is no such moment or cause.
    """
    if asked.startswith("cause:"):
        _explain_cause(console, findings, _cause(findings, asked), raw)
        return
    moment = highlights.by_id(findings).get(asked)
    if moment is None:
        near = get_close_matches(asked, [one.id for one in findings.moments], n=1, cutoff=0.5)
        some = [one.id for one in highlights.main_moments(findings, _LISTED)]
        msg = f"no moment is called {printable(asked)!r}{nearest(asked, near or some)}"
        raise UnknownMomentError(msg)
    _explain_moment(console, findings, moment, raw, nearby)


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(printable(text), style=style, overflow="fold")


def _line(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    from rich.padding import Padding

    console.print(Padding(_text(text, style), (0, 0, 0, indent), expand=False))


def _heading(console: Console, title: str) -> None:
    console.print()
    _line(console, title, "bold underline")


def _phases(console: Console, findings: Findings) -> None:
    if not findings.phases:
        return
    from rich.table import Table

    _heading(console, "Phases")
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    moments = highlights.by_id(findings)
    for step in highlights.steps(findings):
        name = _text(step.name, _COLOURS[step.name])
        if step.phase is None:
            table.add_row(name, _text("not reached, as far as the evidence goes", "dim"), "")
            continue
        shown_by = moments.get(step.phase.moment)
        mark = "~" if shown_by and shown_by.order == "uncertain" else ""
        first = step.name == "onset" or step.after_onset is None
        after = "" if first else f"{duration(step.after_onset)} after the onset"
        table.add_row(name, _text(mark + when(step.phase.time)), _text(after, "dim"))
    console.print(table)
    impact = findings.impact
    where = short(", ".join(impact.entities)) or "not known"
    took = f"{duration(impact.duration_s)}; {counted(impact.errors, 'error')}; affected: {where}"
    _line(console, f"Duration {took}")


def _causes(console: Console, findings: Findings) -> None:
    cause = highlights.leading(findings)
    if findings.verdict == highlights.NO_INCIDENT:
        return
    _heading(console, "Root cause")
    if cause is None:
        _line(console, "The evidence at hand does not rank any cause.", "yellow")
        return
    _cause_lines(console, cause)
    second = highlights.runner_up(findings)
    if second:
        near = " (nearly as likely)" if highlights.is_close(findings) else ""
        _line(console, f"Next{near}: {_named(second)}", "yellow" if near else "dim")
    moments = highlights.by_id(findings)
    known = [moments[one] for one in cause.contributing if one in moments]
    if known:
        _heading(console, "Contributing")
        for moment in known:
            _line(console, _told(moment))


def _cause_lines(console: Console, cause: RootCause) -> None:
    if cause.moment is None:
        _line(console, "No change explains the evidence. The trigger was operational:", "yellow")
    _line(console, _named(cause), "bold")
    _line(console, f"more: nova-timeline explain RUN cause:{cause.rank}", "dim")
    for reason in cause.reasons:
        _line(console, f"{reason.weight:+.2f}  {reason.text}", indent=2)


def _named(cause: RootCause) -> str:
    about = ", ".join(filter(None, (cause.entity, words(cause.category), cause.change_id)))
    what = f"{short(cause.title or cause.entity)} ({about})"
    return f"{what}, score {cause.score:.2f}, confidence {cause.confidence:.0%}"


def _told(moment: Moment) -> str:
    return f"{moment_time(moment)}  {lead(moment)}{short(moment.title)} ({moment.id})"


def _moments(console: Console, findings: Findings) -> None:
    if not findings.moments:
        return
    from rich.table import Table

    shown = highlights.main_moments(findings, _MOMENTS)
    days = sorted({when(moment.time)[:_DAY] for moment in shown})
    first = _DAY + 1 if len(days) == 1 else 0
    _heading(console, f"Main moments ({len(shown)} of {len(findings.moments):,})")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in (f"{days[0]} UTC" if first else "Time (UTC)", "Moment", "Phase"):
        table.add_column(column, no_wrap=True)
    table.add_column("What")
    for moment in shown:
        time = when(moment.time, moment.precision_ns)[first:]
        mark = "~" if moment.order == "uncertain" else " "
        table.add_row(
            _text(mark + time, "yellow" if moment.order == "uncertain" else ""),
            _text(moment.id, "dim"),
            _text(moment.phase or "", _COLOURS.get(moment.phase or "", "")),
            _text(_what(moment)),
        )
    console.print(table)
    if left := len(findings.moments) - len(shown):
        _line(console, f"... {left:,} more", "dim")
    if highlights.uncertain(shown):
        _line(console, "~ its place among its neighbours is not certain", "yellow")


def _what(moment: Moment) -> str:
    many = f" (x{moment.count:,})" if moment.count > 1 else ""
    off = f" ({doubt(moment)})" if doubt(moment) else ""
    return f"{lead(moment)}{short(moment.title)}{many}{off}"


def _cascades(console: Console, findings: Findings) -> None:
    if not findings.cascades:
        return
    _heading(console, "Cascades")
    for one in findings.cascades[:_LISTED]:
        reached = (
            f"reached {short(', '.join(one.entities))}" if one.entities else "reached nothing else"
        )
        moments = counted(len(one.moments), "moment")
        _line(console, f"{one.root_entity}: {moments} from {one.root_moment}; {reached}")
    if len(findings.cascades) > _LISTED:
        _line(console, f"... {len(findings.cascades) - _LISTED:,} more", "dim")


def _coverage(console: Console, findings: Findings) -> None:
    lacking, lost = highlights.not_seen(findings), highlights.undated(findings)
    _heading(console, "Coverage")
    if not lacking:
        _line(console, f"{counted(len(findings.coverage), 'source')} read in full", "green")
    for one in lacking:
        reason = f": {one.reason}" if one.reason else ""
        rows = counted(one.rows, "row")
        _line(console, f"! {one.source} is {words(one.state)}{reason} ({rows})", "bold red")
        for file in one.files[:_LISTED]:
            _line(
                console, f"{file.uri}: {words(file.state)}, {short(file.reason)}", "red", indent=2
            )
    if lost:
        stands = "stands" if lost == 1 else "stand"
        what = counted(lost, "record")
        _line(console, f"! {what} without a readable time {stands} in no order", "yellow")


def _cause(findings: Findings, asked: str) -> RootCause:
    found = {f"cause:{cause.rank}": cause for cause in findings.root_causes}
    if asked not in found:
        msg = f"no root cause is called {printable(asked)!r}{nearest(asked, found)}"
        raise UnknownMomentError(msg)
    return found[asked]


def _explain_cause(console: Console, findings: Findings, cause: RootCause, raw: Raw) -> None:
    _heading(console, f"Root cause {cause.rank} of {len(findings.root_causes)}")
    _cause_lines(console, cause)
    moment = highlights.by_id(findings).get(cause.moment or "")
    evidence = [mark for reason in cause.reasons for mark in reason.evidence]
    if moment:
        _heading(console, "The moment")
        _line(console, _told(moment))
        evidence = [*moment.evidence, *evidence]
    _records(console, findings, dict.fromkeys(evidence), raw)


def _explain_moment(
    console: Console, findings: Findings, moment: Moment, raw: Raw, nearby: Nearby
) -> None:
    _line(console, f"{moment.id}  {lead(moment)}{moment.title}", "bold")
    _line(console, moment_time(moment) + " UTC")
    if moment.order == "uncertain":
        _line(console, "~ its place among its neighbours is not certain", "yellow")
    _heading(console, "Why it is here")
    for reason in _why(findings, moment):
        _line(console, reason)
    moments = highlights.by_id(findings)
    _heading(console, "Caused by")
    if not moment.caused_by:
        _line(console, "nothing that the evidence shows", "dim")
    for cause in moment.caused_by:
        before = moments.get(cause.moment)
        _line(console, f"{cause.score:.2f}  {_told(before) if before else cause.moment}")
        for reason in cause.reasons:
            _line(console, reason, indent=2)
    followed = highlights.effects(findings, moment.id)
    if followed:
        _heading(console, "Led to")
        _list(console, [_told(one) for one in followed])
    _cascade_of(console, findings, moment)
    _records(console, findings, moment.evidence, raw)
    if moment.entity:
        _nearby(console, moment, nearby)


def _nearby(console: Console, moment: Moment, nearby: Nearby) -> None:
    """Tell what the moment's entity logged around it, or that it cannot be read."""
    _heading(console, f"What {moment.entity} logged around it")
    try:
        found = nearby(moment)
    except RunFolderError as error:
        _line(console, str(error), "bold red")
        return
    _line(console, f"from {when(found.start)} to {when(found.end)} UTC", "dim")
    many = ", ".join(f"{count:,} {severity}" for severity, count in found.severities)
    _line(console, many or "nothing")
    width = max((len(f"{count:,}") for _, count in found.templates), default=0)
    for text, count in found.templates:
        _line(console, f"{count:>{width},}x  {short(text)}", indent=2)
    for line in found.lines:
        _line(console, f"{when(line.time)}  {line.severity}  {short(line.text)}", "cyan")
        _line(console, f"{line.uri} at {line.locator}", "dim", indent=2)


def _why(findings: Findings, moment: Moment) -> tuple[str, ...]:
    """Say in words what makes a moment part of the timeline."""
    role = f", {words(moment.role)}" if moment.role else ""
    said = [f"{words(moment.kind)}{role}, severity {moment.severity}"]
    if moment.rule:
        said.append(
            f"classified by the rule {moment.rule} as {words(moment.category or 'unknown')}"
        )
    if moment.count > 1:
        said.append(f"stands for {counted(moment.count, 'record')}")
    if moment.phase:
        said.append(f"belongs to the step {moment.phase!r}")
    said += [
        f"is the moment of the {name} phase" if name != "onset" else "is the moment of the onset"
        for name, phase in findings.phases.items()
        if phase.moment == moment.id
    ]
    for cause in findings.root_causes:
        if cause.moment == moment.id:
            said.append(f"is the root cause ranked {cause.rank} (cause:{cause.rank})")
        if moment.id in cause.contributing:
            said.append(f"contributed to the root cause ranked {cause.rank}")
    if moment.actor:
        said.append(f"carried out by {moment.actor} (a pseudonym)")
    return tuple(said)


def _cascade_of(console: Console, findings: Findings, moment: Moment) -> None:
    moments = highlights.by_id(findings)
    for cascade in findings.cascades:
        if cascade.id == moment.cascade:
            _heading(console, f"Cascade {cascade.id}, from {cascade.root_entity}")
            _list(console, [_told(moments[one]) for one in cascade.moments if one in moments])


def _list(console: Console, lines: list[str]) -> None:
    for line in lines[:_LISTED]:
        _line(console, line)
    if len(lines) > _LISTED:
        _line(console, f"... {len(lines) - _LISTED:,} more", "dim")


def _records(console: Console, findings: Findings, evidence: Iterable[str], raw: Raw) -> None:
    ids = tuple(evidence)
    _heading(console, f"Evidence ({counted(len(ids), 'record')})")
    for one in ids[:_CITED]:
        citation = findings.evidence.get(one)
        if citation is None:
            _line(console, f"{one}: this citation is missing from timeline.json", "bold red")
            continue
        _record(console, citation, raw(one))
    if len(ids) > _CITED:
        _line(console, f"... {len(ids) - _CITED:,} more", "dim")


def _record(console: Console, citation: Citation, record: bytes | None) -> None:
    _line(console, f"{citation.id}  {citation.source}", "bold")
    _line(console, f"{citation.uri} at {citation.locator}", indent=2)
    _line(console, f"sha256 {citation.sha256}", "dim", indent=2)
    if citation.url:
        _line(console, citation.url, "dim", indent=2)
    if record is None:
        _line(console, "the raw record is not in the evidence store", "bold red", indent=2)
        return
    for line in excerpt(record):
        _line(console, line, "cyan", indent=4)
