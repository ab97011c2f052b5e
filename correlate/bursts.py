"""Bursts of warnings and errors, and templates never seen before.

Counts per (entity, template) in buckets of time are held against their median and median absolute
deviation (Leys et al., J. Exp. Soc. Psychol. 49, 2013) over all buckets of the window, the empty
ones included. Most log templates are so sparse that more than half of the buckets are empty and
both are zero, where the rule is plainly "at least `FEWEST`". So it is too of what the first part of
the window knows nothing of: an incident that goes on for most of the window is not what is usual.

Rows are gone through twice, slab by slab: first to find the few series that ever have so many
records in a bucket, then to keep what matters of those. What is held does not grow with the rows.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

from nova_timeline.schema import ERROR

from ._shares import evenly, frozen, in_threads, threads

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from nova_timeline.clock import Window

    Column = npt.NDArray[Any]
    Ints = npt.NDArray[np.int64]

BUCKET = 30_000_000_000
"""ns."""
SLOW_BUCKET = 10 * BUCKET
"""ns; for errors that come too slowly for the other."""
FEWEST = 5
"""A bucket with fewer records is never a burst."""
_KNOWN = 0.25
"""The share of the window that says what is usual of a series."""
_JOIN = 4  # buckets; quiet stretches up to so many do not end a burst
_NEVER = 2**63 - 1  # ns
_WARN = 13
_SHARE = 100_000  # rows; fewer are not worth a thread
_PLACES = 16  # for each row of a bucket
_FEW_PLACES = 256
_PENDING = 200_000  # cells that wait before they are put together
_COLUMNS = ("first", "last", "count", "peak", "baseline", "severity", "first_row", "novel")


def find(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Find bursts in rows that are all at hand.

    Args:
        rows: see `Search.add`; in any order.
        window: how long the baseline is.

    Returns:
        See `Search.found`.
    """
    search = Search(window)
    ordered = rows.sort("time", "row")
    search.add(ordered)
    search.collect(ordered)
    return search.found()


class Search:
    """Bursts of log records that come in slabs of time.

    `add` every slab, then `collect` every slab again, both in the order of time; then they are
    `found`. Where the slabs are cut changes nothing.
    """

    def __init__(self, window: Window) -> None:
        """Search a window; it says how long the baseline is."""
        length = window.end - window.start
        new = window.start + int(_KNOWN * length)
        self._quick = Counter(window.start, BUCKET, length // BUCKET, new=new)
        # Where little is logged, errors that come slowly are a burst all the same.
        self._slow = Counter(window.start, SLOW_BUCKET, length // SLOW_BUCKET, new=new)
        self._series = _Series()

    def add(self, rows: pl.DataFrame) -> None:
        """Count a slab of rows.

        Args:
            rows: one row a log record, with ``row`` (int64), ``time`` (int64 ns), ``entity``
                (text), ``template`` (uint64) and ``severity`` (int); sorted by time and row.
        """
        bad, code = self._coded(rows)
        time = bad["time"].to_numpy()
        self._quick.add(time, code)
        self._slow.add(time, _errors(bad, code))

    def collect(self, rows: pl.DataFrame) -> None:
        """Take what may be a burst from a slab of rows that was added; see `add`."""
        bad, code = self._coded(rows)
        time, severity, row = (bad[c].to_numpy() for c in ("time", "severity", "row"))
        self._quick.collect(time, code, severity, row)
        self._slow.collect(time, _errors(bad, code), severity, row)

    def found(self) -> pl.DataFrame:
        """Return one row a burst.

        Returns:
            entity, template, first, last (ns, of records), count, peak (records a bucket),
            baseline (median a bucket), severity, first_row, novel (nothing of the template on this
            entity before the burst).
        """
        import polars as pl

        quick, slow = self._quick.found(), self._slow.found()
        # Errors that come steadily are dense here and there by chance: that is not when they began.
        dense = quick.group_by("series").agg(pl.col("novel").any().alias("sudden"))
        steady = slow.join(dense, on="series", how="left").filter(
            pl.col("sudden").is_null() | (pl.col("novel").any().over("series") & ~pl.col("sudden"))
        )
        whole = steady.select(slow.columns)
        both = pl.concat([_apart(quick, whole), whole])
        named = both.join(self._series.names, on="series", how="left")
        return named.select("entity", "template", *_COLUMNS).sort("first", "entity", "template")

    def _coded(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, Column]:
        import polars as pl

        bad = rows.filter(pl.col("severity") >= _WARN, pl.col("entity").is_not_null())
        return bad, self._series.codes(bad)


def _apart(quick: pl.DataFrame, whole: pl.DataFrame) -> pl.DataFrame:
    """Leave out the bursts that are a part of another of their series."""
    import polars as pl

    numbered = quick.with_row_index("at")
    others = whole.select("series", since="first", until="last")
    parts = numbered.join(others, on="series").filter(
        pl.col("first") <= pl.col("until"), pl.col("last") >= pl.col("since")
    )
    return numbered.join(parts, on="at", how="anti").drop("at")


def _errors(bad: pl.DataFrame, code: Column) -> Column:
    """Leave out what is no error."""
    import numpy as np

    return np.where(bad["severity"].to_numpy() >= ERROR, code, -1)


class _Series:
    """Numbers for pairs of entity and template, from 0, as they come."""

    def __init__(self) -> None:
        import polars as pl

        schema = {"entity": pl.String, "template": pl.UInt64, "series": pl.Int32}
        self.names = pl.DataFrame(schema=schema)
        """entity, template and series, one row a series."""

    def codes(self, rows: pl.DataFrame) -> Column:
        """Give each row its series, shape (n,)."""
        import polars as pl

        key = ["entity", "template"]
        new = rows.select(key).unique().join(self.names, on=key, how="anti")
        numbers = pl.int_range(len(self.names), len(self.names) + pl.len(), dtype=pl.Int32)
        self.names = pl.concat([self.names, new.with_columns(series=numbers)])
        held = rows.select(key).join(self.names, on=key, how="left", maintain_order="left")
        return held["series"].to_numpy()


class Counter:
    """Counts of series in buckets of one width, and the bursts among them.

    `add` every slab of rows, then `collect` every slab; rows come in the order of time.
    """

    def __init__(
        self, start: int, width: int, buckets: int, fewest: int = FEWEST, new: int = _NEVER
    ) -> None:
        """Set the buckets.

        Args:
            start: where the first one begins.
            width: of one, in the unit of ``start``.
            buckets: how many the baseline is taken over; at least one is.
            fewest: records that a bucket of a burst has at least, at most 65,535.
            new: what has no record before this time is usually not there at all.
        """
        import numpy as np

        self._start, self._width, self._buckets = start, width, max(buckets, 1)
        self._fewest, self._new = fewest, new
        self._seen = np.zeros(1, np.uint16)
        self._bucket = _NEVER  # what was seen last is of it
        self._hot = np.zeros(0, np.bool_)
        self._collected: _Collected | None = None
        self._rows = 0

    def add(self, time: Column, series: Column) -> None:
        """Count a slab of rows.

        Args:
            time: int64, in order, shape (n,).
            series: codes from 0, shape (n,); rows below 0 are left out.

        Raises:
            RuntimeError: something was collected already.
        """
        import numpy as np

        from . import _burst_kernel as kernel

        if self._collected is not None:
            msg = "a slab was added after one was collected: add all of them first"
            raise RuntimeError(msg)
        if len(time) == 0:
            return
        time, series = frozen(time, np.int64), frozen(series, np.int32)
        largest = in_threads(lambda a, b: int(series[a:b].max()), evenly(len(series)))
        self._grow(max(largest) + 1)
        self._widen(len(time) // (int(time[-1] - time[0]) // self._width + 1))
        runs = self._runs(time)
        # Only the first run goes on from what was seen: the others begin with a bucket.
        seen = [self._seen, *(np.zeros_like(self._seen) for _ in runs[1:])]

        def work(share: int, _: int) -> int:
            return kernel.mark_hot(
                time, series, *runs[share], self._start, self._width, self._fewest,
                self._bucket, seen[share], self._hot,
            )  # fmt: skip

        counted = in_threads(work, [(share, share + 1) for share in range(len(runs))])
        self._seen, self._bucket = seen[-1], counted[-1]

    def hot(self) -> npt.NDArray[np.bool_]:
        """Say which series ever have the fewest records of a burst in one bucket, or might."""
        return self._hot

    def collect(
        self, time: Column, series: Column, severity: Column, row: Column | None = None
    ) -> None:
        """Take what may be a burst from a slab of rows that was added.

        Args:
            time: see `add`.
            series: see `add`.
            severity: 0 to 127, shape (n,).
            row: numbers of the rows, int64, shape (n,); None where they are numbered from 0 through
                all slabs.
        """
        import numpy as np

        from . import _burst_kernel as kernel

        held = self._held()
        if len(time) == 0:
            return
        time, series = frozen(time, np.int64), frozen(series, np.int32)
        work = partial(kernel.collect, time, series, frozen(severity, np.int8))
        settings = (self._start, self._width, self._fewest, held.hot, held.slot_of)
        parts = in_threads(lambda a, b: work(a, b, *settings, len(held.slots)), self._runs(time))
        cells = np.concatenate([part for part, _ in parts])
        place = cells[:, kernel.ROW]
        cells[:, kernel.ROW] = place + self._rows if row is None else np.asarray(row)[place]
        self._rows += len(time)
        for _, others in parts:
            held.others += others
        held.take(cells, (int(time[-1]) - self._start) // self._width)

    def found(self) -> pl.DataFrame:
        """Return one row a burst, by series and time: series and what `Search.found` tells."""
        import polars as pl

        from . import _burst_kernel as kernel

        held = self._held()
        cells = held.settled()
        bursts = kernel.stretches(
            cells, held.others, held.earliest, self._buckets, self._fewest,
            _JOIN * self._width, self._new,
        )  # fmt: skip
        table = pl.DataFrame(bursts, schema=["series", *_COLUMNS], orient="row")
        return table.with_columns(
            pl.Series("series", held.slots[bursts[:, kernel.SLOT]], pl.Int32),
            pl.col("baseline") / 2,
            pl.col("novel") > 0,
        )

    def _grow(self, series: int) -> None:
        import numpy as np

        more = series - len(self._hot)
        if more > 0:
            self._hot = np.pad(self._hot, (0, more))

    def _widen(self, rows: int) -> None:
        """Make so many places for what was seen that few of a bucket's rows will share one."""
        import numpy as np

        wanted = min(max(_PLACES * rows, _FEW_PLACES), len(self._hot))
        more = (1 << (max(wanted, 1) - 1).bit_length()) // len(self._seen)
        if more > 1:
            self._seen = np.tile(self._seen, more)  # the place of each series has what it had

    def _held(self) -> _Collected:
        if self._collected is None:
            self._collected = _Collected(self._hot, self._fewest)
        return self._collected

    def _runs(self, time: Ints) -> list[tuple[int, int]]:
        """Cut rows for the threads, where a bucket begins."""
        import numpy as np

        shares = min(threads(), max(1, len(time) // _SHARE))
        cuts = {0, len(time)}
        for share in range(1, shares):
            bucket = (int(time[len(time) * share // shares]) - self._start) // self._width
            cuts.add(int(np.searchsorted(time, self._start + bucket * self._width)))
        return list(itertools.pairwise(sorted(cuts)))


class _Collected:
    """What is kept of the series that are hot."""

    def __init__(self, hot: npt.NDArray[np.bool_], fewest: int) -> None:
        import numpy as np

        from . import _burst_kernel as kernel

        self.slots = np.flatnonzero(hot)
        """The series of each slot."""
        slot_of = np.full(len(hot), -1, np.int32)
        slot_of[self.slots] = np.arange(len(self.slots))
        self.slot_of = frozen(slot_of)
        self.hot = frozen(np.packbits(hot, bitorder="little"))
        self.others = np.zeros((len(self.slots), fewest), np.int32)
        self.earliest = np.full(len(self.slots), 2**63 - 1)
        self._cells = [np.empty((0, kernel.CELL), np.int64)]
        self._frontier = 0

    def take(self, cells: Ints, frontier: int) -> None:
        """Take cells; the last of them are in the bucket ``frontier``, which may still grow."""
        self._cells.append(cells)
        self._frontier = frontier
        if sum(map(len, self._cells[1:])) > _PENDING + len(self._cells[0]):
            self.settled()

    def settled(self) -> Ints:
        """Put all cells together and return those that are left."""
        import numpy as np

        from . import _burst_kernel as kernel

        whole = np.concatenate(self._cells)
        self._cells = [kernel.settle(whole, self.others, self.earliest, self._frontier)]
        return self._cells[0]
