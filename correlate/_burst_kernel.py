"""The kernels of `bursts`: two passes over rows in the order of time, then what stands out.

A *cell* is a series' records in one bucket of time. It is *loud* where it alone may be a burst:
where it has the fewest records that a burst may have. Loud cells and their neighbours are written
out; of all others only how many records they had is kept, as a histogram.
(Imports numba.)
"""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

from ._selection_kernel import select

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Levels = npt.NDArray[np.int8]
Bits = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.uint16]

CELL = 7
"""Columns of a cell: slot, bucket, records, first and last time, highest severity, first row."""
SLOT, _BUCKET, _COUNT, _FIRST, _LAST, _SEVERITY, ROW = range(CELL)
BURST = 9
"""Columns of a burst: slot, first and last time, records, those of its fullest bucket, twice the
median of a bucket, highest severity, first row, and whether nothing came before it."""
_TOLD = SLOT  # a series' own cells need no slot: there, whether the cell is written out
_LOUD = 2  # of a cell that is written out and brings its neighbours along

_ONE = np.uint16(1)
_LOWEST = -(2**63)
_BLOCK = 4096  # rows
_UNIT = 10_000
_DEVIATIONS = 6 * 14_826  # of a normal distribution, in units: six times 1.4826 median deviations


@kernel()
def mark_hot(
    time: Ints, series: Codes, first: int, stop: int, start: int, width: int, fewest: int,
    counted: int, seen: Counts, hot: npt.NDArray[np.bool_],
) -> int:  # fmt: skip
    """Mark the series that have a cell of at least so many records.

    Args:
        time: in order, shape (n,).
        series: codes from 0; rows below 0 are left out.
        first: the first row to look at.
        stop: the row to stop before.
        start: where bucket 0 begins.
        width: of a bucket.
        fewest: records that make a series hot; at most 65,535.
        counted: the bucket that ``seen`` has counted so far.
        seen: records in a bucket by place, which is the last bits of a series. Those that share one
            are taken for one, which at worst makes a series hot for nothing; in return the table
            stays in the cache. As long as a power of 2; carried from slab to slab.
        hot: one a series; set to True, never to False.

    Returns:
        The bucket that ``seen`` has counted now.
    """
    last = np.uint32(seen.shape[0] - 1)
    listed = np.empty(_BLOCK, np.uint32)
    begin = until = first
    while begin < stop:
        bucket = (time[begin] - start) // width
        if bucket != counted:
            seen[:] = 0
            counted = bucket
        until = _reaching(time, begin, stop, start + (bucket + 1) * width, until - begin)
        for block in range(begin, until, _BLOCK):
            found = np.uint64(0)
            for i in range(block, min(block + _BLOCK, until)):
                s = series[i]
                if s < 0:
                    continue
                place = np.uint32(s) & last
                count = seen[place] + _ONE
                seen[place] = count
                # Listed without a branch, as it comes without a warning.
                listed[found] = s
                found += np.uint64(count >= fewest)
            for k in range(int(found)):
                if not hot[listed[k]]:  # what is written again and again, other threads wait for
                    hot[listed[k]] = True
        begin, until = until, 2 * until - begin
    return counted


@kernel()
def _reaching(time: Ints, first: int, stop: int, end: int, step: int) -> int:
    """Find the first row at or after a time, looking about so many rows on."""
    low, step = first, max(1, step)
    high = low + step
    while high < stop and time[high] < end:
        low, step = high + 1, 2 * step
        high = low + step
    high = min(high, stop)
    while low < high:
        middle = (low + high) // 2
        if time[middle] < end:
            low = middle + 1
        else:
            high = middle
    return low


@kernel()
def _pick(
    time: Ints, series: Codes, first: int, stop: int, hot: Bits, slot_of: Codes,
    picked: Ints, times: Ints, slots: Codes,
) -> int:  # fmt: skip
    """List the rows of hot series with their times and slots, and count them.

    There is no branch that none could foresee, so that memory is asked for many rows at once.
    """
    found = np.uint64(0)  # an index without a sign cannot count from the end
    for i in range(first, stop):
        picked[found] = i
        s = series[i]
        at = np.uint32(max(s, 0))
        bit = hot[at >> np.uint32(3)] >> (at & np.uint32(7)) & np.uint32(1)
        found += np.uint64(bit & np.uint32(s >= 0))
    for k in range(int(found)):
        row = np.uint64(picked[k])
        times[k] = time[row]
        slots[k] = slot_of[np.uint64(series[row])]
    return int(found)


@kernel()
def collect(
    time: Ints, series: Codes, severity: Levels, first: int, stop: int,
    start: int, width: int, fewest: int, hot: Bits, slot_of: Codes, slots: int,
) -> tuple[Ints, Codes]:  # fmt: skip
    """Write out the loud cells of hot series, with what may belong to them.

    The first and the last cell of each series are written out with their neighbours too, as they
    may go on, or have a neighbour, in other rows than these.

    Args:
        time: in order, shape (n,).
        series: codes from 0; rows below 0 are left out.
        severity: shape (n,).
        first: the first row to look at.
        stop: the row to stop before.
        start: where bucket 0 begins.
        width: of a bucket.
        fewest: records that make a cell loud.
        hot: one bit a series, the lowest of a byte first, so that they stay in the cache; the
            others are left out.
        slot_of: the slot of each series that is hot.
        slots: how many there are.

    Returns:
        Cells, shape (k, CELL), those of a slot in the order of time; and for each slot how many
        others there are of each number of records, shape (slots, fewest).
    """
    now, before = np.zeros((slots, CELL), np.int64), np.zeros((slots, CELL), np.int64)
    others = np.zeros((slots, fewest), np.int32)
    cells, found = np.empty((2 * slots + 2 * _BLOCK, CELL), np.int64), 0
    picked, times = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64)
    slot_at = np.empty(_BLOCK, np.int32)
    bucket, end = 0, _LOWEST
    for block in range(first, stop, _BLOCK):
        until = min(block + _BLOCK, stop)
        cells = _roomy(cells, found, 2 * _BLOCK)
        for k in range(_pick(time, series, block, until, hot, slot_of, picked, times, slot_at)):
            moment, slot = times[k], np.uint64(slot_at[k])
            level = severity[np.uint64(picked[k])]
            if moment >= end:
                bucket = (moment - start) // width
                end = start + (bucket + 1) * width
            # Places are named one by one throughout: a view of a row costs more than the work.
            if now[slot, _BUCKET] == bucket and now[slot, _COUNT]:
                now[slot, _COUNT] += 1
                now[slot, _LAST] = moment
                now[slot, _SEVERITY] = max(now[slot, _SEVERITY], level)
                continue
            if now[slot, _COUNT]:
                loud = before[slot, _COUNT] == 0 or now[slot, _COUNT] >= fewest
                found = _close(now, before, int(slot), loud, others, cells, found)
            now[slot, _BUCKET], now[slot, _COUNT] = bucket, 1
            now[slot, _FIRST] = now[slot, _LAST] = moment
            now[slot, _SEVERITY], now[slot, ROW] = level, picked[k]
    cells = _roomy(cells, found, 2 * slots)
    for last in range(slots):
        if now[last, _COUNT]:
            found = _close(now, before, last, True, others, cells, found)
    return cells[:found].copy(), others


@kernel()
def _roomy(cells: Ints, found: int, wanted: int) -> Ints:
    """Give cells, of which so many are taken, with room for so many more."""
    if found + wanted <= cells.shape[0]:
        return cells
    more = np.empty((2 * cells.shape[0] + wanted, CELL), np.int64)
    more[: cells.shape[0]] = cells
    return more


@kernel(inline="always")
def _close(
    now: Ints, before: Ints, slot: int, loud: bool, others: Codes, cells: Ints, found: int
) -> int:
    """Write a slot's cell out, or count it among the others; it becomes the one before."""
    # Inlined, as calling with arrays counts references to them.
    beside = before[slot, _COUNT] > 0 and before[slot, _BUCKET] == now[slot, _BUCKET] - 1
    if loud and beside and before[slot, _TOLD] == 0:
        others[slot, before[slot, _COUNT]] -= 1
        found = _write(before, slot, cells, found)
    told = 0
    if loud or (beside and before[slot, _TOLD] == _LOUD):
        found = _write(now, slot, cells, found)
        told = _LOUD if loud else 1
    else:
        others[slot, now[slot, _COUNT]] += 1
    _copy(now, slot, before, slot)
    before[slot, _TOLD] = told
    return found


@kernel(inline="always")
def _write(held: Ints, slot: int, cells: Ints, found: int) -> int:
    _copy(held, slot, cells, found)
    cells[found, SLOT] = slot
    return found + 1


@kernel(inline="always")
def _copy(source: Ints, row: int, into: Ints, place: int) -> None:
    """Copy one cell."""
    for column in range(CELL):
        into[place, column] = source[row, column]


@kernel()
def settle(cells: Ints, others: Codes, earliest: Ints, frontier: int) -> Ints:
    """Put together what belongs to one cell, and count the quiet cells that no loud one is beside.

    Args:
        cells: those of a slot in the order of time, shape (k, CELL).
        others: how many cells are only counted, see `collect`; added to.
        earliest: the time of each slot's first record so far; lowered.
        frontier: cells from the bucket before this one on may still grow, or have a neighbour.

    Returns:
        The cells that are left, by slot and bucket.
    """
    slots, fewest = others.shape
    whole = _merged(_by_slot(cells, slots))
    left = 0
    for k in range(whole.shape[0]):
        slot, count = whole[k, SLOT], whole[k, _COUNT]
        earliest[slot] = min(earliest[slot], whole[k, _FIRST])
        if (
            count >= fewest
            or whole[k, _BUCKET] >= frontier - 1
            or (_beside(whole, k, k - 1) and whole[k - 1, _COUNT] >= fewest)
            or (_beside(whole, k, k + 1) and whole[k + 1, _COUNT] >= fewest)
        ):
            _copy(whole, k, cells, left)
            left += 1
        else:
            others[slot, count] += 1
    return cells[:left].copy()


@kernel()
def _by_slot(cells: Ints, slots: int) -> Ints:
    """Sort cells by slot; those of a slot stay as they are (a counting sort)."""
    free = np.zeros(slots + 1, np.int64)
    for k in range(cells.shape[0]):
        free[cells[k, SLOT] + 1] += 1
    free = np.cumsum(free)
    found = np.empty_like(cells)
    for k in range(cells.shape[0]):
        slot = int(cells[k, SLOT])
        _copy(cells, k, found, free[slot])
        free[slot] += 1
    return found


@kernel()
def _merged(cells: Ints) -> Ints:
    """Put together neighbouring rows of one slot and bucket, in place."""
    last = -1
    for k in range(cells.shape[0]):
        same = last >= 0 and cells[last, SLOT] == cells[k, SLOT]
        if same and cells[last, _BUCKET] == cells[k, _BUCKET]:
            cells[last, _COUNT] += cells[k, _COUNT]
            cells[last, _LAST] = cells[k, _LAST]
            cells[last, _SEVERITY] = max(cells[last, _SEVERITY], cells[k, _SEVERITY])
        else:
            last += 1
            _copy(cells, k, cells, last)
    return cells[: last + 1]


@kernel(inline="always")
def _beside(cells: Ints, k: int, other: int) -> bool:
    """Say whether the place before or after a cell's holds its neighbour in time."""
    if other < 0 or other >= cells.shape[0] or cells[other, SLOT] != cells[k, SLOT]:
        return False
    return abs(int(cells[other, _BUCKET] - cells[k, _BUCKET])) == 1


@kernel()
def _usual(cells: Ints, others: Codes, buckets: int) -> tuple[int, int]:
    """Return twice the median of a series' buckets and four times its median absolute deviation.

    Whole numbers, so that no rounding decides what a burst is: of an even number of buckets the
    median is the mean of two.
    """
    filled = cells.shape[0] + int(np.sum(others))
    if 2 * filled < buckets:
        return 0, 0  # more than half of them are empty
    counts = np.zeros(max(buckets, filled), np.int64)
    counts[: cells.shape[0]] = cells[:, _COUNT]
    at = cells.shape[0]
    for n in range(others.shape[0]):
        counts[at : at + others[n]] = n
        at += others[n]
    low, high = (counts.shape[0] - 1) // 2, counts.shape[0] // 2
    median = int(select(counts, low)) + int(select(counts, high))
    off = np.abs(2 * counts - median)
    return median, int(select(off, low)) + int(select(off, high))


@kernel()
def _taken(cells: Ints, median: int, deviation: int, fewest: int) -> npt.NDArray[np.bool_]:
    """Mark the cells that stand out, and those beside them that are above the median."""
    n = cells.shape[0]
    fires, taken = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    for k in range(n):
        count = cells[k, _COUNT]
        fires[k] = (
            count >= fewest
            and 2 * count - median >= 2 * fewest
            and (4 * count - 2 * median) * _UNIT >= _DEVIATIONS * deviation
        )
    for k in range(n):
        beside = (_beside(cells, k, k - 1) and fires[k - 1]) or (
            _beside(cells, k, k + 1) and fires[k + 1]
        )
        taken[k] = fires[k] or (beside and 2 * cells[k, _COUNT] > median)
    return taken


@kernel()
def stretches(
    cells: Ints, others: Codes, earliest: Ints, buckets: int, fewest: int, quiet: int, new: int
) -> Ints:
    """Join the cells that stand out into bursts.

    Args:
        cells: see `settle`, which returns them.
        others: how many more cells each slot has, see `collect`.
        earliest: the time of each slot's first record.
        buckets: how many of them a series has, the empty ones included.
        fewest: records that a cell has at least if it stands out, and has above the median.
        quiet: how long it is quiet at most within a burst.
        new: a slot with no record before this time has nothing as what is usual.

    Returns:
        Bursts, shape (k, BURST), by slot and time.
    """
    bursts, found, first = np.empty((cells.shape[0], BURST), np.int64), 0, 0
    while first < cells.shape[0]:
        slot, stop = cells[first, SLOT], first
        while stop < cells.shape[0] and cells[stop, SLOT] == slot:
            stop += 1
        own = cells[first:stop]
        median, deviation = 0, 0
        if earliest[slot] < new:
            median, deviation = _usual(own, others[slot], buckets)
        taken = _taken(own, median, deviation, fewest)
        last, begun = np.int64(0), False
        for k in np.flatnonzero(taken):
            cell, burst = own[k], bursts[found - 1]
            if begun and cell[_FIRST] - last <= quiet:
                burst[2] = cell[_LAST]
                burst[3] += cell[_COUNT]
                burst[4] = max(burst[4], cell[_COUNT])
                burst[6] = max(burst[6], cell[_SEVERITY])
            else:
                _begin(bursts[found], cell, median, int(cell[_FIRST] <= earliest[slot]))
                found += 1
            last, begun = cell[_LAST], True
        first = stop
    return bursts[:found].copy()


@kernel()
def _begin(burst: Ints, cell: Ints, median: int, novel: int) -> None:
    burst[0], burst[1], burst[2] = cell[SLOT], cell[_FIRST], cell[_LAST]
    burst[3] = burst[4] = cell[_COUNT]
    burst[5], burst[6], burst[7], burst[8] = median, cell[_SEVERITY], cell[ROW], novel
