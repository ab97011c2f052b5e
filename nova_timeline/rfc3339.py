"""The kernel that reads RFC 3339 text: bytes in, nanoseconds and precision out.

Kept apart from `nova_timeline.clock` because it imports numba, which takes a third of a second.
"""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

UNREADABLE = 0
WITHOUT_ZONE = 1
READ = 2

# What a timestamp[ns] holds: 1677-09-21 to 2262-04-11. Whole years keep the check simple.
_FIRST_YEAR = 1678
_LAST_YEAR = 2261


@kernel(leaf=True)
def _digits(text: npt.NDArray[np.uint8], start: int, count: int, stop: int) -> int:
    """Return the number written in count digits, or -1."""
    if start + count > stop:
        return -1
    value = 0
    for i in range(start, start + count):
        digit = int(text[i]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value


@kernel()
def _days(year: int, month: int, day: int) -> int:
    """Count days from 1970-01-01 (H. Hinnant, days_from_civil)."""
    y = year - 1 if month <= 2 else year
    era = y // 400
    yoe = y - era * 400
    doy = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


@kernel()
def _month_length(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@kernel(leaf=True)
def _zone(  # noqa: PLR0911 - a parser kernel: each return is a form of the offset
    text: npt.NDArray[np.uint8], at: int, stop: int
) -> tuple[int, int]:
    """Read Z, UTC, GMT, +hh:mm, +hhmm or +hh; return (status, offset in seconds)."""
    while at < stop and text[at] == 32:
        at += 1
    if at == stop:
        return WITHOUT_ZONE, 0
    c = text[at]
    if c in (90, 122) and at + 1 == stop:
        return READ, 0
    if at + 3 == stop and (
        (c == 85 and text[at + 1] == 84 and text[at + 2] == 67)
        or (c == 71 and text[at + 1] == 77 and text[at + 2] == 84)
    ):
        return READ, 0
    if c not in (43, 45):
        return UNREADABLE, 0
    hours = _digits(text, at + 1, 2, stop)
    minutes = 0
    rest = stop - at - 3
    if rest == 3 and text[at + 3] == 58:
        minutes = _digits(text, at + 4, 2, stop)
    elif rest == 2:
        minutes = _digits(text, at + 3, 2, stop)
    elif rest != 0:
        return UNREADABLE, 0
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return UNREADABLE, 0
    seconds = hours * 3600 + minutes * 60
    return READ, -seconds if c == 45 else seconds


@kernel(leaf=True)
def _one(  # noqa: C901, PLR0911 - a parser kernel: compiled calls with many results cost more
    text: npt.NDArray[np.uint8], start: int, stop: int
) -> tuple[int, int, int]:
    """Read one text; return (status, ns since 1970 UTC, precision in ns)."""
    while start < stop and text[start] == 32:
        start += 1
    while stop > start and text[stop - 1] == 32:
        stop -= 1
    if stop - start < 16 or text[start + 4] != 45 or text[start + 7] != 45:
        return UNREADABLE, 0, 0
    if text[start + 10] not in (84, 116, 32) or text[start + 13] != 58:
        return UNREADABLE, 0, 0
    year = _digits(text, start, 4, stop)
    month = _digits(text, start + 5, 2, stop)
    day = _digits(text, start + 8, 2, stop)
    hour = _digits(text, start + 11, 2, stop)
    minute = _digits(text, start + 14, 2, stop)
    second = 0
    precision = 60_000_000_000
    at = start + 16
    if at < stop and text[at] == 58:
        second = _digits(text, at + 1, 2, stop)
        precision = 1_000_000_000
        at += 3
    if year < _FIRST_YEAR or year > _LAST_YEAR or month < 1 or month > 12 or day < 1:
        return UNREADABLE, 0, 0
    if day > _month_length(year, month) or hour < 0 or hour > 23 or minute < 0 or minute > 59:
        return UNREADABLE, 0, 0
    if second < 0 or second > 60:
        return UNREADABLE, 0, 0
    fraction = 0
    if precision == 1_000_000_000 and at < stop and text[at] in (46, 44):
        at += 1
        first = at
        while at < stop and 48 <= text[at] <= 57:
            if at - first < 9:
                fraction = fraction * 10 + (int(text[at]) - 48)
                precision //= 10
            at += 1
        if at == first:
            return UNREADABLE, 0, 0
        fraction *= precision
    status, offset = _zone(text, at, stop)
    seconds = _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    return status, seconds * 1_000_000_000 + fraction, precision


@kernel()
def parse(
    text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Read every text in an Arrow string buffer; return status, ns and precision in ns."""
    n = offsets.shape[0] - 1
    status = np.zeros(n, np.uint8)
    nanoseconds = np.zeros(n, np.int64)
    precision = np.zeros(n, np.int64)
    for i in range(n):
        s, ns, p = _one(text, offsets[i], offsets[i + 1])
        status[i] = s
        nanoseconds[i] = ns
        precision[i] = p
    return status, nanoseconds, precision
