"""The whole trip: connect, normalise, store, correlate, assemble."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, assemble, connector, digest, ingest, topology
from nova_timeline.connector import Partition
from nova_timeline.engine import Local
from nova_timeline.ingest import Piece, Task
from nova_timeline.model import Coverage, FileCoverage, Incident, Source
from nova_timeline.timeline import Timeline
from nova_timeline.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from nova_timeline.clock import Window
    from nova_timeline.connector import Connector, Gap
    from nova_timeline.correlate.analysis import Analysis
    from nova_timeline.engine import Engine

OWN_RECEIPT = frozenset({"journald", "windows_event_log"})
"""Connectors whose receipt is stamped by the clock that stamped the record."""

_BUNDLE_BYTES = 8 << 20
_BUNDLE_FILES = 16
_NAMED = 5
_UNDATED = 2**63 - 1  # sorts after every time
_WORST_FIRST = ("unavailable", "denied", "partial", "retention_cut", "provisional", "complete")
_VERSIONS = ("nova-timeline", "polars", "pyarrow", "duckdb", "numba", "numpy")


def reconstruct(incident: Incident, *, engine: Engine | None = None) -> Timeline:
    """Reconstruct an incident from its sources.

    Args:
        incident: what to look at; see `nova_timeline.Incident.load`.
        engine: where the work is done; by default in threads of this process, one a core.

    Raises:
        IncidentFileError: the topology cannot be read.
    """
    here = engine or Local()
    shape = _topology(incident)
    tasks = _tasks(incident, shape)
    # Digested before they are read: of a log that grows, all that is cited was there.
    inputs = _inputs(incident, tasks, Local(here.workers))
    pieces = list(here.map(ingest.read, tasks))
    tables = {
        "event": _events(ingest.merged(pieces, "event")),
        "metric": _once(
            ingest.merged(pieces, "metric"), ["timestamp", "entity", "metric.name", "value"]
        ),
        "edge": _once(ingest.merged(pieces, "edge"), ["caller", "callee", "kind"]),
        "evidence": _once(
            ingest.merged(pieces, "evidence"),
            ["evidence.locator", "evidence.uri", "evidence.sha256"],
        ),
    }
    found = _correlated(incident, shape, tables)
    coverage = tuple(_coverage(incident, pieces, tables))
    tables["coverage"] = _coverage_table(coverage)
    findings = assemble.findings(incident, tables["event"], tables["metric"], coverage, found)
    return Timeline(findings, tables, _about(incident, inputs))


def _correlated(incident: Incident, shape: Topology, tables: Mapping[str, pa.Table]) -> Analysis:
    from nova_timeline.correlate import analysis

    whole = shape.with_edges(
        zip(*(tables["edge"][c].to_pylist() for c in ("caller", "callee", "kind")), strict=True)
    )
    own = frozenset(s.name for s in incident.sources if s.use in OWN_RECEIPT)
    return analysis.run(
        tables["event"], tables["metric"], whole, incident.window,
        affected=incident.affected, own_receipt=own,
    )  # fmt: skip


def _topology(incident: Incident) -> Topology:
    path = incident.topology.get("path")
    return topology.load(incident.base / path) if path else Topology()


def _tasks(incident: Incident, shape: Topology) -> list[Task]:
    """List the partitions of every source, the same whatever the order of the sources."""
    tasks: list[Task] = []
    for source in sorted(incident.sources, key=lambda s: s.name):
        reader = connector.load(source.use)(source.options)
        found = [
            part
            for uri, path in reader.files(incident.base, source.path).found
            for part in _parts(reader, uri, path)
        ]
        tasks += [Task(source, some, incident.window, shape) for some in _bundles(found)]
    return tasks


def _parts(reader: Connector, uri: str, path: Path) -> list[Partition]:
    """Split a file; one that cannot even be opened is left whole, for its reading to tell."""
    try:
        return list(reader.partitions(uri, path))
    except OSError:
        return [Partition(uri, path)]


def _bundles(partitions: Sequence[Partition]) -> Iterator[tuple[Partition, ...]]:
    """Put small partitions together: what each call costs is paid once a bundle."""
    bundle: list[Partition] = []
    size = 0
    for part in partitions:
        bundle.append(part)
        size += part.stop - part.start if part.stop is not None else part.path.stat().st_size
        if size >= _BUNDLE_BYTES or len(bundle) == _BUNDLE_FILES:
            yield tuple(bundle)
            bundle, size = [], 0
    if bundle:
        yield tuple(bundle)


def _events(table: pa.Table) -> pa.Table:
    """Keep each event once, by its identity, in the order of time.

    Records without an id of their own are told apart by their bytes, and bytes that stand in one
    file twice are two records: the n-th of them in one file is the n-th in another.
    """
    import numpy as np
    import polars as pl

    told = pl.DataFrame(table.select(["event_id", "evidence.uri"]))
    nth = pl.int_range(pl.len(), dtype=pl.Int64).over("event_id", "evidence.uri")
    by_bytes = pl.Series(digest.are_by_bytes(table["event_id"].combine_chunks()))
    twice = by_bytes & told["event_id"].is_duplicated()
    if twice.any():
        places = pl.arg_where(twice, eager=True)
        order = told[places].select(nth.alias("nth"))["nth"].to_numpy()
        ids = digest.numbered(table["event_id"].combine_chunks(), places.to_numpy(), order)
        table = table.set_column(table.schema.get_field_index("event_id"), "event_id", ids)
    table = _once(table, ["event_id"])
    time = pl.Series(values=table["timestamp"]).cast(pl.Int64).fill_null(_UNDATED)
    return table.take(np.argsort(time.to_numpy(), kind="stable"))


def _once(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """Keep the first row of each key; the order of tasks is fixed, so which is first is too."""
    import polars as pl

    frame = pl.DataFrame(table.select(list(key)))
    kept = frame.with_row_index("#").unique(key, keep="first", maintain_order=True)["#"]
    return table if len(kept) == table.num_rows else table.take(arrow.column(kept))


def _coverage(
    incident: Incident, pieces: Sequence[Piece], tables: Mapping[str, pa.Table]
) -> list[Coverage]:
    """Say, source by source, how much could be seen."""
    counts = {name: _counts(tables[name]) for name in ("event", "metric", "edge")}
    ordered = sorted(incident.sources, key=lambda s: s.name)
    return [_covered(incident, s, pieces, counts) for s in ordered]


def _covered(
    incident: Incident,
    source: Source,
    pieces: Sequence[Piece],
    counts: Mapping[str, Mapping[str, _Count]],
) -> Coverage:
    mine = [p for p in pieces if p.source == source.name]
    kept = [counts[name].get(source.name, _NOTHING) for name in ("event", "metric", "edge")]
    rows = sum(c.rows for c in kept)
    within = sum(
        t.num_rows for p in mine for n, ts in p.tables.items() for t in ts if n != "evidence"
    )
    files = _files(mine)
    read = sum(n for p in mine for n in p.read.values())
    worst = min((f.state for f in files), key=_WORST_FIRST.index, default="complete")
    if worst in ("unavailable", "denied") and read:
        worst = "partial"
    times = [t for c in kept for t in (c.first, c.last) if t is not None]
    return Coverage(
        source.name, source.use, incident.window, (min(times), max(times)) if times else None,
        within, worst, _reason(incident, source, files, mine, rows),
        read, sum(c.undated for c in kept), within - rows, files,
    )  # fmt: skip


def _reason(
    incident: Incident,
    source: Source,
    files: Sequence[FileCoverage],
    pieces: Sequence[Piece],
    rows: int,
) -> str:
    """Say in a line what was not read, and what was passed over."""
    broken = [f for f in files if f.state != "complete"]
    total = len({uri for p in pieces for uri in p.read})
    reasons = [f"{len(broken)} of {total} files not read whole"] if broken else []
    passed = (
        connector.load(source.use)(source.options).files(incident.base, source.path).passed_over
    )
    if passed:
        more = " ..." if len(passed) > _NAMED else ""
        reasons.append(f"passed over by name: {', '.join(passed[:_NAMED])}{more}")
    if not rows and not broken:
        reasons.append("no record lies inside the window")
    return "; ".join(reasons)


@dataclass(frozen=True, slots=True)
class _Count:
    """How many rows a source has in a table, and between which times."""

    rows: int = 0
    undated: int = 0
    first: int | None = None
    last: int | None = None


_NOTHING = _Count()


def _counts(table: pa.Table) -> dict[str, _Count]:
    """Count a table's rows by source, in one pass."""
    import polars as pl

    timed = "timestamp" in table.column_names
    frame = pl.DataFrame(table.select(["source", *(["timestamp"] if timed else [])]))
    time = pl.col("timestamp").cast(pl.Int64) if timed else pl.lit(None, pl.Int64)
    lost = time.null_count() if timed else pl.lit(0)
    found = frame.group_by("source").agg(
        pl.len().alias("rows"),
        lost.alias("undated"),
        time.min().alias("first"),
        time.max().alias("last"),
    )
    return {row[0]: _Count(*row[1:]) for row in found.iter_rows()}


def _files(pieces: Sequence[Piece]) -> tuple[FileCoverage, ...]:
    """List the files that gave less than all they held."""
    gaps: dict[str, list[Gap]] = {}
    for gap in (g for p in pieces for g in p.gaps):
        gaps.setdefault(gap.uri, []).append(gap)
    found: list[FileCoverage] = []
    for uri, missing in sorted(gaps.items()):
        worst = min((g.state for g in missing), key=_WORST_FIRST.index)
        said = "; ".join(dict.fromkeys(g.reason for g in missing))
        found.append(FileCoverage(uri, sum(p.read.get(uri, 0) for p in pieces), worst, said))
    return tuple(found)


def _coverage_table(coverage: Sequence[Coverage]) -> pa.Table:
    """Write the coverage as its table: a row a source, and one a file not read whole."""
    import pyarrow as pa

    from nova_timeline import schema

    rows: list[dict[str, Any]] = []
    for c in coverage:
        seen = c.seen or (None, None)
        asked = {"asked_start": c.asked.start, "asked_end": c.asked.end}
        rows.append(
            {"source": c.source, **asked, "seen_start": seen[0], "seen_end": seen[1],
             "read": c.read, "rows": c.rows, "undated": c.undated, "duplicates": c.duplicates,
             "state": c.state, "reason": c.reason}
        )  # fmt: skip
        rows += [
            {
                "source": c.source,
                "uri": f.uri,
                **asked,
                "read": f.rows,
                "state": f.state,
                "reason": f.reason,
            }
            for f in c.files
        ]
    return pa.Table.from_pylist(rows, schema=schema.table("coverage"))


def _about(incident: Incident, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Say what the run was made of, for the manifest."""
    return {
        "incident": incident.id,
        "window": _window(incident.window),
        "base": str(incident.base.resolve()),
        "inputs": list(inputs),
        "versions": {name: version(name) for name in _VERSIONS}
        | {"python": platform.python_version()},
    }


def _inputs(incident: Incident, tasks: Sequence[Task], engine: Local) -> list[dict[str, Any]]:
    """List every file by the source that reads it, with its length and digest."""
    uris = sorted({p.uri for t in tasks for p in t.partitions})
    about = dict(zip(uris, engine.map(_about_file, [incident.base / u for u in uris]), strict=True))
    pairs = {(p.uri, t.source.name): t.source for t in tasks for p in t.partitions}
    return [
        {"uri": uri, "source": name, "use": source.use, "options": dict(source.options)} | known
        for (uri, name), source in sorted(pairs.items(), key=lambda pair: pair[0])
        if (known := about[uri]) is not None
    ]


def _about_file(path: Path) -> dict[str, Any] | None:
    """Digest a file; none of one that cannot be opened, as its coverage tells."""
    try:
        return {"sha256": digest.of_file(path), "bytes": path.stat().st_size}
    except OSError:
        return None


def _window(window: Window) -> list[int]:
    return [window.start, window.end]
