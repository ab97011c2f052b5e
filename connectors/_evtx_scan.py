"""Find the records of an .evtx file in its chunks, and the times that they hold.

Layout: libevtx, "Windows XML Event Log (EVTX) format". Kept apart from `_evtx` because it imports
numba.
"""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

FILE_HEADER = 4096
CHUNK = 65536

_CHUNK_HEADER = 512
_CHUNK_MAGIC = 0x006B6E6843666C45  # "ElfChnk\0"
_FREE_SPACE = 48
_RECORD_MAGIC = 0x00002A2A
_RECORD_HEADER = 24
_SMALLEST = 28
_TEMPLATE = 0x0C
_FILETIME = 0x11
_FILETIME_SIZE = 8


@kernel()
def _number(data: npt.NDArray[np.uint8], at: int, width: int) -> int:
    """Read a little-endian integer; what does not fit 63 bits wraps."""
    value = 0
    for i in range(width):
        value |= int(data[at + i]) << (8 * i)
    return value


@kernel()
def _first_filetime(data: npt.NDArray[np.uint8], chunk: int, start: int, stop: int) -> int:
    """Return the first FILETIME among a record's values, 0 where there is none.

    In the System element that every template begins with, it is the one of TimeCreated.
    """
    at = start + _RECORD_HEADER + 4
    if at + 14 > stop or data[at] != _TEMPLATE:
        return 0
    definition = _number(data, at + 6, 4)
    at += 10
    if chunk + definition == at:
        at += 24 + _number(data, at + 20, 4) if at + 24 <= stop else 0
    if at + 4 > stop:
        return 0
    count = _number(data, at, 4)
    at += 4
    value = at + 4 * count
    for _ in range(count):
        if at + 4 > stop or value > stop:
            return 0
        size = _number(data, at, 2)
        if data[at + 2] == _FILETIME and size == _FILETIME_SIZE and value + 8 <= stop:
            return _number(data, value, 8)
        value += size
        at += 4
    return 0


@kernel()
def records(
    data: npt.NDArray[np.uint8],
) -> npt.NDArray[np.int64]:
    """Walk every chunk that has the magic, until its free space or the first thing that is none.

    Returns:
        Offsets, sizes, record numbers, FILETIMEs of writing and FILETIMEs of creation (0 where it
        was not found): shape (5, n).
    """
    most = len(data) // _SMALLEST + 1
    found = np.empty((5, min(most, 1 << 16)), np.int64)
    n = 0
    for chunk in range(FILE_HEADER, len(data) - _CHUNK_HEADER + 1, CHUNK):
        if _number(data, chunk, 8) != _CHUNK_MAGIC:
            continue
        end = min(chunk + min(_number(data, chunk + _FREE_SPACE, 4), CHUNK), len(data))
        at = chunk + _CHUNK_HEADER
        while at + _SMALLEST <= end and _number(data, at, 4) == _RECORD_MAGIC:
            size = _number(data, at + 4, 4)
            if size < _SMALLEST or at + size > end:
                break
            if n == found.shape[1]:
                more = np.empty((5, 2 * n), np.int64)
                more[:, :n] = found
                found = more
            found[0, n] = at
            found[1, n] = size
            found[2, n] = _number(data, at + 8, 8)
            found[3, n] = _number(data, at + 16, 8)
            found[4, n] = _first_filetime(data, chunk, at, at + size)
            n += 1
            at += size
    return found[:, :n].copy()


@kernel()
def matched(
    parsed: npt.NDArray[np.int64], walked: npt.NDArray[np.int64], start: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Find each parsed record number, in order, among those walked from start on.

    Returns:
        The places, shape (n,), -1 where there is none, and where to go on.
    """
    places = np.full(len(parsed), -1, np.int64)
    at = start
    for i in range(len(parsed)):
        k = at
        while k < len(walked) and walked[k] != parsed[i]:
            k += 1
        if k < len(walked):
            places[i] = k
            at = k + 1
    return places, at
