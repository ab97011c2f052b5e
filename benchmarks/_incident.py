"""A large incident in native formats, drawn from a seed and written a column at a time.

`_fault` tells the story; this module surrounds it with as many records as are asked for. The same
seed and size always give the same bytes.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import _fault
from benchmarks._fault import END, MINUTE, ONSET, RECOVERY, SECOND, SERVICES, START, STRICKEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import polars as pl

SHARES = {
    "app_logs": 0.50,
    "otlp_logs": 0.20,
    "gcp_logs": 0.10,
    "cloudtrail": 0.05,
    "metrics_csv": 0.10,
    "metrics_jsonl": 0.05,
}
"""What part of the records each source holds."""

# level, and the message around two numbers
_USUAL = (
    ("INFO", "request GET /v1/items/", " completed in ", " ms with 200"),
    ("INFO", "cache hit for key item:", " after ", " us"),
    ("INFO", "published message ", " to topic orders in ", " ms"),
    ("DEBUG", "loaded profile ", " from replica in ", " ms"),
    ("WARN", "slow query on table orders: id ", " took ", " ms"),
    ("ERROR", "request ", " failed: client closed the connection after ", " ms"),
)
_HOW_OFTEN = (0.45, 0.25, 0.15, 0.13, 0.019, 0.001)
# in the order of STRICKEN
_FAILURES = (
    ("ERROR", "request ", " failed: no free connection in pool orders-db after ", " ms"),
    ("ERROR", "request ", " failed: POST http://payments/charge answered 503 after ", " ms"),
    ("ERROR", "request ", " failed: POST http://checkout/confirm answered 502 after ", " ms"),
)
# service, call, requestParameters around the name of one of ours
_CALLS = (
    ("ecs", "DescribeServices", '{"cluster":"shop","services":["', '"]}'),
    ("s3", "GetObject", '{"bucketName":"example-assets","key":"', '/logo.png"}'),
    ("sts", "AssumeRole", '{"roleArn":"arn:aws:iam::123456789012:role/', '"}'),
    ("kms", "Decrypt", '{"encryptionContext":{"service":"', '"}}'),
)
# name, unit, usual value, what the fault multiplies it by
_METRICS = (
    ("http.server.request.duration.p99", "s", 0.18, 16.0),
    ("http.server.error.ratio", "1", 0.002, 120.0),
    ("process.cpu.utilization", "1", 0.35, 0.7),
    ("http.server.request.rate", "{request}/s", 40.0, 0.8),
)


@dataclass(frozen=True, slots=True)
class Written:
    """What lies in the folder: how much, and in how many files."""

    folder: Path
    rows: dict[str, int]
    """Records of each source of `SHARES`."""
    size: int
    files: int

    @property
    def records(self) -> int:
        """Records of all of them."""
        return sum(self.rows.values())


def at(folder: Path, records: int, seed: int = 0) -> Written:
    """Write the incident below folder, or find it there from an earlier run."""
    place = folder / f"incident-{records}-{seed}"
    rows = {name: max(1, round(records * share)) for name, share in SHARES.items()}
    if not place.exists():
        unfinished = place.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        _write(unfinished, rows, seed)
        unfinished.rename(place)
    held = [f.stat().st_size for f in place.rglob("*") if f.is_file()]
    return Written(place, rows, sum(held), len(held))


def _write(place: Path, rows: dict[str, int], seed: int) -> None:
    import numpy as np

    draw = np.random.default_rng(seed)
    _fault.write(place)
    (place / "logs").mkdir()
    for part in range(4):
        count = rows["app_logs"] * (part + 1) // 4 - rows["app_logs"] * part // 4
        _app_logs(place / "logs" / f"app-{part}.jsonl", count, draw)
    _otlp_logs(place / "otlp.jsonl", rows["otlp_logs"], draw)
    _gcp_logs(place / "gcp.jsonl", rows["gcp_logs"], draw)
    (place / "cloudtrail").mkdir()
    _cloudtrail(place / "cloudtrail", rows["cloudtrail"], draw)
    half = len(SERVICES) // 2
    _metrics(rows["metrics_csv"], SERVICES[:half], draw).write_csv(place / "metrics.csv")
    _metrics(rows["metrics_jsonl"], SERVICES[half:], draw).write_ndjson(place / "metrics.jsonl")


def _messages(count: int, draw: np.random.Generator) -> pl.DataFrame:
    """Draw log lines in order of time: ns, time, service, level, message, trace; a row each."""
    import numpy as np
    import polars as pl

    time = np.sort(draw.integers(START, END, count))
    others = len(SERVICES) - len(STRICKEN)
    weight = np.r_[
        np.full(len(STRICKEN), 0.08), np.full(others, (1 - 0.08 * len(STRICKEN)) / others)
    ]
    service = draw.choice(len(SERVICES), count, p=weight)
    kind = draw.choice(len(_USUAL), count, p=_HOW_OFTEN)
    share = np.zeros(len(SERVICES))
    share[: len(STRICKEN)] = list(STRICKEN.values())
    failing = (time >= ONSET) & (time < RECOVERY) & (draw.random(count) < share[service])
    kind[failing] = len(_USUAL) + service[failing]
    millis = np.where(failing, draw.integers(2900, 3100, count), draw.integers(3, 240, count))
    frame = _picked(("level", "before", "between", "after"), (*_USUAL, *_FAILURES), kind)
    number = pl.Series(draw.integers(1000, 999_999, count))
    return frame.select(
        pl.Series("ns", time),
        _iso(pl.Series(time), 9).alias("time"),
        pl.Series("service", SERVICES).gather(service),
        "level",
        pl.concat_str("before", number, "between", pl.Series(millis), "after").alias("message"),
        pl.Series("trace", draw.integers(10**15, 10**16, count)).cast(pl.String).str.zfill(32),
    )


def _app_logs(path: Path, count: int, draw: np.random.Generator) -> None:
    """Write JSON lines as an application's own logger does."""
    import polars as pl

    _messages(count, draw).select(
        pl.col("time").alias("timestamp"),
        "level",
        "service",
        pl.format("{}-1", "service").alias("host"),
        "message",
        pl.col("trace").alias("trace_id"),
    ).write_ndjson(path)


def _otlp_logs(path: Path, count: int, draw: np.random.Generator) -> None:
    """Write what the Collector's file exporter does: a LogsData of many records a line."""
    import polars as pl

    numbers = {"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17}
    record = pl.struct(
        pl.col("ns").cast(pl.String).alias("timeUnixNano"),
        (pl.col("ns") + 2_000_000).cast(pl.String).alias("observedTimeUnixNano"),
        pl.col("level").replace_strict(numbers).alias("severityNumber"),
        pl.col("level").alias("severityText"),
        pl.struct(stringValue="message").alias("body"),
        pl.col("trace").alias("traceId"),
    )
    batches = (
        _messages(count, draw)
        .group_by((pl.col("ns") // (30 * SECOND)).alias("batch"), "service", maintain_order=True)
        .agg(record.alias("logRecords"))
    )
    name = pl.struct(
        pl.lit("service.name").alias("key"), pl.struct(stringValue="service").alias("value")
    )
    scope = pl.struct(pl.struct(pl.lit("shop.logger").alias("name")).alias("scope"), "logRecords")
    batches.with_columns(
        pl.struct(pl.concat_list(name).alias("attributes")).alias("resource"),
        pl.concat_list(scope).alias("scopeLogs"),
    ).select(pl.concat_list(pl.struct("resource", "scopeLogs")).alias("resourceLogs")).write_ndjson(
        path
    )


def _gcp_logs(path: Path, count: int, draw: np.random.Generator) -> None:
    """Write Cloud Logging entries as ``gcloud logging read`` gives them, one a line."""
    import polars as pl

    labels = pl.struct(
        pl.lit("example-shop").alias("project_id"),
        pl.col("service").alias("service_name"),
        pl.lit("europe-west1").alias("location"),
    )
    _messages(count, draw).with_row_index("row").select(
        pl.format("{}x{}", pl.col("trace").str.tail(12), "row").alias("insertId"),
        pl.lit("projects/example-shop/logs/run.googleapis.com%2Fstderr").alias("logName"),
        _iso(pl.col("ns") + 150_000_000, 9).alias("receiveTimestamp"),
        pl.struct(pl.lit("cloud_run_revision").alias("type"), labels.alias("labels")).alias(
            "resource"
        ),
        pl.col("level").replace({"WARN": "WARNING"}).alias("severity"),
        pl.col("message").alias("textPayload"),
        pl.col("time").alias("timestamp"),
    ).write_ndjson(path)


def _cloudtrail(folder: Path, count: int, draw: np.random.Generator) -> None:
    """Write files as delivered to S3, one for five minutes, each an object around its records."""
    import numpy as np
    import polars as pl

    time = np.sort(draw.integers(START, END, count))
    kind = draw.integers(0, len(_CALLS), count)
    about = pl.Series(SERVICES).gather(draw.integers(0, len(SERVICES), count))
    record = pl.struct(
        pl.lit("1.11").alias("eventVersion"),
        _iso(pl.col("ns"), 0).alias("eventTime"),
        pl.format("{}.amazonaws.com", "api").alias("eventSource"),
        pl.col("call").alias("eventName"),
        pl.lit("eu-west-1").alias("awsRegion"),
        pl.format("0b8a52c1-5f1d-4a77-9d2e-{}", pl.col("row").cast(pl.String).str.zfill(12)).alias(
            "eventID"
        ),
        pl.lit(value=True).alias("readOnly"),
        pl.lit("AwsApiCall").alias("eventType"),
        pl.lit("123456789012").alias("recipientAccountId"),
        pl.struct(
            pl.lit("AssumedRole").alias("type"), pl.lit("123456789012").alias("accountId")
        ).alias("userIdentity"),
    )
    lines = (
        _picked(("api", "call", "before", "after"), _CALLS, kind)
        .with_columns(pl.Series("ns", time), about.alias("service"))
        .with_row_index("row")
        .select(
            ((pl.col("ns") - START) // (5 * MINUTE)).alias("part"),
            pl.concat_str(
                record.struct.json_encode().str.strip_suffix("}"),
                pl.lit(',"requestParameters":'),
                "before",
                "service",
                "after",
                pl.lit("}"),
            ).alias("record"),
        )
    )
    for (part,), some in lines.group_by("part", maintain_order=True):
        name = f"123456789012_CloudTrail_eu-west-1_20260303_{part:02}.json"
        (folder / name).write_text('{"Records":[' + ",".join(some["record"]) + "]}")


def _metrics(count: int, services: Sequence[str], draw: np.random.Generator) -> pl.DataFrame:
    """Draw count points of some services' metrics, evenly spread, with noise around a level."""
    import numpy as np
    import polars as pl

    series = [(s, *m) for s in services for m in _METRICS][: max(1, count // 60)]
    points = -(-count // len(series))
    row = np.arange(count)
    which, point = row % len(series), row // len(series)
    time = START + point * ((END - START) // points)
    frame = _picked(("service", "metric", "unit", "usual", "factor"), series, which)
    stricken = (
        (time >= ONSET)
        & (time < RECOVERY)
        & np.isin(np.array(services)[which // len(_METRICS)], list(STRICKEN))
    )
    noise = pl.Series(draw.normal(1.0, 0.04, count))
    level = pl.col("usual") * pl.when(pl.Series(stricken)).then("factor").otherwise(1.0)
    return frame.select(
        _iso(pl.Series(time), 0).alias("timestamp"),
        "service",
        "metric",
        (level * noise).round(6).alias("value"),
        "unit",
    )


def _picked(
    names: Sequence[str], rows: Sequence[tuple[object, ...]], kind: np.ndarray
) -> pl.DataFrame:
    """Return row ``kind[i]`` of a small table as row i."""
    import polars as pl

    return pl.DataFrame(rows, schema=list(names), orient="row")[kind]


def _iso(time: pl.Series | pl.Expr, digits: int) -> pl.Expr:
    """Write nanoseconds as RFC 3339 UTC with so many digits of the second."""
    import polars as pl

    fraction = f"%.{digits}f" if digits else ""
    return pl.from_epoch(pl.lit(time) if isinstance(time, pl.Series) else time, "ns").dt.strftime(
        f"%Y-%m-%dT%H:%M:%S{fraction}Z"
    )
