"""A run on one screen: what was found, and loudly what was not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline import highlights
from nova_timeline.console import LISTED, heading, line, named, reasons, styled, told
from nova_timeline.wording import counted, doubt, duration, lead, short, when, words

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from nova_timeline.model import Findings, Moment, RootCause

_MOMENTS = 25
_DAY = len("2026-03-03")
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
    line(console, f"{incident.id} {incident.title}", "bold")
    window = f"{when(incident.window.start)} to {when(incident.window.end)} UTC"
    verdict = "bold green" if findings.verdict == highlights.NO_INCIDENT else "bold red"
    line(console, f"{findings.verdict}, {window}", verdict)
    for moment in highlights.planned(findings):
        line(console, f"planned, and no incident: {told(moment)}")
    _phases(console, findings)
    _causes(console, findings)
    _moments(console, findings)
    _cascades(console, findings)
    _coverage(console, findings)
    if run is not None:
        heading(console, "Saved")
        line(console, f"{run / 'report.html'}")


def _phases(console: Console, findings: Findings) -> None:
    if not findings.phases:
        return
    from rich.table import Table

    heading(console, "Phases")
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    moments = highlights.by_id(findings)
    for step in highlights.steps(findings):
        name = styled(step.name, _COLOURS[step.name])
        if step.phase is None:
            table.add_row(name, styled("not reached, as far as the evidence goes", "dim"), "")
            continue
        shown_by = moments.get(step.phase.moment)
        mark = "~" if shown_by and shown_by.order == "uncertain" else ""
        first = step.name == "onset" or step.after_onset is None
        after = "" if first else f"{duration(step.after_onset)} after the onset"
        table.add_row(name, styled(mark + when(step.phase.time)), styled(after, "dim"))
    console.print(table)
    impact = findings.impact
    where = short(", ".join(impact.entities)) or "not known"
    took = f"{duration(impact.duration_s)}; {counted(impact.errors, 'error')}; affected: {where}"
    line(console, f"Duration {took}")


def _causes(console: Console, findings: Findings) -> None:
    cause = highlights.leading(findings)
    if findings.verdict == highlights.NO_INCIDENT:
        return
    heading(console, "Root cause")
    if cause is None:
        line(console, "The evidence at hand does not rank any cause.", "yellow")
        return
    _cause_lines(console, cause)
    second = highlights.runner_up(findings)
    if second:
        near = " (nearly as likely)" if highlights.is_close(findings) else ""
        line(console, f"Next{near}: {named(second)}", "yellow" if near else "dim")
    moments = highlights.by_id(findings)
    known = [moments[one] for one in cause.contributing if one in moments]
    if known:
        heading(console, "Contributing")
        for moment in known:
            line(console, told(moment))


def _cause_lines(console: Console, cause: RootCause) -> None:
    if cause.moment is None:
        line(console, "No change explains the evidence. The trigger was operational:", "yellow")
    line(console, named(cause), "bold")
    line(console, f"more: nova-timeline explain RUN cause:{cause.rank}", "dim")
    reasons(console, cause.reasons)


def _moments(console: Console, findings: Findings) -> None:
    if not findings.moments:
        return
    from rich.table import Table

    shown = highlights.main_moments(findings, _MOMENTS)
    days = sorted({when(moment.time)[:_DAY] for moment in shown})
    first = _DAY + 1 if len(days) == 1 else 0
    heading(console, f"Main moments ({len(shown)} of {len(findings.moments):,})")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in (f"{days[0]} UTC" if first else "Time (UTC)", "Moment", "Phase"):
        table.add_column(column, no_wrap=True)
    table.add_column("What")
    for moment in shown:
        time = when(moment.time, moment.precision_ns)[first:]
        mark = "~" if moment.order == "uncertain" else " "
        table.add_row(
            styled(mark + time, "yellow" if moment.order == "uncertain" else ""),
            styled(moment.id, "dim"),
            styled(moment.phase or "", _COLOURS.get(moment.phase or "", "")),
            styled(_what(moment)),
        )
    console.print(table)
    if left := len(findings.moments) - len(shown):
        line(console, f"... {left:,} more", "dim")
    if highlights.uncertain(shown):
        line(console, "~ its place among its neighbours is not certain", "yellow")


def _what(moment: Moment) -> str:
    many = f" (x{moment.count:,})" if moment.count > 1 else ""
    off = f" ({doubt(moment)})" if doubt(moment) else ""
    return f"{lead(moment)}{short(moment.title)}{many}{off}"


def _cascades(console: Console, findings: Findings) -> None:
    if not findings.cascades:
        return
    heading(console, "Cascades")
    for one in findings.cascades[:LISTED]:
        reached = (
            f"reached {short(', '.join(one.entities))}" if one.entities else "reached nothing else"
        )
        moments = counted(len(one.moments), "moment")
        line(console, f"{one.root_entity}: {moments} from {one.root_moment}; {reached}")
    if len(findings.cascades) > LISTED:
        line(console, f"... {len(findings.cascades) - LISTED:,} more", "dim")


def _coverage(console: Console, findings: Findings) -> None:
    lacking, lost = highlights.not_seen(findings), highlights.undated(findings)
    heading(console, "Coverage")
    if not lacking:
        line(console, f"{counted(len(findings.coverage), 'source')} read in full", "green")
    for one in lacking:
        reason = f": {one.reason}" if one.reason else ""
        rows = counted(one.rows, "row")
        line(console, f"! {one.source} is {words(one.state)}{reason} ({rows})", "bold red")
        for file in one.files[:LISTED]:
            line(console, f"{file.uri}: {words(file.state)}, {short(file.reason)}", "red", indent=2)
    for one in highlights.remarked(findings):
        read = counted(one.read, "record")
        line(console, f"{one.source}: {one.reason} ({read} read)", "yellow", indent=2)
    if lost:
        stands = "stands" if lost == 1 else "stand"
        what = counted(lost, "record")
        line(console, f"! {what} without a readable time {stands} in no order", "yellow")
