"""The kernel that finds when the steps of requests began to come out otherwise (imports numba)."""

import math

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SEGMENTS = 48
"""Stretches that a series is cut into at most; their ends are where a break may begin or end."""
FEWEST_INSIDE = 4
FEWEST_BEFORE = 3


@kernel(inline="always")
def _xlogx(n: float) -> float:
    return n * math.log(n) if n > 0 else 0.0


@kernel()
def segments(bucket: Ints) -> Ints:
    """Give each cell of a series, in the order of time, its segment, from 0 without a gap.

    Cells of one bucket are in one segment; each holds about as many of the buckets that occur.
    """
    n = bucket.shape[0]
    place = np.zeros(n, np.int64)
    for i in range(1, n):
        place[i] = place[i - 1] + (bucket[i] != bucket[i - 1])
    distinct = place[n - 1] + 1
    if distinct > SEGMENTS:
        for i in range(n):
            place[i] = place[i] * SEGMENTS // distinct
    return place


@kernel()
def g_test(before: Floats, inside: Floats) -> float:
    """Return the log likelihood ratio of two rows of counts against their being one (nats).

    Half of Woolf's G (Ann. Hum. Genet. 21, 1957); Dunning, Computational Linguistics 19, 1993.
    """
    n_before, n_inside, llr = 0.0, 0.0, 0.0
    for c in range(before.shape[0]):
        n_before += before[c]
        n_inside += inside[c]
        llr += _xlogx(before[c]) + _xlogx(inside[c]) - _xlogx(before[c] + inside[c])
    return llr - _xlogx(n_before) - _xlogx(n_inside) + _xlogx(n_before + n_inside)


@kernel()
def effect(before: Floats, inside: Floats, bad: npt.NDArray[np.bool_]) -> float:
    """Say what share of the steps went from good outcomes to bad ones, 0 to 1."""
    n_before, n_inside = before.sum(), inside.sum()
    gained, lost = 0.0, 0.0
    for c in range(before.shape[0]):
        more = inside[c] / n_inside - before[c] / n_before
        if bad[c]:
            gained += max(more, 0.0)
        else:
            lost += max(-more, 0.0)
    return min(gained, lost)


@kernel()
def _series(
    bucket: Ints, category: Ints, count: Ints, bad: npt.NDArray[np.bool_], shortest: int
) -> tuple[float, float, int, int]:
    """Find the stretch of time that differs most for the worse from all before it.

    Returns:
        score, effect, first bucket, the one after the last.
    """
    segment = segments(bucket)
    cuts, kinds = segment[-1] + 1, bad.shape[0]
    total = np.zeros((cuts + 1, kinds))
    for i in range(segment.shape[0]):
        total[segment[i] + 1, category[i]] += count[i]
    for s in range(cuts):
        total[s + 1] += total[s]
    best, most, first, stop = 0.0, 0.0, 0, 0
    for i in range(1, cuts):
        before = total[i]
        if before.sum() < FEWEST_BEFORE:
            continue
        begin = bucket[np.searchsorted(segment, i)]
        for j in range(i + 1, cuts + 1):
            end = bucket[np.searchsorted(segment, j) - 1] + 1
            if j < cuts and end - begin < shortest:
                continue
            inside = total[j] - before
            n = inside.sum()
            if n < FEWEST_INSIDE:
                continue
            shift = effect(before, inside, bad)
            # The ratio is never above log 2 a step.
            if (n + before.sum()) * math.log(2.0) * shift * shift <= best:
                continue
            score = g_test(before, inside) * shift * shift
            if score > best:
                best, most, first, stop = score, shift, begin, end
    return best, most, first, stop


@kernel()
def breaks(
    starts: Ints,
    bucket: Ints,
    category: Ints,
    count: Ints,
    bad: npt.NDArray[np.bool_],
    kinds: Ints,
    shortest: int,
) -> tuple[Floats, Floats, Ints]:
    """Find the worst break of every series.

    Args:
        starts: where each series' cells begin, shape (series + 1,).
        bucket: of each cell, ascending within a series.
        category: of each cell, from 0 within a series.
        count: steps in each cell.
        bad: whether a cell's category is a bad outcome.
        kinds: how many categories each series has, shape (series,).
        shortest: buckets that a break lasts at least, unless it lasts to the end.

    Returns:
        score and effect, shape (series,), and first and stop (buckets; those of the break lie in
        ``[first, stop)``), shape (series, 2).
    """
    n = starts.shape[0] - 1
    score, shift = np.zeros(n), np.zeros(n)
    ends = np.zeros((n, 2), np.int64)
    for s in range(n):
        a, b = starts[s], starts[s + 1]
        if kinds[s] < 2:
            continue
        is_bad = np.zeros(kinds[s], np.bool_)
        for i in range(a, b):
            is_bad[category[i]] = bad[i]
        if not is_bad.any() or is_bad.all():
            continue
        score[s], shift[s], ends[s, 0], ends[s, 1] = _series(
            bucket[a:b], category[a:b], count[a:b], is_bad, shortest
        )
    return score, shift, ends
