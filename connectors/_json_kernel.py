"""The kernel that walks JSON texts once and notes where the values of wanted paths lie (RFC 8259).

What is accepted is what DuckDB's JSON functions accept: trailing commas pass, and of a key given
twice the first counts. Kept apart from `_json_walk` because it imports numba.
"""

from typing import NamedTuple

import numpy as np

from nova_timeline.compiled import kernel

from ._json_rewrite_kernel import ESCAPED, LOOSE, UNUSUAL, unescape, view
from ._json_tokens_kernel import (
    Bytes,
    Numbers,
    Words,
    is_same,
    scalar_end,
    space_end,
    string_end,
)

BROKEN, OTHER, OBJECT = 0, 1, 2
"""What a text is: no JSON; JSON, but no object; an object."""

_VALUE, _ITEM, _KEY, _AFTER = 0, 1, 2, 3  # what may come next in a text
_CLOSING, _START, _NODE, _INDEX, _LOOSE, _UNUSUAL = 0, 1, 2, 3, 4, 5  # columns of the stack
_COLUMN, _HAS_KEYS, _HAS_ITEMS = 0, 1, 2  # columns of the nodes
_FIRST, _LENGTH, _PARENT, _CHILD = 0, 1, 2, 3  # columns of the guesses
_GUESSES = 256
_PRIME = 5


class Plan(NamedTuple):
    """The wanted paths as a tree; its node 0 is the text itself."""

    letters: Bytes  # the keys, one after another
    keys: Numbers  # shape (2**k, 4), a hash table: parent or -1, a key's start and stop, child
    items: Numbers  # shape (m, 3): parent, place in the array, child
    nodes: Numbers  # shape (any, 3): the column a node's value goes to, or -1; 1 if keys are below
    # it; 1 if items are


class Found(NamedTuple):
    """Text columns in Arrow's string view layout, filled as values are found."""

    views: Words  # shape (columns, n, 2), 16 bytes: length, then 12 bytes, or 4, buffer and offset
    valid: Bytes  # shape (columns, ceil(n / 8)): one bit a value, the lowest first
    counts: Numbers  # shape (columns,): how many values there are


@kernel(inline="always")
def slot_of(parent: int, length: int, first: int, last: int, mask: int) -> int:
    """Return where the hash table of keys begins to look."""
    return (parent * 40503 + length * 2999 + first * 613 + last * 89) >> 2 & mask


@kernel(leaf=True)
def _child(keys: Numbers, letters: Bytes, parent: int, text: Bytes, start: int, stop: int) -> int:
    """Find the node of the key text[start:stop] below a node; -1 when it is not wanted."""
    length = stop - start
    if length == 0:
        return -1
    mask = len(keys) - 1
    slot = slot_of(parent, length, int(text[start]), int(text[stop - 1]), mask)
    while keys[slot, 0] >= 0:
        first = keys[slot, 1]
        if keys[slot, 0] == parent and keys[slot, 2] - first == length:
            same = True
            for k in range(length):
                if letters[first + k] != text[start + k]:
                    same = False
                    break
            if same:
                return int(keys[slot, 3])
        slot = (slot + 1) & mask
    return -1


@kernel(leaf=True)
def _item(items: Numbers, parent: int, place: int) -> int:
    """Find the node of an array's value below a node; -1 when it is not wanted."""
    for k in range(len(items)):
        if items[k, 0] == parent and items[k, 1] == place:
            return int(items[k, 2])
    return -1


@kernel()
def _key(
    keys: Numbers,
    letters: Bytes,
    parent: int,
    text: Bytes,
    start: int,
    stop: int,
    escaped: bool,
) -> int:
    """Find the node of a key that may be escaped; see `_child`."""
    if not escaped:
        return _child(keys, letters, parent, text, start, stop)
    plain = np.empty(stop - start, np.uint8)
    first = int(np.int64(0))  # a plain 0 would have what takes it compiled twice
    last = unescape(text, start, stop, plain, first)
    return _child(keys, letters, parent, plain, first, last)


@kernel(leaf=True)
def _forget(views: Words, valid: Bytes, count: Numbers, row: int) -> None:
    """Take back what was noted of a text that turns out to be broken."""
    bit = np.uint8(1 << (row & 7))
    for column in range(len(count)):
        if valid[column, row >> 3] & bit:
            valid[column, row >> 3] &= ~bit
            count[column] -= 1
            views[column, row, 0] = np.uint64(0)
            views[column, row, 1] = np.uint64(0)


@kernel()
def _grown(table: Numbers) -> Numbers:
    rows, columns = table.shape
    more = np.empty((2 * rows, columns), np.int64)
    for row in range(rows):
        for column in range(columns):  # numba compiles a loop much faster than a slice
            more[row, column] = table[row, column]
    return more


@kernel()
def walk(  # noqa: C901, PLR0912, PLR0915 - one pass over the bytes, a branch a state
    text: Bytes, words: Words, bounds: Numbers, plan: Plan, found: Found
) -> tuple[Bytes, Numbers]:
    """Note the wanted values of every text.

    Records of one source mostly have the same keys in the same order. So the key that a text has at
    a place is first held against the one that the text before it had there: if its bytes up to the
    colon are the same, so is where it leads to, and nothing of it has to be looked at.

    All is in one function, as numba would count the references of every array at each call.

    Args:
        text: the texts' bytes, valid UTF-8.
        words: `words_of` them.
        bounds: where each begins, and where the last ends, shape (n + 1,).
        plan: what is wanted.
        found: columns without a value yet.

    Returns:
        What each text is, shape (n,): BROKEN, OTHER or OBJECT; and the values that have to be
        rewritten, shape (m, 5): column, row, start, stop, why.
    """
    n = len(bounds) - 1
    letters, keys, items, nodes = plan
    views, valid, count = found
    state = np.empty(n, np.uint8)
    seen = np.full(len(plan.nodes), -1, np.int64)  # the row each node was last met in
    stack = np.empty((32, 6), np.int64)  # what is known of each open object or array
    guesses = np.zeros((_GUESSES, 4), np.int64)  # what key there was, by object and place in it
    odd = np.empty((max(64, 2 * len(count)), 5), np.int64)
    m = int(np.int64(0))  # a plain 0 would have what takes it compiled twice
    for row in range(n):
        while m + len(count) > len(odd):
            odd = _grown(odd)
        stop = bounds[row + 1]
        i = space_end(text, bounds[row], stop)
        opening = text[i] if i < stop else 0
        many = m
        depth = 0
        node = 0
        loose = 0
        unusual = 0
        after_comma = False
        phase = _VALUE
        good = False
        while True:
            if i < stop and text[i] <= 32:
                i = space_end(text, i, stop)
                loose += 1
            if i >= stop:
                good = phase == _AFTER and depth == 0
                break
            c = text[i]
            top = depth - 1
            if phase == _AFTER:
                if depth == 0:
                    break
                if c == 44:
                    i += 1
                    after_comma = True
                    phase = _KEY if stack[top, _CLOSING] == 125 else _ITEM
                    continue
            why = 0
            end = i
            escaped = False
            slot = 0
            if phase == _KEY:
                parent = stack[top, _NODE]
                slot = (parent * _PRIME + stack[top, _INDEX]) & (_GUESSES - 1)
                stack[top, _INDEX] += 1
                length = guesses[slot, _LENGTH]
                if (
                    length
                    and guesses[slot, _PARENT] == parent
                    and i + length < stop
                    and is_same(words, i, guesses[slot, _FIRST], length)
                ):
                    node = guesses[slot, _CHILD]
                    if node >= 0:
                        if seen[node] == row:
                            node = -1
                        else:
                            seen[node] = row
                    i += length
                    phase = _VALUE
                    continue
            if c == 34:  # a key or a value; looked at in one place, as that is compiled but once
                end, escaped = string_end(text, words, i, stop)
                if end < 0:
                    break
                if escaped:
                    loose += 1
            if phase != _VALUE and c in (93, 125):
                if stack[top, _CLOSING] != c:
                    break
                if phase != _AFTER and after_comma:
                    loose += 1
                i += 1
                depth = top
                phase = _AFTER
                node = stack[top, _NODE]
                if node >= 0 and nodes[node, _COLUMN] >= 0:
                    first = stack[top, _START]
                    last = i
                    if unusual > stack[top, _UNUSUAL]:
                        why = UNUSUAL
                    elif loose > stack[top, _LOOSE]:
                        why = LOOSE
                else:
                    continue
            elif phase == _AFTER:
                break
            elif phase == _KEY:
                if c != 34:
                    break
                parent = stack[top, _NODE]
                node = -1
                if parent >= 0 and nodes[parent, _HAS_KEYS]:
                    node = _key(keys, letters, parent, text, i + 1, end - 1, escaped)
                if not escaped and end < stop and text[end] == 58:
                    guesses[slot, _FIRST] = i
                    guesses[slot, _LENGTH] = end + 1 - i
                    guesses[slot, _PARENT] = parent
                    guesses[slot, _CHILD] = node
                if node >= 0:
                    if seen[node] == row:
                        node = -1
                    else:
                        seen[node] = row
                i = space_end(text, end, stop)
                if i > end:
                    loose += 1
                if i >= stop or text[i] != 58:
                    break
                i += 1
                phase = _VALUE
                continue
            else:
                if phase == _ITEM:
                    parent = stack[top, _NODE]
                    node = -1
                    if parent >= 0 and nodes[parent, _HAS_ITEMS]:
                        node = _item(items, parent, stack[top, _INDEX])
                    stack[top, _INDEX] += 1
                phase = _AFTER
                if c in (91, 123):
                    if depth == len(stack):
                        stack = _grown(stack)
                    stack[depth, _CLOSING] = c + 2
                    stack[depth, _START] = i
                    stack[depth, _NODE] = node
                    stack[depth, _INDEX] = 0
                    stack[depth, _LOOSE] = loose
                    stack[depth, _UNUSUAL] = unusual
                    depth += 1
                    phase = _KEY if c == 123 else _ITEM
                    after_comma = False
                    i += 1
                    continue
                first = i
                if c == 34:
                    i = end
                    first += 1
                    last = end - 1
                    if escaped:
                        why = ESCAPED
                else:
                    last, strange = scalar_end(text, i, stop)
                    if last < 0:
                        break
                    i = last
                    if strange:
                        unusual += 1
                        why = UNUSUAL
                    if c == 110 and not strange:
                        continue  # null
            if node >= 0 and nodes[node, _COLUMN] >= 0:
                column = nodes[node, _COLUMN]
                views[column, row, 0], views[column, row, 1] = view(text, words, first, last, 0)
                valid[column, row >> 3] |= np.uint8(1 << (row & 7))
                count[column] += 1
                if why:
                    odd[m, 0] = column
                    odd[m, 1] = row
                    odd[m, 2] = first
                    odd[m, 3] = last
                    odd[m, 4] = why
                    m += 1
        if good:
            state[row] = OBJECT if opening == 123 else OTHER
        else:
            state[row] = BROKEN
            m = many
            _forget(views, valid, count, row)
    return state, odd[:m].copy()
