"""Bursts are what stands out of a template's usual rate, to the very record."""

import itertools
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline.correlate import bursts

from .scenes import MINUTE, SECOND, START, WINDOW


def logs(
    *seconds: float, entity: str | None = "a", template: int = 7, severity: int = 17
) -> pl.DataFrame:
    rows = [(START + round(s * SECOND), entity, template, severity) for s in seconds]
    return _frame(rows)


def _frame(rows: Iterable[tuple[int, str | None, int, int]]) -> pl.DataFrame:
    schema = {"time": pl.Int64, "entity": pl.String, "template": pl.UInt64, "severity": pl.Int64}
    return pl.DataFrame(list(rows), schema=schema, orient="row").with_row_index("row")


def every(step: float, since: float = 0, until: float = 5400) -> list[float]:
    return [since + i * step for i in range(int((until - since) / step))]


def test_a_burst_is_told_from_its_first_record_to_its_last() -> None:
    [found] = bursts.find(logs(*every(2, 1801.5, 1981.5)), WINDOW).to_dicts()
    assert (found["first"], found["last"]) == (
        START + 1_801_500_000_000,
        START + 1_979_500_000_000,
    )
    assert (found["count"], found["first_row"], found["severity"]) == (90, 0, 17)
    assert found["novel"]


def test_what_spills_into_the_buckets_on_either_side_belongs_to_it() -> None:
    times = [1797.0, 1799.0, *every(2, 1800, 1830), 1831.0, 1834.5]
    [found] = bursts.find(logs(*times), WINDOW).to_dicts()
    assert found["first"] == START + 1797 * SECOND
    assert found["last"] == START + 1_834_500_000_000
    assert found["count"] == len(times)


@pytest.mark.parametrize("step", [2.0, 5.0, 20.0, 90.0])
def test_a_steady_rate_is_no_burst(step: float) -> None:
    assert bursts.find(logs(*every(step)), WINDOW).is_empty()


def test_what_goes_on_to_the_end_is_a_burst_if_the_window_began_without_it() -> None:
    [found] = bursts.find(logs(*every(2, 1801)), WINDOW).to_dicts()
    assert found["novel"]
    assert found["last"] - found["first"] >= 3590 * SECOND
    assert bursts.find(logs(*every(2, 600)), WINDOW).is_empty()


def test_a_rate_that_multiplies_is_a_burst_over_its_background() -> None:
    [found] = bursts.find(logs(*every(5), *every(0.25, 3000.1, 3060.1)), WINDOW).to_dicts()
    assert found["count"] == 240 + 12  # the background's share of the same two buckets
    assert found["baseline"] == 6
    assert not found["novel"]


def test_a_template_seen_before_is_not_novel() -> None:
    [found] = bursts.find(logs(10.0, *every(1, 3000, 3030)), WINDOW).to_dicts()
    assert (found["count"], found["novel"]) == (30, False)


def test_a_long_quiet_parts_two_bursts() -> None:
    found = bursts.find(logs(*every(1, 600, 630), *every(1, 1800, 1830)), WINDOW)
    assert found["count"].to_list() == [30, 30]
    assert found["novel"].to_list() == [True, False]


def test_entities_and_templates_are_counted_apart() -> None:
    four = [logs(*every(1, 600, 604), entity=e, template=t) for e in "ab" for t in (1, 2)]
    assert bursts.find(pl.concat(four), WINDOW).is_empty()


def test_plain_lines_and_lines_of_no_entity_are_no_burst() -> None:
    calm = logs(*every(1, 600, 700), severity=9)
    assert bursts.find(calm, WINDOW).is_empty()
    assert bursts.find(logs(*every(1, 600, 700), entity=None), WINDOW).is_empty()


def test_errors_that_come_slowly_are_a_burst_where_there_were_none() -> None:
    slow = every(45, 3000, 3600)
    [found] = bursts.find(logs(*slow), WINDOW).to_dicts()
    assert (found["first"], found["count"]) == (START + 50 * MINUTE, len(slow))
    assert bursts.find(logs(*slow, severity=13), WINDOW).is_empty()


def test_steady_errors_began_with_the_first_and_not_where_they_lie_dense_by_chance() -> None:
    dense = [2000 + i for i in range(5)]
    found = bursts.find(logs(*every(15, 1500, 3600), *dense), WINDOW).to_dicts()
    assert [(f["first"], f["novel"]) for f in found] == [(START + 25 * MINUTE, True)]


def test_a_surge_long_after_a_few_errors_is_told_beside_them() -> None:
    few, surge = every(60, 3000, 3600), every(0.3, 4800, 4830)
    found = bursts.find(logs(*few, *surge), WINDOW).to_dicts()
    assert [(b["first"], b["count"]) for b in found] == [
        (START + 50 * MINUTE, len(few)),
        (START + 80 * MINUTE, len(surge)),
    ]


def test_a_surge_of_errors_that_always_come_begins_with_the_surge() -> None:
    surge = [2000 + i for i in range(20)]
    [found] = bursts.find(logs(*every(15, 0, 3600), *surge), WINDOW).to_dicts()
    assert found["first"] >= START + 1980 * (MINUTE // 60)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    parts = [
        logs(*every(1, 600, 640), entity="b"),
        logs(*every(1, 600, 700), 1900.0),
        logs(*every(3, 0, 5400), template=9),
    ]
    rows = pl.concat(parts).with_columns(row=pl.int_range(pl.len()))
    mixed = rows.sample(fraction=1, shuffle=True, seed=seed)
    assert bursts.find(mixed, WINDOW).equals(bursts.find(rows, WINDOW))


Column = npt.NDArray[Any]
Burst = tuple[int, int, int, int, int, Fraction, int, int, bool]
WIDTH, FEWEST, BUCKETS = 10, 3, 40


def brute(time: Column, series: Column, severity: Column, new: int) -> list[Burst]:
    """Find bursts one series after another, by exact fractions."""
    cells: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in range(len(time)):
        if series[row] >= 0:
            cells[int(series[row])][int(time[row]) // WIDTH].append(row)
    found: list[Burst] = []
    for code, own in sorted(cells.items()):
        counts = [len(rows) for rows in own.values()]
        counts += [0] * (BUCKETS - len(counts))
        if min(time[rows[0]] for rows in own.values()) >= new:
            counts = [0]
        usual = Fraction(median(map(Fraction, counts)))
        spread = median(abs(n - usual) for n in counts) * Fraction(14826, 10000)
        fires = {
            b
            for b, rows in own.items()
            if len(rows) >= FEWEST and len(rows) - usual >= max(Fraction(FEWEST), 6 * spread)
        }
        taken = sorted(
            b
            for b, rows in own.items()
            if b in fires or (len(rows) > usual and {b - 1, b + 1} & fires)
        )
        earliest = min(rows[0] for rows in own.values())
        parts: list[list[list[int]]] = []
        for b in taken:
            if not parts or time[own[b][0]] - time[parts[-1][-1][-1]] > 4 * WIDTH:
                parts.append([])
            parts[-1].append(own[b])
        for part in parts:
            rows = [row for cell in part for row in cell]
            times = [int(time[row]) for row in rows]
            highest = max(int(severity[row]) for row in rows)
            novel = times[0] <= time[earliest]
            found.append(
                (code, times[0], times[-1], len(rows), max(map(len, part)), usual, highest,
                 rows[0], bool(novel))
            )  # fmt: skip
    return found


@st.composite
def slabs(draw: st.DrawFn) -> tuple[Column, Column, Column, list[tuple[int, int]]]:
    """Draw rows of some series, some of them dense, in the order of time, and cut them."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    many = draw(st.integers(1, 6))
    parts = [
        chance.integers(-20, BUCKETS * WIDTH + 50, chance.integers(0, draw(st.integers(1, 200))))
        for _ in range(many)
    ]
    for _ in range(draw(st.integers(0, 6))):
        start = int(chance.integers(0, BUCKETS * WIDTH))
        parts.append(start + chance.integers(0, 25, chance.integers(1, 30)))
    time = np.concatenate(parts)
    time.sort()
    series = chance.integers(-1, many, len(time)).astype(np.int32)
    severity = chance.integers(13, 25, len(time)).astype(np.int8)
    cuts = draw(st.lists(st.integers(0, len(time)), max_size=8))
    return time, series, severity, list(itertools.pairwise(sorted({0, *cuts, len(time)})))


def counted(
    time: Column, series: Column, severity: Column, cuts: list[tuple[int, int]], new: int
) -> list[Burst]:
    counter = bursts.Counter(0, WIDTH, BUCKETS, FEWEST, new)
    for a, b in cuts:
        counter.add(time[a:b], series[a:b])
    for a, b in cuts:
        counter.collect(time[a:b], series[a:b], severity[a:b])
    columns = [
        "series", "first", "last", "count", "peak", "baseline", "severity", "first_row", "novel",
    ]  # fmt: skip
    return counter.found().select(columns).rows()


@settings(deadline=None)  # the first call compiles
@given(
    slabs(),
    st.sampled_from([1, 30, 10**9]),
    st.sampled_from([1, 50, 10**9]),
    st.sampled_from([1, 2, 4096]),
    st.integers(-30, 500),
)
def test_bursts_are_those_of_brute_force_wherever_slabs_are_cut(
    drawn: tuple[Column, Column, Column, list[tuple[int, int]]],
    share: int,
    pending: int,
    places: int,
    new: int,
) -> None:
    time, series, severity, cuts = drawn
    expected = brute(time, series, severity, new)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bursts, "_PLACES", 0)
        patch.setattr(bursts, "_FEW_PLACES", places)
        patch.setattr(bursts, "_SHARE", share)
        patch.setattr(bursts, "_PENDING", pending)
        assert counted(time, series, severity, cuts, new) == expected
        assert counted(time, series, severity, [(0, len(time))], new) == expected


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_a_search_in_slabs_finds_what_one_does(cut: int) -> None:
    parts = [
        logs(*every(1, 600, 640), entity="b"),
        logs(*every(1, 600, 700), 1900.0),
        logs(*every(3, 0, 5400), template=9),
        logs(*every(45, 3000, 3600), entity="c"),
        logs(*every(1, 600, 700), severity=9),
    ]
    rows = pl.concat(parts).with_columns(row=pl.int_range(pl.len())).sort("time", "row")
    search = bursts.Search(WINDOW)
    pieces = list(rows.iter_slices(cut))
    for piece in pieces:
        search.add(piece)
    for piece in pieces:
        search.collect(piece)
    found = bursts.find(rows, WINDOW)
    assert found["entity"].to_list() == ["a", "b", "c"]
    assert search.found().equals(found)


def test_no_rows_are_no_burst() -> None:
    none = bursts.find(logs(), WINDOW)
    assert none.is_empty()
    assert none.schema == bursts.find(logs(*every(1, 600, 700)), WINDOW).schema


def test_a_slab_that_is_added_too_late_is_told() -> None:
    counter = bursts.Counter(0, WIDTH, BUCKETS)
    time, series = np.arange(3), np.zeros(3, np.int32)
    counter.add(time, series)
    counter.collect(time, series, series)
    with pytest.raises(RuntimeError, match="add all of them first"):
        counter.add(time, series)


def test_columns_from_arrow_are_not_compiled_for_anew() -> None:
    from nova_timeline.correlate import _burst_kernel as kernel

    rows = logs(*every(1, 600, 700))
    bursts.find(rows, WINDOW)
    bursts.find(pl.DataFrame(rows.to_arrow()), WINDOW)
    entries: list[Any] = [kernel.mark_hot, kernel.collect, kernel.settle, kernel.stretches]
    assert [len(entry.signatures) for entry in entries] == [1, 1, 1, 1]
