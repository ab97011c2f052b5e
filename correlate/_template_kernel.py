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
def hashes(text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Hash each text (FNV-1a) with every word that holds a digit replaced by one mark.

    Words joined to such a word by ``- . : /`` and made of hexadecimal digits go with it, so that a
    UUID, an address or a time is one mark however its groups fall out.
    """
    n = offsets.shape[0] - 1
    out = np.empty(n, np.uint64)
    for row in range(n):
        i = offsets[row]
        stop = min(offsets[row + 1], i + _LONGEST)
        h = _OFFSET
        joined = False
        while i < stop:
            c = np.int64(text[i])
            if not _is_word(c):
                if (
                    joined
                    and c in (45, 46, 58, 47)
                    and i + 1 < stop
                    and _is_hex(np.int64(text[i + 1]))
                ):
                    i += 1
                    continue
                joined = False
                h = (h ^ np.uint64(c)) * _PRIME
                i += 1
                continue
            first = i
            digits = False
            hexadecimal = True
            while i < stop and _is_word(np.int64(text[i])):
                c = np.int64(text[i])
                digits |= 48 <= c <= 57
                hexadecimal &= _is_hex(c)
                i += 1
            if digits or (joined and hexadecimal):
                if not joined:
                    h = (h ^ np.uint64(1)) * _PRIME
                joined = True
                continue
            joined = False
            for k in range(first, i):
                h = (h ^ np.uint64(text[k])) * _PRIME
        out[row] = h
    return out
