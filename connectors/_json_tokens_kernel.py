"""The kernels that find where strings, numbers and words of JSON end, and check them (RFC 8259).

What is accepted is what DuckDB's JSON functions accept: ``NaN`` and ``Infinity`` pass. Kept apart
because it imports numba.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

Bytes: TypeAlias = npt.NDArray[np.uint8]
Numbers: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]

_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_QUOTES = np.uint64(0x2222222222222222)
_SLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
_SPACES = np.uint64(0x2020202020202020)
_PLACES = np.uint64(0x0001020304050607)  # times 256**k, its highest byte is k


def words_of(text: Bytes) -> Words:
    """View the eight bytes from each byte on as a number, shape (max(0, len(text) - 7),)."""
    return np.ndarray((max(0, len(text) - 7),), "<u8", text.data, strides=(1,))


@kernel(leaf=True)
def _hex(text: Bytes, at: int, stop: int) -> int:
    """Read four hexadecimal digits; -1 when they are none."""
    if at + 4 > stop:
        return -1
    code = 0
    for i in range(at, at + 4):
        c = int(text[i])
        if 48 <= c <= 57:
            digit = c - 48
        elif 65 <= (c & 0xDF) <= 70:
            digit = (c & 0xDF) - 55
        else:
            return -1
        code = code * 16 + digit
    return code


@kernel(leaf=True)
def code_point(text: Bytes, at: int, stop: int) -> tuple[int, int]:
    r"""Read the ``\\uXXXX``, or the two that make one character, at at.

    Returns:
        The code point, -1 for half a surrogate pair or bad digits; and the offset after it.
    """
    code = _hex(text, at + 2, stop)
    if code < 0 or 0xDC00 <= code <= 0xDFFF:
        return -1, at
    if code < 0xD800 or code > 0xDBFF:
        return code, at + 6
    if at + 12 > stop or text[at + 6] != 92 or text[at + 7] != 117:
        return -1, at
    low = _hex(text, at + 8, stop)
    if low < 0xDC00 or low > 0xDFFF:
        return -1, at
    return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00), at + 12


@kernel(leaf=True)
def _escape_end(text: Bytes, at: int, stop: int) -> int:
    """Return the offset after the escape that begins at at, or -1 when it is none."""
    if at + 1 >= stop:
        return -1
    c = text[at + 1]
    if c in (34, 92, 47, 98, 102, 110, 114, 116):
        return at + 2
    if c != 117:
        return -1
    code, after = code_point(text, at, stop)
    return after if code >= 0 else -1


@kernel(leaf=True)
def quoting(word: np.uint64) -> np.uint64:
    """Mark by its highest bit each of eight bytes that is a quote or a backslash.

    S. E. Anderson, "Bit Twiddling Hacks", "Determine if a word has a byte equal to n"; only the
    first mark is to be trusted.
    """
    quote = word ^ _QUOTES
    slash = word ^ _SLASHES
    return ((quote - _ONES) & ~quote | (slash - _ONES) & ~slash) & _HIGH


@kernel(leaf=True)
def first_marked(marks: np.uint64) -> np.uint64:
    """Return which of eight bytes is the first that is marked."""
    lowest = (marks & (~marks + np.uint64(1))) >> np.uint64(7)
    return lowest * _PLACES >> np.uint64(56)


@kernel(leaf=True)
def _plain_end(text: Bytes, words: Words, at: int, stop: int) -> int:
    """Return where the first quote, backslash or control character is, or stop.

    Eight bytes at a time: as `quoting`, and "Determine if a word has a byte less than n".
    """
    i = at
    while i + 8 <= stop:
        word = words[i]
        marks = quoting(word) | (word - _SPACES) & ~word & _HIGH
        if marks:
            return i + int(first_marked(marks))
        i += 8
    while i < stop and text[i] >= 32 and text[i] != 34 and text[i] != 92:
        i += 1
    return i


@kernel(leaf=True)
def is_same(words: Words, at: int, before: int, length: int) -> bool:
    """Say whether the bytes from at on are those from before on; False where words end too soon."""
    if at + length >= len(words):
        return False
    k = 0
    while k + 8 <= length:
        if words[at + k] != words[before + k]:
            return False
        k += 8
    rest = np.uint64(8 * (length - k))
    differ = words[at + k] ^ words[before + k]
    return bool(differ & ((np.uint64(1) << rest) - np.uint64(1)) == np.uint64(0))


@kernel(leaf=True)
def string_end(text: Bytes, words: Words, at: int, stop: int) -> tuple[int, bool]:
    """Return the offset after the string that opens at at, -1 when it is none; is it escaped."""
    escaped = False
    i = _plain_end(text, words, at + 1, stop)
    while i < stop and text[i] == 92:
        escaped = True
        i = _escape_end(text, i, stop)
        if i < 0:
            return -1, True
        i = _plain_end(text, words, i, stop)
    return (i + 1 if i < stop and text[i] == 34 else -1), escaped


@kernel(leaf=True)
def _digits_end(text: Bytes, at: int, stop: int) -> int:
    i = at
    while i < stop and 48 <= text[i] <= 57:
        i += 1
    return i


@kernel(leaf=True)
def _number_end(text: Bytes, at: int, stop: int) -> tuple[int, bool]:
    """Return the offset after the number at at, -1 when it is none; and whether it is unusual.

    A decimal of up to 15 digits is the shortest one that reads as its double, so that it would be
    written back as it is; an exponent is not looked at that closely.
    """
    first = at + 1 if text[at] == 45 else at
    whole = _digits_end(text, first, stop)
    if whole == first or (text[first] == 48 and whole > first + 1):
        return -1, False
    if whole >= stop or text[whole] not in (46, 69, 101):
        return whole, text[first] == 48 and first > at
    i = whole
    unusual = False
    if text[i] == 46:
        i = _digits_end(text, whole + 1, stop)
        if i == whole + 1:
            return -1, False
        small = text[first] == 48
        nought = whole + 1
        while nought < i and text[nought] == 48:
            nought += 1
        long = i - first > 16 or (small and nought - whole > 6)
        unusual = long or (text[i - 1] == 48 and i > whole + 2)
    if i < stop and text[i] in (69, 101):
        unusual = True
        i += 1
        if i < stop and text[i] in (43, 45):
            i += 1
        digits = i
        i = _digits_end(text, digits, stop)
        if i == digits:
            return -1, False
    return i, unusual


@kernel(leaf=True)
def _is_word(text: Bytes, at: int, stop: int, word: bytes, folded: int) -> bool:
    """Say whether a word stands at at; folded is 0x20 when the letters' case does not matter."""
    if at + len(word) > stop:
        return False
    for k in range(len(word)):  # noqa: SIM110 - numba compiles no all()
        if (text[at + k] | folded) != word[k]:
            return False
    return True


@kernel(leaf=True)
def scalar_end(text: Bytes, at: int, stop: int) -> tuple[int, bool]:
    """Return the offset after the number or word at at, -1 when it is none; and is it unusual."""
    c = text[at]
    first = at + 1 if c == 45 else at
    if first < stop and 48 <= text[first] <= 57:
        return _number_end(text, at, stop)
    if _is_word(text, at, stop, b"true", 0) or _is_word(text, at, stop, b"null", 0):
        return at + 4, False
    if _is_word(text, at, stop, b"false", 0):
        return at + 5, False
    if _is_word(text, first, stop, b"infinity", 0x20):
        return first + 8, True
    if _is_word(text, first, stop, b"inf", 0x20) or _is_word(text, first, stop, b"nan", 0x20):
        return first + 3, True
    return -1, False


@kernel(leaf=True)
def space_end(text: Bytes, at: int, stop: int) -> int:
    while at < stop and text[at] in (32, 9, 10, 13):
        at += 1
    return at
