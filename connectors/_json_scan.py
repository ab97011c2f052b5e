"""The kernel that finds where JSON values begin and end, without decoding them (RFC 8259).

Kept apart from `_json` because it imports numba.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

COMPLETE = 0
CUT_OFF = 1  # the bytes end inside a value, or before the closing bracket


@njit(cache=True, nogil=True)
def _string_end(text: npt.NDArray[np.uint8], at: int, stop: int) -> int:
    """Return the offset after the closing quote of the string that opens at at, or -1."""
    i = at + 1
    while i < stop:
        c = text[i]
        if c == 92:
            i += 2
        elif c == 34:
            return i + 1
        else:
            i += 1
    return -1


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
