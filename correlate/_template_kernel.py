"""The kernel that hashes log bodies with their variable parts left out (imports numba)."""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

_LONGEST = 512
_OFFSET = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)


_WORD = 1
_DIGIT = 2
_HEX = 4
_JOINT = 8


def _classes() -> npt.NDArray[np.uint8]:
    """Say of each byte what it is: part of a word, a digit, hexadecimal, or one of ``- . : /``."""
    made = np.zeros(256, np.uint8)
    for byte in range(256):
        letter = chr(byte)
        in_word = byte >= 128 or letter.isalnum() or letter == "_"
        made[byte] = (
            _WORD * in_word
            | _DIGIT * (letter in "0123456789")
            | _HEX * (letter in "0123456789abcdefABCDEF")
            | _JOINT * (letter in "-.:/")
        )
    return made


_CLASS = _classes()


@kernel(leaf=True)
def _hash(text: npt.NDArray[np.uint8], first: int, last: int) -> np.uint64:
    """Hash one text in one pass; a word is hashed as it is read and taken back if it varies."""
    # An index without a sign cannot count from the end, which saves a test a byte.
    i, stop, one = np.uint64(first), np.uint64(last), np.uint64(1)
    h = _OFFSET
    joined = False
    while i < stop:
        kind = _CLASS[text[i]]
        if not kind & _WORD:
            if not (kind & _JOINT and i + one < stop and _CLASS[text[i + one]] & _HEX):
                joined = False
            if not joined:
                h = (h ^ np.uint64(text[i])) * _PRIME
            i += one
            continue
        before, some, every = h, kind, kind
        while kind & _WORD:
            h = (h ^ np.uint64(text[i])) * _PRIME
            some |= kind
            every &= kind
            i += one
            kind = _CLASS[text[i]] if i < stop else np.uint8(0)
        varies = bool(some & _DIGIT or (joined and every & _HEX))
        if varies:
            h = before if joined else (before ^ one) * _PRIME
        joined = varies
    return h


@kernel()
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
