"""The run folder: tables and raw records as Parquet, and the manifest that seals them.

A run is written beside its final name and renamed when it is whole, so a folder that carries a
manifest is complete. The manifest holds the digest of every file, and its own.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from nova_timeline import arrow, digest, packing, schema
from nova_timeline.errors import RunFolderError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    import numpy as np
    import numpy.typing as npt
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

_READERS = 4
"""Row groups of evidence that are in memory at once, at most."""


def part(number: int) -> str:
    """Name a file of a table; in the order of their names, files are in the order of reading."""
    return f"part-{number:05}.parquet"


def write_table(run: Path, name: str, table: pa.Table) -> None:
    """Write one table as a folder of one Parquet file."""
    write_part(run, name, 0, table)


def write_part(run: Path, name: str, number: int, table: pa.Table) -> None:
    """Write one file of a table."""
    packing.pack(table, _place(run, name, number))


def take_part(run: Path, name: str, number: int, packed: Path | pa.Buffer) -> None:
    """Take what `packing.pack` made of a table as one file of it; a file is moved there."""
    place = _place(run, name, number)
    if isinstance(packed, Path):
        packed.rename(place)
    else:
        place.write_bytes(packed)


def _place(run: Path, name: str, number: int) -> Path:
    folder = run / FOLDERS[name]
    folder.mkdir(exist_ok=True)
    return folder / part(number)


def files(run: Path, name: str) -> list[Path]:
    """List a table's files, in the order of reading."""
    return sorted((run / FOLDERS[name]).glob("*.parquet"))


def read_table(run: Path, name: str, *, known: bool = False) -> pa.Table:
    """Read a table of a run back, whole; its bytes are known to be good, or held against digests.

    Raises:
        RunFolderError: its bytes are not those that were written, or cannot be read.
    """
    import pyarrow as pa

    if not known:
        intact(run, files(run, name))
    return pa.concat_tables([schema.empty(name), *read_parts(run, name)])


def intact(run: Path, paths: Sequence[Path]) -> None:
    """Hold files against the digests that a run's manifest has of them, where it has one yet.

    Raises:
        RunFolderError: one of them is not the bytes that were written.
    """
    if not (run / MANIFEST).is_file():
        return
    known: Mapping[str, Mapping[str, Any]] = manifest(run)["outputs"]
    with ThreadPoolExecutor() as pool:  # digesting releases the interpreter's lock
        digests = pool.map(digest.of_file, paths)
        for path, found in zip(paths, digests, strict=True):
            if known.get(path.relative_to(run).as_posix(), {}).get("sha256") != found:
                msg = (
                    f"{path} cannot be read: its bytes are not those that were written; "
                    f"'nova-timeline verify {run}' says what else does not hold"
                )
                raise RunFolderError(msg)


def read_parts(run: Path, name: str) -> Iterator[pa.Table]:
    """Read a table of a run back, file by file, whatever the manifest says of them.

    Raises:
        RunFolderError: one cannot be read.
    """
    for path in files(run, name):
        yield read_file(path, name)


def read_file(path: Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one file of a table, or some columns of it.

    Raises:
        RunFolderError: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds: Any = schema.table(name)
    wanted = kinds if columns is None else pa.schema([kinds.field(c) for c in columns])
    try:
        file: Any = pq.ParquetFile(path)
        table: pa.Table = file.read(columns=None if columns is None else [*columns])
        return table.cast(wanted)
    except (OSError, pa.ArrowException, KeyError) as error:
        msg = f"{path} cannot be read: {error}"
        raise RunFolderError(msg) from error


def read_groups(path: Path, name: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Read one file of a table, or some columns of it, a row group at a time.

    Raises:
        RunFolderError: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds: Any = schema.table(name)
    wanted = kinds if columns is None else pa.schema([kinds.field(c) for c in columns])
    try:
        file: Any = pq.ParquetFile(path)
        with file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=wanted.names).cast(wanted)
    except (OSError, pa.ArrowException, KeyError) as error:
        msg = f"{path} cannot be read: {error}"
        raise RunFolderError(msg) from error


def records(run: Path, uri: str, locators: Iterable[str]) -> dict[str, bytes]:
    """Read raw records of one source file by their places; those that are not held are left out.

    Raises:
        RunFolderError: the evidence cannot be read.
    """
    import pyarrow as pa

    wanted = pa.array(sorted(set(locators)), pa.string())

    def one(path: Path) -> pa.Table:
        places = _places(path, uri, wanted)
        return rows_at(path, "evidence", places) if len(places) else schema.empty("evidence")

    with ThreadPoolExecutor(_READERS) as pool:  # reading releases the interpreter's lock
        try:
            found = pa.concat_tables(
                [schema.empty("evidence"), *pool.map(one, files(run, "evidence"))]
            )
        except (OSError, pa.ArrowException) as error:
            msg = f"{run / FOLDERS['evidence']} cannot be read: {error}"
            raise RunFolderError(msg) from error
    columns: list[list[Any]] = [found[c].to_pylist() for c in ("evidence.locator", "raw")]
    return dict(zip(*columns, strict=True))


def _places(path: Path, uri: str, locators: pa.Array[Any]) -> npt.NDArray[np.int64]:
    """Find where in a file of evidence some records lie; ascending."""
    import numpy as np
    import pyarrow.parquet as pq

    pc = arrow.compute()
    found, first = [np.empty(0, np.int64)], 0
    file: Any = pq.ParquetFile(path)
    with file:
        at = file.schema_arrow.get_field_index("evidence.uri")
        for group in range(file.num_row_groups):
            about = file.metadata.row_group(group)
            seen = about.column(at).statistics
            if seen is None or not seen.has_min_max or seen.min <= uri <= seen.max:
                table = file.read_row_group(group, columns=["evidence.uri", "evidence.locator"])
                near = pc.and_(
                    pc.equal(table["evidence.uri"], uri),
                    pc.is_in(table["evidence.locator"], value_set=locators),
                )
                found.append(first + np.flatnonzero(pc.fill_null(near, False).to_numpy()))
            first += about.num_rows
    return np.concatenate(found)


def rows_at(path: Path, name: str, places: npt.NDArray[np.int64]) -> pa.Table:
    """Read rows of one file by their places, ascending; only row groups that hold some are read."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    file: Any = pq.ParquetFile(path)
    sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
    starts = np.cumsum([0, *sizes])
    found = [schema.empty(name)]
    for group in np.unique(np.searchsorted(starts, places, side="right") - 1).tolist():
        inside = places[(places >= starts[group]) & (places < starts[group + 1])] - starts[group]
        table = file.read_row_group(group).take(pa.array(inside))
        found.append(table.cast(schema.table(name)))
    return pa.concat_tables(found)


def handed_on(made: Path, run: Path, name: str, *, ours: bool) -> None:
    """Give a run the files of a table that lie in another folder.

    Files that are ours to give away are linked rather than copied, but to one run only: no two runs
    share a file, or damage to one would be damage to both.
    """
    folder = run / FOLDERS[name]
    folder.mkdir()
    for path in files(made, name):
        if ours and path.stat().st_nlink == 1:
            try:
                (folder / path.name).hardlink_to(path)
                continue
            except OSError:
                pass  # another file system
        shutil.copyfile(path, folder / path.name)


@contextmanager
def digesting(run: Path) -> Generator[Mapping[str, Future[str]]]:
    """Digest the files of a run's tables beside something else, on one core.

    Returns:
        Path within the run -> its SHA-256, to be waited for.
    """
    pool = ThreadPoolExecutor(1)
    paths = [path for name in FOLDERS for path in files(run, name)]
    try:
        yield {p.relative_to(run).as_posix(): pool.submit(digest.of_file, p) for p in paths}
    finally:
        pool.shutdown(cancel_futures=True)


def seal(run: Path, about: Mapping[str, Any], known: Mapping[str, str]) -> None:
    """Write the manifest: what the run was made of, the digest of every file in it, and its own.

    Args:
        run: the folder.
        about: what the run was made of.
        known: path within it -> its digest, of some of the files.
    """
    written = {p.relative_to(run).as_posix(): p for p in sorted(run.rglob("*")) if p.is_file()}
    new = [name for name in written if name not in known]
    with ThreadPoolExecutor() as pool:  # digesting releases the interpreter's lock
        made = pool.map(digest.of_file, (written[name] for name in new))
        digests = dict(known) | dict(zip(new, made, strict=True))
    outputs = {
        name: {"sha256": digests[name], "bytes": path.stat().st_size}
        for name, path in written.items()
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
