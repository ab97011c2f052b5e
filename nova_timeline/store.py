"""The run folder: tables and raw records as Parquet, and the manifest that seals them.

A run is written beside its final name and renamed when it is whole, so a folder that carries a
manifest is complete.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nova_timeline import digest, schema
from nova_timeline.errors import RunFolderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

MANIFEST = "manifest.json"
FOLDERS = {
    "event": "events",
    "metric": "metrics",
    "evidence": "evidence",
    "edge": "edges",
    "coverage": "coverage",
}
"""Table name -> folder of Parquet files in a run."""
FORMAT = "nova-timeline-run/1"

_ROWS = 131_072


@contextmanager
def writing(run: Path) -> Iterator[Path]:
    """Give a folder to write a run into; it takes its final name only if all went well.

    Raises:
        RunFolderError: something that is not a run stands there already, or it cannot be written.
    """
    if run.exists() and not (
        run.is_dir() and ((run / MANIFEST).exists() or not any(run.iterdir()))
    ):
        msg = f"{run} exists and is not a run; name another folder with --out"
        raise RunFolderError(msg)
    beside = run.with_name(f".{run.name}.{os.getpid()}.part")
    try:
        beside.mkdir(parents=True)
    except OSError as error:
        msg = f"{run} cannot be written: {error.strerror}; name another folder with --out"
        raise RunFolderError(msg) from error
    try:
        yield beside
        if run.exists():
            old = run.with_name(f".{run.name}.{os.getpid()}.old")
            run.rename(old)
            beside.rename(run)
            shutil.rmtree(old)
        else:
            beside.rename(run)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def write_table(run: Path, name: str, table: pa.Table) -> None:
    """Write one table as a folder of Parquet (zstd); evidence is kept once a record."""
    import pyarrow.parquet as pq

    folder = run / FOLDERS[name]
    folder.mkdir(exist_ok=True)
    columns = [f.name for f in table.schema if f.name in _REPEATING]
    pq.write_table(
        table,
        folder / "part-0.parquet",
        compression="zstd",
        compression_level=1,
        row_group_size=_ROWS,
        use_dictionary=columns,  # type: ignore[arg-type]
        write_page_checksum=True,
    )


_REPEATING = frozenset(c for name in schema.TABLES for c in schema.columns(name)) - {
    "event_id",
    "evidence.sha256",
    "evidence.locator",
    "evidence.url",
    "raw",
    "body",
    "timestamp",
    "observed_timestamp",
    "span_id",
    "trace_id",
    "value",
}


def read_table(run: Path, name: str) -> pa.Table:
    """Read a table of a run back.

    Raises:
        RunFolderError: the run has no such table, or its bytes are damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = sorted((run / FOLDERS[name]).glob("*.parquet"))
    try:
        tables = [pq.ParquetFile(p, page_checksum_verification=True).read() for p in parts]
        return pa.concat_tables(
            [t.cast(schema.table(name)) for t in tables] or [schema.empty(name)]
        )
    except (OSError, pa.ArrowException) as error:
        msg = f"{run / FOLDERS[name]} cannot be read: {error}"
        raise RunFolderError(msg) from error


def seal(run: Path, about: Mapping[str, Any]) -> None:
    """Write the manifest: what the run was made of, and the digest of every file in it."""
    files = sorted(p for p in run.rglob("*") if p.is_file())
    outputs = {
        p.relative_to(run).as_posix(): {"sha256": digest.of_file(p), "bytes": p.stat().st_size}
        for p in files
    }
    text = json.dumps({"format": FORMAT, **about, "outputs": outputs}, indent=2, sort_keys=True)
    (run / MANIFEST).write_text(text + "\n")


def manifest(run: Path) -> Mapping[str, Any]:
    """Read a run's manifest.

    Raises:
        RunFolderError: there is none, so this is no finished run.
    """
    try:
        found: Any = json.loads((run / MANIFEST).read_bytes())
    except OSError as error:
        msg = f"{run} is not a run: it has no {MANIFEST}; make one with 'nova-timeline reconstruct'"
        raise RunFolderError(msg) from error
    except ValueError as error:
        msg = f"{run / MANIFEST} is damaged: {error}"
        raise RunFolderError(msg) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        msg = f"{run / MANIFEST} is not of the format {FORMAT}"
        raise RunFolderError(msg)
    return found
