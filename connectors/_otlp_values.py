"""The kernels that take OTLP/JSON's wrapping off values, and find the members of what is left.

``opentelemetry/proto/common/v1``: AnyValue, KeyValue. Kept apart because it imports numba.
"""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

from . import _json_scan
from ._otlp_scan import Bytes, Numbers, grown, space_end

_DEEPEST = 24

_string_end = _json_scan._string_end  # pyright: ignore[reportPrivateUsage]
_value_end = _json_scan._value_end  # pyright: ignore[reportPrivateUsage]


@kernel(leaf=True)
def _copy(text: Bytes, start: int, stop: int, out: Bytes, o: int) -> int:
    for i in range(start, stop):
        out[o] = text[i]
        o += 1
    return o


@kernel(leaf=True)
def _leaf(  # noqa: PLR0911 - one shape of value a return
    text: Bytes, at: int, stop: int, out: Bytes, o: int
) -> tuple[int, int, int]:
    """Write the value at at, unless it is a list to step into.

    Returns:
        The offset after what was written; where the list to step into begins, or -1; and 1 when
        that list holds the pairs of a kvlistValue.
    """
    if at >= stop:
        return _null(out, o), -1, 0
    if text[at] == 91:
        return o, at, 0
    end = _value_end(text, at, stop)
    key = space_end(text, at + 1, end)
    if text[at] != 123:
        return _copy(text, at, end, out, o), -1, 0
    if text[key] != 34:
        return _null(out, o), -1, 0
    after = _string_end(text, key, end)
    value = space_end(text, after, end)
    if not _ends_in_value(text, key, after):
        return _copy(text, at, end, out, o), -1, 0
    letter = text[key + 1]
    if letter in (107, 97) and text[value] == 123:  # kvlistValue, arrayValue
        pairs = 1 if letter == 107 else 0
        inner = space_end(text, value + 1, end)
        if text[inner] == 34:
            inner = space_end(text, _string_end(text, inner, end), end)
            if text[inner] == 91:
                return o, inner, pairs
        out[o] = 123 if pairs else 91
        out[o + 1] = 125 if pairs else 93
        return o + 2, -1, 0
    last = _value_end(text, value, end)
    if letter in (105, 100) and text[value] == 34 and _is_number(text, value + 1, last - 1):
        return _copy(text, value + 1, last - 1, out, o), -1, 0
    return _copy(text, value, last, out, o), -1, 0


@kernel()
def _bare(text: Bytes, at: int, stop: int, out: Bytes, o: int) -> int:
    """Write the plain JSON of an AnyValue, or of a list of them or of KeyValues, that begins at at.

    AnyValue {"stringValue": "x"} is "x", {"intValue": "5"} is 5, {"kvlistValue": {"values":
    [{"key": "a", "value": ...}]}} is {"a": ...}, {"arrayValue": {"values": [...]}} is [...]. What
    has another shape, or lies too deep, is copied. Returns the offset after what was written.
    """
    # A stack of its own: a compiled function that calls itself cannot be loaded from numba's cache.
    ends = np.empty(_DEEPEST, np.int64)  # where each open list closes
    resume = np.empty(_DEEPEST, np.int64)  # where to go on after it
    begun = np.empty(_DEEPEST, np.int64)  # where its bracket was written
    pairs = np.empty(_DEEPEST, np.int64)
    depth = 0
    i = at
    limit = stop
    after = stop
    value = True
    while True:
        if value:
            o, inner, keyed = _leaf(text, i, limit, out, o)
            if inner >= 0 and depth == _DEEPEST:
                o = _copy(text, inner, _value_end(text, inner, limit), out, o)
            elif inner >= 0:
                ends[depth] = _value_end(text, inner, limit) - 1
                resume[depth] = after
                begun[depth] = o
                pairs[depth] = keyed
                depth += 1
                o += 1
                after = inner + 1
            i = after
            value = False
        elif depth == 0:
            return o
        else:
            top = depth - 1
            i = space_end(text, i, ends[top])
            if i >= ends[top]:
                out[begun[top]] = 123 if pairs[top] else 91
                out[o] = 125 if pairs[top] else 93
                o += 1
                i = resume[top]
                depth = top
                continue
            if o > begun[top] + 1:
                out[o] = 44
                o += 1
            after = _value_end(text, i, ends[top])
            limit = after
            key, key_end, content = _pair(text, i, after)
            if key >= 0:
                pairs[top] = 1
                o = _copy(text, key, key_end, out, o)
                out[o] = 58
                o += 1
                i = content if content >= 0 else after
            value = True


@kernel(leaf=True)
def _is_number(text: Bytes, start: int, stop: int) -> bool:
    """Tell digits from the words NaN and Infinity, which JSON has only as strings."""
    return stop > start and (48 <= text[stop - 1] <= 57)


@kernel(leaf=True)
def _ends_in_value(text: Bytes, key: int, after: int) -> bool:
    """Say whether the quoted key ends in ``Value``, as each choice of AnyValue does."""
    return (
        after - key > 7
        and text[after - 6] == 86
        and text[after - 5] == 97
        and text[after - 4] == 108
        and text[after - 3] == 117
        and text[after - 2] == 101
    )


@kernel(leaf=True)
def _null(out: Bytes, o: int) -> int:
    out[o] = 110
    out[o + 1] = 117
    out[o + 2] = 108
    out[o + 3] = 108
    return o + 4


@kernel(leaf=True)
def _pair(text: Bytes, at: int, stop: int) -> tuple[int, int, int]:
    """Find the quoted key and the value of a KeyValue; (-1, ...) when it is none."""
    key = -1
    key_end = -1
    value = -1
    if text[at] != 123:
        return key, key_end, value
    i = space_end(text, at + 1, stop)
    while i < stop - 1 and text[i] == 34:
        name_end = _string_end(text, i, stop)
        content = space_end(text, name_end, stop)
        end = _value_end(text, content, stop)
        if name_end - i == 5 and text[i + 1] == 107 and text[i + 2] == 101 and text[content] == 34:
            key = content
            key_end = end
        elif name_end - i == 7 and text[i + 1] == 118 and text[i + 5] == 101:
            value = content
        i = space_end(text, end, stop)
    return key, key_end, value


@kernel()
def bare(text: Bytes, offsets: Numbers) -> tuple[Bytes, Numbers]:
    """Take the AnyValue wrapping off every JSON text of an Arrow string buffer.

    Args:
        text: the texts' bytes; each is an AnyValue, a list of KeyValues, or empty, and valid JSON.
        offsets: where each begins, shape (n + 1,).

    Returns:
        The plain texts' bytes, and their offsets.
    """
    n = len(offsets) - 1
    # An empty value, {}, becomes null: nothing else grows.
    out = np.empty(2 * (offsets[n] - offsets[0]) + 8 * n + 8, np.uint8)
    bounds = np.zeros(n + 1, np.int64)
    o = 0
    for i in range(n):
        at = space_end(text, offsets[i], offsets[i + 1])
        if at < offsets[i + 1]:
            o = _bare(text, at, offsets[i + 1], out, o)
        bounds[i + 1] = o
    return out[:o].copy(), bounds


@kernel()
def members(text: Bytes, offsets: Numbers) -> tuple[npt.NDArray[np.int64], Numbers]:
    """Find the members of JSON objects in an Arrow string buffer, null ones left out.

    Args:
        text: the objects' bytes, valid JSON, each of them an object.
        offsets: where each begins, shape (n + 1,).

    Returns:
        Members, shape (m, 5): the key without its quotes (start, stop), the value (start, stop), a
        string without its quotes, and 1 when it is a string; and how many members there are before
        each object, shape (n + 1,).
    """
    n = len(offsets) - 1
    found = np.empty((4 * n + 16, 5), np.int64)
    before = np.zeros(n + 1, np.int64)
    m = 0
    for k in range(n):
        stop = offsets[k + 1]
        i = space_end(text, offsets[k] + 1, stop)
        while i < stop and text[i] == 34:
            name_end = _string_end(text, i, stop)
            value = space_end(text, name_end, stop)
            end = _value_end(text, value, stop)
            if text[value] != 110:  # null
                if m == len(found):
                    found = grown(found)
                quote = 1 if text[value] == 34 else 0
                found[m, 0] = i + 1
                found[m, 1] = name_end - 1
                found[m, 2] = value + quote
                found[m, 3] = end - quote
                found[m, 4] = quote
                m += 1
            i = space_end(text, end, stop)
        before[k + 1] = m
    return found[:m].copy(), before
