"""The kernel that reads times written as decimal numbers: bytes in, nanoseconds out.

Kept apart from `nova_timeline.clock` because it imports numba.
"""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

_WHOLE_DIGITS = 19
_FRACTION_DIGITS = 9
_LARGEST = 2**63 - 1


@kernel()
def _is_space(c: int) -> bool:
    return c == 32 or 9 <= c <= 13


@kernel(leaf=True)
def _digits(text: npt.NDArray[np.uint8], at: int, stop: int) -> int:
    """Return where the digits that begin at at end."""
    while at < stop and 48 <= text[at] <= 57:
        at += 1
    return at


@kernel(leaf=True)
def _number(text: npt.NDArray[np.uint8], at: int, stop: int) -> np.uint64:
    """Read at most 19 digits."""
    value = np.uint64(0)
    for i in range(at, stop):
        value = value * np.uint64(10) + np.uint64(text[i] - 48)
    return value


@kernel(leaf=True)
def _one(text: npt.NDArray[np.uint8], start: int, stop: int, scale: int) -> tuple[bool, int, int]:
    """Read one text; return whether it is a time, ns since 1970 UTC, and precision in ns."""
    while start < stop and _is_space(text[start]):
        start += 1
    while stop > start and _is_space(text[stop - 1]):
        stop -= 1
    negative = start < stop and text[start] == 45
    if negative:
        start += 1
    point = _digits(text, start, stop)
    if point == start or point - start > _WHOLE_DIGITS:
        return False, 0, 0
    whole = _number(text, start, point)
    if whole >= np.uint64(_LARGEST // scale):
        return False, 0, 0
    fraction = 0
    precision = scale
    if point < stop:
        if text[point] != 46 or _digits(text, point + 1, stop) < stop:
            return False, 0, 0
        last = min(stop, point + 1 + _FRACTION_DIGITS)
        power = 10 ** (last - point - 1)
        fraction = int(_number(text, point + 1, last)) * scale // power
        precision = max(scale // power, 1)
    time = int(whole) * scale + fraction
    return True, -time if negative else time, precision


@kernel()
def parse(
    text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], scale: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Read n decimal numbers, counted from 1970 in units of scale ns (``1772544600.123``).

    Args:
        text: the bytes of all texts.
        offsets: where each begins and the last ends, shape (n + 1,).
        scale: 1, 1_000, 1_000_000 or 1_000_000_000.

    Returns:
        Which texts are numbers that fit int64 nanoseconds, the nanoseconds, and how coarse each is
        in ns; each of shape (n,).
    """
    n = len(offsets) - 1
    read = np.empty(n, np.bool_)
    nanoseconds = np.empty(n, np.int64)
    precision = np.empty(n, np.int64)
    for i in range(n):
        good, ns, coarse = _one(text, offsets[i], offsets[i + 1], scale)
        read[i] = good
        nanoseconds[i] = ns
        precision[i] = coarse
    return read, nanoseconds, precision
