"""The kernels that make text columns of JSON values: as they stand, or rewritten.

A column is in Arrow's string view layout: its values stay where they are in the records, but for
strings with escapes and for objects and arrays with white space, which are written anew as DuckDB's
JSON functions write them. Kept apart because it imports numba.
"""

import numpy as np

from nova_timeline.compiled import kernel

from ._json_tokens_kernel import Bytes, Numbers, Words, code_point

ESCAPED, LOOSE, UNUSUAL = 1, 2, 3
"""Why a value's bytes are not its text: a string has escapes; an object or array has white space,
escapes or trailing commas; a number is not written as DuckDB writes it."""
_WINDOW_BITS = 30
WINDOW = 1 << _WINDOW_BITS
"""Views count their bytes from the WINDOW their value begins in: their offsets have 31 bits."""

_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@kernel(leaf=True)
def _eight(text: Bytes, words: Words, at: int) -> np.uint64:
    """Read the eight bytes from at on as a little-endian number; noughts after the last."""
    if at < len(words):
        return np.uint64(words[at])
    word = np.uint64(0)
    for k in range(len(text) - at):
        word |= np.uint64(text[at + k]) << np.uint64(8 * k)
    return word


@kernel(leaf=True)
def view(
    text: Bytes, words: Words, start: int, stop: int, buffer: int
) -> tuple[np.uint64, np.uint64]:
    """Make the string view of text[start:stop], whose windows are the buffers from buffer on."""
    length = stop - start
    half = np.uint64(32)
    low = _eight(text, words, start)
    high = np.uint64(0)
    if length > 12:
        high = np.uint64(buffer + (start >> _WINDOW_BITS))
        high |= np.uint64(start & (WINDOW - 1)) << half
    elif length > 4:
        high = _eight(text, words, start + 4) & (_ALL >> np.uint64(8 * (12 - length)))
    elif length < 4:
        low &= (np.uint64(1) << np.uint64(8 * length)) - np.uint64(1)
    return np.uint64(length) | low << half, high


@kernel(leaf=True)
def _utf8(out: Bytes, o: int, code: int) -> int:
    """Write a code point; return the offset after it."""
    if code < 0x80:
        out[o] = code
        return o + 1
    if code < 0x800:
        out[o] = 0xC0 | code >> 6
        out[o + 1] = 0x80 | code & 0x3F
        return o + 2
    if code < 0x10000:
        out[o] = 0xE0 | code >> 12
        out[o + 1] = 0x80 | code >> 6 & 0x3F
        out[o + 2] = 0x80 | code & 0x3F
        return o + 3
    out[o] = 0xF0 | code >> 18
    out[o + 1] = 0x80 | code >> 12 & 0x3F
    out[o + 2] = 0x80 | code >> 6 & 0x3F
    out[o + 3] = 0x80 | code & 0x3F
    return o + 4


@kernel()
def _control(letter: int) -> int:
    """Return the character that a letter after a backslash stands for, if not itself."""
    if letter == 98:
        return 8
    if letter == 102:
        return 12
    if letter == 110:
        return 10
    if letter == 114:
        return 13
    if letter == 116:
        return 9
    return letter


@kernel(leaf=True)
def unescape(text: Bytes, start: int, stop: int, out: Bytes, o: int) -> int:
    """Write the insides of a valid string; return the offset after them."""
    i = start
    while i < stop:
        c = text[i]
        if c != 92:
            out[o] = c
            o += 1
            i += 1
        elif text[i + 1] == 117:
            code, i = code_point(text, i, stop)
            o = _utf8(out, o, code)
        else:
            out[o] = _control(int(text[i + 1]))
            o += 1
            i += 2
    return o


@kernel(leaf=True)
def _escape(out: Bytes, o: int, code: int) -> int:
    """Write a code point inside quotes, escaped only where JSON wants it; shortest forms first."""
    if code >= 32 and code not in (34, 92):
        return _utf8(out, o, code)
    out[o] = 92
    for letter in (98, 102, 110, 114, 116):
        if _control(letter) == code:
            out[o + 1] = letter
            return o + 2
    if code >= 32:
        out[o + 1] = code
        return o + 2
    out[o + 1] = 117
    out[o + 2] = 48
    out[o + 3] = 48
    out[o + 4] = _HEX[code >> 4]
    out[o + 5] = _HEX[code & 15]
    return o + 6


@kernel(leaf=True)
def _tidy(text: Bytes, start: int, stop: int, out: Bytes, o: int) -> int:
    """Write a valid object or array without white space, trailing commas or needless escapes."""
    quoted = False
    i = start
    while i < stop:
        c = text[i]
        if quoted and c == 92:
            if text[i + 1] == 117:
                code, i = code_point(text, i, stop)
            else:
                code = _control(int(text[i + 1]))
                i += 2
            o = _escape(out, o, code)
            continue
        i += 1
        if not quoted:
            if c in (32, 9, 10, 13):
                continue
            if c in (93, 125) and out[o - 1] == 44:
                o -= 1
        if c == 34:
            quoted = not quoted
        out[o] = c
        o += 1
    return o


@kernel()
def rewrite(text: Bytes, odd: Numbers) -> tuple[Bytes, Numbers]:
    """Write strings without their escapes, objects and arrays tidily, unusual values as they are.

    Args:
        text: the texts' bytes.
        odd: what to write; see `walk`.

    Returns:
        The bytes, and where each value begins and the last ends, shape (m + 1,).
    """
    size = 0
    for k in range(len(odd)):
        size += odd[k, 3] - odd[k, 2]
    out = np.empty(size, np.uint8)
    bounds = np.zeros(len(odd) + 1, np.int64)
    o = int(np.int64(0))  # a plain 0 would have what takes it compiled twice
    for k in range(len(odd)):
        if odd[k, 4] == ESCAPED:
            o = unescape(text, odd[k, 2], odd[k, 3], out, o)
        elif odd[k, 4] == LOOSE:
            o = _tidy(text, odd[k, 2], odd[k, 3], out, o)
        else:
            for i in range(odd[k, 2], odd[k, 3]):
                out[o] = text[i]
                o += 1
        bounds[k + 1] = o
    return out, bounds


@kernel()
def place(
    views: Words, odd: Numbers, text: Bytes, words: Words, bounds: Numbers, buffer: int
) -> None:
    """Put rewritten values into their columns; text's windows are the buffers from buffer on."""
    for k in range(len(odd)):
        column, row = odd[k, 0], odd[k, 1]
        low, high = view(text, words, bounds[k], bounds[k + 1], buffer)
        views[column, row, 0], views[column, row, 1] = low, high
