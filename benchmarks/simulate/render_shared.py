"""What belongs to no cloud: change records, traces, the topology and the incident file."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from fixtures import render_shared
from fixtures.scenario import MINUTE, SECOND, Json, dice, iso

from . import render_aws, resources
from .ledger import ARRAY, Record, compact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.scenario import Span

    from .case import Case
    from .changes import Change
    from .ledger import Ledger

_KEPT = 0.88
"""The share of deploys, settings and commits that the teams' own tools know of."""


def write(case: Case, ledger: Ledger) -> None:
    """Put the change records and the traces into the ledger."""
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for change in case.changes:
        for name, record in _change(case, change):
            found[name].append(record)
    for name in sorted(found):
        ledger.add(f"changes/{name}.json", ARRAY, found[name])
    _traces(case, ledger)


def _change(case: Case, change: Change) -> Iterator[tuple[str, Record]]:
    """Write what the teams' own tools keep of a change."""
    rng = dice("kept", case.seed, change.ident)
    time = (case.start + int(change.time * 1e9)) // SECOND * SECOND
    kept = rng.random() < _KEPT

    def record(made: Json, at: int) -> Record:
        return Record(compact(made), at, "", SECOND, change.ident)

    by = {"actor": f"{change.actor}@example.com"}
    if change.how == "flag":
        told = {"timestamp": iso(time), "flag": change.key, "service": change.entity}
        yield "flags", record(told | {"change": f"{change.old} -> {change.new}"} | by, time)
    elif change.how == "config" and (kept or not case.world.entities[change.entity].cloud):
        told = {"timestamp": iso(time), "service": change.entity, "parameter": change.key}
        moved = {"old": change.old, "new": change.new, "message": change.message}
        yield "config", record(told | moved | by, time)
    elif change.how in ("deploy", "commit"):
        merged = time - rng.randrange(120, 2400) * SECOND if change.how == "deploy" else time
        if kept:
            yield "commits", record(_commit(change, merged), merged)
        if change.how == "deploy":
            number = f"{rng.randrange(2, 9)}.{rng.randrange(60)}.{rng.randrange(9)}"
            done = time + int(change.lasting) * SECOND
            deploy = {"started_at": iso(time), "finished_at": iso(done), "service": change.entity,
                      "commit_sha": change.ident, "version": number, "environment": "production",
                      "actor": f"{change.actor}@example.com"}  # fmt: skip
            yield "deploys", record(deploy, time)


def _commit(change: Change, time: int) -> Json:
    return {
        "sha": change.ident,
        "author": f"{change.actor}@example.com",
        "timestamp": iso(time),
        "message": change.message,
        "files_changed": [change.path],
        "diff": change.diff,
    }


def _traces(case: Case, ledger: Ledger) -> None:
    """Write spans as the collector's file exporter does: a batch a process and five minutes."""
    batches: defaultdict[tuple[int, str, str], list[Span]] = defaultdict(list)
    for span in case.spans:
        batches[span.end // (5 * MINUTE), span.service, span.host].append(span)
    data: list[bytes] = []
    records: list[Record] = []
    for (_, service, host), spans in sorted(batches.items(), key=lambda kv: kv[0]):
        skew = case.machines.skew.get(host, 0)
        made = render_shared.batch(service, host, spans, skew)
        written = made["resourceSpans"][0]["scopeSpans"][0]["spans"]
        for w in written:
            w["status"].pop("message", None)
        data.append(compact(made))
        records += [
            Record(compact(w), s.start, host, 1) for w, s in zip(written, spans, strict=True)
        ]
    if data:
        ledger.binary("traces.jsonl", b"\n".join(data) + b"\n", records)


def topology(case: Case) -> str:
    """Write the topology file."""
    world = case.world
    entities = [(e.name, e.kind, resources.aliases(world, e)) for e in world.entities.values()]
    entities += [(h, "host", (f"{h.upper()}.shop.example.com",)) for h in world.hosts]
    edges = [(e.caller, e.callee, "calls") for e in world.edges]
    edges += [(e.name, h, "runs_on") for e in world.entities.values() for h in e.hosts]
    return render_shared.topology(entities, edges)


def incident(case: Case, files: set[str]) -> str:
    """Write the incident file over the files that there are."""
    rng = dice("incident", case.seed)
    hint = [case.world.entry] if rng.random() < 0.5 else []
    head = (
        f'[incident]\nid = "{case.id}"\ntitle = "{case.world.org}: customers see errors"\n'
        f"start = {iso(case.start)}\nend = {iso(case.end)}\naffected = {json.dumps(hint)}\n"
    )
    sources = [
        render_shared.source(use, path, options)
        for use, path, there, options in _sources(case)
        if any(f.startswith(there) for f in files)
    ]
    return "\n".join([head, *sources, '[topology]\npath = "topology.toml"\n'])


def _sources(case: Case) -> Iterator[tuple[str, str, str, Json]]:
    """Yield connector, path, the beginning of what must be there, and options of each source."""
    yield "aws_cloudtrail", "aws/cloudtrail.json", "aws/cloudtrail", {}
    yield "aws_cloudwatch_logs", "aws/logs.json", "aws/logs", {}
    metrics = {"metrics": render_aws.metric_names(case)}
    yield "aws_cloudwatch_metrics", "aws/metrics.json", "aws/metrics", metrics
    yield (
        "aws_cloudwatch_alarms",
        "aws/alarms.json",
        "aws/alarms",
        {"entities": render_aws.watched(case)},
    )
    yield "gcp_cloud_logging", "gcp/entries.jsonl", "gcp/entries", {}
    yield "gcp_monitoring", "gcp/time-series.json", "gcp/time-series", {}
    yield "gcp_monitoring", "gcp/alerts.json", "gcp/alerts", {}
    yield "azure_activity_log", "azure/activity.json", "azure/activity", {}
    yield "azure_monitor_logs", "azure/AppTraces.json", "azure/AppTraces", {}
    yield "azure_monitor_logs", "azure/PGSQLServerLogs.json", "azure/PGSQL", {}
    yield "azure_monitor_metrics", "azure/metrics.json", "azure/metrics", {}
    yield "azure_alerts", "azure/alerts.jsonl", "azure/alerts", {}
    linux = [h for h in case.world.hosts if not h.startswith("win-")]
    if linux:
        yield "journald", "hosts/*.export", f"hosts/{linux[0].partition('-')[0]}", {}
    yield "windows_event_log", "hosts/*/*.evtx", "hosts/win-", {}
    yield "changes", "changes", "changes/", {}
    yield "otlp_json", "traces.jsonl", "traces", {}


def write_frame(case: Case, folder: Path, files: set[str]) -> None:
    """Write the topology and the incident file."""
    (folder / "topology.toml").write_text(topology(case))
    (folder / "incident.toml").write_text(incident(case, files))
