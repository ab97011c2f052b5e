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

from ._shares import even, evenly, frozen, in_threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Column = npt.NDArray[Any]

SLAB = 65_536
"""Rows; their packed times fill half a megabyte."""
_SAMPLES = 16  # of each stream for a slab's worth of rows
_BITS = 64
_NARROW = 2**31


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

    rows, _ = _Streams(time, stream, correction).merged(slab)
    return rows.astype(np.int64, copy=False)


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

    from . import _order_kernel as kernel

    rows, times = _Streams(time, stream, correction).merged(slab)
    found = [np.empty(len(column), column.dtype) for column in columns]
    # Columns of one width are copied by the same compiled code, whatever their values mean.
    pairs = [(frozen(_words(a)), _words(b)) for a, b in zip(columns, found, strict=True)]

    def gather(first: int, stop: int) -> None:
        for column, out in pairs:
            kernel.gather(column, rows[first:stop], out[first:stop])

    in_threads(gather, evenly(len(rows)))
    return times, found


def _words(column: Column) -> Column:
    """View values of 1, 2, 4 or 8 bytes as unsigned numbers of that width."""
    return column.view(f"u{column.dtype.itemsize}")


class _Streams:
    """Rows that stand stream by stream, each stream in the order of its true time."""

    def __init__(self, time: Column, stream: Column, correction: Correction | None) -> None:
        import numpy as np

        from . import _order_kernel as kernel

        code = frozen(stream)
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

    def merged(self, slab: int) -> tuple[Column, Ints]:
        """Sort slab by slab, in threads.

        Args:
            slab: about how many rows are sorted at once.

        Returns:
            The rows in order (int32 where that is enough) and their true times, both of shape (n,).
        """
        import numpy as np

        from . import _order_kernel as kernel

        cuts = kernel.cuts(self._true, self._starts, self._bounds(slab))
        firsts = np.concatenate([[0], (cuts[1:] - cuts[:-1]).sum(axis=1).cumsum()])
        n = len(self._true)
        rows, times = np.empty(n, np.int32 if n < _NARROW else np.int64), np.empty(n, np.int64)

        def work(first: int, stop: int) -> None:
            # The same room for slab after slab: fresh memory costs as much as the work in it.
            most = int(np.diff(firsts[first : stop + 1]).max())
            packed, own = np.empty(most, np.uint64), np.empty(most, rows.dtype)
            for i in range(first, stop):
                a, b = int(firsts[i]), int(firsts[i + 1])
                if a < b:
                    room = packed[: b - a], own[: b - a]
                    self._sort(cuts[i], cuts[i + 1], *room, rows[a:b], times[a:b])

        in_threads(work, even(firsts))
        return rows, times

    def _bounds(self, slab: int) -> Ints:
        """Choose the times between slabs of about so many rows, by samples of every stream."""
        import numpy as np

        true, starts = self._true, self._starts
        step = max(1, slab // _SAMPLES)
        slabs = max(1, len(true) // slab)
        samples = [true[a:b:step] for a, b in itertools.pairwise(starts.tolist())]
        held = np.sort(np.concatenate([true[:0], *samples]))
        return np.unique(held[np.arange(1, slabs) * len(held) // slabs])

    def _sort(
        self, begin: Ints, end: Ints, packed: Column, own: Column, rows: Column, times: Ints
    ) -> None:
        """Sort a slab: each stream's places from begin to end, both of shape (streams,).

        Args:
            begin: the first place of each.
            end: the place to stop before.
            packed: to work in, one number a row.
            own: to work in, one number a row.
            rows: takes the rows in order.
            times: takes their times.
        """
        import numpy as np

        from . import _order_kernel as kernel

        earliest, latest = kernel.span(self._true, begin, end)
        bits = (len(rows) - 1).bit_length()
        kernel.pack(self._true, self._rows, begin, end, earliest, bits, packed, own)
        if (latest - earliest).bit_length() + bits > _BITS:
            # So much time in so few rows: no vector sort, but the same order.
            whole = np.concatenate([self._true[a:b] for a, b in zip(begin, end, strict=True)])
            order = np.argsort(whole, kind="stable")
            rows[:], times[:] = own[order], whole[order]
        else:
            packed.sort()
            kernel.unpack(packed, earliest, bits, own, rows, times)


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
