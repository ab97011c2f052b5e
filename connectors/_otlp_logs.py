"""Log records of OTLP/JSON.

A record without ``timeUnixNano`` takes ``observedTimeUnixNano``, as the OpenTelemetry logs data
model tells its readers ("Use Timestamp if it is present, otherwise use ObservedTimestamp"); its
clock is then the collector's. A record's resource is part of its identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, evidence
from nova_timeline.connector import Batch, Gap, batch

from . import _json, _otlp

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

_PATHS = {
    "time": "$.timeUnixNano",
    "observed": "$.observedTimeUnixNano",
    "number": "$.severityNumber",
    "level": "$.severityText",
    "name": "$.eventName",
    "trace": "$.traceId",
    "span": "$.spanId",
    "text": "$.body.stringValue",
    "body": "$.body",
    "attributes": "$.attributes",
}


def batches(found: _otlp.Found) -> Iterator[Batch | Gap]:
    """Give the log records of a partition."""
    from . import _otlp_scan

    logs = _otlp.decode(found, _otlp_scan.LOGS, _PATHS)
    yield from logs.gaps
    if len(logs.raw) == 0:
        return
    given = logs.table
    attributes = _otlp.objects(given["attributes"])
    said = _said(logs, attributes)
    yield batch(
        "event",
        logs.partition,
        raw=logs.raw,
        locators=logs.locators,
        native=_identity(logs, said["uid"]),
        scope="otlp_json",
        columns=logs.owner.to_dict()
        | {
            "timestamp": _otlp.timestamps(said["time"]),
            "timestamp_precision": said["precision"],
            "observed_timestamp": _otlp.timestamps(said["observed"]),
            "clock": said["clock"],
            "kind": "log",
            "event_name": said["name"],
            "severity_number": said["number"],
            "severity_text": given["level"],
            "body": _bodies(given),
            "trace_id": given["trace"],
            "span_id": given["span"],
            "attributes": _otlp.as_map(attributes, {}),
        },
    )


def _said(logs: _otlp.Signal, attributes: pl.Series) -> pl.DataFrame:
    """Settle each record's times, clock, severity and name."""
    import polars as pl

    from . import _rows

    given = logs.table
    paths = {"event": '$."event.name"', "uid": '$."log.record.uid"'}
    known = _json.extract(arrow.column(attributes), paths)
    number = given["number"].cast(pl.Int64, strict=False)
    frame = known.with_columns(
        own=_otlp.nanoseconds(given["time"]),
        observed=_otlp.nanoseconds(given["observed"]),
        given=number.set(~number.is_between(1, 24).fill_null(value=True), None),
        word=_rows.severity_number(given["level"]),
        host=logs.owner["clock"],
        eventName=given["name"],
    )
    late = pl.col("own").is_null() & pl.col("observed").is_not_null()
    collector = pl.lit("service:opentelemetry-collector")
    return frame.select(
        "uid",
        "observed",
        time=pl.coalesce("own", "observed"),
        precision=pl.when(pl.coalesce("own", "observed").is_not_null()).then(1),
        clock=pl.when(late).then(collector).otherwise("host"),
        number=pl.coalesce("given", "word"),
        name=pl.coalesce("eventName", "event"),
    )


def _bodies(given: Any) -> Any:
    """Read the text of each body; only maps and lists need their wrapping taken off."""
    text = given["text"]
    structured = (text.is_null() & given["body"].is_not_null()).arg_true()
    if len(structured) == 0:
        return text
    return text.scatter(structured, _otlp.text_of(given["body"].gather(structured)))


def _identity(logs: _otlp.Signal, uid: Any) -> Any:
    """Take the record's uid, else its bytes and its resource's: like lines of two pods are two."""
    import pyarrow as pa

    resource, record = logs.places[:2], logs.places[2:]
    whole = evidence.pairs(logs.data, (resource[0], resource[1]), (record[0], record[1]))
    if uid.null_count() == len(uid):
        return whole
    return arrow.compute().coalesce(arrow.column(uid).cast(pa.large_binary()), whole)
