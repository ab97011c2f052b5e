"""Text columns of few texts over many rows: a number for each row, and the texts they stand for.

Who wrote a record, what it is about and what it was read from is said of many rows in few words. As
numbers (an Arrow dictionary) such a column is looked up, replaced, grouped and written a text at a
time instead of a row at a time. The texts of a column made here are distinct and not null; a null
row has a null number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Column = pa.Array[Any] | pa.ChunkedArray[Any]
    Numbers = npt.NDArray[np.int32]

_NULL = -1


def is_coded(column: Column) -> bool:
    """Say whether a column has numbers in the place of its texts."""
    import pyarrow as pa

    return pa.types.is_dictionary(column.type)


def one(text: str, length: int) -> pa.Array[Any]:
    """Say the same text of so many rows."""
    import numpy as np

    return _column(np.zeros(length, np.int32), arrow.core().array([text], arrow.core().string()))


def of(column: Column) -> pa.Array[Any]:
    """Code a column of texts, shape (n,); one that is coded stays as it is."""
    import numpy as np

    whole = arrow.whole(column)
    if is_coded(whole):
        return whole
    pc = arrow.compute()
    texts: Any = whole.cast(arrow.core().string())
    if texts.null_count == len(texts):
        return _column(np.full(len(texts), _NULL, np.int32), arrow.core().array([], texts.type))
    alike = len(texts) and texts.null_count == 0 and texts[0] == texts[-1]
    if alike and pc.all(pc.equal(texts, texts[0])).as_py():
        return one(texts[0].as_py(), len(texts))
    made: pa.Array[Any] = pc.dictionary_encode(texts)
    return made


def plain(column: Column) -> Any:
    """Write the texts of a column out, row by row; one that is not coded stays as it is."""
    return column.cast(arrow.core().string()) if is_coded(column) else column


def written_out(table: pa.Table) -> pa.Table:
    """Write out the texts of all columns that are coded."""
    for at, name in enumerate(table.column_names):
        if is_coded(table[name]):
            table = table.set_column(at, name, plain(table[name]))
    return table


def among(column: Column, texts: Sequence[str]) -> Any:
    """Say which rows hold one of some texts: booleans, shape (n,); a null row holds none."""
    import numpy as np

    numbers, known = _parts(of(column))
    held = arrow.compute().is_in(known, value_set=arrow.core().array(texts, known.type))
    return arrow.core().array(np.append(np.asarray(held, bool), False)[numbers])


def mapped(column: Column, name: Callable[[str], str | None]) -> pa.Array[Any]:
    """Put another text, or null, for each distinct text; where none changes, it is the column."""
    whole = of(column)
    numbers, known = _parts(whole)
    before: list[Any] = known.to_pylist()
    after = [name(text) for text in before]
    if before == after:
        return whole
    [places], texts = _aligned([arrow.core().array(after, known.type)])
    return _column(_at(places, numbers), texts)


def coalesced(first: Column, second: Column) -> pa.Array[Any]:
    """Take each row's text from the first column, where that is null from the second."""
    import numpy as np

    (numbers, known), (others, more) = _parts(of(first)), _parts(of(second))
    [places, beside], texts = _aligned([known, more])
    mine = _at(places, numbers)
    return _column(np.where(mine == _NULL, _at(beside, others), mine), texts)


def replaced(column: Column, rows: npt.NDArray[np.int64], texts: pa.Array[Any]) -> pa.Array[Any]:
    """Put texts, shape (len(rows),), into some rows of a column; a null leaves its row as it is."""
    import numpy as np

    (numbers, known), (others, more) = _parts(of(column)), _parts(of(texts))
    [places, beside], joined = _aligned([known, more])
    new, said = np.array(_at(places, numbers)), others != _NULL
    new[rows[said]] = _at(beside, others[said])
    return _column(np.asarray(new, np.int32), joined)


def _parts(column: Any) -> tuple[Numbers, pa.Array[Any]]:
    """Take a coded column apart: the number of each row, -1 for null, and the texts."""
    import numpy as np

    return np.asarray(column.indices.fill_null(_NULL), np.int32), column.dictionary


def _aligned(several: Sequence[pa.Array[Any]]) -> tuple[list[Numbers], pa.Array[Any]]:
    """Give lists of texts common numbers: those of each list, -1 for null, and the texts."""
    import numpy as np

    every: Any = arrow.compute().dictionary_encode(arrow.core().concat_arrays(several))
    numbers, texts = _parts(every)
    return np.split(numbers, np.cumsum([len(some) for some in several])[:-1]), texts


def _at(places: Numbers, numbers: Numbers) -> Numbers:
    """Look numbers up in a list of others; -1 stays -1."""
    import numpy as np

    if np.array_equal(places, np.arange(len(places))):
        return numbers
    return np.append(places, np.int32(_NULL))[numbers]


def _column(numbers: Numbers, texts: pa.Array[Any]) -> pa.Array[Any]:
    """Put a coded column together; see `_parts`."""
    core = arrow.core()
    missing = numbers == _NULL
    codes = core.array(numbers, core.int32(), mask=missing if missing.any() else None)
    made: pa.Array[Any] = core.DictionaryArray.from_arrays(codes, texts)
    return made
