"""Tables that grow while sources are read: in memory while they are small, then in Parquet.

A spool holds rows that later stages come back to, by stretches of time or one by one. What does not
fit its budget of memory lies in the folder it was given, in files sorted by time, so that a stretch
of time is read from the row groups that it touches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_ROWS = 16_384
"""Rows of a row group: the least that is read for one row."""
_RUN = 16
"""Numbers that ascend one after another, on average, where a sort that merges runs is quick."""


@dataclass(slots=True)
class Spool:
    """Rows of one schema, appended in order, read back by time, by number or whole.

    Args:
        schema: of every table appended.
        folder: where files go; a spool without one stays in memory.
        budget: bytes that may lie in memory.
        by: the column (int64) that files are sorted by and stretches are cut by.
        key: the column (int64) with the numbers of rows.
        coded: columns of few texts over many rows: they are kept as numbers, and given back as
            dictionaries.
    """

    schema: pa.Schema
    folder: Path | None = None
    budget: int = 1 << 62
    by: str = "time"
    key: str = "row"
    coded: tuple[str, ...] = ()
    rows: int = 0
    bytes: int = 0
    """Bytes of all of them, as they lie in memory."""
    _known: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    """Coded column -> text -> its number."""
    _held: list[pa.Table] = field(default_factory=list["pa.Table"])
    _here: int = 0
    _files: list[Path] = field(default_factory=list["Path"])

    def append(self, table: pa.Table) -> None:
        """Add rows; what is held goes to a file when it has grown past the budget."""
        if table.num_rows == 0:
            return
        table = self._numbered(table.select(self.schema.names))
        self._held.append(table)
        self.rows += table.num_rows
        self.bytes += table.nbytes
        self._here += table.nbytes
        if self.folder is not None and self._here > self.budget:
            self._spill(self.folder)

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Give all rows, a bounded number at a time."""
        import pyarrow.parquet as pq

        for path in self._files:
            file: Any = pq.ParquetFile(path)
            for group in range(file.num_row_groups):
                some = None if columns is None else [*columns]
                yield self._named(file.read_row_group(group, columns=some))
        for table in self._held:
            yield self._named(table if columns is None else table.select([*columns]))

    def between(self, start: int, stop: int, columns: Sequence[str]) -> pa.Table:
        """Give the rows whose ``by`` lies in ``[start, stop)``."""
        pc = arrow.compute()

        def fitting(table: pa.Table) -> pa.Table:
            value = table[self.by]
            ends = pc.min_max(value)
            if start <= ends["min"].as_py() and ends["max"].as_py() < stop:
                return table  # as most do; a filter would copy them
            inside = pc.and_(pc.greater_equal(value, start), pc.less_equal(value, stop - 1))
            return table.filter(inside)

        return self._picked(columns, fitting, self.by, (start, stop - 1))

    def take(self, rows: npt.NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Give rows by their numbers, in the order asked for; all must be there."""
        return in_order(self.those(rows, columns), self.key, rows).select([*columns])

    def those(self, rows: npt.NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Give those rows of some numbers that are there, each once and in any order.

        Returns:
            The numbers, then the columns.
        """
        import numpy as np

        wanted, key = np.unique(rows), self.key
        asked = arrow.core().array(wanted)
        bounds = (int(wanted[0]), int(wanted[-1])) if len(wanted) else (1, 0)
        return self._picked(
            [*dict.fromkeys([key, *columns])],
            lambda table: table.filter(arrow.compute().is_in(table[key], value_set=asked)),
            key, bounds,
        )  # fmt: skip

    def _picked(
        self,
        columns: Sequence[str],
        fitting: Callable[[pa.Table], pa.Table],
        by: str,
        bounds: tuple[int, int],
    ) -> pa.Table:
        """Pick from files, group by group, and what is held; groups out of bounds are not read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        need = [*dict.fromkeys([by, *columns])]
        found = [self._numbered(self.schema.empty_table().select(need))]
        for path in self._files:
            file: Any = pq.ParquetFile(path)
            leaves = [file.schema.column(i).path for i in range(len(file.schema))]
            at = leaves.index(by)  # a map has two leaves, so this is not the column's place
            for group in range(file.num_row_groups):
                seen = file.metadata.row_group(group).column(at).statistics
                if seen.max < bounds[0] or seen.min > bounds[1]:
                    continue
                found.append(fitting(file.read_row_group(group, columns=need)))
        found += [fitting(table.select(need)) for table in self._held]
        return self._named(pa.concat_tables(found).select([*columns]))

    def _numbered(self, table: pa.Table) -> pa.Table:
        """Put numbers in the place of coded texts."""
        import pyarrow as pa

        for name in self.coded:
            if name not in table.column_names:
                continue
            known = self._known.setdefault(name, {})
            column: Any = arrow.compute().dictionary_encode(arrow.whole(table[name]))
            texts: list[str] = column.dictionary.to_pylist()
            numbers = pa.array([known.setdefault(t, len(known)) for t in texts], pa.int32())
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, numbers.take(column.indices))
        return table

    def _named(self, table: pa.Table) -> pa.Table:
        """Give coded texts back, as dictionaries."""
        kinds: Any = self.schema
        for name in self.coded:
            if name not in table.column_names:
                continue
            texts = arrow.core().array([*self._known.get(name, ())], kinds.field(name).type)
            column = arrow.dictionary(table[name], texts)
            table = table.set_column(table.schema.get_field_index(name), name, column)
        return table

    def _spill(self, folder: Path) -> None:
        """Write what is held to a file, in the order of time."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables(self._held)
        order = ascending(table[self.by].to_numpy())
        table = table.take(arrow.core().array(order))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"part-{len(self._files):05}.parquet"
        with pq.ParquetWriter(
            path,
            table.schema,
            compression="lz4",
            use_dictionary=False,
            write_statistics=[self.by, self.key],
        ) as file:
            file.write_table(table, _ROWS)
        self._files.append(path)
        self._held.clear()
        self._here = 0


def ascending(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Find the places of n numbers in ascending order, equal ones as they stand; shape (n,)."""
    import numpy as np

    falls = np.count_nonzero(numbers[1:] < numbers[:-1])
    if falls * _RUN <= len(numbers):
        return np.argsort(numbers, kind="stable")  # quick where long runs ascend
    # Numbers are sorted in a fraction of the time that places are, so each place goes with its
    # number, below the highest bits that there is room for.
    bits = (len(numbers) - 1).bit_length()
    packed = numbers.view(np.uint64) ^ np.uint64(1 << 63)
    packed -= packed.min()
    packed >>= np.uint64(max(0, int(packed.max()).bit_length() + bits - 64))
    packed <<= np.uint64(bits)
    packed |= np.arange(len(numbers), dtype=np.uint64)
    packed.sort()
    packed &= np.uint64((1 << bits) - 1)
    order: npt.NDArray[np.int64] = packed.view(np.int64)
    found = numbers[order]
    if (found[1:] < found[:-1]).any():  # two that differ in the bits left out alone
        return np.argsort(numbers, kind="stable")
    return order


def in_order(found: pa.Table, key: str, rows: npt.NDArray[np.int64]) -> pa.Table:
    """Put rows that have their numbers in a column into the order asked for; all must be there."""
    import numpy as np

    have = found[key].to_numpy()
    order = np.argsort(have, kind="stable")
    places = order[np.searchsorted(have, rows, sorter=order)]
    return found.take(arrow.core().array(places))
