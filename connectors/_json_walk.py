"""Named paths of many JSON texts, as text columns: one walk over the bytes finds them all.

A value is where it is in the text; a column is a list of such places (Arrow's string view), so that
nothing is copied but what has to be rewritten: strings with escapes, objects and arrays with white
space. The few numbers that are not written as DuckDB writes them, and JSONPaths of unusual form,
are left to DuckDB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow

from . import _duck

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    from ._json_kernel import Found, Plan
    from ._json_tokens_kernel import Bytes, Numbers

_STEP = re.compile(r'\."([^"\\*]+)"|\.([\w@-]+)|\[(\d{1,9})\]', re.ASCII)


@dataclass(frozen=True, slots=True)
class Walked:
    """What was found in n texts."""

    table: pl.DataFrame  # one text column a path
    state: npt.NDArray[np.uint8]  # shape (n,): see `_json_kernel.BROKEN`


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Paths made ready for the walk, and those it does not know."""

    plan: Plan
    columns: Mapping[str, int]  # path -> its column
    unusual: tuple[str, ...]


def walk(text: pa.Array[Any] | pa.ChunkedArray[Any], paths: Mapping[str, str]) -> Walked:
    """Read JSONPaths of a column of JSON texts; a text that is null or no JSON has none of them.

    Args:
        text: string or large_string, shape (n,).
        paths: column name -> JSONPath. Objects and arrays come as their JSON text without white
            space, numbers and booleans as text, absent and null ones as null; of a key given twice
            the first counts.
    """
    import numpy as np
    import polars as pl

    from . import _json_kernel as kernel
    from . import _json_tokens_kernel as tokens

    wanted = _wanted(tuple(dict.fromkeys(paths.values())))
    length, many = len(text), len(wanted.columns)
    # Zeroed pages cost nothing until they are written: paths that no text has take no memory.
    found = kernel.Found(
        np.zeros((many, length, 2), np.uint64),
        np.zeros((many, (length + 7) // 8), np.uint8),
        np.zeros(many, np.int64),
    )
    content, bounds, buffer = _content(text)
    state, odd = kernel.walk(content, tokens.words_of(content), bounds, wanted.plan, found)
    buffers = _windows(buffer)
    if len(odd):
        buffers += _rewritten(found, content, odd, len(buffers))
    none = pl.Series([None], dtype=pl.String).new_from_index(0, length)
    by_path = {path: _column(found, k, buffers, none) for path, k in wanted.columns.items()}
    if wanted.unusual:
        by_path |= _asked(text, wanted.unusual)
    table = pl.DataFrame([by_path[path].alias(name) for name, path in paths.items()])
    return Walked(table, state)


@lru_cache(maxsize=256)
def _wanted(paths: tuple[str, ...]) -> _Wanted:
    """Make a tree of paths."""
    import numpy as np

    from . import _json_kernel as kernel

    children: list[dict[str | int, int]] = [{}]
    ends: dict[int, int] = {}
    columns: dict[str, int] = {}
    unusual: list[str] = []
    for path in paths:
        steps = _steps(path)
        if steps is None:
            unusual.append(path)
            continue
        node = 0
        for step in steps:
            if step not in children[node]:
                children[node][step] = len(children)
                children.append({})
            node = children[node][step]
        columns[path] = ends.setdefault(node, len(ends))
    kinds = [{type(step) for step in below} for below in children]
    items = [
        (parent, step, child)
        for parent, below in enumerate(children)
        for step, child in below.items()
        if isinstance(step, int)
    ]
    letters, keys = _keys(children)
    plan = kernel.Plan(
        letters,
        keys,
        np.array(items, np.int64).reshape(-1, 3),
        np.array(
            [(ends.get(node, -1), str in kind, int in kind) for node, kind in enumerate(kinds)],
            np.int64,
        ),
    )
    return _Wanted(plan, columns, tuple(unusual))


def _steps(path: str) -> list[str | int] | None:
    """Take a JSONPath apart; None when it is not made of names and places alone.

    >>> _steps('$.tasks[0]."a.b"')
    ['tasks', 0, 'a.b']
    """
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return None
        quoted, name, place = step.groups()
        steps.append(int(place) if place else quoted or name)
        at = step.end()
    return steps if path[:1] == "$" else None


def _keys(children: Sequence[Mapping[str | int, int]]) -> tuple[Bytes, Numbers]:
    """Put the names of a tree into a hash table with open addressing."""
    import numpy as np

    from . import _json_kernel as kernel

    named = [
        (parent, step.encode(), child)
        for parent, below in enumerate(children)
        for step, child in below.items()
        if isinstance(step, str)
    ]
    size = 1 << (4 * len(named) + 1).bit_length()
    table = np.full((size, 4), -1, np.int64)
    compiled: Any = kernel.slot_of
    slot_of = compiled.py_func  # for a few keys it is not worth loading
    at = 0
    for parent, key, child in named:
        slot = slot_of(parent, len(key), key[0], key[-1], size - 1)
        while table[slot, 0] >= 0:
            slot = (slot + 1) % size
        table[slot] = parent, at, at + len(key), child
        at += len(key)
    return np.frombuffer(b"".join(key for _, key, _ in named), np.uint8), table


def _content(text: pa.Array[Any] | pa.ChunkedArray[Any]) -> tuple[Bytes, Numbers, Any]:
    """Return the texts' bytes, where each begins, shape (n + 1,), and the bytes' buffer."""
    import numpy as np
    import pyarrow as pa

    whole: Any = arrow.whole(text).cast(pa.large_string())
    if whole.null_count:
        whole = arrow.compute().fill_null(whole, "")
    _, offsets, data = whole.buffers()
    if len(whole) == 0 or data is None:
        return np.empty(0, np.uint8), np.zeros(len(whole) + 1, np.int64), pa.py_buffer(b"")
    bounds = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
    return np.frombuffer(data, np.uint8), bounds, data


def _windows(buffer: Any) -> list[Any]:
    """Cut a buffer into overlapping stretches, one for the views of values that begin in it."""
    from . import _json_rewrite_kernel as kernel

    step = kernel.WINDOW
    longest = 2 * step - 1
    return [buffer.slice(at, min(longest, buffer.size - at)) for at in range(0, buffer.size, step)]


def _rewritten(found: Found, content: Bytes, odd: Numbers, buffer: int) -> list[Any]:
    """Rewrite values whose bytes are not their text; return the buffers that hold them."""
    import pyarrow as pa

    from . import _json_rewrite_kernel as kernel
    from . import _json_tokens_kernel as tokens

    strange = odd[:, 4] == kernel.UNUSUAL
    plain = odd[~strange]
    written, bounds = kernel.rewrite(content, plain)
    kernel.place(found.views, plain, written, tokens.words_of(written), bounds, buffer)
    made = _windows(pa.py_buffer(written.data))
    if strange.any():
        rest = odd[strange]
        copied, places = kernel.rewrite(content, rest)
        pieces: list[Any] = [None, pa.py_buffer(places.data), pa.py_buffer(copied.data)]
        asked = pa.Array.from_buffers(pa.large_string(), len(rest), pieces)
        answer, ends, held = _content(arrow.column(_asked(asked, ("$",))["$"]))
        kernel.place(found.views, rest, answer, tokens.words_of(answer), ends, buffer + len(made))
        made += _windows(held)
    return made


def _asked(
    text: pa.Array[Any] | pa.ChunkedArray[Any], paths: Sequence[str]
) -> dict[str, pl.Series]:
    """Let DuckDB read JSONPaths.

    Raises:
        BinderException: one of them is no JSONPath, or one that may find several values.
    """
    import polars as pl
    import pyarrow as pa

    listed = ", ".join(f"'{path.replace(chr(39), chr(39) * 2)}'" for path in paths)
    picked = ", ".join(f"x[{i}] AS c{i}" for i in range(1, len(paths) + 1))
    known = "CASE WHEN json_valid(t) THEN t END"
    # The paths are quoted.
    query = (
        f"SELECT {picked} FROM (SELECT json_extract_string({known}, [{listed}]) AS x FROM texts)"  # noqa: S608
    )
    answer = pl.DataFrame(_duck.run(query, pa.Table.from_pydict({"t": text})))
    return dict(zip(paths, answer.get_columns(), strict=True))


def _column(found: Found, k: int, buffers: Sequence[Any], none: pl.Series) -> pl.Series:
    import polars as pl
    import pyarrow as pa

    length, count = found.views.shape[1], int(found.counts[k])
    if count == 0:
        return none
    valid = pa.py_buffer(found.valid[k].data) if count < length else None
    parts: list[Any] = [valid, pa.py_buffer(found.views[k].data), *buffers]
    views: Any = arrow.core().string_view()
    return pl.Series(values=pa.Array.from_buffers(views, length, parts, length - count))
