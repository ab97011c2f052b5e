"""Streams come into one order of true time, whatever the slab, and however they were given."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline.correlate import order

Ints = npt.NDArray[np.int64]


def brute(time: Ints, stream: Ints, clocks: order.Correction) -> tuple[list[int], list[int]]:
    """Correct and sort rows one by one, in Python's own integers."""
    true = [
        int(t) - int(clocks.offset[s]) - (int(t) - clocks.origin) * int(clocks.drift[s]) // 10**6
        for t, s in zip(time, stream, strict=True)
    ]
    rows = sorted(range(len(true)), key=lambda row: (true[row], int(stream[row]), row))
    return rows, [true[row] for row in rows]


@st.composite
def streams(draw: st.DrawFn) -> tuple[Ints, Ints, order.Correction]:
    """Draw rows of some streams: grouped or mixed, in order or not, with ties or far apart."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, many = draw(st.integers(0, 300)), draw(st.integers(1, 9))
    time = chance.integers(0, draw(st.sampled_from([1, 40, 10**12, 2**61])), rows)
    stream = chance.integers(0, many, rows)
    if draw(st.booleans()):
        stream = np.sort(stream)
    if draw(st.booleans()):
        time = np.sort(time)
    off, gain = draw(st.sampled_from([(0, 1), (50, 500), (10**9, 99_999)]))
    offset = chance.integers(-off, off + 1, many)
    drift = chance.integers(-gain, gain + 1, many)
    return time, stream, order.Correction(offset, drift, draw(st.integers(-(10**18), 10**18)))


@settings(deadline=None)  # the first call compiles
@given(streams(), st.sampled_from([1, 2, 7, 64, order.SLAB]))
def test_the_order_is_that_of_true_time_then_stream_then_row(
    drawn: tuple[Ints, Ints, order.Correction], slab: int
) -> None:
    time, stream, clocks = drawn
    rows, true = brute(time, stream, clocks)
    assert order.permutation(time, stream, clocks, slab=slab).tolist() == rows
    columns = [stream.astype(np.int16), np.arange(len(time), dtype=np.float32), time % 2 == 0]
    times, found = order.ordered(columns, time, stream, clocks, slab=slab)
    assert times.tolist() == true
    for column, before in zip(found, columns, strict=True):
        assert column.dtype == before.dtype
        assert column.tolist() == before[rows].tolist()


def test_many_slabs_are_put_together_in_order() -> None:
    chance = np.random.default_rng(1)
    stream = np.sort(chance.integers(0, 64, 300_000))
    time = chance.integers(0, 10**7, 300_000)
    time = time[np.lexsort((time, stream))]
    expected = np.lexsort((stream, time))
    assert np.array_equal(order.permutation(time, stream), expected)
    mixed = chance.permutation(300_000)
    again = order.permutation(time[mixed], stream[mixed])
    assert np.array_equal(time[mixed][again], time[expected])
    assert np.array_equal(stream[mixed][again], stream[expected])


def test_times_that_mostly_fall_together_are_in_order_too() -> None:
    chance = np.random.default_rng(2)
    stream = np.sort(chance.integers(0, 64, 100_000))
    time = chance.integers(0, 10**6, 100_000) + 10**13 * (chance.random(100_000) < 0.001)
    time = time[np.lexsort((time, stream))]
    assert np.array_equal(order.permutation(time, stream), np.lexsort((stream, time)))


@pytest.mark.parametrize("gain", [10**6, 10**6 + 1, 2_500_000, -3_000_000])
def test_a_clock_that_runs_away_turns_its_stream_round(gain: int) -> None:
    time = np.sort(np.random.default_rng(3).integers(0, 10**9, 1000))
    stream = np.repeat(np.arange(2), 500)
    clocks = order.Correction(np.zeros(2, np.int64), np.array([gain, 0]), 10**8)
    rows, true = brute(time, stream, clocks)
    times, [found] = order.ordered([np.arange(1000)], time, stream, clocks, slab=64)
    assert found.tolist() == rows
    assert times.tolist() == true


def test_times_that_are_all_the_same_keep_the_order_of_streams_and_rows() -> None:
    stream = np.tile(np.arange(3), 50_000)
    found = order.permutation(np.full(150_000, 7), stream)
    assert np.array_equal(found, np.argsort(stream, kind="stable"))


def test_columns_from_arrow_are_not_compiled_for_anew() -> None:
    from nova_timeline.correlate import _order_kernel as kernel

    time, stream = np.arange(10), np.zeros(10, np.int32)
    order.ordered([time], time, stream)
    in_slabs = ("cuts", "span", "pack", "sort", "unpack", "gather")
    names = ("counted", "disordered", "corrected", *in_slabs)
    entries: list[Any] = [getattr(kernel, name) for name in names]
    before = [len(entry.signatures) for entry in entries]
    frozen: npt.NDArray[Any] = pa.array(time).to_numpy()
    assert not frozen.flags.writeable
    order.ordered([frozen], frozen, pa.array(stream).to_numpy())
    assert [len(entry.signatures) for entry in entries] == before


def test_a_stream_without_a_correction_is_told() -> None:
    clocks = order.Correction(np.zeros(2, np.int64), np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="3 streams, but corrections of 2"):
        order.permutation(np.arange(3), np.arange(3), clocks)
