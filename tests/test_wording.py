"""Times, durations and hostile text, as people get to see them; and what is told first."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.highlights import is_close, main_moments, runner_up, steps
from nova_timeline.wording import counted, duration, lead, link, moment_time, printable, when
from tests.findings import FINDINGS, HEALTHY, HOSTILE, SECOND, START, at


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "not known"),
        (0, "0 s"),
        (0.0405, "40.5 ms"),
        (12.04, "12 s"),
        (59.97, "1 min"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3_599.9, "1 h"),
        (3_900, "1 h 5 min"),
        (86_399, "23 h 59 min"),
        (183_600, "2 d 3 h"),
        (-240, "-4 min"),
    ],
)
def test_a_duration_has_two_units(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


def test_a_time_is_cut_never_rounded() -> None:
    assert when(START + 999_999_999) == "2026-03-03 13:30:00.999"
    assert when(START) == "2026-03-03 13:30:00"
    assert when(START, 1_000_000) == "2026-03-03 13:30:00.000"


def test_a_doubtful_time_looks_doubtful() -> None:
    assert moment_time(FINDINGS.moments[3]) == "~2026-03-03 13:44:03.000 ± 40 s"
    assert moment_time(FINDINGS.moments[0]) == "2026-03-03 13:38:00.000"


def test_a_doubt_that_no_digit_shows_is_not_said() -> None:
    stamped = replace(FINDINGS.moments[0], precision_ns=SECOND, uncertainty_ns=SECOND // 2)
    assert moment_time(stamped) == "2026-03-03 13:38:00"
    binned = replace(stamped, precision_ns=60 * SECOND, uncertainty_ns=30 * SECOND)
    assert moment_time(binned) == "2026-03-03 13:38:00 ± 30 s"


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_unseen_is_left(text: str) -> None:
    assert printable(text).isprintable()


@given(st.text(st.characters(codec=None), max_size=30))
def test_printable_text_can_be_written_anywhere(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert not set(shown) & set("\n\r\t\x1b\x00\u202e\u2028")
    assert printable(shown) == shown


def test_a_long_text_is_cut() -> None:
    assert printable("abcdef", 4) == "abc…"
    assert printable("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://console.example.com/a?b=c#d:e=%20", True),
        ("https://host.example:8443", True),
        ("http://console.example.com/", False),
        ("javascript:alert(1)", False),
        ("https://user:secret@evil.example/", False),
        ("https://a.example/\nx", False),
        ('https://a.example/"onclick="x', False),
        ("https://a.example/<b>", False),
    ],
)
def test_only_plain_https_is_a_link(url: str, *, safe: bool) -> None:
    assert link(url) == (url if safe else None)


def test_numbers_agree_with_their_nouns() -> None:
    assert counted(1, "row") == "1 row"
    assert counted(2_300, "entry", "entries") == "2,300 entries"


def test_what_the_answer_rests_on_comes_first() -> None:
    noise = tuple(
        replace(FINDINGS.moments[7], id=f"x{i}", time=at(20) + i, severity=24) for i in range(50)
    )
    findings = replace(FINDINGS, moments=(*FINDINGS.moments, *noise))
    named = {"m001", "m002", "m003", "m006", "m007", "m008", "m009", "m010"}
    assert {moment.id for moment in main_moments(findings, 8)} == named
    chosen = main_moments(findings, 30)
    assert [m.id for m in findings.moments if m in chosen] == [m.id for m in chosen]
    assert main_moments(HEALTHY, 8) == HEALTHY.moments


def test_steps_are_measured_from_the_onset() -> None:
    found = {step.name: (step.after_onset, step.until_next) for step in steps(FINDINGS)}
    assert found["onset"] == (0, 240)
    assert found["recovered"] == (1_620, None)
    assert {step.phase for step in steps(HEALTHY)} == {None}


def test_a_near_tie_is_close() -> None:
    first, second = FINDINGS.root_causes
    assert not is_close(FINDINGS)
    assert is_close(replace(FINDINGS, root_causes=(first, replace(second, score=3.0))))
    assert runner_up(HEALTHY) is None


def test_an_entity_is_not_said_twice() -> None:
    moment = FINDINGS.moments[4]
    assert lead(moment) == "web: "
    assert lead(replace(moment, title="web: a host restarted")) == ""
    assert lead(replace(moment, title="webhooks fail")) == "web: "
    assert lead(replace(moment, entity="")) == ""
