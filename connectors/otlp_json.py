"""OpenTelemetry logs, metrics and traces as OTLP/JSON, as the collector writes them to files.

Each line, or each document, is a LogsData, MetricsData or TracesData (OpenTelemetry Protocol
specification, "JSON Protobuf Encoding": ids are hex, 64-bit integers may be text). The raw record
is the log record, metric or span itself; its resource stands elsewhere in the file and is part of
the identity of an event.

A log record without ``timeUnixNano`` takes ``observedTimeUnixNano``, as the OpenTelemetry logs data
model tells its readers ("Use Timestamp if it is present, otherwise use ObservedTimestamp"); its
clock is then the collector's. Of spans, those in error and exceptions are events; all of them make
ten-second metrics per service and the edges of the topology (`_otlp_traces`).
Parents and buckets reach as far as a partition: a file with spans is cut every 256 MiB only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline.connector import PIECE, Batch, Connector, Gap, Partition, batch

from . import _json, _otlp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nova_timeline.clock import Window

_SNIFF = 1 << 20
_TRACES = 256 << 20
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


class OtlpJson(Connector):
    """OpenTelemetry logs, metrics and traces as OTLP/JSON."""

    summary = (
        "OTLP/JSON logs, metrics and traces, as the OpenTelemetry collector's file exporter writes"
    )
    globs = ("*.json", "*.jsonl", "*.ndjson", "*.json.gz", "*.jsonl.gz", "*.ndjson.gz", "*.otlp")

    def partitions(self, uri: str, path: Path, piece: int = PIECE) -> Iterator[Partition]:
        """Split JSON lines; those with spans in pieces of a fixed size, whatever is asked for."""
        with path.open("rb") as file:
            spans = b'"resourceSpans"' in file.read(_SNIFF)
        yield from _json.partitions(uri, path, _TRACES if spans else piece)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode the records, signal by signal."""
        del window
        if partition.path.stat().st_size == 0:
            return
        from . import _otlp_metrics, _otlp_scan, _otlp_traces

        found = _otlp.find(partition)
        yield from found.gaps
        present = set(found.records[:, 2].tolist())
        if _otlp_scan.LOGS in present:
            yield from _logs(_otlp.decode(found, _otlp_scan.LOGS, _PATHS))
        if _otlp_scan.METRICS in present:
            yield from _otlp_metrics.batches(found)
        if _otlp_scan.SPANS in present:
            yield from _otlp_traces.batches(found)


def _logs(logs: _otlp.Signal) -> Iterator[Batch | Gap]:
    import polars as pl

    from . import _rows

    yield from logs.gaps
    if len(logs.raw) == 0:
        return
    given = logs.table
    attributes = _otlp.objects(given["attributes"])
    texts: Any = attributes.to_arrow()
    known = pl.DataFrame(
        _json.extract(texts, {"event": '$."event.name"', "uid": '$."log.record.uid"'})
    )
    own, observed = _otlp.nanoseconds(given["time"]), _otlp.nanoseconds(given["observed"])
    number = given["number"].cast(pl.Int64, strict=False)
    frame = pl.DataFrame(
        {
            "time": own,
            "observed": observed,
            "number": number.set(~number.is_between(1, 24).fill_null(value=True), None),
            "word": _rows.severity_number(given["level"]),
            "clock": logs.owner["clock"],
            "name": given["name"],
            "event": known["event"],
        }
    )
    made = frame.select(
        time=pl.coalesce("time", "observed"),
        clock=pl.when(pl.col("time").is_null() & pl.col("observed").is_not_null())
        .then(pl.lit("service:opentelemetry-collector"))
        .otherwise("clock"),
        number=pl.coalesce("number", "word"),
        name=pl.coalesce("name", "event"),
    )
    yield batch(
        "event",
        logs.partition,
        raw=logs.raw,
        locators=logs.locators,
        native=_identity(logs, known["uid"]),
        scope="otlp_json",
        columns=owner_columns(logs.owner)
        | {
            "timestamp": _otlp.timestamps(made["time"]),
            "timestamp_precision": pl.Series([1])
            .new_from_index(0, len(made))
            .set(made["time"].is_null(), None),
            "observed_timestamp": _otlp.timestamps(observed),
            "clock": made["clock"],
            "kind": "log",
            "event_name": made["name"],
            "severity_number": made["number"],
            "severity_text": given["level"],
            "body": _bodies(given),
            "trace_id": given["trace"],
            "span_id": given["span"],
            "attributes": _otlp.as_map(attributes, {}),
        },
    )


def owner_columns(owner: Any) -> dict[str, Any]:
    """Return what a resource says of its records."""
    return {name: owner[name] for name in owner.columns if name not in ("raw", "clock")}


def _bodies(given: Any) -> Any:
    """Read the text of each body; only maps and lists need their wrapping taken off."""
    text = given["text"]
    structured = (text.is_null() & given["body"].is_not_null()).arg_true()
    if len(structured) == 0:
        return text
    return text.scatter(structured, _otlp.text_of(given["body"].gather(structured)))


def _identity(logs: _otlp.Signal, uid: Any) -> Any:
    """Take the record's uid, else its bytes and its resource's: like lines of two pods are two."""
    import polars as pl

    raw = pl.Series("raw", values=logs.raw)
    whole = pl.DataFrame({"owner": logs.owner["raw"], "raw": raw, "uid": uid.cast(pl.Binary)})
    joined = whole.select(pl.coalesce("uid", pl.col("owner") + pl.col("raw")))
    native: Any = joined.to_series().to_arrow()
    return native
