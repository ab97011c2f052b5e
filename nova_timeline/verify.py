"""Verify a run: every citation against the store, and against the source where it is still there.

Three things are held against what the manifest and the tables say: the run's own files, the raw
records in the store, and the records at their places in the original files. A source that has gone
is told, and is no failure: the store keeps its records. A manifest that is not the one that was
written ends it there: nothing else could be held against it.

Each part of the evidence is read once for its raw records and once or twice for what is looked up
in it, so memory is that of a few parts, however many a run has.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nova_timeline import arrow, connector, digest, document, schema, store
from nova_timeline.attempts import cores
from nova_timeline.citations import KEY, Records
from nova_timeline.errors import RunFolderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import polars as pl
    import pyarrow as pa

_Input: TypeAlias = tuple[str, str]
"""The uri of a file, and the name of the source that read it."""

_LISTED = 20
_CITING = ("event", "metric", "edge")
_SEALED = [*KEY, "source"]
_THREADS = 8
"""Parts of the evidence that are in memory at once, at most."""


@dataclass(slots=True)
class Verification:
    """What was checked, and what does not hold."""

    outputs: int = 0
    records: int = 0
    citations: int = 0
    sources: int = 0
    failures: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])

    @property
    def holds(self) -> bool:
        """Say whether everything that was checked holds."""
        return not self.failures


def verify(run: Path, base: Path | None = None) -> Verification:
    """Check a run folder, a part of its tables at a time.

    Args:
        run: the folder.
        base: where the incident file's folder is now, if it has moved since.

    Raises:
        RunFolderError: it is not a run.
    """
    found = Verification()
    about = store.manifest(run)
    if not store.is_sealed(about):
        found.failures.append(f"{store.MANIFEST}: not what was written")
        return found
    base = base or Path(about["base"])
    with ThreadPoolExecutor(min(cores(), _THREADS)) as pool:
        if not _outputs(run, about["outputs"], found, pool):
            return found  # nothing can be held against tables that are not what was written
        inputs = {(entry["uri"], entry["source"]): entry for entry in about["inputs"]}
        paths = store.files(run, "evidence")
        try:
            parts = list(pool.map(partial(_part, base, inputs), paths))
            _stored(parts, found)
            _cited(run, Records(paths, _holders(parts)), found)
        except RunFolderError as error:
            found.failures.append(str(error))
            return found
        for failures, notes in pool.map(partial(_source, base, parts), inputs.values()):
            found.sources += 1
            found.failures += failures
            found.notes += notes
    return found


def _outputs(
    run: Path, listed: Mapping[str, Any], found: Verification, pool: ThreadPoolExecutor
) -> bool:
    """Hold every file of the run against its digest; say whether its tables are what they were."""
    whole = True
    names = sorted(listed)
    digests = pool.map(_digest, [run / name for name in names])
    for name, now in zip(names, digests, strict=True):
        found.outputs += 1
        if now == listed[name]["sha256"]:
            continue
        said = "not the bytes that were written" if now else "missing from the run"
        found.failures.append(f"{name}: {said}")
        whole &= name.partition("/")[0] not in store.FOLDERS.values()
    for path in sorted(p for p in run.rglob("*") if p.is_file()):
        name = path.relative_to(run).as_posix()
        if name in listed or name == store.MANIFEST:
            continue
        if name.partition("/")[0] in store.FOLDERS.values():
            found.failures.append(f"{name}: among the tables, and not written by the run")
        else:
            found.notes.append(f"{name}: not written by the run")
    return whole


def _digest(path: Path) -> str | None:
    return digest.of_file(path) if path.is_file() else None


@dataclass(slots=True)
class _Part:
    """What one part of the evidence holds, and what of it does not hold."""

    records: int = 0
    wrong: list[str] = field(default_factory=list[str])
    """Places of records that are not those that were cited."""
    moved: dict[_Input, list[str] | Exception] = field(
        default_factory=dict["_Input", "list[str] | Exception"]
    )
    """File and source -> places where another record is now, or why none could be read."""


def _part(base: Path, inputs: Mapping[_Input, Mapping[str, Any]], path: Path) -> _Part:
    """Hash the raw records of a part again, and read them again where they came from.

    Raises:
        RunFolderError: the part cannot be read.
    """
    part = _Part()
    rows = _hashed(path, part)
    for (uri, source), some in rows.group_by("evidence.uri", "source", maintain_order=True):
        key = (str(uri), str(source))
        part.moved[key] = _reread(base / key[0], inputs[key], some) if key in inputs else []
    return part


def _hashed(path: Path, part: _Part) -> pl.DataFrame:
    """Hash the raw records of a part again; give all of it but these."""
    import polars as pl

    kept = [schema.empty("evidence").select(_SEALED)]
    for table in store.read_groups(path, "evidence", (*_SEALED, "raw")):
        part.records += len(table)
        wrong = table.filter(_differ(arrow.whole(table["raw"]), table["evidence.sha256"]))
        part.wrong += [
            f"{row['evidence.uri']} {row['evidence.locator']}"
            for row in wrong.slice(0, _LISTED).select(_SEALED).to_pylist()
        ]
        kept.append(table.select(_SEALED))
    return pl.DataFrame(arrow.core().concat_tables(kept))


def _reread(path: Path, entry: Mapping[str, Any], rows: pl.DataFrame) -> list[str] | Exception:
    """Read records again at their places; list the first places where they are no longer."""
    import numpy as np
    import pyarrow as pa

    locators = rows["evidence.locator"].to_list()
    said = arrow.column(rows["evidence.sha256"]).cast(pa.binary(32))
    try:
        again = connector.load(entry["use"])(entry["options"]).reread(path, locators)
        wrong = np.asarray(_differ(again, said))
    except Exception as error:  # whatever a reader makes of damage, the record is not there
        return error.with_traceback(None)  # whose frames would keep all that was read
    return [locators[i] for i in np.flatnonzero(wrong)[:_LISTED].tolist()]


def _differ(raw: pa.Array[Any], said: Any) -> Any:
    """Say which records are not those of the digests, or are not there at all."""
    pc = arrow.compute()
    return pc.fill_null(pc.or_(pc.not_equal(digest.sha256(raw), said), pc.is_null(raw)), True)


def _holders(parts: Sequence[_Part]) -> dict[str, list[int]]:
    """List which parts hold records of each file, by number."""
    found: dict[str, list[int]] = {}
    for number, part in enumerate(parts):
        for uri in {uri for uri, _ in part.moved}:
            found.setdefault(uri, []).append(number)
    return found


def _stored(parts: Sequence[_Part], found: Verification) -> None:
    """Tell which raw records in the store are not those that were cited."""
    found.records = sum(part.records for part in parts)
    places = itertools.chain.from_iterable(part.wrong for part in parts)
    for place in itertools.islice(places, _LISTED):
        found.failures.append(f"store: the record of {place} is not the one that was cited")


def _cited(run: Path, records: Records, found: Verification) -> None:
    """Look up what every row of every table, and every line of the timeline, cites."""
    import polars as pl

    for name in _CITING:
        groups = (
            pl.DataFrame(table)
            for path in store.files(run, name)
            for table in store.read_groups(path, name, KEY)
        )
        _looked_up(groups, f"{name} table", records, found)
    try:
        findings = document.loads((run / "timeline.json").read_bytes())
        cites = [(c.uri, c.locator, bytes.fromhex(c.sha256)) for c in findings.evidence.values()]
    except (OSError, ValueError) as error:
        found.failures.append(f"timeline.json: {error}")
        return
    lines = pl.DataFrame(cites, [*KEY], schema_overrides={KEY[-1]: pl.Binary}, orient="row")
    _looked_up([lines], "timeline", records, found)


def _looked_up(
    groups: Iterable[pl.DataFrame], where: str, records: Records, found: Verification
) -> None:
    """Count rows, and name the first that cite what the store does not hold."""
    left = _LISTED
    for rows in groups:
        found.citations += len(rows)
        missing = records.missing(rows).head(left) if left else rows.clear()
        left -= len(missing)
        for uri, locator, _ in missing.iter_rows():
            found.failures.append(f"{where}: cites {uri} {locator}, which the store does not hold")


def _source(
    base: Path, parts: Sequence[_Part], entry: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """Hold an input, and its records as they were read again, against what was read.

    Returns:
        Failures and notes.
    """
    uri, path = entry["uri"], base / entry["uri"]
    alone = "its records are held against the store alone"
    failures: list[str] = []
    notes: list[str] = []
    try:
        if not path.is_file():
            return [], [f"{uri}: no longer there; {alone}"]
        _unchanged(path, entry, failures, notes)
        moved = itertools.chain.from_iterable(_moved(parts, (uri, entry["source"])))
        failures += [
            f"{uri} {locator}: the record there is not the one that was cited"
            for locator in itertools.islice([*moved], _LISTED)
        ]
    except PermissionError as error:
        notes.append(f"{uri}: {error.strerror}; {alone}")
    except Exception as error:  # whatever a reader makes of damage, the record is not there
        failures.append(f"{uri}: cannot be read again: {type(error).__name__}: {error}")
    return failures, notes


def _unchanged(path: Path, entry: Mapping[str, Any], failures: list[str], notes: list[str]) -> None:
    """Hold what was read of a file against its digest; more may have been added since."""
    uri, size = entry["uri"], path.stat().st_size
    if size < entry["bytes"]:
        failures.append(f"{uri}: shorter than it was when it was read")
    elif digest.of_file(path, entry["bytes"]) != entry["sha256"]:
        failures.append(f"{uri}: not the bytes that were read")
    elif size > entry["bytes"]:
        notes.append(f"{uri}: has grown since; what was read of it is unchanged")


def _moved(parts: Sequence[_Part], key: _Input) -> Iterator[list[str]]:
    """Give the places in an input where another record is now, part by part.

    Raises:
        Exception: what its reader raised.
    """
    for part in parts:
        some = part.moved.get(key, [])
        if isinstance(some, Exception):
            raise some
        yield some
