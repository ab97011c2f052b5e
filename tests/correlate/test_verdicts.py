"""Why the others are not the cause."""

from __future__ import annotations

from typing import Any

import pytest

from nova_timeline.correlate import verdicts
from nova_timeline.correlate.terms import Candidate, Term

MINUTE = 60_000_000_000


def candidate(number: int, minute: float, *terms: Term, change: bool = True) -> Candidate:
    signal: dict[str, Any] = {"signal": number, "time": int(minute * MINUTE)}
    return Candidate(signal, terms, is_change=change)


FIRST = candidate(
    1, 0, Term("touched db, where it begins", 0.3, (1,), "place"), Term("near", 0.1, (), "time")
)
OTHER = candidate(
    2, 9, Term("touched web, which only felt it", 0.1, (2,), "place"),
    Term("nearer", 0.3, (2,), "time"), Term("changes only text", -0.25, (), "nature"),
)  # fmt: skip


def test_what_differs_most_comes_first_and_what_speaks_for_the_other_is_left_out() -> None:
    found = verdicts.behind(FIRST, OTHER)
    assert [t.weight for t in found] == [pytest.approx(-0.25), pytest.approx(-0.2)]
    assert found[0].text == "changes only text"
    assert found[1].text == (
        "touched web, which only felt it, where the first touched db, where it begins"
    )
    assert found[1].signals == (2, 1)


def test_a_reason_that_rests_on_nothing_else_rests_on_the_change_itself() -> None:
    assert [t.signals for t in FIRST.reasons] == [(1,), (1,)]
    assert verdicts.behind(FIRST, OTHER)[0].signals == (2,)


def test_what_only_the_first_has_is_said() -> None:
    bare = candidate(3, 5, Term("near", 0.1, (), "time"))
    (only,) = verdicts.behind(FIRST, bare)
    assert only.text == "nothing like this speaks for it: touched db, where it begins"
    assert only.weight == pytest.approx(-0.3)


def test_changes_nearest_the_onset_are_ruled_out_and_never_the_first() -> None:
    fault = candidate(7, 10, change=False)
    far = [candidate(n, -60 * n) for n in (3, 4, 5)]
    found = verdicts.ruled_out([FIRST, fault, *far, OTHER], 10 * MINUTE)
    assert [one.candidate.signal["signal"] for one in found] == [2, 3, 4]
    texts = [t.text for t in found[0].terms]
    assert texts[:2] == [
        "came 1m00s before the onset, which alone proves nothing", "changes only text",
    ]  # fmt: skip
    assert sum("changes only text" in text for text in texts) == 1


def test_a_change_that_came_late_is_told_so() -> None:
    (one,) = verdicts.ruled_out([FIRST, OTHER], 8 * MINUTE)
    assert one.terms[0].text.startswith("came 1m00s after the onset")
