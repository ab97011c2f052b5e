"""Breaks of the order of steps: what no longer follows, where, and whose it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from nova_timeline.correlate import _log_order_kernel as kernel
from nova_timeline.correlate import log_order, steps

from .traces import MS, SECOND, Requests, by_trace

if TYPE_CHECKING:
    import polars as pl

START, LINE, ERROR = 1, 2, 3


def requests(broken_from: int, n: int = 60) -> Requests:
    """Call ``back`` from ``front`` once in five seconds; from some request on, ``back`` breaks."""
    made = Requests()
    for trace in range(n):
        at = trace * 5 * SECOND
        front = made.span(trace, "front", at, 100 * MS, what=10)
        back = made.span(trace, "back", at + MS, 50 * MS, parent=front, what=START)
        if trace < broken_from:
            made.line(trace, back, "back", at + 2 * MS, LINE)
            made.line(trace, front, "front", at + 60 * MS, 11)
    return made


def test_pairs_hold_what_follows_in_the_same_span_and_its_end() -> None:
    made = Requests()
    span = made.span(7, "shop", 0, 10 * MS, what=START)
    made.line(7, span, "shop", 2 * MS, LINE)
    made.line(7, span, "shop", 3 * MS, ERROR, severity=17)
    found = log_order.pairs(made.frame())
    assert found["what"].to_list() == [START, LINE, ERROR]
    assert found["then"].to_list() == [LINE, ERROR, log_order.END]
    assert found["bad"].to_list() == [False, True, True]
    assert found["then_row"].to_list() == [1, 2, None]


def test_a_line_that_no_longer_follows_is_a_break_where_it_began() -> None:
    found = log_order.find(log_order.cells(requests(40).frame()))
    first = found.row(0, named=True)
    assert first["what"] in (START, 10)
    assert (first["first"], first["stop"], first["effect"]) == (40, 60, 1.0)
    # Forty requests before, twenty after, and nothing in common.
    assert first["score"] == pytest.approx(
        60 * math.log(60) - 40 * math.log(40) - 20 * math.log(20)
    )


def test_a_path_that_gets_healthy_is_no_break() -> None:
    made = Requests()
    for trace in range(60):
        at = trace * 5 * SECOND
        span = made.span(trace, "shop", at, 10 * MS)
        if trace >= 30:
            made.line(trace, span, "shop", at + MS, LINE)
    assert log_order.find(log_order.cells(made.frame())).is_empty()


def test_a_drift_between_healthy_paths_is_no_break() -> None:
    made = Requests()
    for trace in range(60):
        at = trace * 5 * SECOND
        span = made.span(trace, "shop", at, 10 * MS)
        made.line(trace, span, "shop", at + MS, LINE if trace < 30 else LINE + 1)
    assert log_order.find(log_order.cells(made.frame())).is_empty()


def test_a_hiccup_is_no_break_and_what_recovers_later_is() -> None:
    def lasting(requests: int) -> pl.DataFrame:
        made = Requests()
        for trace in range(48):
            at = trace * 5 * SECOND
            span = made.span(trace, "shop", at, 10 * MS)
            if not 20 <= trace < 20 + requests:
                made.line(trace, span, "shop", at + MS, LINE)
        return log_order.find(log_order.cells(made.frame()))

    short, long = lasting(6), lasting(20)
    assert short.is_empty() or short["score"][0] < 0.2 * long["score"][0]
    assert (long["first"][0], long["stop"][0]) == (20, 40)


def test_a_break_belongs_to_the_deepest_span_that_has_one() -> None:
    part = requests(40).frame()
    breaks = log_order.find(log_order.cells(part))
    owned = log_order.owned(part, breaks)
    assert owned.filter(entity="back")["own"].to_list() == [20]
    assert owned.filter(entity="front").select("bad", "own").row(0) == (20, 0)


@pytest.mark.parametrize("parts", [2, 7])
def test_cuts_between_parts_change_nothing(parts: int) -> None:
    whole = requests(40).frame()
    merged = log_order.merged(log_order.cells(p) for p in by_trace(whole, parts))
    assert_frame_equal(merged, log_order.cells(whole))


cells = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(1, 6)), min_size=2, max_size=40
)


@given(cells, st.lists(st.booleans(), min_size=4, max_size=4), st.integers(1, 8))
def test_the_worst_break_is_that_of_brute_force(
    found: list[tuple[int, int, int]], bad: list[bool], shortest: int
) -> None:
    ordered = sorted(found)
    bucket, category, count = (np.array(c, np.int64) for c in zip(*ordered, strict=True))
    is_bad = np.array(bad, np.bool_)[category]
    starts, kinds = np.array([0, len(bucket)]), np.array([4])
    score, _, _ = kernel.breaks(starts, bucket, category, count, is_bad, kinds, shortest)
    assert score[0] == pytest.approx(_brute(ordered, bad, shortest), abs=1e-9)


def _brute(found: list[tuple[int, int, int]], bad: list[bool], shortest: int) -> float:
    """Try every pair of buckets that occur."""
    buckets = sorted({b for b, _, _ in found})
    seen = {c for _, c, _ in found}
    best = 0.0
    if len({bad[c] for c in seen}) < 2:
        return best
    for i, first in enumerate(buckets):
        before = _sums(found, -1, first)
        for last in buckets[i:]:
            inside = _sums(found, first, last + 1)
            short = last != buckets[-1] and last + 1 - first < shortest
            if sum(before) < kernel.FEWEST_BEFORE or sum(inside) < kernel.FEWEST_INSIDE or short:
                continue
            change = [
                a / sum(inside) - b / sum(before) for a, b in zip(inside, before, strict=True)
            ]
            gained = sum(c for c, b in zip(change, bad, strict=True) if b and c > 0)
            lost = -sum(c for c, b in zip(change, bad, strict=True) if not b and c < 0)
            best = max(best, _likelihood_ratio(before, inside) * min(gained, lost) ** 2)
    return best


def _sums(found: list[tuple[int, int, int]], start: int, stop: int) -> list[int]:
    return [sum(n for b, c, n in found if c == kind and start <= b < stop) for kind in range(4)]


def _likelihood_ratio(a: list[int], b: list[int]) -> float:
    both = [x + y for x, y in zip(a, b, strict=True)]

    def likelihood(counts: list[int], shares: list[int]) -> float:
        return sum(n * math.log(s / sum(shares)) for n, s in zip(counts, shares, strict=True) if n)

    return likelihood(a, a) + likelihood(b, b) - likelihood(a, both) - likelihood(b, both)


def test_many_buckets_are_put_together_without_a_gap() -> None:
    segment = kernel.segments(np.repeat(np.arange(1000), 2))
    assert segment[0] == 0
    assert segment[-1] == kernel.SEGMENTS - 1
    assert set(np.diff(segment).tolist()) == {0, 1}


def test_nothing_is_found_where_nothing_was_drawn() -> None:
    assert log_order.find(log_order.merged([])).is_empty()
    assert steps.GRID > 0
