"""The result: a timeline, and the folder in which its tables and its raw evidence lie."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import weakref
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nova_timeline import (
    arrow,
    document,
    export,
    postmortem,
    report,
    run_folder,
    schema,
    store,
)
from nova_timeline.errors import RunError, RunFolderError, UnknownMomentError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    import pyarrow as pa

    from nova_timeline.model import (
        Cascade,
        Citation,
        ClockEstimate,
        Coverage,
        Findings,
        Impact,
        Incident,
        Moment,
        Phase,
        RootCause,
    )

DERIVED = ("moments", "links")
"""Tables made from the findings, beside those of the evidence."""

_UNDATED = 2**63 - 1  # sorts after every time


@dataclass(frozen=True, slots=True)
class Evidence:
    """A citation, and the raw bytes that it stands for."""

    citation: Citation
    raw: bytes


class Scratch:
    """A folder for tables that belong to no run yet; it goes when nobody holds this any more."""

    def __init__(self, run: Path | None = None) -> None:
        """Make the folder, beside the run that it is for or among those for temporary files.

        Raises:
            RunFolderError: nothing can be written there.
        """
        if run is None:
            name, beside = "nova-timeline", Path(tempfile.gettempdir())
        else:
            name, beside = run.name, run.absolute().parent
            while not beside.exists():
                beside = beside.parent  # what is not there yet is made when a run is
            run_folder.clear(beside / name)
        self.digests: Mapping[str, str] = {}
        self.path = beside / f".{name}.{secrets.token_hex(8)}.{os.getpid()}.part"
        try:
            self.path.mkdir(mode=0o700)
            self.remove = weakref.finalize(self, _gone, self.path, run_folder.lock(self.path))
        except OSError as error:
            msg = f"{beside} cannot be written: {error.strerror}; name another folder"
            raise RunFolderError(msg) from error
        except BaseException:  # Ctrl-C may come when it is there already
            shutil.rmtree(self.path, ignore_errors=True)
            raise


def _gone(path: Path, held: int | None) -> None:
    """Take a folder away; a Ctrl-C meanwhile does not leave half of it."""
    try:
        shutil.rmtree(path, ignore_errors=True)
    finally:
        if path.exists():
            shutil.rmtree(path, ignore_errors=True)
        run_folder.release(held)


@dataclass(frozen=True)
class Timeline:
    """An ordered, cited account of an incident. Its values are frozen."""

    findings: Findings
    about: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    """What the manifest says of how it was made."""
    folder: Path | None = None
    """Where its tables lie: the run folder it was opened from, or one for the time being."""
    scratch: Scratch | None = field(default=None, repr=False, compare=False)
    """What keeps that folder while a timeline has not been saved."""

    @property
    def incident(self) -> Incident:
        """What was looked at."""
        return self.findings.incident

    @property
    def verdict(self) -> str:
        """``incident`` or ``no incident found``."""
        return self.findings.verdict

    @property
    def moments(self) -> tuple[Moment, ...]:
        """The lines of the timeline, in order."""
        return self.findings.moments

    @property
    def phases(self) -> Mapping[str, Phase]:
        """Onset, detected, acknowledged, mitigated, recovered: those that evidence shows."""
        return self.findings.phases

    @property
    def root_causes(self) -> tuple[RootCause, ...]:
        """The ranked answers, best first."""
        return self.findings.root_causes

    @property
    def cascades(self) -> tuple[Cascade, ...]:
        """Moments grouped to the one entity that failed."""
        return self.findings.cascades

    @property
    def coverage(self) -> tuple[Coverage, ...]:
        """How much of each source could be seen."""
        return self.findings.coverage

    @property
    def clocks(self) -> tuple[ClockEstimate, ...]:
        """How far each clock was off."""
        return self.findings.clocks

    @property
    def impact(self) -> Impact:
        """Duration, times to detect and recover, entities, errors."""
        return self.findings.impact

    def to_arrow(self, name: str) -> pa.Table:
        """Return a table: moments, links, event, metric, edge, coverage or evidence.

        Raises:
            RunError: there is no table of that name.
        """
        if name == "moments":
            return export.moments_table(self.findings)
        if name == "links":
            return export.links_table(self.findings)
        if name in store.FOLDERS:
            if self.folder is None:
                return schema.empty(name)
            table = store.read_table(self.folder, name)
            return _by_time(table) if name == "event" else table
        msg = f"there is no table {name!r}{nearest(name, (*DERIVED, *store.FOLDERS))}"
        raise RunError(msg)

    def to_polars(self, name: str) -> pl.DataFrame:
        """Return a table as a polars frame; see `to_arrow`."""
        import polars as pl

        return pl.DataFrame(self.to_arrow(name))

    def evidence(self, cite: str) -> Evidence:
        """Return the record a citation stands for, raw.

        Raises:
            UnknownMomentError: the timeline cites nothing of that id.
        """
        citation = self.findings.evidence.get(cite)
        if citation is None:
            msg = (
                f"the timeline cites no {cite!r}; citations stand in timeline.json under 'evidence'"
            )
            raise UnknownMomentError(msg)
        raw = self._raw(citation)
        if raw is None:
            msg = f"the evidence store does not hold {cite!r} ({citation.uri} {citation.locator})"
            raise RunError(msg)
        return Evidence(citation, raw)

    def _raw(self, wanted: Citation) -> bytes | None:
        """Read a cited record, and with it whatever else is cited of the same file."""
        if self.folder is None:
            return None
        uri = wanted.uri
        if uri not in self._read:
            cited = (c.locator for c in self.findings.evidence.values() if c.uri == uri)
            self._read[uri] = store.records(self.folder, uri, cited)
        return self._read[uri].get(wanted.locator)

    @cached_property
    def _read(self) -> dict[str, dict[str, bytes]]:
        """Hold the cited records that were asked for, by uri and locator."""
        return {}

    def save(self, path: str | Path) -> Path:
        """Write the run folder: tables, timeline.json, report.html, postmortem.md, manifest.json.

        It appears under its name only when it is whole; an older run there is replaced.

        Raises:
            RunFolderError: something else stands there, or it cannot be written.
        """
        import pyarrow.parquet as pq

        run = Path(path)
        with run_folder.writing(run) as folder:
            for name in store.FOLDERS:
                if self.folder is None:
                    store.write_table(folder, name, schema.empty(name))
                else:
                    store.handed_on(self.folder, folder, name, ours=self.scratch is not None)
            for name in DERIVED:
                table = self.to_arrow(name)
                place = folder / f"{name}.parquet"
                with pq.ParquetWriter(place, table.schema, compression="zstd") as file:
                    file.write_table(table)
            (folder / "timeline.json").write_bytes(document.dumps(self.findings))
            (folder / "report.html").write_text(report.render(self.findings), encoding="utf-8")
            draft = postmortem.draft(self.findings).to_markdown()
            (folder / "postmortem.md").write_text(draft, encoding="utf-8")
            store.seal(folder, self.about, self.scratch.digests if self.scratch else {})
        return run

    def discard(self) -> None:
        """Let go of tables that are not part of a saved run; the findings stay."""
        if self.scratch is not None:
            self.scratch.remove()

    @classmethod
    def open(cls, path: str | Path) -> Timeline:
        """Open a run folder; tables are read when they are asked for.

        Raises:
            RunFolderError: it is not a finished run, or its bytes are damaged.
        """
        run = Path(path)
        about = {
            k: v for k, v in store.manifest(run).items() if k not in ("format", "outputs", "seal")
        }
        return cls(document.loads((run / "timeline.json").read_bytes()), about, run)


def _by_time(events: pa.Table) -> pa.Table:
    """Sort events by time, those without one last, equal times as they were read."""
    import numpy as np
    import pyarrow as pa

    time: Any = arrow.compute().fill_null(events["timestamp"].cast(pa.int64()), _UNDATED)
    return events.take(arrow.core().array(np.argsort(time.to_numpy(), kind="stable")))
