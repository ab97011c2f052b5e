"""pyarrow where a strict type checker cannot follow it.

pyarrow-stubs stand at pyarrow 20: they refuse arguments that later releases take, and leave out so
many type parameters that most comparisons count as unknown. What is taken from here is untyped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    import pyarrow as pa


def compute() -> ModuleType:
    """Return `pyarrow.compute`; it is imported when it is first needed."""
    import pyarrow.compute

    return pyarrow.compute


def maps(starts: pa.Array[Any], keys: pa.Array[Any], items: pa.Array[Any]) -> pa.Array[Any]:
    """Gather keys and items into n maps; starts has shape (n + 1,) and counts keys."""
    import pyarrow as pa

    kind: Any = vars(pa)["MapArray"]
    made: pa.Array[Any] = kind.from_arrays(starts, keys, items)
    return made
