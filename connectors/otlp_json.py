"""OpenTelemetry logs, metrics and traces as OTLP/JSON, as the collector writes them to files.

Each line, or each document, is a LogsData, MetricsData or TracesData (OpenTelemetry Protocol
specification, "JSON Protobuf Encoding": ids are hex, 64-bit integers may be text). The raw record
is the log record, metric or span itself; its resource stands elsewhere in the file. What the
signals become: `_otlp_logs`, `_otlp_metrics`, `_otlp_traces`.

Parents and buckets reach as far as a partition: a file with spans is cut every 256 MiB only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline.connector import PIECE, Batch, Connector, Gap, Partition

from . import _json, _otlp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nova_timeline.clock import Window

_SNIFF = 1 << 20
_TRACES = 256 << 20


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
        from . import _otlp_logs, _otlp_metrics, _otlp_scan, _otlp_traces

        found = _otlp.find(partition)
        yield from found.gaps
        present = set(found.records[:, 2].tolist())
        if _otlp_scan.LOGS in present:
            yield from _otlp_logs.batches(found)
        if _otlp_scan.METRICS in present:
            yield from _otlp_metrics.batches(found)
        if _otlp_scan.SPANS in present:
            yield from _otlp_traces.batches(found)
