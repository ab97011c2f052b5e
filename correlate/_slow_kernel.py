"""The kernel that finds when calls began to be slower than they were (imports numba).

Durations come as counts in bins of time and of length; `bin_of` and `length_of` are the two sides
of the bins, four an octave.
"""

import math

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

from ._log_order_kernel import segments

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BINS = 128
_A_MILLISECOND = 1_000_000.0
_AN_OCTAVE = 4
_FINEST = 16.0  # bins are linear below this part of a millisecond, and octaves above
FEWEST = 4
"""Calls that a stretch holds at least, and that must be known of the time before it."""
TIMES = 3.0
"""Calls count as slow from this many times what all but 5 % took before."""
LEAST = 30_000_000.0
"""ns; and from this much above what half of them took: less is not felt."""
_ALL_BUT = 0.95


@kernel(inline="always")
def bin_of(length: float) -> int:
    """Return the bin of a length in ns."""
    octaves = math.log2(1.0 + max(length, 0.0) * _FINEST / _A_MILLISECOND)
    return min(BINS - 1, int(octaves * _AN_OCTAVE))


@kernel(inline="always")
def length_of(place: int) -> float:
    """Return where a bin ends, in ns."""
    return float((2.0 ** ((place + 1) / _AN_OCTAVE) - 1.0) * _A_MILLISECOND / _FINEST)


@kernel()
def bins(lengths: Ints) -> Ints:
    """Give each length (ns) its bin, shape (n,)."""
    found = np.empty(lengths.shape[0], np.int64)
    for i in range(lengths.shape[0]):
        found[i] = bin_of(float(lengths[i]))
    return found


@kernel(inline="always")
def _xlogx(n: float) -> float:
    return n * math.log(n) if n > 0 else 0.0


@kernel()
def rise(hits: float, n: float, before: float, n_before: float) -> tuple[float, float]:
    """Hold a share against the one before.

    Returns:
        The log likelihood ratio (nats) of two shares against one, times the square of the rise,
        and the rise; zeros where it fell.
    """
    up = hits / n - before / n_before
    if up <= 0:
        return 0.0, 0.0
    k, m = hits + before, n + n_before
    llr = (
        _xlogx(hits) + _xlogx(n - hits) - _xlogx(n)
        + _xlogx(before) + _xlogx(n_before - before) - _xlogx(n_before)
        - _xlogx(k) - _xlogx(m - k) + _xlogx(m)
    )  # fmt: skip
    return llr * up * up, up


@kernel()
def limit(before: Floats) -> int:
    """Return the last bin that is not slow, by how calls were spread over the bins before."""
    n, held = before.sum(), 0.0
    median, high = -1, -1
    for place in range(before.shape[0]):
        held += before[place]
        if median < 0 and held >= 0.5 * n:
            median = place
        if high < 0 and held >= _ALL_BUT * n:
            high = place
    least = max(TIMES * length_of(high), length_of(median) + LEAST)
    return bin_of(least)


@kernel()
def spread(bucket: Ints, place: Ints, count: Ints) -> tuple[Ints, Floats]:
    """Sum calls of all series over the bins, up to each bucket.

    Returns:
        The buckets that occur, ascending, shape (b,), and how many calls came before each of them,
        and before what follows the last, shape (b + 1, BINS).
    """
    buckets = np.unique(bucket)
    total = np.zeros((buckets.shape[0] + 1, BINS))
    for i in range(bucket.shape[0]):
        total[np.searchsorted(buckets, bucket[i]) + 1, place[i]] += count[i]
    for b in range(buckets.shape[0]):
        total[b + 1] += total[b]
    return buckets, total


@kernel()
def _usual(own: Floats, others: Floats, enough: int) -> Floats:
    """Fill up what is known of a series, where it is less than `FEWEST` calls, by the others."""
    missing, known = FEWEST - own.sum(), others.sum()
    if missing <= 0 or known < enough:
        return own
    filled: Floats = own + others * (missing / known)
    return filled


@kernel()
def _series(
    bucket: Ints,
    place: Ints,
    count: Ints,
    buckets: Ints,
    others: Floats,
    shortest: int,
    enough: int,
) -> tuple[float, float, int, int, int]:
    """Find the stretch of time in which most calls were slow by what was usual before it.

    Returns:
        score, rise of the share, first bucket, the one after the last, the last bin not slow.
    """
    segment = segments(bucket)
    cuts = segment[-1] + 1
    total = np.zeros((cuts + 1, BINS))
    for i in range(segment.shape[0]):
        total[segment[i] + 1, place[i]] += count[i]
    for s in range(cuts):
        total[s + 1] += total[s]
    best, most, first, stop, usual = 0.0, 0.0, 0, 0, 0
    for i in range(cuts):
        begin = bucket[np.searchsorted(segment, i)]
        before = _usual(total[i], others[np.searchsorted(buckets, begin)], enough)
        n_before = before.sum()
        if n_before < FEWEST - 0.5:
            continue
        last = limit(before)
        slow_before = before[last + 1 :].sum()
        already = total[i, last + 1 :].sum()
        for j in range(i + 1, cuts + 1):
            n = total[j].sum() - total[i].sum()
            end = bucket[np.searchsorted(segment, j) - 1] + 1
            if n < FEWEST or (j < cuts and end - begin < shortest):
                continue
            slow = total[j, last + 1 :].sum() - already
            score, up = rise(slow, n, slow_before, n_before)
            if score > best:
                best, most, first, stop, usual = score, up, begin, end, last
    return best, most, first, stop, usual


@kernel()
def slowdowns(
    starts: Ints, bucket: Ints, place: Ints, count: Ints, shortest: int, enough: int
) -> tuple[Floats, Floats, Ints]:
    """Find the worst slowdown of every series.

    Args:
        starts: where each series' cells begin, shape (series + 1,).
        bucket: of each cell, ascending within a series.
        place: the bin of length of each cell.
        count: calls in each cell.
        shortest: buckets that a slowdown lasts at least, unless it lasts to the end.
        enough: calls of all series together that say what is usual where one has too few.

    Returns:
        score (nats) and rise of the share of slow calls, shape (series,), and first and stop
        (buckets; those of the slowdown lie in ``[first, stop)``) and the last bin that is not slow,
        shape (series, 3).
    """
    n = starts.shape[0] - 1
    score, up = np.zeros(n), np.zeros(n)
    ends = np.zeros((n, 3), np.int64)
    buckets, others = spread(bucket, place, count)
    for s in range(n):
        a, b = starts[s], starts[s + 1]
        score[s], up[s], ends[s, 0], ends[s, 1], ends[s, 2] = _series(
            bucket[a:b], place[a:b], count[a:b], buckets, others, shortest, enough
        )
    return score, up, ends
