"""Evidence join: for each moment, what the same entity logged shortly before and after it.

How many rows of each severity, the commonest templates, and the rows nearest in time, worst
severities first. A busy entity has thousands of rows in every window and its windows overlap, so
pairs of moment and row are never made:

1. one pass over the logs keeps the rows inside the union of their entity's windows;
2. these alone are ordered, by entity, severity and time;
3. a window slides over each entity's moments; rows are counted as they enter and leave it.

All of it is whole numbers with every tie broken, and each moment's answer hangs on its own window
alone: any number of threads, and any slab of time that holds the windows whole, give the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

_T = TypeVar("_T")
_S = TypeVar("_S", bound="np.generic")

_ROWS_A_THREAD = 250_000
"""Below this many rows a thread costs more than it brings."""
_SHARES = 4
"""Pieces of work a thread, so that one slow piece does not hold up the rest."""
_MOST_ROWS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Logs:
    """Columns of a table of events in the order of time, each of shape (n,)."""

    time: npt.NDArray[np.int64]
    entity: npt.NDArray[np.int32]
    """Codes from 0; anything negative is no entity."""
    severity: npt.NDArray[np.int8]
    """Levels from 0, worse is higher."""
    template: npt.NDArray[np.int32]
    """Codes from 0."""
    kind: npt.NDArray[np.int8]
    """Only rows of kind `wanted` are logs; the others are passed over."""
    wanted: int = 0


@dataclass(frozen=True, slots=True)
class Moments:
    """What to look around, in any order, each of shape (m,)."""

    time: npt.NDArray[np.int64]
    entity: npt.NDArray[np.int32]
    """Codes as those of the logs."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was logged around each moment; a row a moment, in their order."""

    counts: npt.NDArray[np.int32]
    """Rows of each severity, shape (m, levels)."""
    templates: npt.NDArray[np.int32]
    """The commonest, equal counts by code, shape (m, top); -1 where there are no more."""
    template_counts: npt.NDArray[np.int32]
    """How many rows are of them, shape (m, top)."""
    exemplars: npt.NDArray[np.int64]
    """Positions of rows: worst severity, then nearest in time, then first; -1 for no more."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How far to look and how much to say."""

    reach: int
    """How far a window goes to either side, both ends within; in the unit of the times."""
    levels: int
    """How many severities there are."""
    top: int = 5
    """How many templates are told."""
    exemplars: int = 3
    """How many rows are told."""


def around(moments: Moments, logs: Logs, shape: Shape, threads: int = 1) -> Surroundings:
    """Tell for each moment what its entity logged in ``[time - reach, time + reach]``.

    Args:
        moments: what to look around.
        logs: all there is to see; read-only arrays, such as Arrow's, are taken as they are.
        shape: how far to look and how much to say.
        threads: how many to work with; a short table takes fewer.

    Raises:
        ValueError: the logs are out of order, hold a severity or template that is no code, or are
            too many.
    """
    import numpy as np

    size = len(moments.time)
    found = Surroundings(
        np.zeros((size, shape.levels), np.int32),
        np.full((size, shape.top), -1, np.int32),
        np.zeros((size, shape.top), np.int32),
        np.full((size, shape.exemplars), -1, np.int64),
    )
    if len(logs.time) > _MOST_ROWS:
        msg = f"{len(logs.time):,} rows are more than {_MOST_ROWS:,}; cut them into slabs of time"
        raise ValueError(msg)
    ordered = _Ordered.of(moments)
    if len(ordered.time) == 0 or len(logs.time) == 0:
        return found
    with ThreadPoolExecutor(threads) as pool:
        work = _Work(pool, min(threads, 1 + len(logs.time) // _ROWS_A_THREAD))
        kept = _keep(work, logs, shape, ordered)
        index, cells = _index(work, logs, shape, kept)
        del kept.rows[:]
        _slide(work, shape, ordered, kept.templates, index, cells, found)
    return found


@dataclass(frozen=True, slots=True)
class _Ordered:
    """The moments by entity and then by time, without those on no entity; read-only."""

    time: npt.NDArray[np.int64]
    entity: npt.NDArray[np.int32]
    place: npt.NDArray[np.int64]
    """Where each was."""
    starts: npt.NDArray[np.int64]
    """Where each entity's begin, shape (entities + 1,)."""

    @classmethod
    def of(cls, moments: Moments) -> _Ordered:
        import numpy as np

        place = np.lexsort((moments.time, moments.entity)).astype(np.int64)
        place = place[moments.entity[place] >= 0]
        entity = moments.entity[place]
        codes = np.arange(int(entity[-1]) + 2 if len(entity) else 1)
        starts = np.searchsorted(entity, codes).astype(np.int64)
        return cls(_sealed(moments.time[place]), _sealed(entity), _sealed(place), _sealed(starts))


class _Work:
    """Runs pieces of work side by side, or in this thread where there is but one to do it."""

    def __init__(self, pool: ThreadPoolExecutor, threads: int) -> None:
        self.threads = threads
        self._pool = pool

    def run(self, work: Callable[[int, int], _T], cuts: Sequence[int]) -> list[_T]:
        """Call work for every stretch between two cuts; the answers come in their order."""
        if self.threads > 1:
            return list(self._pool.map(work, cuts[:-1], cuts[1:]))
        return [work(*cut) for cut in pairwise(cuts)]


@dataclass(frozen=True, slots=True)
class _Kept:
    """The rows in the union of the windows, by stretch of the table."""

    rows: list[npt.NDArray[np.int32]]
    sizes: npt.NDArray[np.int64]
    """Rows of each cell and stretch, shape (cells, stretches)."""
    templates: int


def _keep(work: _Work, logs: Logs, shape: Shape, moments: _Ordered) -> _Kept:
    """Pass once over the logs and keep what lies in a window."""
    import numpy as np

    from . import _evidence_kernel

    time, entity, kind = _sealed(logs.time), _sealed(logs.entity), _sealed(logs.kind)
    severity, template = _sealed(logs.severity), _sealed(logs.template)

    def keep(first: int, stop: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], int]:
        rows = np.empty(stop - first, np.int32)
        count = _evidence_kernel.keep(
            *(first, time[first:stop], entity[first:stop], kind[first:stop], logs.wanted),
            *(moments.time, moments.starts, shape.reach, rows),
        )
        if count < 0:
            _refuse_order(logs.time[first:stop], first)
        # A view would hold on to memory for all of the stretch's rows.
        rows = _sealed(rows[:count].copy())
        sizes = np.zeros((len(moments.starts) - 1) * shape.levels, np.int64)
        greatest = _evidence_kernel.tally(rows, entity, severity, template, shape.levels, sizes)
        if greatest < -1:
            _refuse_codes(logs, shape, -2 - greatest)
        return rows, sizes, greatest

    size = len(logs.time)
    cuts = [size * piece // work.threads for piece in range(work.threads + 1)]
    for cut in cuts[1:-1]:
        _refuse_order(logs.time[cut - 1 : cut + 1], cut - 1)
    parts = work.run(keep, cuts)
    return _Kept(
        [rows for rows, _, _ in parts],
        np.stack([sizes for _, sizes, _ in parts], axis=1),
        1 + max(greatest for _, _, greatest in parts),
    )


def _refuse_order(time: npt.NDArray[np.int64], first: int) -> None:
    """Raise if a time is earlier than the one before; first is the position of the first."""
    import numpy as np

    falls = np.flatnonzero(time[1:] < time[:-1])
    if len(falls):
        row = first + int(falls[0]) + 1
        msg = f"row {row} is earlier than the one before it; sort the logs by time"
        raise ValueError(msg)


def _refuse_codes(logs: Logs, shape: Shape, row: int) -> None:
    msg = (
        f"row {row} has severity {logs.severity[row]} and template {logs.template[row]}; "
        f"allowed are severities from 0 to {shape.levels - 1} and templates from 0"
    )
    raise ValueError(msg)


def _index(
    work: _Work, logs: Logs, shape: Shape, kept: _Kept
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Order what was kept by cell and time; return it with the start of each cell, read-only."""
    import numpy as np

    from . import _evidence_kernel

    ends = np.cumsum(kept.sizes).reshape(kept.sizes.shape)
    free = np.ascontiguousarray((ends - kept.sizes).T)  # each stretch has its own places in a cell
    cells = np.concatenate([free[0], ends[-1:, -1]])
    index = np.empty((int(cells[-1]), 2), np.int64)
    time, entity = _sealed(logs.time), _sealed(logs.entity)
    severity, template = _sealed(logs.severity), _sealed(logs.template)

    def order(part: int, _: int) -> None:
        rows = kept.rows[part]
        _evidence_kernel.order(
            rows, time, entity, severity, template, shape.levels, free[part], index
        )

    work.run(order, range(len(kept.rows) + 1))
    return _sealed(index), _sealed(cells)


def _slide(
    work: _Work,
    shape: Shape,
    moments: _Ordered,
    templates: int,
    index: npt.NDArray[np.int64],
    cells: npt.NDArray[np.int64],
    found: Surroundings,
) -> None:
    """Fill in what is found, sharing the moments out.

    An entity's rows are taken as spread evenly over its moments, so that the moments of one busy
    entity can be shared out too.
    """
    import numpy as np

    from . import _evidence_kernel

    def slide(first: int, stop: int) -> None:
        _evidence_kernel.slide(
            first,
            stop,
            moments.time,
            moments.entity,
            moments.place,
            shape.reach,
            shape.levels,
            templates,
            index,
            cells,
            found.counts,
            found.templates,
            found.template_counts,
            found.exemplars,
        )

    of_entity = np.diff(moments.starts)
    weight = np.repeat(np.diff(cells[:: shape.levels]) / np.maximum(of_entity, 1), of_entity)
    total = np.cumsum(weight)
    pieces = work.threads * _SHARES if work.threads > 1 else 1
    inner = np.searchsorted(total, float(total[-1]) * np.arange(1, pieces) / pieces)
    work.run(slide, [0, *map(int, inner), len(weight)])


def _sealed(array: npt.NDArray[_S]) -> npt.NDArray[_S]:
    """Give a read-only view: numba then compiles once, for Arrow's buffers and for any other."""
    view = array.view()
    view.flags.writeable = False
    return view
