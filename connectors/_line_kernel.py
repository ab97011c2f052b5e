"""The kernel that finds where lines begin and end, eight bytes at a time (imports numba)."""

import numpy as np

from nova_timeline.compiled import kernel

from ._json_tokens_kernel import Bytes, Numbers, Words, first_marked

_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_FEEDS = np.uint64(0x0A0A0A0A0A0A0A0A)
_LINE_FEED = 10
_RETURN = 13


@kernel(leaf=True)
def _feed(text: Bytes, words: Words, at: int, stop: int) -> int:
    """Return where the first line feed from at on is, or stop; see `first_marked` for the trick."""
    i = at
    while i + 8 <= stop:
        word = words[i] ^ _FEEDS
        marks = (word - _ONES) & ~word & _HIGH
        if marks:
            return i + int(first_marked(marks))
        i += 8
    while i < stop and text[i] != _LINE_FEED:
        i += 1
    return i


@kernel()
def lines(text: Bytes, words: Words, start: int, stop: int) -> tuple[Numbers, Numbers]:
    """Find the lines of text[start:stop] that are not empty, without their line ends.

    Args:
        text: the content.
        words: `nova_timeline.connectors._json_tokens_kernel.words_of` it.
        start: where the first line begins.
        stop: where the last one ends.

    Returns:
        Where each begins and where it ends, each of shape (n,).
    """
    found = np.empty((1024, 2), np.int64)
    n = 0
    at = start
    while at < stop:
        end = _feed(text, words, at, stop)
        last = end
        if last > at and text[last - 1] == _RETURN:
            last -= 1
        if last > at:
            if n == len(found):
                more = np.empty((2 * n, 2), np.int64)
                for k in range(n):
                    more[k, 0] = found[k, 0]
                    more[k, 1] = found[k, 1]
                found = more
            found[n, 0] = at
            found[n, 1] = last
            n += 1
        at = end + 1
    return found[:n, 0].copy(), found[:n, 1].copy()
