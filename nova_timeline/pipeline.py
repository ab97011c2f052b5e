"""The whole trip: connect, normalise, store, correlate, assemble."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from nova_timeline import assemble, connector, digest, ingest, topology
from nova_timeline.engine import Local
from nova_timeline.ingest import Piece, Task
from nova_timeline.model import Coverage, FileCoverage, Incident, Source
from nova_timeline.timeline import Timeline
from nova_timeline.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from nova_timeline.clock import Window

OWN_RECEIPT = frozenset({"journald", "windows_event_log"})
"""Connectors whose receipt is stamped by the clock that stamped the record."""

_WORST_FIRST = ("unavailable", "denied", "partial", "retention_cut", "provisional", "complete")
_VERSIONS = ("nova-timeline", "polars", "pyarrow", "duckdb", "numba", "numpy")


def reconstruct(incident: Incident, *, engine: Local | None = None) -> Timeline:
    """Reconstruct an incident from its sources.

    Args:
        incident: what to look at; see `nova_timeline.Incident.load`.
        engine: where the work is done; by default in threads of this process, one a core.

    Raises:
        IncidentFileError: the topology cannot be read.
    """
    shape = _topology(incident)
    tasks = _tasks(incident, shape)
    pieces = list((engine or Local()).map(ingest.read, tasks))
    tables = {name: ingest.merged(pieces, name) for name in ("metric", "edge")}
    tables["evidence"] = _once(
        ingest.merged(pieces, "evidence"), ["evidence.uri", "evidence.locator"]
    )
    tables["event"] = _events(ingest.merged(pieces, "event"))
    tables["metric"] = _once(tables["metric"], ["entity", "metric.name", "timestamp", "value"])
    tables["edge"] = _once(tables["edge"], ["caller", "callee", "kind"])
    return _correlated(incident, shape, tables, pieces)


def _correlated(
    incident: Incident, shape: Topology, tables: dict[str, pa.Table], pieces: Sequence[Piece]
) -> Timeline:
    from nova_timeline.correlate import analysis

    whole = shape.with_edges(
        zip(*(tables["edge"][c].to_pylist() for c in ("caller", "callee", "kind")), strict=True)
    )
    own = frozenset(s.name for s in incident.sources if s.use in OWN_RECEIPT)
    found = analysis.run(
        tables["event"], tables["metric"], whole, incident.window,
        affected=incident.affected, own_receipt=own,
    )  # fmt: skip
    coverage = tuple(_coverage(incident, pieces, tables))
    tables["coverage"] = _coverage_table(coverage)
    findings = assemble.findings(incident, tables["event"], tables["metric"], coverage, found)
    return Timeline(findings, tables, _about(incident, pieces))


def _topology(incident: Incident) -> Topology:
    path = incident.topology.get("path")
    return topology.load(incident.base / path) if path else Topology()


def _tasks(incident: Incident, shape: Topology) -> list[Task]:
    """List the partitions of every source, the same whatever the order of the sources."""
    tasks: list[Task] = []
    for source in sorted(incident.sources, key=lambda s: s.name):
        reader = connector.load(source.use)(source.options)
        for uri, path in reader.files(incident.base, source.path).found:
            tasks += [
                Task(source, part, incident.window, shape) for part in reader.partitions(uri, path)
            ]
    return tasks


def _events(table: pa.Table) -> pa.Table:
    """Keep each event once, by its identity, in the order of time."""
    return _once(table, ["event_id"], ["timestamp"])


def _once(table: pa.Table, key: Sequence[str], before: Sequence[str] = ()) -> pa.Table:
    """Sort by the key and keep the first of each, by place: the same whichever was read first."""
    import polars as pl

    place = [c for c in ("evidence.uri", "evidence.locator") if c not in key]
    frame: Any = pl.from_arrow(table.select([*before, *key, *place]))
    row = pl.int_range(pl.len(), dtype=pl.Int64).alias("__row")
    ordered = frame.select(pl.all(), row).sort(*before, *key, *place, nulls_last=True)
    kept = ordered.unique(key, keep="first", maintain_order=True)["__row"]
    return table.take(kept.to_arrow())


def _coverage(
    incident: Incident, pieces: Sequence[Piece], tables: Mapping[str, pa.Table]
) -> list[Coverage]:
    """Say, source by source, how much could be seen."""
    return [
        _covered(incident, s, pieces, tables)
        for s in sorted(incident.sources, key=lambda s: s.name)
    ]


def _covered(
    incident: Incident, source: Source, pieces: Sequence[Piece], tables: Mapping[str, pa.Table]
) -> Coverage:
    import pyarrow.compute as pc

    mine = [p for p in pieces if p.source == source.name]
    kept = [
        tables[n].filter(pc.equal(tables[n]["source"], source.name))
        for n in ("event", "metric", "edge")
    ]
    rows = sum(t.num_rows for t in kept)
    within = sum(
        t.num_rows for p in mine for n, ts in p.tables.items() for t in ts if n != "evidence"
    )
    files = _files(mine)
    worst = min((f.state for f in files), key=_WORST_FIRST.index, default="complete")
    if worst in ("unavailable", "denied") and any(p.read for p in mine):
        worst = "partial"
    seen = _seen(kept)
    passed = (
        connector.load(source.use)(source.options).files(incident.base, source.path).passed_over
    )
    reasons = (
        [f"{len(files)} of {len({p.uri for p in mine})} files not read whole"] if files else []
    )
    if passed:
        reasons.append(
            f"passed over by name: {', '.join(passed[:5])}" + (" ..." if len(passed) > 5 else "")
        )
    if not rows and not files:
        reasons.append("no record lies inside the window")
    undated = kept[0]["timestamp"].null_count + kept[1]["timestamp"].null_count
    return Coverage(
        source.name, source.use, incident.window, seen, rows, worst, "; ".join(reasons),
        sum(p.read for p in mine), undated, within - rows, files,
    )  # fmt: skip


def _files(pieces: Sequence[Piece]) -> tuple[FileCoverage, ...]:
    """List the files that gave less than all they held."""
    by_file: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_file.setdefault(piece.uri, []).append(piece)
    found: list[FileCoverage] = []
    for uri, parts in sorted(by_file.items()):
        gaps = [g for p in parts for g in p.gaps]
        if gaps:
            worst = min((g.state for g in gaps), key=_WORST_FIRST.index)
            said = "; ".join(dict.fromkeys(g.reason for g in gaps))
            found.append(FileCoverage(uri, sum(p.read for p in parts), worst, said))
    return tuple(found)


def _seen(tables: Sequence[pa.Table]) -> tuple[int, int] | None:
    """Find the earliest and the latest time in the rows of a source."""
    import pyarrow as pa
    import pyarrow.compute as pc

    bounds: list[int] = []
    for table in tables[:2]:
        ends: Any = pc.min_max(table["timestamp"].cast(pa.int64()))
        bounds += [v for v in (ends["min"].as_py(), ends["max"].as_py()) if v is not None]
    return (min(bounds), max(bounds)) if bounds else None


def _coverage_table(coverage: Sequence[Coverage]) -> pa.Table:
    """Write the coverage as its table: a row a source, and one a file not read whole."""
    import pyarrow as pa

    from nova_timeline import schema

    rows: list[dict[str, Any]] = []
    for c in coverage:
        seen = c.seen or (None, None)
        asked = {"asked_start": c.asked.start, "asked_end": c.asked.end}
        rows.append(
            {"source": c.source, **asked, "seen_start": seen[0], "seen_end": seen[1], "read": c.read,
             "rows": c.rows, "undated": c.undated, "duplicates": c.duplicates, "state": c.state,
             "reason": c.reason}
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


def _about(incident: Incident, pieces: Sequence[Piece]) -> dict[str, Any]:
    """Say what the run was made of, for the manifest."""
    source = {s.name: s for s in incident.sources}
    files: dict[str, dict[str, Any]] = {}
    for uri in sorted({p.uri for p in pieces}):
        path = incident.base / uri
        if path.is_file():
            files[uri] = {"sha256": digest.of_file(path), "bytes": path.stat().st_size}
    pairs = sorted({(p.uri, p.source) for p in pieces if p.uri in files})
    inputs = [
        {"uri": uri, "source": name, "use": source[name].use, "options": dict(source[name].options)}
        | files[uri]
        for uri, name in pairs
    ]
    return {
        "incident": incident.id,
        "window": _window(incident.window),
        "base": str(incident.base.resolve()),
        "inputs": inputs,
        "versions": {name: version(name) for name in _VERSIONS}
        | {"python": platform.python_version()},
    }


def _window(window: Window) -> list[int]:
    return [window.start, window.end]
