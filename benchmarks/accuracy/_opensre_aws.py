"""What AWS answered in an OpenSRE case: CloudWatch metrics, RDS events, Performance Insights."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks.accuracy._records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks.accuracy._records import Record

_METRICS = "aws_cloudwatch_metrics*.json"
_SEVERITIES = {"failure": "ERROR", "failover": "WARN", "low storage": "WARN"}
"""RDS event category -> what it is worth (Amazon RDS User Guide, "Amazon RDS event categories")."""


def read(folder: Path) -> Records:
    """Read what is not CloudWatch metrics; of those, only when they were taken."""
    insights = _json(folder / "aws_performance_insights.json")
    return Records(
        logs=[*_events(_json(folder / "aws_rds_events.json")), *_top(insights)],
        points=list(_load(insights)),
        extra=[datetime.fromisoformat(t) for r in _results(folder) for t in r["timestamps"]],
    )


def metrics(case: Path, folder: Path, without: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Write GetMetricData's answer and the queries that asked for it, as the CLI prints them."""
    results = list(_results(case))
    if "metrics" in without or not results:
        return
    envelope: dict[str, Any] = {}
    for file in sorted(case.glob(_METRICS)):
        envelope |= _json(file)
    numbered = [(f"m{number}", result) for number, result in enumerate(results)]
    answered = [
        {
            "Id": name,
            "Label": result["label"],
            "Timestamps": result["timestamps"],
            "Values": result["values"],
            "StatusCode": result["status_code"],
        }
        for name, result in numbered
    ]
    asked = [_query(name, result, envelope) for name, result in numbered]
    (folder / "cloudwatch").mkdir()
    place = folder / "cloudwatch" / "metric-data.json"
    place.write_text(json.dumps({"MetricDataResults": answered, "Messages": []}))
    (folder / "queries.json").write_text(json.dumps({"MetricDataQueries": asked}))
    path = "cloudwatch/metric-data.json"
    yield {"use": "aws_cloudwatch_metrics", "path": path, "queries": "queries.json"}


def _query(name: str, result: Mapping[str, Any], envelope: Mapping[str, Any]) -> dict[str, Any]:
    metric = {
        "Namespace": envelope.get("namespace", "AWS/RDS"),
        "MetricName": result["metric_name"],
        "Dimensions": result["dimensions"],
    }
    asked = {
        "Metric": metric,
        "Period": envelope.get("period", 60),
        "Stat": result.get("stat", "Average"),
        "Unit": result.get("unit"),
    }
    return {"Id": name, "MetricStat": asked}


def _results(folder: Path) -> Iterator[dict[str, Any]]:
    """Give every series once, whether they lie in one file or in a file each."""
    given: list[dict[str, Any]] = []
    for file in sorted(folder.glob(_METRICS)):
        held = _json(file)
        given += held.get("metric_data_results", [held] if "timestamps" in held else [])
    for number, series in enumerate(given):
        asked = [(s["metric_name"], s["dimensions"], s.get("stat")) for s in given[: number + 1]]
        if asked[-1] not in asked[:-1]:
            yield series


def _events(held: Mapping[str, Any]) -> Iterator[Record]:
    for event in held.get("events", ()):
        categories = event.get("event_categories", ())
        levels = [_SEVERITIES[c] for c in categories if c in _SEVERITIES]
        yield {
            "timestamp": event["date"],
            "message": event["message"],
            "entity": event["source_identifier"],
            "level": min(levels, default="INFO"),
            "event_categories": ", ".join(categories),
            "source_type": event.get("source_type"),
        }


def _load(insights: Mapping[str, Any]) -> Iterator[Record]:
    load = insights.get("db_load", {})
    pairs = zip(load.get("timestamps", ()), load.get("values", ()), strict=True)
    for time, value in pairs:
        yield {
            "timestamp": time,
            "metric": "DBLoad",
            "value": value,
            "entity": insights["db_instance_identifier"],
            "unit": load.get("unit"),
        }


def _top(insights: Mapping[str, Any]) -> Iterator[Record]:
    """Tell what took most of the load over the whole stretch: statements, waits, users, hosts."""
    for kind in ("top_sql", "top_wait_events", "top_users", "top_hosts"):
        for entry in insights.get(kind, ()):
            what = entry.get("statement") or entry.get("name") or entry.get("id")
            waits = [f"{w['name']} {w['db_load_avg']}" for w in entry.get("wait_events", ())]
            yield {
                "timestamp": insights["start_time"],
                "end": insights["end_time"],
                "event_name": f"performance_insights.{kind}",
                "entity": insights["db_instance_identifier"],
                "message": f"{kind.replace('_', ' ')} by load: {what}",
                "level": "INFO",
                "db.load": entry.get("db_load_avg"),
                "db.load.waits": ", ".join(waits),
                "db.calls_per_second": entry.get("calls_per_sec"),
            }


def _json(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_bytes()) if file.is_file() else {}
    return found
