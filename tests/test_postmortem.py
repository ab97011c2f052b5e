"""The draft: every line has its evidence, nobody is named, and log text stays text."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nova_timeline import schema
from nova_timeline.blameless import categories, questions, without_names
from nova_timeline.markdown import escaped
from nova_timeline.model import Findings
from nova_timeline.postmortem import draft
from tests.findings import ABSTAINED, EVERY, FINDINGS, HEALTHY, HOSTILE, PLANNED

NOTE = re.compile(r"^\[\^([^\]]+)\]: ", re.MULTILINE)
MARK = re.compile(r"(?<!\\)\[\^([^\]]+)\](?!:)")
TAG = re.compile(r"<(/?[a-z0-9]+)")


def section(findings: Findings, title: str) -> str:
    """Return the lines of one section."""
    found = next(part for part in draft(findings).sections if part.title == title)
    return "\n".join(found.lines)


def html(markdown: str) -> str:
    """Render as a reader's tool would, with raw HTML let through."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


def test_a_draft_says_what_happened() -> None:
    text = draft(FINDINGS).to_markdown()
    assert text.startswith("# Postmortem: INC-2041 Checkout returns 502s")
    assert "began at 2026-03-03 13:44:00 UTC" in text
    assert "config change, confidence 81%" in text
    assert "- detected: 2026-03-03 13:48:00, 4 min after the onset [^e0006]" in text
    assert "retry storm" in section(FINDINGS, "Contributing factors")
    assert "retry storm" not in section(FINDINGS, "Root cause")
    assert "(and 2 more records)" in section(FINDINGS, "Timeline")


@pytest.mark.parametrize("findings", EVERY)
def test_every_footnote_is_in_the_appendix_once(findings: Findings) -> None:
    text = draft(findings).to_markdown()
    notes = NOTE.findall(text)
    assert sorted(notes) == sorted(set(MARK.findall(text)))
    assert set(notes) <= set(findings.evidence)
    for note in notes:
        assert findings.evidence[note].sha256 in text


@pytest.mark.parametrize(
    "title", ["Timeline", "Root cause", "Contributing factors", "Detection and response"]
)
def test_every_fact_cites_its_record(title: str) -> None:
    facts = [
        line
        for line in section(FINDINGS, title).splitlines()
        if line.startswith(("| 2", r"| \~", "- "))
    ]
    assert facts
    for line in facts:
        assert MARK.search(line), line


def test_an_unsure_order_is_marked_and_asked_about() -> None:
    assert r"| \~2026-03-03 13:44:03.000 ± 40 s |" in section(FINDINGS, "Timeline")
    asked = section(FINDINGS, "Open questions")
    assert "Did these come before or after their neighbours?" in asked
    assert r"  - \~2026-03-03 13:44:03.000 ± 40 s checkout: FATAL" in asked
    moments = tuple(replace(moment, order="uncertain") for moment in FINDINGS.moments)
    every = replace(FINDINGS, moments=moments)
    assert "and 1 more moment" in section(every, "Open questions")
    assert "began at about 2026-03-03 13:44:00 UTC" in section(every, "Summary")
    assert "- onset: about 2026-03-03" in section(every, "Detection and response")


def test_what_could_not_be_seen_is_said() -> None:
    text = section(FINDINGS, "What could not be looked at")
    assert "- flags is **denied**: 403 from flags.example.com (0 rows)" in text
    assert "17 records had no readable time" in text
    assert "Evidence was lost: web-1" in text
    assert "Not every source could be looked at" in section(FINDINGS, "Summary")


def test_abstaining_is_said_as_an_answer() -> None:
    text = draft(ABSTAINED).to_markdown()
    assert "**No change explains the evidence.**" in text
    assert "The host of payments-db restarted" in text
    assert "The confidence is only 40%" in text
    assert "- recovered: no evidence that it was reached" in text
    assert "No evidence of a recovery was found" in text


def test_no_incident_gives_a_short_honest_document() -> None:
    text = draft(HEALTHY).to_markdown()
    assert "**No incident was found**" in text
    assert "Root cause" not in text
    assert "not a proof" not in text
    denied = replace(HEALTHY, coverage=(*HEALTHY.coverage, FINDINGS.coverage[2]))
    assert "not a proof" in draft(denied).to_markdown()


def test_a_source_that_holds_nothing_proves_nothing() -> None:
    [whole] = HEALTHY.coverage
    bare = replace(whole, rows=0, reason="no record lies inside the window")
    found = replace(HEALTHY, coverage=(bare,))
    assert "1 source holds no record of this window, so this is not a proof" in (
        section(found, "Summary")
    )
    assert "- cloudtrail: no record lies inside the window (0 records read)" in (
        section(found, "What could not be looked at")
    )


def test_planned_work_is_said_with_its_evidence() -> None:
    summary = section(PLANNED, "Summary")
    assert "What failed was planned: orders-db: planned maintenance, within its window" in summary
    assert MARK.findall(summary)


def test_no_cause_at_all_is_a_draft_too() -> None:
    bare = replace(FINDINGS, root_causes=(), phases={}, moments=(), cascades=(), evidence={})
    text = draft(bare).to_markdown()
    assert "does not rank any cause" in text
    assert "## Evidence" not in text


def test_nobody_is_named() -> None:
    text = draft(FINDINGS).to_markdown()
    assert "jo.doe" not in text
    assert "ModifyDBParameterGroup" not in text
    assert "(by actor-19c2)" in text
    arn = (
        "arn:aws:sts::123456789012:assumed-role/deploy/jo.doe by arn:aws:iam::123456789012:user/jo"
    )
    assert without_names(arn) == (
        "arn:aws:sts::123456789012:assumed-role/deploy/(a person)"
        " by arn:aws:iam::123456789012:user/(a person)"
    )


def test_the_place_of_a_record_is_never_cut_or_changed() -> None:
    journal = f"hosts/web-1/{'a' * 300}/system@00064c1f4ee9d01c-3c33a8a5092876b8.journal"
    cited = replace(HEALTHY.evidence["e0001"], uri=journal, locator="cursor=s=3c33a8a5;i=14b")
    evidence = section(replace(HEALTHY, evidence={"e0001": cited}), "Evidence")
    assert f"{journal.replace('@', '@&#8203;')} at cursor=s=3c33a8a5;i=14b" in evidence


def test_a_title_does_not_say_again_where_it_was() -> None:
    [moment] = HEALTHY.moments
    twice = replace(moment, title=f"{moment.entity}: {moment.title}")
    whole = replace(HEALTHY, moments=(twice,))
    assert section(whole, "What did happen") == section(HEALTHY, "What did happen")
    cause = replace(FINDINGS.root_causes[0], title=f"{moment.entity} was changed")
    cause = replace(cause, entity=moment.entity)
    summary = section(replace(FINDINGS, root_causes=(cause,)), "Summary")
    assert f"The most likely cause is {moment.entity} was changed; " in summary


def test_an_entity_that_nobody_named_leaves_no_hole() -> None:
    moments = tuple(replace(moment, entity="") for moment in FINDINGS.moments)
    causes = tuple(replace(cause, entity="") for cause in FINDINGS.root_causes)
    text = draft(replace(FINDINGS, moments=moments, root_causes=causes)).to_markdown()
    assert "()" not in text
    assert "- : " not in text
    assert "impossible in the affected entities?" in text


def test_questions_are_about_systems() -> None:
    assert set(categories()) == set(schema.CATEGORIES) - {"unknown"}
    for category in schema.CATEGORIES:
        for question in questions(category):
            assert question.endswith("?")
            assert not re.search(r"\bwho\b", question, re.IGNORECASE)


def test_log_text_renders_as_text() -> None:
    rendered = html(draft(FINDINGS).to_markdown())
    allowed = "h1 h2 p ul li table thead tbody tr th td strong em code"
    tags = {tag.strip("/") for tag in TAG.findall(rendered)}
    assert tags <= set(allowed.split())
    assert "\x1b" not in rendered
    assert rendered.count("<tr>") == 1 + len(FINDINGS.moments)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("frame", ["{}", "- {}", "| {} | b |", "# {}"])
def test_an_escaped_text_is_one_line_and_inert(text: str, frame: str) -> None:
    line = escaped(text)
    assert "\n" not in line
    assert not {"script", "img", "a", "b"} & set(TAG.findall(html(frame.format(line))))
    assert not re.search(r"(?<!&)[@#]\w", line)


@given(st.text(max_size=40))
def test_no_text_opens_markup(text: str) -> None:
    rendered = html(f"- x {escaped(text)} x\n")
    assert set(TAG.findall(rendered)) == {"ul", "li", "/li", "/ul"}


def test_a_footnote_in_a_log_is_not_a_footnote() -> None:
    moments = (replace(FINDINGS.moments[0], title="see [^fake] \\[^e0002]"),)
    text = draft(replace(FINDINGS, moments=moments, root_causes=())).to_markdown()
    assert "[^fake\\]:" not in text
    assert set(NOTE.findall(text)) == {"e0001"}


def test_only_safe_links_are_links() -> None:
    def note(url: str) -> str:
        cited = replace(FINDINGS.evidence["e0001"], url=url)
        return section(replace(HEALTHY, evidence={"e0001": cited}), "Evidence")

    assert "[console](<https://console.example.com/x?y=1#z>)" in note(
        "https://console.example.com/x?y=1#z"
    )
    assert "console" not in note("javascript:alert(1)")
    assert "console" not in note("https://a.example/> <script>")
