"""The kernel that finds OTLP/JSON records in a file, and the resource each belongs to.

OpenTelemetry Protocol specification, "JSON Protobuf Encoding"; message shapes from
``opentelemetry/proto/{logs,metrics,trace}/v1``. Kept apart because it imports numba.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

from . import _json_scan

Bytes: TypeAlias = npt.NDArray[np.uint8]
Numbers: TypeAlias = npt.NDArray[np.int64]

LOGS, METRICS, SPANS = 0, 1, 2

COMPLETE = 0
CUT_OFF = 1  # the bytes end inside a document
FOREIGN = 2  # a whole document, or none, without a signal's key

_KEYS = (
    ("resourceLogs", "resourceMetrics", "resourceSpans"),
    ("scopeLogs", "scopeMetrics", "scopeSpans"),
    ("logRecords", "metrics", "spans"),
)
KEYS = np.frombuffer("".join(k for level in _KEYS for k in level).encode(), np.uint8)
"""The keys that lead to a record, by depth and then by signal, one after another."""
BOUNDS = np.cumsum([0] + [len(k) for level in _KEYS for k in level]).astype(np.int64)
"""Where each key begins in KEYS, and where the last one ends."""
_RESOURCE = np.frombuffer(b"resource", np.uint8)

_string_end = _json_scan._string_end  # pyright: ignore[reportPrivateUsage]
_value_end = _json_scan._value_end  # pyright: ignore[reportPrivateUsage]


@kernel(leaf=True)
def _same(text: Bytes, start: int, stop: int, word: Bytes, first: int, last: int) -> bool:
    """Say whether text[start:stop] is word[first:last]."""
    if stop - start != last - first:
        return False
    for i in range(stop - start):  # noqa: SIM110 - numba compiles no all()
        if text[start + i] != word[first + i]:
            return False
    return True


@kernel(leaf=True)
def space_end(text: Bytes, at: int, stop: int) -> int:
    """Pass over white space, commas and colons."""
    while at < stop and text[at] in (32, 9, 10, 13, 44, 58):
        at += 1
    return at


@kernel()
def grown(table: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return a table with room for twice as many rows."""
    more = np.empty((table.shape[0] * 2, table.shape[1]), np.int64)
    more[: table.shape[0]] = table
    return more


@kernel()
def records(  # noqa: C901, PLR0912, PLR0915 - one pass over the bytes, a branch a state
    text: Bytes, starts: Numbers, stops: Numbers, keys: Bytes, bounds: Numbers
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find log records, metrics and spans, and the resource each belongs to, in one pass.

    Args:
        text: the file's content.
        starts: where each stretch that holds whole documents begins (a line, or all there is).
        stops: where each stretch ends.
        keys: KEYS.
        bounds: BOUNDS.

    Returns:
        Records, shape (n, 4): start, stop, signal, number of the resource; resources, shape (m, 2):
        start and stop, both 0 where none is given; and the status of each stretch.
    """
    found = np.empty((256, 4), np.int64)
    owners = np.empty((64, 2), np.int64)
    status = np.empty(len(starts), np.int64)
    n = 0
    m = 0
    for k in range(len(starts)):
        i = starts[k]
        stop = stops[k]
        depth = -1  # how many of the path's keys are behind us; -1 outside a document
        listed = False  # inside a list (of resources, scopes or records) rather than an object
        signal = 0
        known = False
        cut = False
        while True:
            i = space_end(text, i, stop)
            if i >= stop:
                cut = depth >= 0
                break
            c = text[i]
            if depth < 0:
                # Documents may stand one after another, or in a list.
                if c == 123:
                    depth = 0
                    listed = False
                    i += 1
                elif c in (91, 93):
                    i += 1
                else:
                    i = _value_end(text, i, stop)
                    if i < 0:
                        cut = True
                        break
            elif listed:
                if c == 93:
                    listed = False
                    depth -= 1
                    i += 1
                elif depth < 3 and c == 123:
                    if depth == 1:
                        if m == len(owners):
                            owners = grown(owners)
                        owners[m, 0] = 0
                        owners[m, 1] = 0
                        m += 1
                    listed = False
                    i += 1
                else:
                    end = _value_end(text, i, stop)
                    if end < 0:
                        cut = True
                        break
                    if depth == 3:
                        if n == len(found):
                            found = grown(found)
                        found[n, 0] = i
                        found[n, 1] = end
                        found[n, 2] = signal
                        found[n, 3] = m - 1
                        n += 1
                    i = end
            elif c == 125:
                i += 1
                if depth == 0:
                    depth = -1
                else:
                    listed = True
            elif c != 34:
                cut = True  # not JSON
                break
            else:
                after = _string_end(text, i, stop)
                at = space_end(text, after, stop) if after > 0 else stop
                if at >= stop:
                    cut = True
                    break
                first = i + 1
                last = after - 1
                entered = False
                if text[at] == 91:
                    for s in range(3):
                        if depth > 0 and s != signal:
                            continue
                        key = depth * 3 + s
                        if _same(text, first, last, keys, bounds[key], bounds[key + 1]):
                            signal = s
                            entered = True
                            break
                if entered:
                    known = True
                    depth += 1
                    listed = True
                    i = at + 1
                    continue
                end = _value_end(text, at, stop)
                if end < 0:
                    cut = True
                    break
                if depth == 1 and _same(text, first, last, _RESOURCE, 0, len(_RESOURCE)):
                    owners[m - 1, 0] = at
                    owners[m - 1, 1] = end
                i = end
        status[k] = CUT_OFF if cut else COMPLETE if known else FOREIGN
    return found[:n].copy(), owners[:m].copy(), status
