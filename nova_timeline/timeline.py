"""The result: a timeline with its tables and its raw evidence, in memory or in a run folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, document, export, postmortem, report, schema, store
from nova_timeline.errors import RunError, UnknownMomentError, nearest

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


@dataclass(frozen=True, slots=True)
class Evidence:
    """A citation, and the raw bytes that it stands for."""

    citation: Citation
    raw: bytes


@dataclass(frozen=True)
class Timeline:
    """An ordered, cited account of an incident. Its values are frozen."""

    findings: Findings
    tables: Mapping[str, pa.Table] = field(default_factory=dict[str, "pa.Table"], repr=False)
    about: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    """What the manifest says of how it was made."""
    folder: Path | None = None
    """The run folder it was opened from or saved to."""

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
        if name in self.tables:
            return self.tables[name]
        if name in store.FOLDERS and self.folder is not None:
            return store.read_table(self.folder, name)
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
        raw = self._raw.get((citation.uri, citation.locator))
        if raw is None:
            msg = f"the evidence store does not hold {cite!r} ({citation.uri} {citation.locator})"
            raise RunError(msg)
        return Evidence(citation, raw)

    @cached_property
    def _raw(self) -> dict[tuple[str, str], bytes]:
        """Hold the cited records, by place."""
        import pyarrow as pa

        cited = {(c.uri, c.locator) for c in self.findings.evidence.values()}
        held = self.to_arrow("evidence")
        places = pa.array(sorted({locator for _, locator in cited}), pa.string())
        near = held.filter(arrow.compute().is_in(held["evidence.locator"], value_set=places))
        rows = zip(
            *(near[c].to_pylist() for c in ("evidence.uri", "evidence.locator", "raw")), strict=True
        )
        return {(uri, locator): raw for uri, locator, raw in rows if (uri, locator) in cited}

    def save(self, path: str | Path) -> Path:
        """Write the run folder: tables, timeline.json, report.html, postmortem.md, manifest.json.

        It appears under its name only when it is whole; an older run there is replaced.

        Raises:
            RunFolderError: something else stands there, or it cannot be written.
        """
        import pyarrow.parquet as pq

        run = Path(path)
        with store.writing(run) as folder:
            tables = {name: self.to_arrow(name) for name in schema.TABLES if name in store.FOLDERS}
            write = partial(store.write_table, folder)
            with ThreadPoolExecutor() as pool:  # compression releases the interpreter's lock
                list(pool.map(write, tables.keys(), tables.values()))
            for name in DERIVED:
                table = self.to_arrow(name)
                place = folder / f"{name}.parquet"
                with pq.ParquetWriter(place, table.schema, compression="zstd") as file:
                    file.write_table(table)
            (folder / "timeline.json").write_bytes(document.dumps(self.findings))
            (folder / "report.html").write_text(report.render(self.findings), encoding="utf-8")
            draft = postmortem.draft(self.findings).to_markdown()
            (folder / "postmortem.md").write_text(draft, encoding="utf-8")
            store.seal(folder, self.about)
        return run

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
        return cls(document.loads((run / "timeline.json").read_bytes()), {}, about, run)
