"""Why a moment is in the timeline, or a cause ranked where it is, with its proof."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from nova_timeline import highlights
from nova_timeline.console import LISTED, heading, line, named, reasons, told
from nova_timeline.errors import RunFolderError, UnknownMomentError, nearest
from nova_timeline.excerpt import excerpt
from nova_timeline.wording import counted, lead, moment_time, printable, short, when, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console

    from nova_timeline.around import Logged
    from nova_timeline.model import Citation, Findings, Moment, RootCause

    Raw = Callable[[str], bytes | None]
    Nearby = Callable[[Moment], Logged]

_CITED = 5


def explain(console: Console, findings: Findings, asked: str, raw: Raw, nearby: Nearby) -> None:
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
        some = [one.id for one in highlights.main_moments(findings, LISTED)]
        msg = f"no moment is called {printable(asked)!r}{nearest(asked, near or some)}"
        raise UnknownMomentError(msg)
    _explain_moment(console, findings, moment, raw, nearby)


def _cause(findings: Findings, asked: str) -> RootCause:
    found = {f"cause:{cause.rank}": cause for cause in findings.root_causes}
    if asked not in found:
        known = nearest(asked, found) or "; this run ranks none, and every moment can be explained"
        msg = f"no root cause is called {printable(asked)!r}{known}"
        raise UnknownMomentError(msg)
    return found[asked]


def _explain_cause(console: Console, findings: Findings, cause: RootCause, raw: Raw) -> None:
    heading(console, f"Root cause {cause.rank} of {len(findings.root_causes)}")
    if cause.moment is None:
        line(console, "No change explains the evidence. The trigger was operational:", "yellow")
    line(console, named(cause), "bold")
    against = [r for r in cause.reasons if r.weight < 0]
    heading(console, "What speaks for it")
    reasons(console, (r for r in cause.reasons if r.weight >= 0), cited=True)
    heading(console, "What speaks against it")
    reasons(console, against, cited=True)
    if not against:
        line(console, "nothing that the evidence shows", "dim")
    if cause.behind:
        heading(console, "What puts it behind the first")
        reasons(console, cause.behind, cited=True)
    if cause.rank == 1:
        _explain_others(console, findings)
    moment = highlights.by_id(findings).get(cause.moment or "")
    shown = (*cause.reasons, *cause.behind)
    evidence = [mark for reason in shown for mark in reason.evidence]
    if moment:
        heading(console, "The moment")
        line(console, told(moment))
        evidence = [*moment.evidence, *evidence]
    _records(console, findings, dict.fromkeys(evidence), raw)


def _explain_others(console: Console, findings: Findings) -> None:
    """Say why the runner-up lost, and what rules out the changes nearest the onset."""
    second = highlights.runner_up(findings)
    if second:
        heading(console, "Why the next in the ranking is not the first")
        line(console, named(second), "bold")
        reasons(console, second.behind, cited=True)
    moments = highlights.by_id(findings)
    if findings.ruled_out:
        heading(console, "Changes nearest the onset that did not cause it")
    for one in findings.ruled_out:
        line(console, told(moments[one.moment]), "bold")
        reasons(console, one.reasons, cited=True)


def _explain_moment(
    console: Console, findings: Findings, moment: Moment, raw: Raw, nearby: Nearby
) -> None:
    line(console, f"{moment.id}  {lead(moment)}{moment.title}", "bold")
    line(console, moment_time(moment) + " UTC")
    if moment.order == "uncertain":
        line(console, "~ its place among its neighbours is not certain", "yellow")
    heading(console, "Why it is here")
    for reason in _why(findings, moment):
        line(console, reason)
    moments = highlights.by_id(findings)
    heading(console, "Caused by")
    if not moment.caused_by:
        line(console, "nothing that the evidence shows", "dim")
    for cause in moment.caused_by:
        before = moments.get(cause.moment)
        line(console, f"{cause.score:.2f}  {told(before) if before else cause.moment}")
        for reason in cause.reasons:
            line(console, reason, indent=2)
    followed = highlights.effects(findings, moment.id)
    if followed:
        heading(console, "Led to")
        _list(console, [told(one) for one in followed])
    _cascade_of(console, findings, moment)
    _records(console, findings, moment.evidence, raw)
    if moment.entity:
        _nearby(console, moment, nearby)


def _nearby(console: Console, moment: Moment, nearby: Nearby) -> None:
    """Tell what the moment's entity logged around it, or that it cannot be read."""
    heading(console, f"What {moment.entity} logged around it")
    try:
        found = nearby(moment)
    except RunFolderError as error:
        line(console, str(error), "bold red")
        return
    line(console, f"from {when(found.start)} to {when(found.end)} UTC", "dim")
    many = ", ".join(f"{count:,} {severity}" for severity, count in found.severities)
    line(console, many or "nothing")
    width = max((len(f"{count:,}") for _, count in found.templates), default=0)
    for text, count in found.templates:
        line(console, f"{count:>{width},}x  {short(text)}", indent=2)
    for one in found.lines:
        line(console, f"{when(one.time)}  {one.severity}  {short(one.text)}", "cyan")
        line(console, f"{one.uri} at {one.locator}", "dim", indent=2)


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
            heading(console, f"Cascade {cascade.id}, from {cascade.root_entity}")
            _list(console, [told(moments[one]) for one in cascade.moments if one in moments])


def _list(console: Console, lines: list[str]) -> None:
    for one in lines[:LISTED]:
        line(console, one)
    if len(lines) > LISTED:
        line(console, f"... {len(lines) - LISTED:,} more", "dim")


def _records(console: Console, findings: Findings, evidence: Iterable[str], raw: Raw) -> None:
    ids = tuple(evidence)
    heading(console, f"Evidence ({counted(len(ids), 'record')})")
    for one in ids[:_CITED]:
        citation = findings.evidence.get(one)
        if citation is None:
            line(console, f"{one}: this citation is missing from timeline.json", "bold red")
            continue
        _record(console, citation, raw(one))
    if len(ids) > _CITED:
        line(console, f"... {len(ids) - _CITED:,} more", "dim")


def _record(console: Console, citation: Citation, record: bytes | None) -> None:
    line(console, f"{citation.id}  {citation.source}", "bold")
    line(console, f"{citation.uri} at {citation.locator}", indent=2)
    line(console, f"sha256 {citation.sha256}", "dim", indent=2)
    if citation.url:
        line(console, citation.url, "dim", indent=2)
    if record is None:
        line(console, "the raw record is not in the evidence store", "bold red", indent=2)
        return
    for one in excerpt(record):
        line(console, one, "cyan", indent=4)
