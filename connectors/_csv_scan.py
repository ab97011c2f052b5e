"""The kernel that finds the records and fields of delimited text (RFC 4180).

Kept apart from `csv` because it imports numba.
"""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

_QUOTE = 34
_LINE_FEED = 10
_RETURN = 13


@kernel(leaf=True)
def record(  # noqa: C901 - one pass, a branch a byte
    text: npt.NDArray[np.uint8],
    at: int,
    delimiter: int,
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
) -> tuple[int, int, int, bool]:
    """Find the fields of the record that begins at at.

    Args:
        text: the file's content.
        at: the offset of the record's first byte.
        delimiter: the byte between fields.
        starts: filled with the offset of each field's first byte, quotes included; fields that do
            not fit are counted and not kept.
        stops: filled with the offset after each field.

    Returns:
        How many fields there are, the offset after the record, that after its line end, and
        whether a quote is left open.
    """
    n = len(text)
    i = at
    count = 0
    while True:
        first = i
        if i < n and text[i] == _QUOTE:
            i += 1
            while True:
                while i < n and text[i] != _QUOTE:
                    i += 1
                if i >= n:
                    return count, n, n, True
                if i + 1 < n and text[i + 1] == _QUOTE:
                    i += 2
                    continue
                i += 1
                break
        while i < n and text[i] != delimiter and text[i] != _LINE_FEED:
            i += 1
        last = i
        if (i == n or text[i] == _LINE_FEED) and last > first and text[last - 1] == _RETURN:
            last -= 1
        if count < len(starts):
            starts[count] = first
            stops[count] = last
        count += 1
        if i == n:
            return count, last, n, False
        i += 1
        if text[i - 1] == _LINE_FEED:
            return count, last, i, False


@kernel()
def records(
    text: npt.NDArray[np.uint8], at: int, delimiter: int, width: int, limit: int
) -> tuple[
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    int,
    bool,
]:
    """Find up to limit records from at on; blank lines are passed over.

    Returns:
        The records' starts and stops, shape (n,); their fields' starts and stops, shape (width, n),
        empty at the record's end where a field is lacking; how many fields each has, shape (n,);
        the offset reached; and whether the last record there has a quote left open (it is not
        among the records, and the offset reached is its first byte).
    """
    starts = np.empty(limit, np.int64)
    stops = np.empty(limit, np.int64)
    counts = np.empty(limit, np.int64)
    field_starts = np.empty((width, limit), np.int64)
    field_stops = np.empty((width, limit), np.int64)
    one_start = np.empty(width, np.int64)
    one_stop = np.empty(width, np.int64)
    n = 0
    unclosed = False
    while at < len(text) and n < limit:
        count, stop, after, unclosed = record(text, at, delimiter, one_start, one_stop)
        if unclosed:
            break
        if stop > at:
            starts[n] = at
            stops[n] = stop
            counts[n] = count
            for k in range(width):
                field_starts[k, n] = one_start[k] if k < count else stop
                field_stops[k, n] = one_stop[k] if k < count else stop
            n += 1
        at = after
    return (
        starts[:n].copy(),
        stops[:n].copy(),
        field_starts[:, :n].copy(),
        field_stops[:, :n].copy(),
        counts[:n].copy(),
        at,
        unclosed,
    )
