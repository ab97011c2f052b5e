"""Parquet files: logs, metrics or edges, by a field map.

A row is no stretch of bytes in a Parquet file, so the raw record is made of the row: one JSON
object in UTF-8, keys in the file's order, times as RFC 3339 with nine digits (with ``Z`` where the
column is in UTC, without where it names no zone), binary as lower-case hex, decimals, dates and
durations as their text, everything else as JSON has it. The locator ``row=N`` counts the file's
rows from 0. A partition is one or more whole row groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from nova_timeline import arrow
from nova_timeline.connector import PIECE, Batch, Connector, Gap, Option, Partition
from nova_timeline.errors import UnreadableSourceError

from . import _duck, _field_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    from nova_timeline.clock import Window


class Parquet(Connector):
    """Parquet files: logs, metrics or edges, by a field map."""

    summary = "Parquet files (logs, metrics, edges), by a field map"
    globs = ("*.parquet", "*.pq")
    options: ClassVar[Mapping[str, Option]] = _field_map.OPTIONS

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Check the options and the field map.

        Raises:
            OptionError: see `_field_map.checked`.
        """
        super().__init__(options)
        self.fields = _field_map.checked(self.settings)

    def partitions(self, uri: str, path: Path, piece: int = PIECE) -> Iterator[Partition]:
        """Split between row groups; a file whose footer cannot be read is one piece."""
        try:
            with _opened(path, uri) as file:
                starts = _group_starts(file)
        except UnreadableSourceError:
            starts = []
        cuts = starts[:1]
        for start in starts:
            if start - cuts[-1] >= piece:
                cuts.append(start)
        if len(cuts) < 2:
            yield Partition(uri, path)
            return
        for start, stop in zip(cuts, [*cuts[1:], path.stat().st_size], strict=True):
            yield Partition(uri, path, start, stop)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode the row groups that begin in the partition."""
        from . import _rows

        del window
        if partition.path.stat().st_size == 0:
            return
        with _opened(partition.path, partition.uri) as file:
            first = 0
            told = False
            for i, start in enumerate(_group_starts(file)):
                count = file.metadata.row_group(i).num_rows
                if start >= partition.start and (partition.stop is None or start < partition.stop):
                    table = _group(file, i, partition.uri)
                    if isinstance(table, Gap):
                        yield table
                    else:
                        picked = _field_map.from_header(
                            self.fields, table.column_names, _Columns(table).column
                        )
                        missing = () if told else picked.missing
                        told = True
                        found = _rows.Evidence(partition, _raw(table), _locators(first, count))
                        picked = _field_map.Picked(picked.columns, picked.wide, missing)
                        yield from _rows.rows(self.fields, picked, found, "parquet")
                first += count

    def reread(self, path: Path, locators: Sequence[str]) -> pa.Array[Any]:
        """Read rows again, each row group that holds one once."""
        wanted: dict[int, list[int]] = {}
        for i, locator in enumerate(locators):
            wanted.setdefault(int(locator.removeprefix("row=")), []).append(i)
        found: list[bytes | None] = [None] * len(locators)
        with _opened(path, path.as_posix()) as file:
            first = 0
            for group in range(file.num_row_groups):
                after = first + file.metadata.row_group(group).num_rows
                inside = [row for row in wanted if first <= row < after]
                table = _group(file, group, path.as_posix()) if inside else None
                if table is not None and not isinstance(table, Gap):
                    kept = table.take([row - first for row in inside])
                    for row, raw in zip(inside, _raw(kept).to_pylist(), strict=True):
                        for i in wanted[row]:
                            found[i] = raw
                first = after
        again: pa.Array[Any] = arrow.core().array(found, arrow.core().large_binary())
        return again


def _opened(path: Path, uri: str) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        msg = f"{uri} is not a whole Parquet file: {error}"
        raise UnreadableSourceError(msg) from error


def _group_starts(file: pq.ParquetFile) -> list[int]:
    """Return the offset of each row group's first page; ascending in any file written in order."""
    starts: list[int] = []
    for i in range(file.num_row_groups):
        chunk = file.metadata.row_group(i).column(0)
        pages = (chunk.dictionary_page_offset, chunk.data_page_offset)
        starts.append(min(p for p in pages if p))
    return starts


def _group(file: pq.ParquetFile, number: int, uri: str) -> pa.Table | Gap:
    import pyarrow as pa

    try:
        group: Any = file  # whose stubs leave parameters bare
        return cast("pa.Table", group.read_row_group(number))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        rows = file.metadata.row_group(number).num_rows
        return Gap(uri, f"row group {number} with {rows} rows cannot be read: {error}")


class _Columns:
    """Columns of a table as polars wants them."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def column(self, name: str) -> pl.Series:
        """Return a column; whole floats as integers, so that large ones keep their digits."""
        import polars as pl

        column = self.table[name]
        made = pl.Series(values=column)
        if made.dtype.is_float():
            whole = made.is_finite() & (made == made.floor()) & (made.abs() < 2.0**63)
            integer = made.set(~whole, None).cast(pl.Int64).cast(pl.String)
            return integer.fill_null(made.cast(pl.String))
        if made.dtype.is_nested() or made.dtype == pl.Binary:
            return _json_of(_plain(column))
        return made


def _json_of(column: Any) -> pl.Series:
    import polars as pl
    import pyarrow as pa

    if not pa.types.is_nested(column.type):
        return pl.Series(values=column)
    query = "SELECT CASE WHEN v IS NOT NULL THEN CAST(to_json(v) AS VARCHAR) END AS v FROM texts"
    return pl.Series(values=_duck.run(query, pa.Table.from_pydict({"v": column}))["v"])


def _locators(first: int, count: int) -> pa.Array[Any]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pa.array(np.arange(first, first + count)).cast(pa.string())
    made: Any = pc.binary_join_element_wise("row=", numbers, "")  # type: ignore[call-overload]
    return cast("pa.Array[Any]", made)


def _raw(table: pa.Table) -> pa.Array[Any]:
    """Write each row as the JSON object the module describes."""
    import pyarrow as pa

    if table.num_rows == 0 or not table.column_names:
        return pa.array([], pa.large_binary())
    plain = pa.Table.from_arrays([_plain(c) for c in table.columns], names=table.column_names)
    made = _duck.run("SELECT CAST(to_json(texts) AS VARCHAR) AS raw FROM texts", plain)["raw"]
    return made.combine_chunks().cast(pa.large_binary())


def _plain(column: Any) -> Any:
    """Turn what JSON has no word for into text."""
    import pyarrow as pa
    from pyarrow import compute

    pc: Any = compute  # its stubs know no columns of a type found at run time
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        text: Any = pc.strftime(
            column.cast(pa.timestamp("ns", kind.tz)).cast(pa.timestamp("ns")),
            "%Y-%m-%dT%H:%M:%S",
        )
        return pc.binary_join_element_wise(text, "Z", "") if kind.tz else text
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _hex(column)
    if pa.types.is_fixed_size_binary(kind):
        return _hex(column.cast(pa.binary()))
    if pa.types.is_floating(kind):
        # JSON has no infinity and no "not a number".
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
    temporal = pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_decimal(kind)
    return column.cast(pa.string()) if temporal else column


def _hex(column: Any) -> Any:
    import polars as pl

    return arrow.column(pl.Series(values=column).bin.encode("hex"))
