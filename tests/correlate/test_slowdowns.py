"""Slowdowns: of calls on their way, and of what spans do themselves."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from nova_timeline.correlate import _slow_kernel as kernel
from nova_timeline.correlate import log_order, self_time, slowdowns, span_gaps, steps

from .traces import MS, SECOND, Requests, by_trace


def calls(way: dict[str, int], since: int = 40, n: int = 60) -> Requests:
    """Have ``front`` call each callee once in five seconds; from some request on it takes longer.

    ``way`` says how many ms a call of each callee is longer on the way from then on.
    """
    made = Requests()
    for trace in range(n):
        at = trace * 5 * SECOND
        root = made.span(trace, "front", at, 900 * MS, what=5)
        for callee, longer in way.items():
            extra = longer * MS if trace >= since else 0
            client = made.span(trace, "front", at, 12 * MS + extra, parent=root, what=6)
            made.span(trace, callee, at + MS, 10 * MS, parent=client, what=7)
    return made


def blame(made: Requests) -> dict[str, float]:
    found = slowdowns.find(span_gaps.cells(made.frame()), span_gaps.KEY, alike=True)
    return {e: some[0]["score"] for e, some in span_gaps.blamed(found).items()}


def test_a_slow_way_is_the_callees_doing() -> None:
    found = slowdowns.find(span_gaps.cells(calls({"a": 300, "b": 0}).frame()), span_gaps.KEY)
    slow = found.filter(callee="a").row(0, named=True)
    assert (slow["first"], slow["stop"], slow["rise"]) == (40, 60, 1.0)
    assert set(blame(calls({"a": 300, "b": 0, "c": 0}))) == {"a"}


def test_slow_ways_to_most_of_what_it_calls_are_the_callers_doing() -> None:
    assert set(blame(calls({"a": 300, "b": 300, "c": 0}))) == {"front"}


def test_what_is_not_felt_is_not_slow() -> None:
    assert blame(calls({"a": 20})) == {}


def test_a_gap_is_not_taken_of_a_span_that_made_several_calls() -> None:
    made = Requests()
    root = made.span(1, "front", 0, 100 * MS)
    for callee in ("a", "b"):
        made.span(1, callee, MS, 10 * MS, parent=root)
    assert span_gaps.calls(made.frame()).is_empty()


def test_where_a_call_was_seldom_made_others_say_what_is_usual() -> None:
    made = calls({"a": 0})
    for trace in range(50, 60):
        at = trace * 5 * SECOND
        client = made.span(trace, "front", at, 500 * MS, what=6)
        made.span(trace, "new", at, 10 * MS, parent=client)
    assert "new" in blame(made)


def test_own_work_leaves_out_what_children_took() -> None:
    made = Requests()
    root = made.span(1, "shop", 0, 100 * MS, what=5)
    made.span(1, "shop", MS, 70 * MS, parent=root, what=6)
    lengths = self_time.of(made.frame()).sort("what")
    assert lengths["length"].to_list() == [30 * MS, 70 * MS]


def test_a_span_that_another_entity_answers_is_no_work_of_its_own() -> None:
    made = Requests()
    client = made.span(1, "front", 0, 100 * MS, what=5)
    made.span(1, "back", MS, 70 * MS, parent=client, what=6)
    assert self_time.of(made.frame())["entity"].to_list() == ["back"]


def test_own_work_that_slows_is_told_from_what_waits_for_it() -> None:
    made = Requests()
    for trace in range(60):
        at, longer = trace * 5 * SECOND, 200 * MS * (trace >= 30)
        root = made.span(trace, "front", at, 100 * MS + longer, what=5)
        client = made.span(trace, "front", at, 60 * MS + longer, parent=root, what=6)
        made.span(trace, "back", at, 50 * MS + longer, parent=client, what=7)
    found = slowdowns.find(self_time.cells(made.frame()), self_time.KEY)
    assert found.filter(pl.col("score") > 0)["entity"].to_list() == ["back"]


def test_a_failure_is_its_own_where_no_child_failed() -> None:
    made = Requests()
    for trace in range(60):
        at, severity = trace * 5 * SECOND, 17 if trace >= 30 else 9
        root = made.span(trace, "front", at, 100 * MS, what=5, severity=severity)
        made.span(trace, "back", at, 50 * MS, parent=root, what=7, severity=severity)
    found = log_order.find(self_time.failures(made.frame()))
    assert found["entity"].to_list() == ["back"]
    assert found["first"].to_list() == [30]


def test_what_a_client_waits_for_is_not_its_own_doing() -> None:
    made = Requests()
    for trace in range(60):
        at, late = trace * 5 * SECOND, trace >= 30
        severity = 17 if late else 9
        root = made.span(trace, "shop", at, 900 * MS, what=5, severity=severity)
        made.span(
            trace, "shop", at, 10 * MS + 500 * MS * late, parent=root, what=6, severity=severity,
            kind=steps.SIDES["client"],
        )  # fmt: skip
    part = made.frame()
    assert log_order.find(self_time.failures(part)).is_empty()
    assert slowdowns.find(self_time.cells(part), self_time.KEY)["score"].sum() == 0


@pytest.mark.parametrize("parts", [2, 7])
def test_cuts_between_parts_change_nothing(parts: int) -> None:
    whole = calls({"a": 300, "b": 0}).frame()
    some = by_trace(whole, parts)
    for count, key in ((span_gaps.cells, span_gaps.KEY), (self_time.cells, self_time.KEY)):
        assert_frame_equal(slowdowns.merged((count(p) for p in some), key), count(whole))
    merged = log_order.merged(self_time.failures(p) for p in some)
    assert_frame_equal(merged, self_time.failures(whole))


@given(st.integers(0, 10**13))
def test_a_length_lies_in_its_bin(length: int) -> None:
    place = kernel.bin_of(float(length))
    assert 0 <= place < kernel.BINS
    assert length <= kernel.length_of(place) * (1 + 1e-9)
    assert place == 0 or length >= kernel.length_of(place - 1) * (1 - 1e-9)


spans = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from([0, 4, 8, 30, 50]), st.integers(1, 6)),
    min_size=2, max_size=40,
)  # fmt: skip


@given(spans, st.integers(1, 8))
def test_the_worst_slowdown_is_that_of_brute_force(
    found: list[tuple[int, int, int]], shortest: int
) -> None:
    ordered = sorted(found)
    bucket, place, count = (np.array(c, np.int64) for c in zip(*ordered, strict=True))
    starts = np.array([0, len(bucket)])
    score, _, _ = kernel.slowdowns(starts, bucket, place, count, shortest, 1 << 62)
    assert score[0] == pytest.approx(_brute(ordered, shortest), abs=1e-9)


def _brute(found: list[tuple[int, int, int]], shortest: int) -> float:
    """Try every pair of buckets that occur."""
    buckets = sorted({b for b, _, _ in found})
    best = 0.0
    for i, first in enumerate(buckets):
        before = [place for b, place, n in found for _ in range(n) if b < first]
        if len(before) < kernel.FEWEST:
            continue
        last_usual = kernel.limit(np.bincount(before, minlength=kernel.BINS).astype(float))
        for last in buckets[i:]:
            inside = [place for b, place, n in found for _ in range(n) if first <= b <= last]
            if len(inside) < kernel.FEWEST:
                continue
            if last != buckets[-1] and last + 1 - first < shortest:
                continue
            slow = sum(p > last_usual for p in inside), sum(p > last_usual for p in before)
            best = max(best, kernel.rise(slow[0], len(inside), slow[1], len(before))[0])
    return best
