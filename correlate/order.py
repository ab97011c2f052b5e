"""Many streams in one order of time, each by its own clock's correction.

The order is by (true time, stream, place within the stream). Streams are cut into slabs of time
that fit the processor's cache; in each, a row's time and rank are packed into one 64-bit number.
Those are sorted into buckets of time, two for each row, or by NumPy's vector instructions where
most times fall into few of them. As no two of the numbers are equal, a sort that is not stable
gives the stable order, and a slab's size changes nothing. All that is done with a slab's rows is
done while they are in the cache, and times are corrected where they are looked at: memory that is
written for the first time costs as much as the sorting.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ._shares import even, frozen, in_threads, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Column = npt.NDArray[Any]

SLAB = 32_768
"""Rows; what is made of them in a slab fills a megabyte."""
_SAMPLES = 16  # of each stream for a slab's worth of rows
_BITS = 64
_NARROW = 2**16
_FINER = 1  # as a power of 2: buckets of a slab for each of its rows


@dataclass(frozen=True, slots=True)
class Correction:
    """What takes the times of each stream's clock to the true time.

    A clock is off by ``offset + floor((time - origin) * drift / 10**6)``, which is taken off its
    times; all are in the unit of the times.
    """

    offset: Ints
    """How far each stream's clock is ahead at the origin, shape (streams,)."""
    drift: Ints
    """How much it gains, in parts per million, shape (streams,)."""
    origin: int = 0


def permutation(
    time: Column, stream: Column, correction: Correction | None = None, *, slab: int = SLAB
) -> Ints:
    """Find the order of rows by (true time, stream, row).

    Args:
        time: int64, shape (n,), none of them null; each stream's are best in order, but need not.
        stream: codes from 0, shape (n,); rows of one stream need not stand together.
        correction: of each stream's clock; None where the times are true.
        slab: about how many rows are sorted at once.

    Returns:
        The rows in their order, shape (n,).
    """
    import numpy as np

    found = np.empty(len(time), np.int64)
    _Streams(time, stream, correction).merged(slab, lambda rows: rows.places(found))
    return found


def ordered(
    columns: Sequence[Column],
    time: Column,
    stream: Column,
    correction: Correction | None = None,
    *,
    slab: int = SLAB,
) -> tuple[Ints, list[Column]]:
    """Bring columns of numbers into the order that `permutation` finds.

    Args:
        columns: each of shape (n,).
        time: see `permutation`.
        stream: see `permutation`.
        correction: see `permutation`.
        slab: see `permutation`.

    Returns:
        The true times and the columns, in order.
    """
    import numpy as np

    found = [np.empty(len(column), column.dtype) for column in columns]
    # Columns of one width are copied by the same compiled code, whatever their values mean.
    pairs = [(frozen(_words(a)), _words(b)) for a, b in zip(columns, found, strict=True)]

    def take(rows: _Slab) -> None:
        for column, out in pairs:
            rows.gather(column, out)

    return _Streams(time, stream, correction).merged(slab, take), found


def _words(column: Column) -> Column:
    """View values of 1, 2, 4 or 8 bytes as unsigned numbers of that width."""
    return column.view(f"u{column.dtype.itemsize}")


class _Streams:
    """Rows that stand stream by stream, each stream in the order of its true time."""

    def __init__(self, time: Column, stream: Column, correction: Correction | None) -> None:
        import numpy as np

        from . import _order_kernel as kernel

        code, local = frozen(stream), frozen(time, np.int64)
        starts, together = kernel.counted(code)
        # Without rows, every place is its own row.
        rows: Ints = np.empty(0, np.int64) if together else kernel.grouped(code, starts)
        none = np.zeros(len(starts) - 1, np.int64)
        known = correction or Correction(none, none)
        self._starts: Ints = starts
        offset, drift = (_covering(c, len(none)) for c in (known.offset, known.drift))
        self._clocks: tuple[Ints, Ints, int] = offset, drift, known.origin
        self._local, self._rows = self._sorted(local[rows] if len(rows) else local, rows)

    def _sorted(self, local: Ints, rows: Ints) -> tuple[Ints, Ints]:
        """Sort the streams that are not in the order of their true times; all read-only."""
        import numpy as np

        from . import _order_kernel as kernel

        offset, drift, origin = self._clocks
        look = partial(kernel.disordered, frozen(local), self._starts, drift)
        wrong = np.flatnonzero(np.concatenate(in_threads(look, even(self._starts))))
        if len(wrong):
            local = local.copy()
            rows = rows if len(rows) else np.arange(len(local))
        for stream in wrong:
            own = slice(*self._starts[stream : stream + 2])
            true = kernel.corrected(frozen(local[own]), offset[stream], drift[stream], origin)
            order = np.argsort(true, kind="stable")
            local[own], rows[own] = local[own][order], rows[own][order]
        return frozen(local), frozen(rows)

    def merged(self, slab: int, take: Callable[[_Slab], None]) -> Ints:
        """Sort slab by slab, in threads.

        Args:
            slab: about how many rows are sorted at once.
            take: called by the threads with each slab.

        Returns:
            The true times in order, shape (n,).
        """
        import numpy as np

        cuts = self._cuts(self._bounds(slab))
        firsts = np.concatenate([[0], (cuts[1:] - cuts[:-1]).sum(axis=1).cumsum()])
        times = np.empty(len(self._local), np.int64)
        # The same room for slab after slab: fresh memory costs as much as the work in it.
        rooms = [_Room(int(np.diff(firsts).max())) for _ in range(threads())]

        def work(first: int, stop: int) -> None:
            room = rooms.pop()
            for i in range(first, stop):
                a, b = int(firsts[i]), int(firsts[i + 1])
                if a < b:
                    spans = cuts[i], cuts[i + 1]
                    ranks = self._sort(*spans, room, times[a:b])
                    take(_Slab(a, b, self._rows, spans, ranks, room.packed))
            rooms.append(room)

        in_threads(work, even(firsts))
        return times

    def _bounds(self, slab: int) -> Ints:
        """Choose the times between slabs of about so many rows, by samples of every stream."""
        import numpy as np

        from . import _order_kernel as kernel

        offset, drift, origin = self._clocks
        step = max(1, slab // _SAMPLES)
        slabs = max(1, len(self._local) // slab)
        samples = [np.empty(0, np.int64)]
        for stream, (a, b) in enumerate(itertools.pairwise(self._starts.tolist())):
            some = frozen(self._local[a:b:step])
            samples.append(kernel.corrected(some, offset[stream], drift[stream], origin))
        held = np.sort(np.concatenate(samples))
        return np.unique(held[np.arange(1, slabs) * len(held) // slabs])

    def _cuts(self, bounds: Ints) -> Ints:
        """Find where each stream reaches each bound in time, in threads; see `kernel.cuts`."""
        import numpy as np

        from . import _order_kernel as kernel

        find = partial(kernel.cuts, self._local, self._starts, *self._clocks, bounds)
        return np.concatenate(in_threads(find, even(self._starts)), axis=1)

    def _sort(self, begin: Ints, end: Ints, room: _Room, times: Ints) -> Column:
        """Sort a slab: each stream's places from begin to end, both of shape (streams,).

        Args:
            begin: the first place of each.
            end: the place to stop before.
            room: to work in.
            times: takes the times in order.

        Returns:
            The ranks of the rows by (stream, place), in order; a part of the room.
        """
        from . import _order_kernel as kernel

        n = len(times)
        earliest, latest = kernel.span(self._local, *self._clocks, begin, end)
        width, bits = (latest - earliest).bit_length(), (n - 1).bit_length()
        packed, ordered, ranks = room.packed[:n], room.ordered[:n], room.ranks[:n]
        if width + bits > _BITS:
            # So much time in so few rows: it does not fit beside a rank, but the order is the same.
            return self._argsorted(begin, end, ranks, times)
        shift = max(0, width - bits - _FINER)
        counts = room.counts[: (latest - earliest >> shift) + 1]
        kernel.pack(self._local, *self._clocks, begin, end, earliest, bits, shift, packed, counts)
        if not kernel.sort(packed, shift + bits, counts, ordered):
            packed.sort()
            ordered = packed
        kernel.unpack(ordered, earliest, bits, ranks, times)
        return ranks

    def _argsorted(self, begin: Ints, end: Ints, ranks: Column, times: Ints) -> Column:
        """Sort a slab by its times alone; see `_sort`."""
        import numpy as np

        from . import _order_kernel as kernel

        offset, drift, origin = self._clocks
        spans: list[tuple[int, int]] = list(zip(begin.tolist(), end.tolist(), strict=True))
        true = [
            kernel.corrected(self._local[a:b], offset[stream], drift[stream], origin)
            for stream, (a, b) in enumerate(spans)
        ]
        whole = np.concatenate(true)
        ranks[:] = np.argsort(whole, kind="stable")
        times[:] = whole[ranks]
        return ranks


class _Room:
    """What a thread works in, for slabs of so many rows at most."""

    def __init__(self, most: int) -> None:
        import numpy as np

        rank = np.uint16 if most < _NARROW else np.uint32
        self.packed, self.ordered = np.empty(most, np.uint64), np.empty(most, np.uint64)
        self.ranks: Column = np.empty(most, rank)
        self.counts: Column = np.zeros(1 << (max(most, 1) - 1).bit_length() + _FINER, rank)


@dataclass(frozen=True, slots=True)
class _Slab:
    """The rows of a stretch of time, in order."""

    first: int
    """The place of the first of them in the whole order."""
    stop: int
    """The place after the last."""
    rows: Ints
    """The row in each place of the streams, or none where every place is its own row."""
    spans: tuple[Ints, Ints]
    """The first place of each stream and the one to stop before, each of shape (streams,)."""
    ranks: Column
    """Of the rows by (stream, place), in order, shape (stop - first,)."""
    room: Column
    """Takes as many numbers of 64 bits while rows are put together."""

    def gather(self, column: Column, out: Column) -> None:
        """Write what the rows hold of a column to their places in the whole order."""
        from . import _order_kernel as kernel

        held, here = self.room.view(column.dtype), out[self.first : self.stop]
        kernel.gather(column, self.rows, *self.spans, self.ranks, held, here)

    def places(self, out: Ints) -> None:
        """Write the rows themselves to their places in the whole order."""
        from . import _order_kernel as kernel

        held, here = self.room.view(out.dtype), out[self.first : self.stop]
        kernel.places(self.rows, *self.spans, self.ranks, held, here)


def _covering(figures: Ints, streams: int) -> Ints:
    """Return the correction's figures as kernels take them.

    Raises:
        ValueError: there are fewer of them than streams.
    """
    import numpy as np

    if len(figures) < streams:
        msg = f"{streams} streams, but corrections of {len(figures)}: give each stream one, or 0"
        raise ValueError(msg)
    return frozen(figures, np.int64)
