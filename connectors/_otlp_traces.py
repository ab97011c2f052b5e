"""Spans of OTLP/JSON: errors as events, metrics of ten seconds, and the edges between services.

Spans are too many to be events one by one. A span with status ERROR is an event, and so is each
exception event of a span. Of all spans, per service and ten seconds from 1970 on: ``span.count``,
``span.error_count``, ``span.duration.mean`` and ``span.duration.p95`` (ms, nearest rank), with the
bucket's first span as evidence. A span whose parent belongs to another service is a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline.connector import Batch, Gap, batch

from . import _duck, _otlp

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

_BUCKET = 10_000_000_000
_PATHS = {
    "trace": "$.traceId",
    "span": "$.spanId",
    "parent": "$.parentSpanId",
    "name": "$.name",
    "kind": "$.kind",
    "start": "$.startTimeUnixNano",
    "end": "$.endTimeUnixNano",
    "code": "$.status.code",
    "message": "$.status.message",
    "attributes": "$.attributes",
    "events": "$.events",
}
_KINDS = {"1": "internal", "2": "server", "3": "client", "4": "producer", "5": "consumer"}
_ERROR = ("2", "STATUS_CODE_ERROR")
_EXCEPTIONS = """
SELECT record, number, e->>'$.timeUnixNano' AS time,
    CAST(e->'$.attributes' AS VARCHAR) AS attributes
FROM (SELECT record, unnest(items) AS e, generate_subscripts(items, 1) AS number
      FROM (SELECT record, from_json(events, '["JSON"]') AS items FROM texts))
WHERE e->>'$.name' = 'exception'"""


def batches(found: _otlp.Found) -> Iterator[Batch | Gap]:
    """Give what the spans of a partition say."""
    import polars as pl

    from . import _otlp_scan

    spans = _otlp.decode(found, _otlp_scan.SPANS, _PATHS)
    yield from spans.gaps
    if len(spans.raw) == 0:
        return
    frame = spans.table.with_columns(
        start=_otlp.nanoseconds(spans.table["start"]),
        end=_otlp.nanoseconds(spans.table["end"]),
        failed=pl.col("code").is_in(_ERROR).fill_null(value=False),
        entity=spans.owner["entity"],
        record=pl.int_range(pl.len(), dtype=pl.Int64),
    )
    yield from _errors(spans, frame)
    yield from _exceptions(spans, frame)
    yield from _metrics(spans, frame)
    yield from _edges(spans, frame)


def _errors(spans: _otlp.Signal, frame: pl.DataFrame) -> Iterator[Batch]:
    import polars as pl

    failed = frame.filter("failed")
    if len(failed) == 0:
        return
    made = failed.select(
        body=pl.concat_str("name", pl.coalesce("message", pl.lit("failed")), separator=": "),
        native=_identity(pl.lit("error")),
    )
    own = {"span.name": failed["name"], "span.kind": failed["kind"].replace(_KINDS)}
    yield _events(
        spans,
        failed,
        made["native"],
        {
            "timestamp": _otlp.timestamps(failed["start"]),
            "end_timestamp": _otlp.timestamps(failed["end"]),
            "event_name": "span.error",
            "body": made["body"],
            "attributes": _otlp.as_map(_otlp.objects(failed["attributes"]), own),
        },
    )


def _exceptions(spans: _otlp.Signal, frame: pl.DataFrame) -> Iterator[Batch]:
    """Give the exception events (OpenTelemetry semantic conventions, "Exceptions on spans")."""
    import polars as pl

    from . import _json

    lists = frame.filter(pl.col("events").str.contains('"exception"', literal=True))
    if len(lists) == 0:
        return
    found = pl.DataFrame(_duck.run(_EXCEPTIONS, lists.select("record", "events").to_arrow()))
    if len(found) == 0:
        return
    attributes = _otlp.objects(found["attributes"])
    paths = {"type": '$."exception.type"', "message": '$."exception.message"'}
    said = pl.DataFrame(_json.extract(attributes.to_arrow(), paths))
    thrown = frame[found["record"]]
    made = pl.concat(
        [thrown, said.rename({"message": "said"}), found.select("number")], how="horizontal"
    )
    texts = made.select(
        body=pl.coalesce(
            pl.concat_str("type", "said", separator=": ", ignore_nulls=True).replace("", None),
            pl.concat_str("name", pl.lit(": exception")),
        ),
        native=_identity(pl.concat_str(pl.lit("exception"), "number")),
    )
    yield _events(
        spans,
        thrown,
        texts["native"],
        {
            "timestamp": _otlp.timestamps(_otlp.nanoseconds(found["time"])),
            "event_name": "exception",
            "body": texts["body"],
            "attributes": _otlp.as_map(attributes, {"span.name": thrown["name"]}),
        },
    )


def _identity(what: pl.Expr) -> pl.Expr:
    """Name an event by its span's ids; a span without them by its name and start."""
    import polars as pl

    without = pl.concat_str(pl.col("name").fill_null(""), pl.col("start").fill_null(0))
    parts = [pl.col("trace").fill_null(""), pl.col("span").fill_null(without), what]
    return pl.concat_str(parts, separator="|")


def _events(
    spans: _otlp.Signal, rows: pl.DataFrame, native: pl.Series, columns: dict[str, Any]
) -> Batch:
    """Seal events about some of the spans, keeping the evidence of those alone."""
    import polars as pl
    import pyarrow as pa

    used = rows["record"].unique(maintain_order=True)
    place = rows.select("record").join(
        pl.DataFrame({"record": used}).with_row_index("place"), on="record", maintain_order="left"
    )["place"]
    owner = spans.owner[rows["record"]]
    return batch(
        "event",
        spans.partition,
        raw=spans.raw.take(used.to_arrow()),
        locators=spans.locators.take(used.to_arrow()),
        record=place.to_arrow().cast(pa.int64()),
        native=native.to_arrow(),
        scope="otlp_json",
        columns={name: owner[name] for name in owner.columns if name != "raw"}
        | {
            "kind": "log",
            "severity_number": 17,
            "severity_text": "ERROR",
            "timestamp_precision": 1,
            "trace_id": rows["trace"],
            "span_id": rows["span"],
        }
        | columns,
    )


def _metrics(spans: _otlp.Signal, frame: pl.DataFrame) -> Iterator[Batch]:
    import polars as pl

    dated = frame.filter(pl.col("start").is_not_null() & pl.col("entity").is_not_null())
    if len(dated) == 0:
        return
    lasting = pl.col("end") - pl.col("start")
    # Whole nanoseconds are summed, so that the mean is the same in whatever order they come.
    grouped = (
        dated.with_columns(bucket=pl.col("start") // _BUCKET * _BUCKET)
        .group_by("entity", "bucket", maintain_order=True)
        .agg(
            pl.col("record").first(),
            pl.len().cast(pl.Float64).alias("span.count"),
            pl.col("failed").sum().cast(pl.Float64).alias("span.error_count"),
            (lasting.sum() / lasting.count() / 1e6).alias("span.duration.mean"),
            (lasting.quantile(0.95, "nearest") / 1e6).alias("span.duration.p95"),
        )
    )
    names = grouped.columns[3:]
    rows = grouped.unpivot(names, index=["entity", "bucket", "record"], variable_name="name")
    rows = rows.filter(pl.col("value").is_not_nan()).sort("record", maintain_order=True)
    milliseconds = pl.col("name").str.starts_with("span.duration")
    yield _first_seen(
        "metric",
        spans,
        rows["record"],
        {
            "timestamp": _otlp.timestamps(rows["bucket"]),
            "entity": rows["entity"],
            "metric.name": rows["name"],
            "value": rows["value"],
            "unit": rows.select(
                pl.when(milliseconds).then(pl.lit("ms")).otherwise(pl.lit("1"))
            ).to_series(),
        },
    )


def _edges(spans: _otlp.Signal, frame: pl.DataFrame) -> Iterator[Batch]:
    import polars as pl

    parents = frame.select("trace", parent="span", caller="entity").unique(
        ["trace", "parent"], keep="first", maintain_order=True
    )
    calls = frame.filter(pl.col("parent").is_not_null() & pl.col("entity").is_not_null())
    calls = calls.join(parents, on=["trace", "parent"], how="inner", maintain_order="left")
    found = (
        calls.filter(pl.col("caller") != pl.col("entity"))
        .group_by("caller", "entity", maintain_order=True)
        .agg(pl.col("record").first(), pl.col("start").min(), last=pl.col("start").max())
    )
    if len(found) == 0:
        return
    yield _first_seen(
        "edge",
        spans,
        found["record"],
        {
            "caller": found["caller"],
            "callee": found["entity"],
            "kind": "calls",
            "valid_from": _otlp.timestamps(found["start"]),
            "valid_to": _otlp.timestamps(found["last"]),
        },
    )


def _first_seen(
    name: Any, spans: _otlp.Signal, record: pl.Series, columns: dict[str, Any]
) -> Batch:
    """Seal rows that many spans make and one span each stands for."""
    import numpy as np
    import pyarrow as pa

    numbers, place = np.unique(record.to_numpy(), return_inverse=True)
    used = pa.array(numbers, pa.int64())
    return batch(
        name,
        spans.partition,
        raw=spans.raw.take(used),
        locators=spans.locators.take(used),
        record=pa.array(place, pa.int64()),
        columns=columns,
    )
