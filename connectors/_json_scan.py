"""The kernel that finds where JSON values begin and end, without decoding them (RFC 8259).

Kept apart from `_json` because it imports numba.
"""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

from ._json_tokens_kernel import first_marked, quoting

COMPLETE = 0
CUT_OFF = 1  # the bytes end inside a value, or before the closing bracket
_EIGHT = np.uint64(8)


@kernel(leaf=True)
def _eight(text: npt.NDArray[np.uint8], at: np.uint64) -> np.uint64:
    """Read the eight bytes from at on as a little-endian number; it becomes one load."""
    word = np.uint64(text[at])
    for k in range(1, 8):
        word |= np.uint64(text[at + np.uint64(k)]) << np.uint64(8 * k)
    return word


@kernel(leaf=True)
def _string_end(text: npt.NDArray[np.uint8], at: int, stop: int) -> int:
    """Return the offset after the closing quote of the string that opens at at, or -1."""
    i, last = np.uint64(at + 1), np.uint64(stop)
    while True:
        marks = np.uint64(0)
        while marks == 0 and i + _EIGHT <= last:
            marks = quoting(_eight(text, i))
            i += first_marked(marks) if marks else _EIGHT
        while i < last and text[i] not in (34, 92):
            i += np.uint64(1)
        if i >= last:
            return -1
        if text[i] == 34:
            return int(i) + 1
        i += np.uint64(2)


@kernel(leaf=True)
def _value_end(text: npt.NDArray[np.uint8], at: int, stop: int) -> int:
    """Return the offset after the value that begins at at, or -1 when it is cut off."""
    c = text[at]
    if c == 34:
        return _string_end(text, at, stop)
    if c not in (123, 91):
        i = at
        while i < stop and text[i] not in (44, 93, 125, 58, 32, 9, 10, 13, 123, 91, 34):
            i += 1
        return max(i, at + 1)
    depth = 0
    i = at
    while i < stop:
        c = text[i]
        if c == 34:
            i = _string_end(text, i, stop)
            if i < 0:
                return -1
            continue
        if c in (123, 91):
            depth += 1
        elif c in (125, 93):
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    return -1


@kernel()
def values(
    text: npt.NDArray[np.uint8], start: int, stop: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int, int]:
    """Find the values between start and stop, whatever whitespace, commas or colons part them.

    Returns:
        Their starts, their stops, COMPLETE or CUT_OFF, and the offset reached: that of the bracket
        that closes the enclosing value, of the value cut off, or stop.
    """
    size = 64
    count = 0
    starts = np.empty(size, np.int64)
    stops = np.empty(size, np.int64)
    i = start
    status = COMPLETE
    while i < stop:
        c = text[i]
        if c in (32, 9, 10, 13, 44, 58):
            i += 1
            continue
        if c in (93, 125):
            break
        end = _value_end(text, i, stop)
        if end < 0:
            status = CUT_OFF
            break
        if count == size:
            size *= 2
            more_starts = np.empty(size, np.int64)
            more_stops = np.empty(size, np.int64)
            more_starts[:count] = starts
            more_stops[:count] = stops
            starts = more_starts
            stops = more_stops
        starts[count] = i
        stops[count] = end
        count += 1
        i = end
    return starts[:count].copy(), stops[:count].copy(), status, i


@kernel()
def elements(
    text: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Find the values of arrays, one array after another; what is no array stands for itself.

    Returns:
        Their starts, their stops, and the offset of the last value that is cut off, or -1.
    """
    found = np.empty((max(64, len(starts)), 2), np.int64)
    count = 0
    cut = -1
    for i in range(len(starts)):
        if text[starts[i]] == 91:
            first, last, status, at = values(text, starts[i] + 1, stops[i])
            if status == CUT_OFF:
                cut = at
        else:
            first, last = starts[i : i + 1], stops[i : i + 1]
        while count + len(first) > len(found):
            more = np.empty((2 * len(found), 2), np.int64)
            more[:count] = found[:count]
            found = more
        found[count : count + len(first), 0] = first
        found[count : count + len(first), 1] = last
        count += len(first)
    return found[:count, 0].copy(), found[:count, 1].copy(), cut


@kernel(leaf=True)
def _rank(
    text: npt.NDArray[np.uint8],
    start: int,
    stop: int,
    keys: npt.NDArray[np.uint8],
    bounds: npt.NDArray[np.int64],
) -> int:
    """Return which of the keys text[start:stop] is, or how many there are."""
    for k in range(len(bounds) - 1):
        if stop - start == bounds[k + 1] - bounds[k]:
            same = True
            for i in range(stop - start):
                if text[start + i] != keys[bounds[k] + i]:
                    same = False
                    break
            if same:
                return k
    return len(bounds) - 1


@kernel()
def under(
    text: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
    keys: npt.NDArray[np.uint8],
    bounds: npt.NDArray[np.int64],
    opening: int,
) -> npt.NDArray[np.int64]:
    """Find in each object the value under the first of some keys that it has.

    Args:
        text: the file's content.
        starts: where each object begins; what is none has no keys.
        stops: where each ends; the last one may be cut off.
        keys: the keys, one after another, in order of preference.
        bounds: where each key begins, and where the last ends.
        opening: the byte the value must begin with; 0 for any.

    Returns:
        Shape (n, 3): the value's start, -1 where there is none; its stop, the object's where the
        bytes end inside it; the offset of what is cut off, or -1.
    """
    found = np.full((len(starts), 3), -1, np.int64)
    for n in range(len(starts)):
        if text[starts[n]] != 123:
            continue
        i = starts[n] + 1
        stop = stops[n]
        best = len(bounds) - 1
        key = -1  # where the key before the value begins, or -1 when a key is next
        after = -1
        while True:
            while i < stop and text[i] in (32, 9, 10, 13, 44, 58):
                i += 1
            if i >= stop:
                found[n, 2] = stop
                break
            if text[i] in (93, 125):
                break
            end = _value_end(text, i, stop)
            if key >= 0:
                rank = _rank(text, key + 1, after - 1, keys, bounds)
                if rank < best and (opening == 0 or text[i] == opening):
                    best = rank
                    found[n, 0] = i
                    found[n, 1] = end if end >= 0 else stop
                key = -1
            else:
                key = i
                after = end
            if end < 0:
                found[n, 2] = i
                break
            i = end
    return found
