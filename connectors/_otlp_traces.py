"""Spans of OTLP/JSON as events and as metrics of ten seconds; for the topology, `_otlp_edges`.

Each span is an event, ``span.error`` where its status is ERROR, and so is each exception event of a
span. Per service and ten seconds from 1970 on: ``span.count``, ``span.error_count``,
``span.duration.mean`` and ``span.duration.p95`` (ms, nearest rank), with the bucket's first span as
evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow
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
_KINDS = ("internal", "server", "client", "producer", "consumer")
_BY_CODE = {str(i): name for i, name in enumerate(_KINDS, 1)}
_BY_NAME = {f"SPAN_KIND_{name.upper()}": name for name in _KINDS}
_ERROR = ("2", "STATUS_CODE_ERROR")
_EXCEPTIONS = f"""
SELECT record, number, e->>'$.timeUnixNano' AS time,
    CAST(e->'$.attributes' AS VARCHAR) AS attributes
FROM (SELECT record, unnest(items) AS e, generate_subscripts(items, 1) AS number
      FROM (SELECT record, from_json({_duck.shaped("events")}, '["JSON"]') AS items FROM texts))
WHERE e->>'$.name' = 'exception'"""  # noqa: S608


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
        kind=pl.col("kind").replace_strict(_BY_CODE | _BY_NAME, default=None),
        entity=spans.owner["entity"],
        record=pl.int_range(pl.len(), dtype=pl.Int64),
    )
    yield _each(spans, frame)
    yield from _exceptions(spans, frame)
    yield from _metrics(spans, frame)
    yield from _edges(spans, frame)


def _each(spans: _otlp.Signal, frame: pl.DataFrame) -> Batch:
    import polars as pl

    failure = pl.concat_str(pl.lit(": "), pl.coalesce("message", pl.lit("failed")))
    made = frame.select(
        what=pl.when("failed").then(pl.lit("span.error")).otherwise(pl.lit("span")),
        number=pl.when("failed").then(17).otherwise(9),
        word=pl.when("failed").then(pl.lit("ERROR")),
        body=pl.concat_str("name", pl.when("failed").then(failure).otherwise(pl.lit(""))),
        native=_identity(pl.lit("span")),
        precision=pl.when(pl.col("start").is_not_null()).then(1),
    )
    own = {
        "span.name": frame["name"],
        "span.kind": frame["kind"],
        "span.parent_id": frame["parent"],
    }
    return _events(
        spans,
        frame,
        made["native"],
        {
            "timestamp": _otlp.timestamps(frame["start"]),
            "end_timestamp": _otlp.timestamps(frame["end"]),
            "timestamp_precision": made["precision"],
            "event_name": made["what"],
            "severity_number": made["number"],
            "severity_text": made["word"],
            "body": made["body"],
            "attributes": _otlp.as_map(_otlp.objects(frame["attributes"]), own),
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
    said = _json.extract(arrow.column(attributes), paths)
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
            "timestamp_precision": 1,
            "event_name": "exception",
            "severity_number": 17,
            "severity_text": "ERROR",
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
        raw=spans.raw.take(arrow.column(used)),
        locators=spans.locators.take(arrow.column(used)),
        record=arrow.column(place).cast(pa.int64()),
        native=arrow.column(native),
        scope="otlp_json",
        columns=owner.to_dict()
        | {
            "kind": "log",
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
    from . import _otlp_edges

    found = _otlp_edges.of(frame)
    if len(found) == 0:
        return
    yield _first_seen(
        "edge",
        spans,
        found["record"],
        {
            "caller": found["caller"],
            "callee": found["callee"],
            "kind": "calls",
            "valid_from": _otlp.timestamps(found["first"]),
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
