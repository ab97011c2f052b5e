"""The run folder: tables and raw records as Parquet, and the manifest that seals them.

A run is written beside its final name and renamed when it is whole, so a folder that carries a
manifest is complete. The manifest holds the digest of every file, and its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeGuard

from nova_timeline import digest, schema
from nova_timeline.errors import RunFolderError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
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


def vacant(run: Path) -> None:
    """Hold that a run may be written there: nothing, an empty folder or an older run is there.

    Raises:
        RunFolderError: something else is.
    """
    if run.exists() and not (
        run.is_dir() and ((run / MANIFEST).exists() or not any(run.iterdir()))
    ):
        msg = f"{run} exists and is not a run; name another folder with --out"
        raise RunFolderError(msg)


@contextmanager
def writing(run: Path) -> Generator[Path, None, None]:
    """Give a folder to write a run into; it takes its final name only if all went well.

    Raises:
        RunFolderError: something that is not a run stands there already, or it cannot be written.
    """
    vacant(run)
    run = run.resolve()
    beside = run.with_name(f".{run.name}.{os.getpid()}.part")
    try:
        beside.mkdir(parents=True)
    except OSError as error:
        msg = f"{run} cannot be written: {error.strerror}; name another folder with --out"
        raise RunFolderError(msg) from error
    try:
        yield beside
        _put(beside, run)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _put(made: Path, run: Path) -> None:
    """Rename a finished run to its place; an older run goes only when the new one stands there."""
    if not (run / MANIFEST).exists():
        made.rename(run)
        return
    old = run.with_name(f".{run.name}.{os.getpid()}.old")
    run.rename(old)
    try:
        made.rename(run)
    except OSError:
        old.rename(run)
        raise
    shutil.rmtree(old)


def write_table(run: Path, name: str, table: pa.Table) -> None:
    """Write one table as a folder of Parquet (zstd); evidence is kept once a record."""
    import pyarrow.parquet as pq

    folder = run / FOLDERS[name]
    folder.mkdir(exist_ok=True)
    columns: Any = [name for name in table.column_names if name in _REPEATING]
    with pq.ParquetWriter(
        folder / "part-0.parquet",
        table.schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=columns,
        write_page_checksum=True,
    ) as file:
        file.write_table(table, _ROWS)


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
        files: list[Any] = [pq.ParquetFile(p, page_checksum_verification=True) for p in parts]
        tables = [file.read() for file in files]
        return pa.concat_tables(
            [t.cast(schema.table(name)) for t in tables] or [schema.empty(name)]
        )
    except (OSError, pa.ArrowException) as error:
        msg = f"{run / FOLDERS[name]} cannot be read: {error}"
        raise RunFolderError(msg) from error


def seal(run: Path, about: Mapping[str, Any]) -> None:
    """Write the manifest: what the run was made of, the digest of every file in it, and its own."""
    files = sorted(p for p in run.rglob("*") if p.is_file())
    outputs = {
        p.relative_to(run).as_posix(): {"sha256": digest.of_file(p), "bytes": p.stat().st_size}
        for p in files
    }
    whole = {"format": FORMAT, **about, "outputs": outputs}
    text = json.dumps(whole | {"seal": _seal_of(whole)}, indent=2, sort_keys=True)
    (run / MANIFEST).write_text(text + "\n")


def is_sealed(whole: Mapping[str, Any]) -> bool:
    """Say whether a manifest is the one that was written."""
    rest = {key: value for key, value in whole.items() if key != "seal"}
    return whole.get("seal") == _seal_of(rest)


def _seal_of(rest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def manifest(run: Path) -> Mapping[str, Any]:
    """Read a run's manifest.

    Raises:
        RunFolderError: there is none, so this is no finished run.
    """
    if not (run / MANIFEST).is_file():
        msg = f"{run} is not a run: it has no {MANIFEST}; make one with 'nova-timeline reconstruct'"
        raise RunFolderError(msg)
    try:
        found: object = json.loads((run / MANIFEST).read_bytes())
    except ValueError as error:
        msg = f"{run / MANIFEST} is damaged: {error}"
        raise RunFolderError(msg) from error
    if not _is_object(found) or found.get("format") != FORMAT:
        msg = f"{run / MANIFEST} is not of the format {FORMAT}"
        raise RunFolderError(msg)
    return found


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
