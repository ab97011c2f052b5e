"""pyarrow where a strict type checker cannot follow it.

pyarrow-stubs stand at pyarrow 20: they refuse arguments that later releases take, and leave out so
many type parameters that most comparisons count as unknown. What is taken from here is untyped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

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


def whole(column: pa.Array[Any] | pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """Join the pieces of a chunked array; a plain array is returned as it is."""
    import pyarrow as pa

    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def column(series: pl.Series) -> pa.Array[Any]:
    """Give a polars series as an Arrow array, shape (n,)."""
    return series.to_arrow()  # pyright: ignore[reportUnknownVariableType] - polars leaves it bare


def maps(starts: pa.Array[Any], keys: pa.Array[Any], items: pa.Array[Any]) -> pa.Array[Any]:
    """Gather keys and items into n maps; starts has shape (n + 1,) and counts keys."""
    made: pa.Array[Any] = core().MapArray.from_arrays(starts, keys, items)
    return made
