"""Verify a run: every citation against the store, and against the source where it is still there.

Three things are held against what the manifest and the tables say: the run's own files, the raw
records in the store, and the records at their places in the original files. A source that has gone
is told, and is no failure: the store keeps its records. A manifest that is not the one that was
written ends it there: nothing else could be held against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, connector, digest, document, store
from nova_timeline.errors import RunFolderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

_LISTED = 20
_CITING = ("event", "metric", "edge")


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
    """Check a run folder.

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
    if not _outputs(run, about["outputs"], found):
        return found  # nothing can be held against tables that are not what was written
    try:
        evidence = store.read_table(run, "evidence", known=True)
        _stored(evidence, found)
        _cited(run, evidence, found)
    except RunFolderError as error:
        found.failures.append(str(error))
        return found
    base = base or Path(about["base"])
    for entry in about["inputs"]:
        _source(base, entry, evidence, found)
    return found


def _outputs(run: Path, listed: Mapping[str, Any], found: Verification) -> bool:
    """Hold every file of the run against its digest; say whether its tables are what they were."""
    whole = True
    for name, entry in sorted(listed.items()):
        path = run / name
        found.outputs += 1
        if path.is_file() and digest.of_file(path) == entry["sha256"]:
            continue
        said = "not the bytes that were written" if path.is_file() else "missing from the run"
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


def _stored(evidence: pa.Table, found: Verification) -> None:
    """Hash every raw record in the store again."""
    again = digest.sha256(evidence["raw"].combine_chunks())
    said = evidence["evidence.sha256"].combine_chunks()
    found.records = len(again)
    wrong = arrow.compute().not_equal(again, said)
    for row in (
        evidence.filter(wrong).select(["evidence.uri", "evidence.locator"]).to_pylist()[:_LISTED]
    ):
        place = f"{row['evidence.uri']} {row['evidence.locator']}"
        found.failures.append(f"store: the record of {place} is not the one that was cited")


def _cited(run: Path, evidence: pa.Table, found: Verification) -> None:
    """Look up what every row of every table, and every line of the timeline, cites."""
    import polars as pl

    key = ["evidence.uri", "evidence.locator", "evidence.sha256"]
    held = pl.DataFrame(evidence.select(key))
    for name in _CITING:
        rows = pl.DataFrame(store.read_table(run, name, known=True).select(key))
        found.citations += len(rows)
        _report(rows.join(held, on=key, how="anti"), f"{name} table", found)
    try:
        findings = document.loads((run / "timeline.json").read_bytes())
        cites = [(c.uri, c.locator, bytes.fromhex(c.sha256)) for c in findings.evidence.values()]
    except (OSError, ValueError) as error:
        found.failures.append(f"timeline.json: {error}")
        return
    lines = pl.DataFrame(
        cites, schema=dict(zip(key, (pl.String, pl.String, pl.Binary), strict=True)), orient="row"
    )
    found.citations += len(lines)
    _report(lines.join(held, on=key, how="anti"), "timeline", found)


def _report(missing: Any, where: str, found: Verification) -> None:
    for uri, locator, _ in missing.head(_LISTED).iter_rows():
        found.failures.append(f"{where}: cites {uri} {locator}, which the store does not hold")


def _source(base: Path, entry: Mapping[str, Any], evidence: pa.Table, found: Verification) -> None:
    """Hold the records of one input against the file they came from."""
    uri = entry["uri"]
    path = base / uri
    found.sources += 1
    try:
        if not path.is_file():
            found.notes.append(
                f"{uri}: no longer there; its records are held against the store alone"
            )
            return
        _unchanged(path, entry, found)
        found.failures += list(_moved(path, entry, evidence))
    except PermissionError as error:
        found.notes.append(f"{uri}: {error.strerror}; its records are held against the store alone")
    except Exception as error:  # whatever a reader makes of damage, the record is not there
        found.failures.append(f"{uri}: cannot be read again: {type(error).__name__}: {error}")


def _unchanged(path: Path, entry: Mapping[str, Any], found: Verification) -> None:
    """Hold what was read of a file against its digest; more may have been added since."""
    uri, size = entry["uri"], path.stat().st_size
    if size < entry["bytes"]:
        found.failures.append(f"{uri}: shorter than it was when it was read")
    elif digest.of_file(path, entry["bytes"]) != entry["sha256"]:
        found.failures.append(f"{uri}: not the bytes that were read")
    elif size > entry["bytes"]:
        found.notes.append(f"{uri}: has grown since; what was read of it is unchanged")


def _moved(path: Path, entry: Mapping[str, Any], evidence: pa.Table) -> Iterator[str]:
    """Read each cited record again at its place and compare digests."""
    import pyarrow as pa

    pc = arrow.compute()
    uri = entry["uri"]
    mine = evidence.filter(
        pc.and_(
            pc.equal(evidence["evidence.uri"], uri), pc.equal(evidence["source"], entry["source"])
        )
    )
    locators: list[Any] = mine["evidence.locator"].to_pylist()
    if not locators:
        return
    reader = connector.load(entry["use"])(entry["options"])
    again = reader.reread(path, locators)
    raw = pa.array(again, pa.large_binary())
    wrong = pc.or_(
        pc.not_equal(digest.sha256(raw), mine["evidence.sha256"].combine_chunks()), pc.is_null(raw)
    )
    for locator in mine["evidence.locator"].filter(wrong).to_pylist()[:_LISTED]:
        yield f"{uri} {locator}: the record there is not the one that was cited"
