"""SQL over the tables of a run: DuckDB, which is given the tables and no way to any file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, store
from nova_timeline.errors import QueryError, RunFolderError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb
    import pyarrow as pa

TABLES = {**{folder: folder for folder in store.FOLDERS.values()},
          "moments": "moments.parquet", "links": "links.parquet"}  # fmt: skip
"""View -> the file, or folder of files, in the run."""

_HINT = (
    f"the tables are {', '.join(TABLES)}; times are exact to the nanosecond, and functions that "
    "take only microseconds take timestamp::timestamptz"
)
_ROWS = 10_000


def query(run: Path, text: str) -> pa.Table:
    """Run one query over a run's tables.

    Args:
        run: the run folder.
        text: SQL; the views are those of `TABLES`. No file can be read or written by it.

    Raises:
        RunFolderError: it is not a run, or a table of it cannot be read.
        QueryError: DuckDB refuses the query; its own words are in the message.
    """
    import duckdb

    store.manifest(run)
    with _sealed_off(run) as database:
        try:
            found: Any = database.sql(text)  # None from a statement that gives no rows
            table: pa.Table | None = None if found is None else found.to_arrow_table()
        except duckdb.Error as error:
            msg = f"{error}\n({_HINT})"
            raise QueryError(msg) from error
    if table is None:
        msg = f"only queries that give rows can be asked of a run, not {text!r}"
        raise QueryError(msg)
    apart: pa.Table = table.rename_columns(_apart(table.column_names))
    return apart


def texts(table: pa.Table) -> pa.Table:
    """Write every value of a result as DuckDB writes it, bytes in hex; shape (n, columns)."""
    wanted = [f"coalesce({value}::VARCHAR, 'null') AS {name}" for name, value in _shown(table)]
    with _holding(table) as database:
        found: Any = database.sql(f"SELECT {', '.join(wanted)} FROM result")  # noqa: S608 - quoted
        written: pa.Table = found.to_arrow_table()
        return written


def json_lines(table: pa.Table) -> Iterator[str]:
    """Write each row of a result as a JSON object, bytes in hex, NaN and the infinities as null."""
    wanted = ", ".join(f"{value} AS {name}" for name, value in _shown(table, finite=True))
    rows = f"SELECT to_json(found)::VARCHAR FROM (SELECT {wanted} FROM result) AS found"  # noqa: S608 - quoted
    with _holding(table) as database:
        found: Any = database.sql(rows)
        for batch in found.to_arrow_reader(_ROWS):
            yield from batch.column(0).to_pylist()


def _shown(table: pa.Table, *, finite: bool = False) -> Iterator[tuple[str, str]]:
    """Give for each column its quoted name, and the SQL for what is shown of it."""
    import pyarrow as pa

    kinds: list[Any] = table.schema.types
    for column, kind in zip(table.column_names, kinds, strict=True):
        name = '"' + column.replace('"', '""') + '"'
        if finite and pa.types.is_floating(kind):
            yield name, f"CASE WHEN isfinite({name}) THEN {name} END"
        elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            yield name, f"lower(hex({name}))"
        else:
            yield name, name


def _sealed_off(run: Path) -> duckdb.DuckDBPyConnection:
    """Open a database that holds the run's tables and can reach no file, theirs included."""
    import duckdb

    store.intact(run, [path for name in store.FOLDERS for path in store.files(run, name)])
    opened = {view: _opened(run / place) for view, place in TABLES.items()}
    database = duckdb.connect(":memory:")
    for view, table in opened.items():
        database.register(view, table)
    for setting in (
        "TimeZone = 'UTC'",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        database.execute(f"SET {setting}").fetchall()
    return database


def _opened(place: Path) -> Any:
    """Open a Parquet file, or a folder of them, for DuckDB to scan."""
    import pyarrow as pa

    try:
        return arrow.parquet(place)
    except (OSError, pa.ArrowException) as error:
        msg = f"{place} cannot be read: {error}"
        raise RunFolderError(msg) from error


def _holding(table: pa.Table) -> duckdb.DuckDBPyConnection:
    """Open a database that holds one result."""
    import duckdb

    database = duckdb.connect(":memory:")
    database.execute("SET TimeZone = 'UTC'").fetchall()
    database.register("result", table)
    return database


def _apart(names: list[str]) -> list[str]:
    """Number the columns that share a name (DuckDB ignores case): ``a, a_1``."""
    found: list[str] = []
    taken = set[str]()
    for name in names:
        free = name
        number = 0
        while free.casefold() in taken:
            number += 1
            free = f"{name}_{number}"
        taken.add(free.casefold())
        found.append(free)
    return found
