"""The kernel that hashes log bodies with their variable parts left out (imports numba)."""

import numpy as np
import numpy.typing as npt
from numba import njit

_LONGEST = 512
_OFFSET = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)


@njit(cache=True, nogil=True)
def _is_word(c: int) -> bool:
    return 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or c == 95 or c >= 128


@njit(cache=True, nogil=True)
def _is_hex(c: int) -> bool:
    return 48 <= c <= 57 or 65 <= c <= 70 or 97 <= c <= 102


@njit(cache=True, nogil=True)
def _word(text: npt.NDArray[np.uint8], first: int, stop: int) -> tuple[int, bool, bool]:
    """Find where a word ends, whether it holds a digit, and whether it is all hexadecimal."""
    digits = False
    hexadecimal = True
    i = first
    while i < stop and _is_word(int(text[i])):
        c = int(text[i])
        digits = digits or 48 <= c <= 57
        hexadecimal = hexadecimal and _is_hex(c)
        i += 1
    return i, digits, hexadecimal


@njit(cache=True, nogil=True)
def _joins(text: npt.NDArray[np.uint8], i: int, stop: int) -> bool:
    """Say whether ``- . : /`` stands here with a hexadecimal digit behind it."""
    return int(text[i]) in (45, 46, 58, 47) and i + 1 < stop and _is_hex(int(text[i + 1]))


@njit(cache=True, nogil=True)
def _hash(text: npt.NDArray[np.uint8], first: int, stop: int) -> np.uint64:
    i = first
    h = _OFFSET
    joined = False
    while i < stop:
        if not _is_word(int(text[i])):
            joined = joined and _joins(text, i, stop)
            if not joined:
                h = (h ^ np.uint64(text[i])) * _PRIME
            i += 1
            continue
        end, digits, hexadecimal = _word(text, i, stop)
        if digits or (joined and hexadecimal):
            if not joined:
                h = (h ^ np.uint64(1)) * _PRIME
            joined = True
        else:
            joined = False
            for k in range(i, end):
                h = (h ^ np.uint64(text[k])) * _PRIME
        i = end
    return h


@njit(cache=True, nogil=True)
def hashes(text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Hash each text (FNV-1a) with every word that holds a digit replaced by one mark.

    Words joined to such a word by ``- . : /`` and made of hexadecimal digits go with it, so that a
    UUID, an address or a time is one mark however its groups fall out.
    """
    n = offsets.shape[0] - 1
    out = np.empty(n, np.uint64)
    for row in range(n):
        first = int(offsets[row])
        out[row] = _hash(text, first, min(int(offsets[row + 1]), first + _LONGEST))
    return out
