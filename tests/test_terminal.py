"""What is printed: all of it, and nothing that a terminal would obey."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from nova_timeline.around import Line, Logged
from nova_timeline.errors import RunFolderError, UnknownMomentError
from nova_timeline.excerpt import excerpt
from nova_timeline.explanation import explain
from nova_timeline.model import Findings, Moment
from nova_timeline.terminal import summary
from nova_timeline.wording import short
from tests.findings import ABSTAINED, ANSI, FINDINGS, HEALTHY, HOSTILE, MARKUP, PLANNED, SECOND, at

# Colours, and nothing else, may be written to a terminal.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def printed(findings: Findings, run: Path | None = None, *, width: int = 200) -> str:
    """Return the summary as a terminal without colours gets it."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    summary(console, findings, run)
    return _written(console)


def explained(findings: Findings, asked: str, raw: bytes | None = b"{}") -> str:
    """Return an explanation, with the same raw record for every citation."""
    console = Console(file=io.StringIO(), width=200, color_system=None)
    explain(console, findings, asked, lambda _: raw, _logged)
    return _written(console)


def _logged(moment: Moment) -> Logged:
    """Say that something hostile was logged around any moment."""
    return Logged(
        moment.time - 300 * SECOND,
        moment.time + 300 * SECOND,
        (("error", 1_204), ("info", 3)),
        ((f"{MARKUP} <*>", 1_000), (ANSI, 12)),
        (Line(at(12), "error", ANSI, "logs/\x1b[2J.jsonl", "bytes=0+9"),),
    )


def _written(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_summary_says_what_was_found() -> None:
    text = printed(FINDINGS, Path("run"))
    assert "detected      2026-03-03 13:48:00  4 min after the onset" in text
    assert "Duration 27 min; 4,902 errors; affected: checkout, payments, web" in text
    assert "Connection limit lowered from 400 to 40 (payments-db, config change" in text
    assert "+1.90  the limit it changed is the one the errors name" in text
    assert "Next: Feature flag eager_recommendations was turned on" in text
    assert "Main moments (11 of 11)" in text
    assert "payments-db: 4 moments from m003; reached checkout, payments, web" in text
    assert "run/report.html" in text


def test_doubt_and_blind_spots_are_loud() -> None:
    text = printed(FINDINGS)
    assert "~13:44:03.000   m004" in text
    assert "(x4,812) (± 40 s)" in text
    assert "~ its place among its neighbours is not certain" in text
    assert "! flags is denied: 403 from flags.example.com (0 rows)" in text
    assert "! app-logs is partial" in text
    assert "the gzip stream is cut off" in text
    assert "! 17 records without a readable time" in text
    assert "No change explains the evidence" in printed(ABSTAINED)
    assert "not reached, as far as the evidence goes" in printed(ABSTAINED)


def test_health_is_said() -> None:
    text = printed(HEALTHY)
    assert "no incident found" in text
    assert "1 source read in full" in text
    assert "Root cause" not in text


def test_planned_work_is_said_under_the_verdict() -> None:
    verdict, planned = printed(PLANNED).splitlines()[1:3]
    assert verdict.startswith("no incident found")
    assert planned.startswith("planned, and no incident: ")
    assert "orders-db: planned maintenance, within its window" in planned


def test_a_source_that_holds_nothing_is_told_from_one_where_nothing_happened() -> None:
    [whole] = HEALTHY.coverage
    bare = replace(whole, rows=0, read=3, reason="no record lies inside the window")
    text = printed(replace(HEALTHY, coverage=(bare,)))
    assert "cloudtrail: no record lies inside the window (3 records read)" in text
    assert "no record" not in printed(HEALTHY)


def test_the_list_of_moments_is_capped() -> None:
    moments = tuple(replace(FINDINGS.moments[7], id=f"x{i}") for i in range(40))
    text = printed(replace(FINDINGS, moments=(*FINDINGS.moments, *moments)))
    assert "Main moments (25 of 51)" in text
    assert "... 26 more" in text
    for moment in FINDINGS.moments[:3]:
        assert moment.title in text


def test_moments_of_two_days_carry_their_dates() -> None:
    late = replace(FINDINGS.moments[9], time=FINDINGS.moments[9].time + 86_400 * SECOND)
    text = printed(replace(FINDINGS, moments=(*FINDINGS.moments[:9], late)))
    assert "2026-03-03 13:38:00.000" in text
    assert "2026-03-04 14:11:00.000" in text


def test_nothing_of_a_log_is_obeyed() -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system="truecolor")
    summary(console, FINDINGS)
    explain(console, FINDINGS, "m006", lambda _: ANSI.encode(), _logged)
    text = COLOUR.sub("", _written(console))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "[bold red]not bold[/] [link=https://evil.example]x[/link]" in text
    assert r"\x1b[2J\x1b[31mred" in text


def test_a_moment_is_explained() -> None:
    text = explained(FINDINGS, "m003", b'{"p99": 9400}')
    assert "0.91  2026-03-03 13:42:00.000  payments-db: Connection limit lowered" in text
    assert "began 2 min later" in text
    assert "shows when it was onset" not in text
    assert "is the moment of the onset" in text
    assert "Led to" in text
    assert "Cascade c1, from payments-db" in text
    assert '{"p99": 9400}' in text
    change = explained(FINDINGS, "m002")
    assert "is the root cause ranked 1 (cause:1)" in change
    assert "classified by the rule rds.parameter as config change" in change
    assert "nothing that the evidence shows" in change
    assert "~ its place among its neighbours" in explained(FINDINGS, "m004")


def test_what_was_logged_around_a_moment_is_told() -> None:
    text = explained(FINDINGS, "m003")
    told = short(ANSI)
    assert "What payments logged around it" in text
    assert text.splitlines()[-6:] == [
        "from 2026-03-03 13:39:00 to 2026-03-03 13:49:00 UTC",
        "1,204 error, 3 info",
        f"  1,000x  {MARKUP} <*>",
        f"     12x  {told}",
        f"2026-03-03 13:42:00  error  {told}",
        r"  logs/\x1b[2J.jsonl at bytes=0+9",
    ]


def test_silence_and_what_cannot_be_read_are_told_apart() -> None:
    def silent(moment: Moment) -> Logged:
        return Logged(moment.time, moment.time, (), (), ())

    def damaged(_: Moment) -> Logged:
        msg = "run/events cannot be read: a page is damaged"
        raise RunFolderError(msg)

    console = Console(file=io.StringIO(), width=200, color_system=None)
    explain(console, FINDINGS, "m003", lambda _: b"", silent)
    assert _written(console).splitlines()[-1] == "nothing"
    explain(console, FINDINGS, "m003", lambda _: b"", damaged)
    assert _written(console).splitlines()[-1] == "run/events cannot be read: a page is damaged"


def test_a_cause_is_explained() -> None:
    text = explained(FINDINGS, "cause:1")
    assert "Root cause 1 of 2" in text
    assert "Evidence (8 records)" in text
    assert "... 3 more" in text
    assert "No change explains" in explained(ABSTAINED, "cause:1")


def test_a_cause_is_told_with_what_speaks_against_it_and_why_the_others_lost() -> None:
    text = explained(FINDINGS, "cause:1")
    told = text.split("\n\n")
    part = {lines.split("\n")[0]: lines for lines in told}
    assert "-0.20  another change was nearer" in part["What speaks against it"]
    marks = " ".join(FINDINGS.root_causes[0].reasons[0].evidence)
    assert f"[{marks}]" in part["What speaks for it"].replace("\n  ", " ")
    assert "another change" not in part["What speaks for it"]
    assert "-0.70  touched feature-service" in part["Why the next in the ranking is not the first"]
    near = part["Changes nearest the onset that did not cause it"]
    assert "(m001)" in near
    assert "-0.25  changes only text" in near
    second = explained(FINDINGS, "cause:2")
    assert "What puts it behind the first" in second
    assert "Changes nearest the onset" not in second
    assert "nothing that the evidence shows" in second


def test_a_record_that_is_gone_is_said() -> None:
    assert "is not in the evidence store" in explained(FINDINGS, "m003", None)
    assert "is missing from timeline.json" in explained(replace(FINDINGS, evidence={}), "m003")


@pytest.mark.parametrize(
    ("asked", "message"), [("m0033", "did you mean 'm003'"), ("cause:7", "did you mean 'cause:")]
)
def test_what_is_not_there_is_said_with_a_hint(asked: str, message: str) -> None:
    with pytest.raises(UnknownMomentError, match=message):
        explained(FINDINGS, asked)


def test_binary_records_are_shown_as_hex() -> None:
    lines = excerpt(b"ElfFile\0" + bytes(range(248, 256)) + b"x" * 400)
    assert lines[0] == "00000000  45 6c 66 46 69 6c 65 00 f8 f9 fa fb fc fd fe ff  ElfFile........."
    assert lines[-1] == "... 160 more bytes"
    assert excerpt(b"") == []


@pytest.mark.parametrize("text", HOSTILE)
def test_records_are_shown_unobeyed(text: str) -> None:
    assert all(line.isprintable() for line in excerpt(text.encode()))
    assert excerpt(b"a" * 2_000)[-1] == "... 500 more characters"
