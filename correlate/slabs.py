"""The notable records in stretches of time: as many at once as memory allows, never all of them.

Clocks are set right and rows put in order as a stretch is read. What stages make of the stretches
is put together by them such that it does not matter where one was cut, as long as the cuts lie on
`GRID`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from nova_timeline import arrow

from . import bursts, order
from .parts import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    from nova_timeline.clock import Window
    from nova_timeline.model import ClockEstimate

T = TypeVar("T")
R = TypeVar("R")

GRID = bursts.SLOW_BUCKET
"""ns from the window's start; stretches are cut at its multiples, so that no bucket of time is."""
_COLUMNS = {
    "row": "row", "time": "time", "end": "end_timestamp", "precision": "timestamp_precision",
    "clock": "clock", "kind": "kind", "role": "role", "category": "category", "rule": "rule",
    "told": "told", "alike": "alike", "severity": "severity_number", "entity": "entity",
    "template": "template",
}  # fmt: skip
"""Column of a stretch -> column of `notable.rows`."""
_EVER = 1 << 62
_KEPT = 2
"""Times the rows of a stretch that are kept once read: they take less than while looked at."""


class Rows(Protocol):
    """Notable records, wherever they are kept; see `notable.rows`."""

    def between(self, start: int, stop: int, columns: Sequence[str]) -> pa.Table:
        """Give some columns of the rows whose uncorrected time lies in ``[start, stop)``."""
        ...

    def take(self, rows: npt.NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Give some columns of rows by their numbers, in that order."""
        ...


class Each(Protocol):
    """Apply a function to every task, perhaps side by side; results in the order of the tasks."""

    def __call__(self, function: Callable[[T], R], tasks: Sequence[T], /) -> Iterator[R]:
        """Give the results one by one."""
        ...


def one_by_one(function: Callable[[T], R], tasks: Sequence[T], /) -> Iterator[R]:
    """Apply a function to every task, in this thread."""
    return map(function, tasks)


@dataclass(frozen=True, slots=True)
class Slabs(Parts):
    """Stretches of time that together are all there is, each read when it is asked for.

    A stretch is a table of ``row``, ``time``, ``end`` (int64 ns, corrected), ``precision``,
    ``clock``, ``kind``, ``role``, ``category``, ``rule``, ``told``, ``alike``, ``severity``,
    ``entity`` and ``template``, in the order of time, then of clock, then of reading.
    """

    rows: Rows
    bounds: tuple[tuple[int, int], ...]
    """``[start, stop)`` of each, in corrected time."""
    offsets: Mapping[str, int] = field(default_factory=dict[str, int])
    """Clock -> ns that it is ahead."""

    def __len__(self) -> int:
        """Count the stretches."""
        return len(self.bounds)

    def _read(self, at: int) -> pa.Table:
        """Read a stretch, set its clocks right, and put it in order."""
        start, stop = self.bounds[at]
        low, high = min((0, *self.offsets.values())), max((0, *self.offsets.values()))
        found = self.rows.between(start + low, stop + high, list(_COLUMNS.values()))
        return _ordered(found, self.offsets, start, stop)


def cut(
    rows: Rows, counts: Mapping[int, int], estimates: Iterable[ClockEstimate], window: Window,
    most: int,
) -> Slabs:  # fmt: skip
    """Cut time into stretches of about so many rows at most, on the grid.

    Args:
        rows: what lies in them.
        counts: cell of the grid (0 begins at the window's start) -> rows in it.
        estimates: how far each clock is off.
        window: the incident's window; the first and last stretch reach beyond it for good.
        most: rows of a stretch, unless one cell has more.
    """
    edges: list[int] = []
    held = 0
    for cell in sorted(counts):
        if held and held + counts[cell] > most:
            edges.append(window.start + cell * GRID)
            held = 0
        held += counts[cell]
    starts, stops = (-_EVER, *edges), (*edges, _EVER)
    offsets = {e.clock: e.offset_ns for e in estimates if e.offset_ns}
    few = sum(counts.values()) <= _KEPT * most
    return Slabs(rows, tuple(zip(starts, stops, strict=True)), offsets, held={} if few else None)


def _ordered(found: pa.Table, offsets: Mapping[str, int], start: int, stop: int) -> pa.Table:
    """Take each clock's offset off its times, merge the clocks' streams, keep ``[start, stop)``."""
    import polars as pl

    frame = pl.DataFrame(found.rename_columns(list(_COLUMNS)))
    frame = frame[_order(frame, offsets)]
    off = pl.col("clock").replace_strict(dict(offsets), default=0, return_dtype=pl.Int64)
    moved = frame.with_columns(
        pl.col("end").cast(pl.Int64),
        pl.col("kind").fill_null("log"),
        pl.col("precision").fill_null(1),
        pl.col("severity").cast(pl.Int64).fill_null(9),
    )
    if offsets:
        moved = moved.with_columns(pl.col("time") - off, pl.col("end") - off)
        moved = moved.filter(pl.col("time") >= start, pl.col("time") < stop)
    return arrow.table(moved)


def _order(frame: pl.DataFrame, offsets: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """Order rows by their corrected time, then by clock, then as they were read; shape (n,)."""
    import numpy as np
    import polars as pl

    clocks = ["", *sorted(frame["clock"].drop_nulls().unique())]
    codes = dict(zip(clocks, range(len(clocks)), strict=True))
    stream = frame["clock"].fill_null("").replace_strict(codes, return_dtype=pl.Int32)
    offset = np.array([offsets.get(name, 0) for name in clocks], np.int64)
    correction = order.Correction(offset, np.zeros_like(offset))
    return order.permutation(frame["time"].to_numpy(), stream.to_numpy(), correction)
