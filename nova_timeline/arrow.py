"""pyarrow where a strict type checker cannot follow it.

pyarrow-stubs stand at pyarrow 20: they refuse arguments that later releases take, and leave out so
many type parameters that most comparisons count as unknown. What is taken from here is untyped.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from types import ModuleType

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa


def core() -> ModuleType:
    """Return `pyarrow`; it is imported when it is first needed."""
    import pyarrow as pa

    return pa


def compute() -> ModuleType:
    """Return `pyarrow.compute`; it is imported when it is first needed."""
    import pyarrow.compute

    return pyarrow.compute


def dataset() -> ModuleType:
    """Return `pyarrow.dataset`; it is imported when it is first needed."""
    import pyarrow.dataset

    return pyarrow.dataset


@contextmanager
def from_malloc() -> Generator[None]:
    """Have Arrow take its memory from malloc meanwhile.

    The pool that Arrow chooses by itself gives pages back as soon as it can; to get them anew for
    every batch of rows costs a few parts in a hundred of a run's time.
    """
    before = core().default_memory_pool()
    core().set_memory_pool(core().system_memory_pool())
    try:
        yield
    finally:
        core().set_memory_pool(before)


def parquet(place: Path) -> Any:
    """Open a Parquet file, or a folder of them, to be scanned."""
    return dataset().dataset(place, format="parquet")


def whole(column: pa.Array[Any] | pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """Join the pieces of a chunked array; what is in one piece is not copied."""
    import pyarrow as pa

    if not isinstance(column, pa.ChunkedArray):
        return column
    filled = [piece for piece in column.chunks if len(piece)]
    return filled[0] if len(filled) == 1 else column.combine_chunks()


def letters(
    texts: pa.Array[Any] | pa.ChunkedArray[Any],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """View the bytes of n texts (or binaries), and where each begins and ends.

    Returns:
        The bytes, shape (m,), and n + 1 offsets into them. A null is an empty text.
    """
    import numpy as np
    import pyarrow as pa

    joined: Any = whole(texts).cast(pa.large_binary())
    if joined.null_count:
        joined = compute().fill_null(joined, b"")
    # Arrow may leave out the buffers of an empty array.
    _, bounds, data = joined.buffers() if len(joined) else (None, bytes(8), None)
    offsets = np.frombuffer(bounds, np.int64)[joined.offset :][: len(joined) + 1]
    return np.frombuffer(b"" if data is None else data, np.uint8), offsets


def texts(content: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> pa.Array[Any]:
    """Cut bytes that are UTF-8 into n texts, at n + 1 offsets; `letters` the other way."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(offsets.data), pa.py_buffer(content.data)]
    return pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers).cast(pa.string())


def dictionary(numbers: pa.ChunkedArray[Any], texts: pa.Array[Any]) -> pa.ChunkedArray[Any]:
    """Give numbers, shape (n,), the texts that they stand for; a null stays null."""
    import pyarrow as pa

    kind: Any = pa.dictionary(pa.int32(), texts.type)
    made = [core().DictionaryArray.from_arrays(some, texts) for some in numbers.chunks]
    joined: pa.ChunkedArray[Any] = core().chunked_array(made, kind)
    return joined


def column(series: pl.Series) -> pa.Array[Any]:
    """Give a polars series as an Arrow array, shape (n,); texts come as large strings."""
    given = uncopied(series)
    viewed = core().types.is_string_view(given.type)
    made: pa.Array[Any] = given.cast(core().large_string()) if viewed else given
    return made


def uncopied(series: pl.Series) -> Any:
    """Give a polars series as an Arrow array, shape (n,); texts as views of where they lie.

    Arrow writes texts out, by a cast, in less time than polars does, and lets other threads run
    meanwhile: polars keeps the interpreter's lock.
    """
    import polars as pl

    newest = pl.CompatLevel.newest() if series.dtype == pl.String else None
    return series.to_arrow(compat_level=newest)  # pyright: ignore[reportUnknownVariableType] - polars leaves it bare


def table(frame: pl.DataFrame) -> pa.Table:
    """Give a polars frame as an Arrow table; engines pass Arrow, which is not copied."""
    return frame.to_arrow()


def maps(starts: pa.Array[Any], keys: pa.Array[Any], items: pa.Array[Any]) -> pa.Array[Any]:
    """Gather keys and items into n maps; starts has shape (n + 1,) and counts keys."""
    made: pa.Array[Any] = core().MapArray.from_arrays(starts, keys, items)
    return made
