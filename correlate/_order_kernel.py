"""The kernels of `order`: correct, pack, unpack and gather (imports numba).

Where ``rows`` may be left out, an empty one says that every place is its own row.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Ints = npt.NDArray[np.int64]
Packed = npt.NDArray[np.uint64]

_MILLION = 1_000_000
_SHIFTED = 2**63 // _MILLION
_SHIFT = np.uint64(_SHIFTED * _MILLION)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def grouped(stream: npt.NDArray[Any], starts: Ints) -> Ints:
    """Gather the rows of each stream, in the order they came (a counting sort)."""
    free = starts.copy()
    rows = np.empty(stream.shape[0], np.int64)
    for row in range(stream.shape[0]):
        rows[free[stream[row]]] = row
        free[stream[row]] += 1
    return rows


@njit(cache=True, nogil=True, inline="always")
def _millionth(value: int) -> int:
    """Return floor(value / 10**6).

    It is shifted above zero, as an unsigned division by a constant becomes a multiplication, and a
    signed one that rounds down stays the slowest step of all.
    """
    return int(np.int64((np.uint64(value) + _SHIFT) // np.uint64(_MILLION))) - _SHIFTED


@njit(cache=True, nogil=True, inline="always")
def _gained(since: int, drift: int) -> int:
    """Return floor(since * drift / 10**6), in two steps, as the product may overflow."""
    whole = _millionth(since)
    return whole * drift + _millionth((since - whole * _MILLION) * drift)


@njit(cache=True, nogil=True)
def correct(
    local: Ints,
    starts: Ints,
    offset: Ints,
    drift: Ints,
    origin: int,
    true: Ints,
    first: int,
    stop: int,
) -> npt.NDArray[np.bool_]:
    """Write the true times of streams, one after another, and say which are not in their order.

    Args:
        local: times by each stream's own clock, stream by stream, shape (n,).
        starts: where each stream begins, shape (streams + 1,).
        offset: see `order.Correction`.
        drift: see `order.Correction`.
        origin: see `order.Correction`.
        true: takes the true times, shape (n,).
        first: the first stream to correct.
        stop: the stream to stop before.

    Returns:
        True for each stream that is not in order, shape (stop - first,).
    """
    disordered = np.zeros(stop - first, np.bool_)
    for s in range(first, stop):
        ahead, gain = offset[s], drift[s]
        last = np.int64(-(2**63))
        falls = 0
        for k in range(starts[s], starts[s + 1]):
            now = local[k] - ahead - _gained(local[k] - origin, gain)
            falls += now < last
            last = now
            true[k] = now
        disordered[s - first] = falls > 0
    return disordered


@njit(cache=True, nogil=True)
def cuts(true: Ints, starts: Ints, bounds: Ints) -> Ints:
    """Find where each stream reaches each bound in time.

    Returns:
        Shape (bounds + 2, streams); the first row is where the streams begin, the last where they
        end. Equal times are never parted.
    """
    found = np.empty((bounds.shape[0] + 2, starts.shape[0] - 1), np.int64)
    for s in range(found.shape[1]):
        found[0, s], found[-1, s] = starts[s], starts[s + 1]
        found[1:-1, s] = starts[s] + np.searchsorted(true[starts[s] : starts[s + 1]], bounds)
    return found


@njit(cache=True, nogil=True)
def span(true: Ints, begin: Ints, end: Ints) -> tuple[int, int]:
    """Return the earliest and the latest time of a slab: of each stream's [begin, end)."""
    earliest, latest = 2**63 - 1, -(2**63)
    for s in range(begin.shape[0]):
        if begin[s] < end[s]:
            earliest = min(earliest, int(true[begin[s]]))
            latest = max(latest, int(true[end[s] - 1]))
    return earliest, latest


@njit(cache=True, nogil=True)
def pack(
    true: Ints,
    rows: Ints,
    begin: Ints,
    end: Ints,
    earliest: int,
    bits: int,
    packed: Packed,
    own: npt.NDArray[Any],
) -> None:
    """Put each row's time and its rank by (stream, place) into one number that sorts by both.

    Args:
        true: see `correct`.
        rows: the row in each place, or none.
        begin: the slab's first place of each stream.
        end: the place it stops before.
        earliest: the time that counts as 0.
        bits: how many hold the rank.
        packed: takes the numbers by rank.
        own: takes the rows by rank.
    """
    rank = 0
    for s in range(begin.shape[0]):
        for k in range(begin[s], end[s]):
            packed[rank] = np.uint64(true[k] - earliest) << np.uint64(bits) | np.uint64(rank)
            own[rank] = rows[k] if rows.shape[0] else k
            rank += 1


@njit(cache=True, nogil=True)
def unpack(
    packed: Packed,
    earliest: int,
    bits: int,
    own: npt.NDArray[Any],
    order: npt.NDArray[Any],
    times: Ints,
) -> None:
    """Take sorted numbers apart again: into rows and times."""
    mask = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    for i in range(packed.shape[0]):
        order[i] = own[packed[i] & mask]
        times[i] = earliest + np.int64(packed[i] >> np.uint64(bits))


@njit(cache=True, nogil=True)
def gather(column: npt.NDArray[Any], order: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    """Write the values of some rows, in the order given."""
    for i in range(order.shape[0]):
        out[i] = column[order[i]]
