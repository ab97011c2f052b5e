"""One DuckDB for the process; each thread asks it through a cursor of its own."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_LOCAL = threading.local()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    import duckdb

    # The engine's workers share the cores; a query that spreads over them gains nothing here.
    return duckdb.connect(
        ":memory:", config={"threads": "1", "autoinstall_known_extensions": "false"}
    )


def shaped(text: str, kind: str = "ARRAY") -> str:
    """Write how a query takes a column's text as JSON of one kind; null where it is of another."""
    known = f"CASE WHEN json_type({text}) = '{kind}' THEN {text} END"
    return f"CASE WHEN json_valid({text}) THEN {known} END"


def run(query: str, texts: pa.Table) -> pa.Table:
    """Run a query over a table called texts and return Arrow; rows keep their order."""
    if not hasattr(_LOCAL, "cursor"):
        _LOCAL.cursor = _database().cursor()
    cursor: duckdb.DuckDBPyConnection = _LOCAL.cursor
    cursor.register("texts", texts)
    try:
        result: pa.Table = cursor.sql(query).to_arrow_table()
    finally:
        cursor.unregister("texts")
    return result
