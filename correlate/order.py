"""Many streams in one order of time, each by its own clock's correction.

The order is by (true time, stream, place within the stream). Streams are cut into slabs of time
that fit the processor's cache; in each, a row's time and rank are packed into one 64-bit number,
and those are sorted by NumPy's vector instructions. As no two of them are equal, a sort that is not
stable gives the stable order, and a slab's size changes nothing.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ._shares import even, frozen, in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Column = npt.NDArray[Any]

SLAB = 65_536
"""Rows; their packed times fill half a megabyte."""
_SAMPLES = 16  # of each stream for a slab's worth of rows
_BITS = 64


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

    streams = _Streams(time, stream, correction)
    order = np.empty(len(time), np.int64)

    def write(first: int, rows: Ints, _: Ints) -> None:
        order[first : first + len(rows)] = rows

    streams.merge(write, slab)
    return order


def ordered(
    columns: Sequence[Column],
    time: Column,
    stream: Column,
    correction: Correction | None = None,
    *,
    slab: int = SLAB,
) -> tuple[Ints, list[Column]]:
    """Bring columns of numbers into the order that `permutation` finds, without writing it down.

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

    from . import _order_kernel as kernel

    streams = _Streams(time, stream, correction)
    times = np.empty(len(time), np.int64)
    found = [np.empty(len(column), column.dtype) for column in columns]
    # Columns of one width are copied by the same compiled code, whatever their values mean.
    pairs = [
        (frozen(_words(column)), _words(out)) for column, out in zip(columns, found, strict=True)
    ]

    def write(first: int, rows: Ints, true: Ints) -> None:
        stop = first + len(rows)
        times[first:stop] = true
        for column, out in pairs:
            kernel.gather(column, rows, out[first:stop])

    streams.merge(write, slab)
    return times, found


def _words(column: Column) -> Column:
    """View values of 1, 2, 4 or 8 bytes as unsigned numbers of that width."""
    return column.view(f"u{column.dtype.itemsize}")


class _Streams:
    """Rows that stand stream by stream, each stream in the order of its true time."""

    def __init__(self, time: Column, stream: Column, correction: Correction | None) -> None:
        import numpy as np

        from . import _order_kernel as kernel

        code = frozen(stream, np.int32)
        starts, together = kernel.counted(code)
        self._starts: Ints = starts
        # Without rows, every place is its own row.
        self._rows: Ints = np.empty(0, np.int64) if together else kernel.grouped(code, starts)
        self._true: Ints = np.empty(len(code), np.int64)
        self._correct(frozen(time, np.int64), correction)

    def _correct(self, time: Ints, correction: Correction | None) -> None:
        """Write the true times, and sort the streams that they are not in the order of."""
        import numpy as np

        from . import _order_kernel as kernel

        none = np.zeros(len(self._starts) - 1, np.int64)
        known = correction or Correction(none, none)
        offset, drift = (_covering(c, len(none)) for c in (known.offset, known.drift))
        local = time[self._rows] if len(self._rows) else time
        work = partial(
            kernel.correct, frozen(local), self._starts, offset, drift, known.origin, self._true
        )
        wrong = np.concatenate(in_threads(work, even(self._starts)))
        if wrong.any() and not len(self._rows):
            self._rows = np.arange(len(self._true))
        for stream in np.flatnonzero(wrong):
            own = slice(*self._starts[stream : stream + 2])
            order = np.argsort(self._true[own], kind="stable")
            self._true[own], self._rows[own] = self._true[own][order], self._rows[own][order]

    def merge(self, write: Callable[[int, Ints, Ints], None], slab: int) -> None:
        """Sort slab by slab, in threads; write is given a slab's first place, rows and times."""
        import numpy as np

        from . import _order_kernel as kernel

        cuts = kernel.cuts(self._true, self._starts, self._bounds(slab))
        firsts = np.concatenate([[0], (cuts[1:] - cuts[:-1]).sum(axis=1).cumsum()])

        def work(first: int, stop: int) -> None:
            room = np.empty((4, int(np.diff(firsts[first : stop + 1]).max())), np.int64)
            for i in range(first, stop):
                if firsts[i] < firsts[i + 1]:
                    write(int(firsts[i]), *self._sorted(cuts[i], cuts[i + 1], room))

        in_threads(work, even(firsts))

    def _bounds(self, slab: int) -> Ints:
        """Choose the times between slabs of about so many rows, by samples of every stream."""
        import numpy as np

        true, starts = self._true, self._starts
        step = max(1, slab // _SAMPLES)
        slabs = max(1, len(true) // slab)
        samples = [true[a:b:step] for a, b in itertools.pairwise(starts.tolist())]
        held = np.sort(np.concatenate([true[:0], *samples]))
        return np.unique(held[np.arange(1, slabs) * len(held) // slabs])

    def _sorted(self, begin: Ints, end: Ints, room: Ints) -> tuple[Ints, Ints]:
        """Sort a slab, each stream's places from begin to end, into rows and their times.

        Room to work in, shape (4, at least the slab's rows), is used for slab after slab: fresh
        memory costs as much as the work on it.
        """
        import numpy as np

        from . import _order_kernel as kernel

        own, rows, times, numbers = room[:, : int((end - begin).sum())]
        kernel.listed(self._rows, begin, end, own)
        earliest, latest = kernel.span(self._true, begin, end)
        bits = (len(own) - 1).bit_length()
        if (latest - earliest).bit_length() + bits > _BITS:
            # So much time in so few rows: no vector sort, but the same order.
            parts = [self._true[a:b] for a, b in zip(begin, end, strict=True)]
            np.concatenate(parts, out=times)
            order = np.argsort(times, kind="stable")
            return own[order], times[order]
        packed = numbers.view(np.uint64)
        kernel.pack(self._true, begin, end, earliest, bits, packed)
        packed.sort()
        kernel.unpack(packed, earliest, bits, own, rows, times)
        return rows, times


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
