"""Azure Monitor metrics: az monitor metrics list, the batch API, and diagnostic records.

Fields: Azure Monitor REST API, "Metrics - List" and "Metrics Batch"; "Resource log schema", metric
records. A time stamp is where its bin begins, in UTC. A bin in which nothing was measured has no
aggregate: that is no row, and never a zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, clock
from nova_timeline.connector import Batch, Gap, Partition, batch

from . import _azure, _deeplinks, _envelope, _fields, _json, _shapes
from ._json_export import JsonExport

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from nova_timeline.clock import Window

AGGREGATES = ("average", "minimum", "maximum", "total", "count")
_VALUES = {a: f"$.{a} | $.{a.capitalize()}" for a in AGGREGATES}
_RECORD = {
    "whole": "$",
    "timeseries": "$.timeseries",
    "metrics": "$.value",
    "metric": "$.metricName | $.metric_name",
    "resource": "$.resourceId | $.resourceid | $.resource_id",
    "time": "$.time",
    "unit": "$.unit",
} | _VALUES
_METRIC = {
    "metric": "$.name.value | $.name",
    "unit": "$.unit",
    "id": "$.id",
    "error": "$.errorCode | $.error_code",
    "error_text": "$.errorMessage | $.error_message",
}
_POINT = {"time": "$.timeStamp | $.time_stamp | $.timestamp"} | _VALUES
_SERIES = {"labels": "$.metadatavalues | $.metadata_values"}
_METRIC_OF = r"(?i)/providers/microsoft\.insights/metrics/.*$"


class MonitorMetrics(JsonExport):
    """Azure Monitor metrics: az monitor metrics list, batch queries, diagnostic records."""

    summary = "Azure metrics: az monitor metrics list, metrics:getBatch, diagnostic settings"

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Give one row for each aggregate that a bin has."""
        import polars as pl

        del window
        envelopes = ("values", "value", "records")
        found = self.records(partition, envelopes)
        yield from _envelope.last_page(partition, found)
        decoded = _fields.decode(partition, found, _RECORD)
        told = pl.any_horizontal(pl.col("timeseries", "metrics", "metric").is_not_null())
        wanted = decoded.table.select(told).to_series()
        decoded = _fields.keep(decoded, wanted, partition, "metrics")
        yield from decoded.gaps
        if len(decoded) == 0:
            return
        records = decoded.table.with_columns(record=pl.int_range(pl.len()))
        metrics = _metrics(records)
        failed = metrics.filter(pl.col("error").str.to_lowercase() != "success")
        for name, text in failed.select("metric", pl.coalesce("error_text", "error")).iter_rows():
            yield Gap(partition.uri, f"metric {name!r} could not be had: {text}")
        rows = _aggregates(pl.concat([_points(metrics), _flat(records)]))
        if len(rows):
            yield _batch(partition, decoded, rows)


def _metrics(records: pl.DataFrame) -> pl.DataFrame:
    """Find the metrics: the records themselves, or those inside each resource of a batch."""
    import polars as pl

    direct = records.filter(pl.col("timeseries").is_not_null())
    around = records.filter(pl.col("timeseries").is_null() & pl.col("metrics").is_not_null())
    inside = _fields.unfold(around["metrics"], "$")
    of = inside["record"]
    whole = pl.concat(
        [
            direct.select("record", "resource", text="whole"),
            pl.DataFrame(
                {
                    "record": around["record"].gather(of),
                    "resource": around["resource"].gather(of),
                    "text": inside["text"],
                }
            ),
        ]
    )
    header = _fields.extract(whole["text"], _METRIC)
    return pl.concat([whole, header], how="horizontal").with_columns(
        resource=pl.coalesce(pl.col("id").str.replace(_METRIC_OF, ""), "resource")
    )


def _points(metrics: pl.DataFrame) -> pl.DataFrame:
    """Unfold the series of each metric, and the points of each series."""
    import polars as pl

    series = _fields.unfold(metrics["text"], "$.timeseries")
    labels = [_labels(t) for t in _fields.extract(series["text"], _SERIES)["labels"]]
    points = _fields.unfold(series["text"], "$.data")
    values = _fields.extract(points["text"], _POINT)
    shown = pl.Series("labels", labels, dtype=pl.String).gather(points["record"])
    of = series["record"].gather(points["record"])
    header = metrics.select("record", "metric", "unit", "resource")[of]
    return pl.concat([header, shown.to_frame(), values], how="horizontal")


def _flat(records: pl.DataFrame) -> pl.DataFrame:
    """Take diagnostic records, each a point with its metric's name."""
    import polars as pl

    points = records.filter(pl.col("metric").is_not_null() & pl.col("timeseries").is_null())
    return points.select(
        "record", "metric", "unit", "resource", pl.lit("").alias("labels"), "time", *AGGREGATES
    )


def _labels(text: str | None) -> str:
    """Write a series' dimensions as ``{name=value,...}``: they tell it from its neighbours."""
    given = _shapes.objects(_shapes.value(text))
    pairs = sorted((_word(d.get("name")), _word(d.get("value"))) for d in given)
    inside = ",".join(f"{name}={value}" for name, value in pairs)
    return f"{{{inside}}}" if inside else ""


def _word(name: Any) -> str:
    """Read a localizable string: ``{"value": ...}`` or the text itself."""
    return str(name.get("value", "")) if hasattr(name, "get") else str(name)


def _aggregates(points: pl.DataFrame) -> pl.DataFrame:
    """Give a row to each aggregate that is there."""
    import polars as pl

    numbered = points.with_columns(point=pl.int_range(pl.len()))
    return (
        pl.concat(
            numbered.select(
                "record",
                "point",
                "time",
                "unit",
                "resource",
                "labels",
                name=pl.format("{}.{}{}", "metric", pl.lit(aggregate), "labels"),
                value=pl.col(aggregate).cast(pl.Float64, strict=False),
            )
            for aggregate in AGGREGATES
        )
        .filter(pl.col("value").is_finite())
        .sort("point", maintain_order=True)
    )


def _batch(partition: Partition, found: _json.Decoded, rows: pl.DataFrame) -> Batch:
    import polars as pl

    role = pl.col("labels").str.extract(r"(?i)[{,]cloud/roleName=([^,}]+)")
    made = rows.select(
        entity=pl.coalesce(role, _azure.name(pl.col("resource"))),
        link=_deeplinks.azure_resource(pl.col("resource"), "/metrics"),
    )
    return batch(
        "metric",
        partition,
        raw=found.raw,
        locators=found.locators,
        record=arrow.column(rows["record"]),
        columns={
            "timestamp": clock.parse(arrow.column(rows["time"]), naive_is_utc=True).timestamp,
            "entity": made["entity"],
            "metric.name": rows["name"],
            "value": rows["value"],
            "unit": rows["unit"],
            "evidence.url": made["link"],
        },
    )
