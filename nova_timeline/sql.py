"""SQL over the tables of a run: DuckDB, with the run folder as all that it may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline import store
from nova_timeline.errors import QueryError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

TABLES = {**{folder: f"{folder}/*.parquet" for folder in store.FOLDERS.values()},
          "moments": "moments.parquet", "links": "links.parquet"}  # fmt: skip
"""View -> files in the run folder."""


def query(run: Path, text: str) -> pa.Table:
    """Run one query over a run's tables.

    Args:
        run: the run folder.
        text: SQL; the views are those of `TABLES`. Nothing outside the run can be read or written.

    Raises:
        RunFolderError: it is not a run.
        QueryError: DuckDB refuses the query; its own words are in the message.
    """
    import duckdb

    store.manifest(run)
    whole = run.resolve()
    with duckdb.connect(":memory:") as database:
        database.execute("SET TimeZone = 'UTC'").fetchall()
        for view, files in TABLES.items():
            place = str(whole / files).replace("'", "''")
            database.execute(
                f"CREATE VIEW \"{view}\" AS SELECT * FROM read_parquet('{place}')"
            ).fetchall()
        folder = str(whole).replace("'", "''")
        database.execute(f"SET allowed_directories = ['{folder}/']").fetchall()
        database.execute("SET enable_external_access = false").fetchall()
        database.execute("SET lock_configuration = true").fetchall()
        try:
            return database.sql(text).to_arrow_table()
        except duckdb.Error as error:
            msg = f"{error}\n(the tables are {', '.join(TABLES)})"
            raise QueryError(msg) from error
        except AttributeError as error:  # a statement that gives no rows
            msg = f"only queries that give rows can be asked of a run, not {text!r}"
            raise QueryError(msg) from error
