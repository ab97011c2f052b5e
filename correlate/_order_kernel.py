"""The kernels of `order`: correct, pack, sort, unpack and gather (imports numba).

Where ``rows`` may be left out, an empty one says that every place is its own row.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

Ints = npt.NDArray[np.int64]
Packed = npt.NDArray[np.uint64]
Ranks = npt.NDArray[Any]
"""Unsigned, as wide as a slab's rows need: narrow ones stay in the cache."""

_MILLION = 1_000_000
_SHIFTED = 2**63 // _MILLION
_SHIFT = np.uint64(_SHIFTED * _MILLION)
_SAFE = 2.0**62
_MOVES = 4
"""How many places a number may move on average before `sort` gives up."""


@kernel()
def counted(stream: npt.NDArray[Any]) -> tuple[Ints, bool]:
    """Find where each stream begins once they stand one after another, and whether they do.

    Returns:
        Shape (streams + 1,), and False where rows have to be grouped first.
    """
    n = stream.shape[0]
    falls = 0
    for i in range(1, n):
        falls += stream[i] < stream[i - 1]
    if falls == 0:
        streams = int(stream[n - 1]) + 1 if n else 0
        return np.searchsorted(stream, np.arange(streams + 1)), True
    starts = np.zeros(np.max(stream) + 2, np.int64)
    for code in stream:
        starts[code + 1] += 1
    return np.cumsum(starts), False


@kernel()
def grouped(stream: npt.NDArray[Any], starts: Ints) -> Ints:
    """Gather the rows of each stream, in the order they came (a counting sort)."""
    free = starts.copy()
    rows = np.empty(stream.shape[0], np.int64)
    for row in range(stream.shape[0]):
        rows[free[stream[row]]] = row
        free[stream[row]] += 1
    return rows


@kernel(inline="always")
def _millionth(value: int) -> int:
    """Return floor(value / 10**6).

    It is shifted above zero, as an unsigned division by a constant becomes a multiplication, and a
    signed one that rounds down stays the slowest step of all.
    """
    return int(np.int64((np.uint64(value) + _SHIFT) // np.uint64(_MILLION))) - _SHIFTED


@kernel(inline="always")
def _gained(since: int, drift: int) -> int:
    """Return floor(since * drift / 10**6), in two steps, as the product may overflow."""
    whole = _millionth(since)
    return whole * drift + _millionth((since - whole * _MILLION) * drift)


@kernel(inline="always")
def _is_short(since: int, drift: int) -> bool:
    """Say whether ``since * drift`` surely fits into 64 bits."""
    return abs(float(since)) * abs(float(drift)) < _SAFE


@kernel()
def disordered(
    local: Ints, starts: Ints, drift: Ints, first: int, stop: int
) -> npt.NDArray[np.bool_]:
    """Say which streams may not be in the order of their true times.

    A clock that gains no more than a second in a second keeps the order of the times that it gives:
    from one tick to the next, what is taken off grows by one at most.

    Args:
        local: times by each stream's own clock, stream by stream, shape (n,).
        starts: where each stream begins, shape (streams + 1,).
        drift: see `order.Correction`.
        first: the first stream to look at.
        stop: the stream to stop before.

    Returns:
        Shape (stop - first,).
    """
    found = np.zeros(stop - first, np.bool_)
    for s in range(first, stop):
        falls = 0
        for k in range(starts[s] + 1, starts[s + 1]):
            falls += local[k] < local[k - 1]
        found[s - first] = falls > 0 or drift[s] > _MILLION
    return found


@kernel()
def corrected(local: Ints, ahead: int, gain: int, origin: int) -> Ints:
    """Return the true times of one stream, shape (n,); see `order.Correction`."""
    true = np.empty(local.shape[0], np.int64)
    for k in range(local.shape[0]):
        true[k] = local[k] - ahead - _gained(local[k] - origin, gain)
    return true


@kernel(inline="always")
def _true(local: int, ahead: int, gain: int, origin: int) -> int:
    """Return the true time of one that a clock gives; see `order.Correction`."""
    return local - ahead - _gained(local - origin, gain)


@kernel()
def cuts(
    local: Ints, starts: Ints, offset: Ints, drift: Ints, origin: int, bounds: Ints,
    first: int, stop: int,
) -> Ints:  # fmt: skip
    """Find where some streams reach each bound in time.

    A bound is looked for about as far behind the one before it as that was behind its own.

    Args:
        local: see `disordered`.
        starts: see `disordered`.
        offset: see `order.Correction`.
        drift: see `order.Correction`.
        origin: see `order.Correction`.
        bounds: true times, ascending.
        first: the first stream to look at.
        stop: the stream to stop before.

    Returns:
        Shape (bounds + 2, stop - first); the first row is where the streams begin, the last where
        they end. Equal times are never parted.
    """
    found = np.empty((bounds.shape[0] + 2, stop - first), np.int64)
    for s in range(first, stop):
        ahead, gain, low, end = int(offset[s]), int(drift[s]), int(starts[s]), int(starts[s + 1])
        found[0, s - first], found[-1, s - first] = low, end
        step = 1
        for b in range(bounds.shape[0]):
            begin, high = low, low + step
            while high < end and _true(int(local[high]), ahead, gain, origin) < bounds[b]:
                low, step = high + 1, 2 * step
                high += step
            high = min(high, end)
            while low < high:
                middle = (low + high) // 2
                if _true(int(local[middle]), ahead, gain, origin) < bounds[b]:
                    low = middle + 1
                else:
                    high = middle
            found[b + 1, s - first] = low
            step = max(1, low - begin)
    return found


@kernel()
def span(
    local: Ints, offset: Ints, drift: Ints, origin: int, begin: Ints, end: Ints
) -> tuple[int, int]:
    """Return the earliest and the latest true time of a slab: of each stream's [begin, end)."""
    earliest, latest = 2**63 - 1, -(2**63)
    for s in range(begin.shape[0]):
        if begin[s] < end[s]:
            ahead, gain = int(offset[s]), int(drift[s])
            a, b = int(local[int(begin[s])]), int(local[int(end[s]) - 1])
            earliest = min(earliest, _true(a, ahead, gain, origin))
            latest = max(latest, _true(b, ahead, gain, origin))
    return earliest, latest


@kernel()
def pack(
    local: Ints,
    offset: Ints,
    drift: Ints,
    origin: int,
    begin: Ints,
    end: Ints,
    earliest: int,
    bits: int,
    shift: int,
    packed: Packed,
    counts: Ranks,
) -> None:
    """Put each row's true time and its rank by (stream, place) into one number that sorts by both.

    Args:
        local: see `disordered`.
        offset: see `order.Correction`.
        drift: see `order.Correction`.
        origin: see `order.Correction`.
        begin: the slab's first place of each stream.
        end: the place it stops before.
        earliest: the time that counts as 0.
        bits: how many hold the rank.
        shift: times that are the same without so many of their last bits share a bucket.
        packed: takes the numbers by rank.
        counts: takes how many rows are in each bucket; all 0 before.
    """
    rank = np.uint64(0)
    for s in range(begin.shape[0]):
        if begin[s] == end[s]:
            continue
        ahead, gain = int(offset[s]) + earliest, int(drift[s])
        times = local[begin[s] : end[s]]
        # Where no product overflows, one division does instead of two.
        since, until = int(times[0]) - origin, int(times[-1]) - origin
        short = _is_short(since, gain) and _is_short(until, gain)
        for k in range(times.shape[0]):
            since = int(times[k]) - origin
            gained = _millionth(since * gain) if short else _gained(since, gain)
            time = np.uint64(int(times[k]) - ahead - gained)
            packed[rank] = time << np.uint64(bits) | rank
            counts[time >> np.uint64(shift)] += 1
            rank += np.uint64(1)


@kernel()
def sort(packed: Packed, shift: int, counts: Ranks, ordered: Packed) -> bool:
    """Sort numbers into buckets, and within them by moving each to its place among its neighbours.

    That is quick where the times are spread about evenly, and given up where they are not.

    Args:
        packed: the numbers.
        shift: a number without so many of its last bits is its bucket's.
        counts: how many are in each bucket; all 0 afterwards.
        ordered: takes the numbers.

    Returns:
        False where it was given up.
    """
    before = np.uint32(0)
    for bucket in range(counts.shape[0]):
        count = counts[bucket]
        counts[bucket] = before
        before += count
    for i in range(packed.shape[0]):
        number = packed[i]
        bucket = number >> np.uint64(shift)
        free = counts[bucket]
        ordered[free] = number
        counts[bucket] = free + 1
    counts[:] = 0
    left = _MOVES * ordered.shape[0]
    for i in range(1, ordered.shape[0]):
        number = ordered[i]
        k = np.uint64(i)  # an index without a sign cannot count from the end
        while k > 0 and ordered[k - np.uint64(1)] > number:
            ordered[k] = ordered[k - np.uint64(1)]
            k -= np.uint64(1)
        ordered[k] = number
        left -= i - np.int64(k)
        if left < 0:
            return False
    return True


@kernel()
def unpack(packed: Packed, earliest: int, bits: int, ranks: Ranks, times: Ints) -> None:
    """Take sorted numbers apart again: into ranks and times."""
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    for i in range(packed.shape[0]):
        ranks[i] = packed[i] & mask
        times[i] = earliest + np.int64(packed[i] >> np.uint64(bits))


@kernel()
def gather(
    column: npt.NDArray[Any],
    rows: Ints,
    begin: Ints,
    end: Ints,
    ranks: Ranks,
    held: npt.NDArray[Any],
    out: npt.NDArray[Any],
) -> None:
    """Write what a slab's rows hold of a column, in order.

    They are put together by rank first, as memory is read in long runs much faster than here and
    there, and what is put together fits into the cache.

    Args:
        column: shape (n,).
        rows: the row in each place, or none.
        begin: the slab's first place of each stream.
        end: the place it stops before.
        ranks: in order.
        held: room for as many values.
        out: takes the values.
    """
    at = 0
    for s in range(begin.shape[0]):
        count = int(end[s] - begin[s])
        here = held[at : at + count]
        if rows.shape[0]:
            own = rows[begin[s] : end[s]]
            for k in range(count):
                here[k] = column[own[k]]
        else:
            values = column[begin[s] : end[s]]
            for k in range(count):
                here[k] = values[k]
        at += count
    for i in range(ranks.shape[0]):
        out[i] = held[ranks[i]]


@kernel()
def places(rows: Ints, begin: Ints, end: Ints, ranks: Ranks, held: Ints, out: Ints) -> None:
    """Write which rows a slab's are, in order; see `gather`."""
    at = 0
    for s in range(begin.shape[0]):
        for k in range(begin[s], end[s]):
            held[at] = rows[k] if rows.shape[0] else k
            at += 1
    for i in range(ranks.shape[0]):
        out[i] = held[ranks[i]]
