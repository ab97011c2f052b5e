"""Nezha's TrainTicket cases: logs, spans and metrics of some forty pods around an injected fault.

Yu et al., "Nezha: Interpretable Fine-Grained Root Causes Analysis for Microservices on Multi-modal
Observability Data", ESEC/FSE 2023 (IntelligentDDS/Nezha). A case is a folder with ``truth.json``,
some minutes of ``logs.parquet`` and ``spans.parquet``, and up to an hour of ``metrics.parquet``.
Beside the cases lies ``normal/``, with logs and spans of fault-free minutes of each day: those of
the case's day say what is usual, and their times are moved to end one second before the case's
spans begin. When the fault was injected is in the folder's name and in the truth, so neither is
looked at: the incident's window is all that was observed.

Files that were put together of overlapping minutes hold some records twice: those are written once.
Left out are log lines whose clock is off by a month, the columns of metrics that are a node's and
not the pod's, and ``PodSuccessRate``, which is 0 throughout.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks.accuracy import _incident_file, _statistics
from benchmarks.accuracy._suite import Case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from benchmarks.accuracy._suite import Row, Timeline

_SECOND = 1_000_000_000
_AROUND = 60 * _SECOND
"""Logs may be older or newer than the spans by as much as a request lasts, and not by days."""
_POD = r"-[0-9a-f]{6,10}-[0-9a-z]{5}$"
"""What Kubernetes adds to a Deployment's name: the hash of its ReplicaSet, and the pod's own."""
_LINE = (
    r"^[\d:.]+\s+(?<level>[A-Z]+)\s+(?<logger>\S+)#(?<line>\d+)\s+"
    r"TraceID: \w+ SpanID: \w+\s+(?<message>(?s:.*))$"
)
_METRICS = (
    "CpuUsage(m)", "CpuUsageRate(%)", "MemoryUsage(Mi)", "MemoryUsageRate(%)", "SyscallRead",
    "SyscallWrite", "NetworkReceiveBytes", "NetworkTransmitBytes", "PodClientLatencyP90(s)",
    "PodServerLatencyP90(s)", "PodClientLatencyP95(s)", "PodServerLatencyP95(s)",
    "PodClientLatencyP99(s)", "PodServerLatencyP99(s)", "PodWorkload(Ops)",
)  # fmt: skip
_START, _END = "StartTimeUnixNano", "EndTimeUnixNano"


class Nezha:
    """The suite; see `benchmarks.accuracy._suite.Suite`."""

    name = "nezha"
    place = "nezha-tt"

    def cases(self, data: Path) -> list[Case]:
        """List the folders with a truth below a folder."""
        found: list[Case] = []
        for place in sorted(data.rglob("truth.json")):
            told = json.loads(place.read_text())
            truth = {key: told.get(key) for key in ("service", "pod", "fault")}
            found.append(Case(place.parent.relative_to(data).as_posix(), place.parent, truth))
        return found

    def write(self, case: Case, folder: Path, without: frozenset[str]) -> Path:
        """Write logs and metrics as Parquet and spans as OTLP/JSON, the usual before the rest."""
        spans = _spans(case.folder)
        logs = _logs(case.folder, *_range(spans))
        begin, end = seen, _ = _range(spans)
        usual = _usual(case.folder, begin)
        if usual is not None:
            before = _spans(usual)
            moved = begin - _SECOND - _range(before)[1]
            logs = _joined(_logs(usual, *_range(before)), logs, moved, ["timestamp"])
            spans = _joined(before, spans, moved, [_START, _END])
            begin = _range(spans)[0]
        sources: list[dict[str, Any]] = []
        if "logs" not in without:
            sources.append(_write_logs(folder, logs))
        if "spans" not in without:
            sources.append(_write_spans(folder, spans, calls="topology" not in without))
        if "metrics" not in without:
            metrics = _metrics(case.folder)
            begin = min(begin, int(metrics["timestamp"].min() or begin))  # type: ignore[arg-type]
            end = max(end, int(metrics["timestamp"].max() or end))  # type: ignore[arg-type]
            sources.append(_write_metrics(folder, metrics))
        head = {
            "id": case.name,
            "title": "Requests do not go as they should",
            "start": _time(begin),
            "end": _time(end + _SECOND),
            "usual_until": _time(seen),
        }
        return _incident_file.write(folder, head, sources)

    def score(self, case: Case, timeline: Timeline) -> Row:
        """Rank the service by the entities of the root causes; a pod of it is as good."""
        truth = case.truth["service"]
        named = ((c["entity"] or "", c["score"]) for c in timeline["root_causes"])
        ranked = [(re.sub(_POD, "", entity), score) for entity, score in named]
        rank = _statistics.worst_rank(ranked, {truth})
        return {
            "case": case.name,
            "answer": ranked[0][0] if ranked else None,
            "truth": truth,
            "fault": case.truth["fault"],
            "rank": rank,
            "score": float(rank == 1),
            "decoy": False,
            "candidates": _services(case.folder),
        }

    def summary(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        """Give the share of each kind of fault that was told first."""
        kinds: dict[str, list[float]] = {}
        for row in rows:
            kinds.setdefault(row["fault"], []).append(row["score"])
        return {"by_fault": {kind: _statistics.mean(s) for kind, s in sorted(kinds.items())}}


SUITE = Nezha()


def _usual(folder: Path, first: int) -> Path | None:
    """Find the fault-free minutes of the day of a moment, or else of the first day there is."""
    day = _time(first)[:10]
    above = (p / "normal" for p in folder.parents)
    found = [d for p in above if p.is_dir() for d in sorted(p.iterdir()) if d.is_dir()]
    return next((d for d in found if d.name == day), next(iter(found), None))


def _services(folder: Path) -> int:
    """Count the services among which the answer is."""
    import polars as pl

    pods = pl.read_parquet(folder / "metrics.parquet", columns=["PodName"])["PodName"]
    return pods.str.replace(_POD, "").n_unique()


def _joined(
    usual: pl.DataFrame, seen: pl.DataFrame, moved: int, times: Sequence[str]
) -> pl.DataFrame:
    """Put what is usual before what was seen, its times moved by so many nanoseconds."""
    import polars as pl

    return pl.concat([usual.with_columns(pl.col(times) + moved), seen])


def _spans(folder: Path) -> pl.DataFrame:
    """Read spans, each once."""
    import polars as pl

    columns = ["TraceID", "SpanID", "ParentID", "PodName", "OperationName", _START, _END]
    return pl.read_parquet(folder / "spans.parquet", columns=columns).unique(
        ["TraceID", "SpanID"], keep="first", maintain_order=True
    )


def _range(spans: pl.DataFrame) -> tuple[int, int]:
    """Return when the first span begins and when the last one does."""
    times = spans[_START]
    return int(times.min() or 0), int(times.max() or 0)  # type: ignore[arg-type]


def _logs(folder: Path, first: int, last: int) -> pl.DataFrame:
    """Read the log lines around some time, each once, as a shipper that knows Logback parses them.

    The containers' runtime wraps a line in JSON; what does not look like Logback's is all message.
    """
    import polars as pl

    names = {"PodName": "pod", "TraceID": "trace_id", "SpanID": "span_id"}
    raw = pl.read_parquet(folder / "logs.parquet").rename(names).unique(maintain_order=True)
    time = pl.col("TimeUnixNano")
    text = pl.coalesce(pl.col("Log").str.json_path_match("$.log"), "Log").str.strip_chars_end()
    return (
        raw.filter(time.is_between(first - _AROUND, last + _AROUND))
        .with_columns(text=text, parsed=text.str.extract_groups(_LINE))
        .unnest("parsed")
        .select(
            timestamp=time,
            service=pl.col("pod").str.replace(_POD, ""),
            pod="pod",
            level="level",
            logger="logger",
            line="line",
            message=pl.coalesce("message", "text"),
            trace_id="trace_id",
            span_id="span_id",
        )
    )


def _write_logs(folder: Path, logs: pl.DataFrame) -> dict[str, Any]:
    _dated(logs).write_parquet(folder / "logs.parquet")
    fields = {
        "service.name": "service",
        "k8s.pod.name": "pod",
        "severity_text": "level",
        "body": "message",
        "attributes.log.logger": "logger",
        "attributes.code.line.number": "line",
    }
    return {"use": "parquet", "path": "logs.parquet", "fields": fields}


def _write_spans(folder: Path, spans: pl.DataFrame, *, calls: bool) -> dict[str, Any]:
    """Write OTLP/JSON, a line for each pod; without their parents where calls are left out."""
    import polars as pl

    known = (pl.col("ParentID") != "root") & pl.lit(calls)
    parent = pl.when(known).then("ParentID").otherwise(pl.lit(""))
    span = pl.struct(
        traceId="TraceID",
        spanId="SpanID",
        parentSpanId=parent,
        name="OperationName",
        startTimeUnixNano=pl.col(_START).cast(pl.String),
        endTimeUnixNano=pl.col(_END).cast(pl.String),
    )
    pods = (
        spans.select("PodName", span=span.struct.json_encode())
        .group_by("PodName", maintain_order=True)
        .agg(pl.col("span").str.join(","))
    )
    resource = pl.struct(
        attributes=pl.concat_list(
            _attribute("service.name", pl.col("PodName").str.replace(_POD, "")),
            _attribute("k8s.pod.name", pl.col("PodName")),
        )
    )
    texts = {
        "before": pl.lit('{"resourceSpans":[{"resource":'),
        "resource": resource.struct.json_encode(),
        "between": pl.lit(',"scopeSpans":[{"spans":['),
        "spans": pl.col("span"),
        "after": pl.lit("]}]}]}\n"),
    }
    lines = pods.select(pl.concat_str(*texts.values())).to_series()
    (folder / "spans.jsonl").write_text("".join(lines))
    return {"use": "otlp_json", "path": "spans.jsonl"}


def _attribute(key: str, value: pl.Expr) -> pl.Expr:
    import polars as pl

    return pl.struct(key=pl.lit(key), value=pl.struct(stringValue=value))


def _metrics(folder: Path) -> pl.DataFrame:
    """Read the pods' own metrics, by the services they are of."""
    import polars as pl

    raw = pl.read_parquet(folder / "metrics.parquet")
    known = [name for name in _METRICS if name in raw.columns]
    return (
        raw.select(
            (pl.col("TimeStamp") * _SECOND).alias("timestamp"),
            pl.col("PodName").str.replace(_POD, "").alias("service"),
            pl.col("PodName").alias("pod"),
            *known,
        )
        .unique(["timestamp", "pod"], keep="first", maintain_order=True)
        .sort("timestamp", "pod")
    )


def _write_metrics(folder: Path, metrics: pl.DataFrame) -> dict[str, Any]:
    _dated(metrics).write_parquet(folder / "metrics.parquet")
    values = [name for name in _METRICS if name in metrics.columns]
    known = {"use": "parquet", "path": "metrics.parquet", "table": "metrics", "values": values}
    return known | {"fields": {"entity": "service"}}


def _dated(rows: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return rows.with_columns(pl.col("timestamp").cast(pl.Datetime("ns", "UTC")))


def _time(nanoseconds: int) -> str:
    whole, rest = divmod(nanoseconds, _SECOND)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
