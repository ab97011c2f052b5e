"""The first draft of a postmortem: what the evidence shows, with a footnote to each record.

It states what happened and asks what people have to answer. Text that comes from logs is escaped
for GitHub's Markdown, and names of people are taken out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import quote

from nova_timeline import highlights
from nova_timeline.blameless import questions
from nova_timeline.markdown import escaped, inert
from nova_timeline.wording import counted, duration, lead, link, moment_time, printable, when, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nova_timeline.model import Citation, Coverage, Findings, Moment, RootCause

_ROWS = 40
_CITED = 3
_LISTED = 10
_SURE = 0.5
_HUMAN = ("acknowledgement", "change", "commit", "deploy", "operator_action")

# What a log says in brackets has a backslash before them.
_FOOTNOTE = re.compile(r"(?<!\\)\[\^[^\]\s]+\]")
_VERIFY = (
    "Each footnote is a raw record. `nova-timeline verify` reads it again and compares its digest."
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and finished lines of Markdown."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Postmortem:
    """A draft to edit: a title, and sections of Markdown whose footnotes are the evidence."""

    title: str
    sections: tuple[Section, ...]

    def to_markdown(self) -> str:
        """Return the draft as GitHub Markdown that ends in a newline."""
        parts = [f"# {self.title}"]
        parts += [f"## {part.title}\n\n" + "\n".join(part.lines) for part in self.sections]
        return "\n\n".join(parts) + "\n"


def draft(findings: Findings) -> Postmortem:
    """Draft a blameless postmortem: facts with their evidence, and questions about systems."""
    incident = findings.incident
    title = f"Postmortem: {escaped(incident.id)} {escaped(incident.title)}"
    if findings.verdict == highlights.NO_INCIDENT:
        return Postmortem(title, tuple(_quiet(findings)))
    named = {
        "Summary": _summary(findings),
        "Impact": _impact(findings),
        "Timeline": _timeline(findings),
        "Root cause": _root_cause(findings),
        "Contributing factors": _contributing(findings),
        "Detection and response": _response(findings),
        "What went well": _went_well(findings),
        "What allowed this": _allowed(findings),
        "What could not be looked at": _coverage(findings),
        "Open questions": _open_questions(findings),
        "Action items": _actions(findings),
    }
    return Postmortem(title, _with_evidence(findings, named))


def footnote(citation_id: str) -> str:
    """Return the mark that stands for a citation, such as ``[^e0012]``."""
    return f"[^{quote(citation_id, safe=':')}]"


def _cited(evidence: Iterable[str]) -> str:
    """Return the first few footnote marks, and how many more there are."""
    ids = tuple(evidence)
    more = f" (and {counted(len(ids) - _CITED, 'more record')})" if len(ids) > _CITED else ""
    marks = "".join(footnote(one) for one in ids[:_CITED])
    return f" {marks}{more}" if marks else ""


def _told(moment: Moment) -> str:
    """Return a moment as half a sentence, with its evidence."""
    return f"{escaped(lead(moment) + moment.title)}{_cited(moment.evidence)}"


def _titled(moment: Moment) -> str:
    """Return a moment's title to go beside its entity."""
    return escaped(moment.title.removeprefix(f"{moment.entity}: "))


def _time(moment: Moment) -> str:
    # A bare ~ would begin a strikethrough.
    return moment_time(moment).replace("~", r"\~")


def _summary(findings: Findings) -> tuple[str, ...]:
    onset, recovered = findings.phases.get("onset"), findings.phases.get("recovered")
    moments = highlights.by_id(findings)
    lines: list[str] = []
    if onset:
        first = moments.get(onset.moment)
        about = "about " if first and first.order == "uncertain" else ""
        lines.append(
            f"The incident began at {about}{when(onset.time)} UTC"
            + (f" with {_told(first)}." if first else ".")
        )
    if recovered:
        last = moments.get(recovered.moment)
        took = duration(findings.impact.duration_s)
        marks = _cited(last.evidence) if last else ""
        lines.append(f"Recovery was verified at {when(recovered.time)} UTC, after {took}.{marks}")
    else:
        lines.append("No evidence of a recovery was found inside the window.")
    lines.append(_cause_sentence(findings))
    if highlights.not_seen(findings):
        lines.append("Not every source could be looked at in full; see below.")
    return tuple(lines)


def _cause_sentence(findings: Findings) -> str:
    cause = highlights.leading(findings)
    if cause is None:
        return "The evidence at hand does not rank any cause."
    title = cause.title or cause.entity
    where = "" if title.startswith(cause.entity) else f" ({escaped(cause.entity)})"
    what = f"{escaped(title)}{where}"
    marks = _cited(_proof(findings, cause))
    sure = f"{words(cause.category)}, confidence {cause.confidence:.0%}"
    if cause.moment is None:
        none = "**No change explains the evidence.** The trigger was operational"
        return f"{none}: {what}; {sure}.{marks}"
    return f"The most likely cause is {what}; {sure}.{marks}"


def _proof(findings: Findings, cause: RootCause) -> tuple[str, ...]:
    """Return the citations of a cause: its moment's, or else those of its reasons."""
    moment = highlights.by_id(findings).get(cause.moment or "")
    if moment and moment.evidence:
        return moment.evidence
    return tuple(dict.fromkeys(mark for reason in cause.reasons for mark in reason.evidence))


def _impact(findings: Findings) -> tuple[str, ...]:
    impact = findings.impact
    entities = ", ".join(escaped(entity) for entity in impact.entities) or "not known"
    return (
        f"- Duration: {duration(impact.duration_s)}",
        f"- Affected: {entities}",
        f"- Errors counted in the evidence: {impact.errors:,}",
        "- Users and revenue: _to be filled in; the evidence does not say._",
    )


def _timeline(findings: Findings) -> tuple[str, ...]:
    shown = highlights.main_moments(findings, _ROWS)
    rows = ["| Time (UTC) | Phase | Where | What happened |", "|---|---|---|---|"]
    for moment in shown:
        actor = f" (by {escaped(moment.actor)})" if moment.actor else ""
        many = f" ({moment.count:,} records)" if moment.count > 1 else ""
        what = f"{_titled(moment)}{many}{actor}{_cited(moment.evidence)}"
        rows.append(
            f"| {_time(moment)} | {moment.phase or ''} | {escaped(moment.entity)} | {what} |"
        )
    if left := len(findings.moments) - len(shown):
        rows += ["", f"{counted(left, 'further moment')} in `timeline.json`."]
    if highlights.uncertain(shown):
        rows += ["", r"\~ marks a moment whose place among its neighbours is not certain."]
    return tuple(rows)


def _root_cause(findings: Findings) -> tuple[str, ...]:
    cause = highlights.leading(findings)
    if cause is None:
        return (_cause_sentence(findings),)
    change = f" Its change id is {escaped(cause.change_id)}." if cause.change_id else ""
    lines = [
        _cause_sentence(findings) + change,
        "",
        "Why (the weight says how much it counts):",
        "",
    ]
    lines += [f"- {r.weight:+.2f} {escaped(r.text)}{_cited(r.evidence)}" for r in cause.reasons]
    second = highlights.runner_up(findings)
    if second:
        marks = _cited(_proof(findings, second))
        title = escaped(second.title or second.entity)
        lines += ["", f"Next in the ranking: {title}, confidence {second.confidence:.0%}.{marks}"]
    return tuple(lines)


def _contributing(findings: Findings) -> tuple[str, ...]:
    cause = highlights.leading(findings)
    moments = highlights.by_id(findings)
    found = [moments[one] for one in cause.contributing if one in moments] if cause else []
    if not found:
        return ("None was found in the evidence.",)
    intro = "These did not cause it; they made it worse, or let it through:"
    return (intro, "", *(f"- {_time(moment)} {_told(moment)}" for moment in found))


def _response(findings: Findings) -> tuple[str, ...]:
    moments = highlights.by_id(findings)
    lines: list[str] = []
    for step in highlights.steps(findings):
        if step.phase is None:
            lines.append(f"- {step.name}: no evidence that it was reached")
            continue
        after = "" if step.name == "onset" else f", {duration(step.after_onset)} after the onset"
        shown_by = moments.get(step.phase.moment)
        marks = _cited(shown_by.evidence) if shown_by else ""
        about = "about " if shown_by and shown_by.order == "uncertain" else ""
        lines.append(f"- {step.name}: {about}{when(step.phase.time)}{after}{marks}")
    return tuple(lines)


def _went_well(findings: Findings) -> tuple[str, ...]:
    moments = highlights.by_id(findings)
    said = {
        "detected": "It was detected {after} after the onset",
        "acknowledged": "It was acknowledged {after} after the onset",
        "mitigated": "A mitigation took hold {after} after the onset",
    }
    lines: list[str] = []
    for step in highlights.steps(findings):
        if step.phase and step.after_onset is not None and step.name in said:
            shown_by = moments.get(step.phase.moment)
            what = f" ({_told(shown_by)})" if shown_by else ""
            lines.append(f"- {said[step.name].format(after=duration(step.after_onset))}{what}.")
    return (*lines, "- _What else helped, in tools, runbooks or design, and should be kept?_")


def _allowed(findings: Findings) -> tuple[str, ...]:
    cause = highlights.leading(findings)
    asked = list(questions(cause.category if cause else "unknown"))
    detect = findings.impact.time_to_detect_s
    if detect is None:
        asked.append("Why did no signal say that something was wrong?")
    else:
        asked.append(
            f"Which signal could have told sooner than {duration(detect)} after the onset?"
        )
    if findings.cascades:
        asked.append("What let the fault travel from one entity to the next?")
    return tuple(f"- {question}" for question in asked)


def _coverage(findings: Findings) -> tuple[str, ...]:
    lines = [
        _source_line(coverage) for coverage in findings.coverage if coverage.state != "complete"
    ]
    if not lines:
        lines.append("Every source was read in full.")
    lines += [
        f"- {escaped(one.source)}: {escaped(one.reason)} ({counted(one.read, 'record')} read)"
        for one in highlights.remarked(findings)
    ]
    if lost := highlights.undated(findings):
        lines.append(
            f"- {counted(lost, 'record')} had no readable time, and so no place in the order."
        )
    lines += [f"- Evidence was lost: {_told(m)}" for m in findings.moments if m.role == "gap"]
    return tuple(lines)


def _source_line(coverage: Coverage) -> str:
    reason = f": {escaped(coverage.reason)}" if coverage.reason else ""
    state = f"**{words(coverage.state)}**{reason} ({counted(coverage.rows, 'row')})"
    return f"- {escaped(coverage.source)} is {state}"


def _open_questions(findings: Findings) -> tuple[str, ...]:
    lines: list[str] = []
    cause, second = highlights.leading(findings), highlights.runner_up(findings)
    if cause is None or cause.moment is None:
        lines.append(
            "- No change explains the evidence. Which change or event is not among the sources?"
        )
    if cause and cause.confidence < _SURE:
        lines.append(
            f"- The confidence is only {cause.confidence:.0%}. Which evidence would settle it?"
        )
    if second and highlights.is_close(findings):
        lines.append(
            f"- {escaped(second.title or second.entity)} is nearly as likely. What rules it out?"
        )
    lines += _order_questions(findings)
    lines += [
        f"- When was it {step.name}? No evidence says so."
        for step in highlights.steps(findings)
        if step.phase is None and step.name != "onset"
    ]
    return tuple(lines) or ("None that the evidence raises.",)


def _order_questions(findings: Findings) -> list[str]:
    doubtful = highlights.uncertain(findings.moments)
    if not doubtful:
        return []
    left = len(doubtful) - _LISTED
    more = [f"  - and {counted(left, 'more moment')}"] if left > 0 else []
    listed = [f"  - {_time(moment)} {_told(moment)}" for moment in doubtful[:_LISTED]]
    return [
        "- Did these come before or after their neighbours? The clocks do not say.",
        *listed,
        *more,
    ]


def _actions(findings: Findings) -> tuple[str, ...]:
    cause = highlights.leading(findings)
    where = (escaped(cause.entity) if cause else "") or "the affected entities"
    asked = [
        f"Prevent: what would make this impossible in {where}?",
        f"Detect: which alert would fire before users notice, and on what of {where}?",
        "Mitigate: what would shorten the time from detection to mitigation?",
    ]
    asked += [
        f"See more: what would let {escaped(coverage.source)} be read in full next time?"
        for coverage in highlights.not_seen(findings)
    ]
    return tuple(f"- [ ] {item} _(owner: a team; due: a date)_" for item in asked)


def _quiet(findings: Findings) -> tuple[Section, ...]:
    """Write the short document of a window in which nothing was found."""
    window = findings.incident.window
    summary = [
        f"**No incident was found** between {when(window.start)} and {when(window.end)} UTC."
        f" {counted(len(findings.coverage), 'source')} gave"
        f" {counted(sum(c.rows for c in findings.coverage), 'row')}."
    ]
    summary += [f"What failed was planned: {_told(m)}." for m in highlights.planned(findings)]
    if highlights.not_seen(findings):
        summary.append("Not every source could be looked at in full, so this is not a proof.")
    elif empty := highlights.empty(findings):
        held = counted(len(empty), "source holds", "sources hold")
        summary.append(f"{held} no record of this window, so this is not a proof.")
    named = {"Summary": tuple(summary)}
    if findings.moments:
        named["What did happen"] = _timeline(findings)
    named["What could not be looked at"] = _coverage(findings)
    return _with_evidence(findings, named)


def _with_evidence(findings: Findings, named: dict[str, tuple[str, ...]]) -> tuple[Section, ...]:
    """Add the appendix: every footnote that the sections use, in the order of first use."""
    text = "\n".join(line for lines in named.values() for line in lines)
    used = dict.fromkeys(_FOOTNOTE.findall(text))
    by_people = {mark for m in findings.moments if _by_people(m) for mark in m.evidence}
    known = {
        footnote(key): replace(citation, excerpt="") if key in by_people else citation
        for key, citation in findings.evidence.items()
    }
    sections = [Section(title, lines) for title, lines in named.items()]
    if used:
        notes = [("", f"{mark}: {_note(known.get(mark))}") for mark in used]
        sections.append(Section("Evidence", (_VERIFY, *chain.from_iterable(notes))))
    return tuple(sections)


def _by_people(moment: Moment) -> bool:
    """Say whether a moment's raw records are of the kind that names its author."""
    return moment.actor is not None or moment.role in _HUMAN or moment.kind in _HUMAN


def _note(citation: Citation | None) -> str:
    if citation is None:
        return "this record is missing from `timeline.json`"
    url = link(citation.url)
    shown = f", [console](<{url}>)" if url else ""
    # A place is said as it is: part of it leads nowhere, and a journal's file has an @ in its name.
    source, uri, locator = (
        inert(printable(text)) for text in (citation.source, citation.uri, citation.locator)
    )
    note = f"{source}, {uri} at {locator}, sha256 {escaped(citation.sha256)}{shown}"
    return f"{note} — {escaped(citation.excerpt)}" if citation.excerpt else note
