"""Metrics of OTLP/JSON: one row a data point and figure.

A gauge or sum keeps its name; a histogram gives ``.count``, ``.sum`` and ``.mean``; a summary
``.count``, ``.sum`` and its quantiles (``.p99``). A point's attributes follow the name, sorted,
in braces, so that series stay apart: ``http.server.active_requests{http.route="/cart"}``. A row's
time is the start of the interval where the temporality is delta, else the point's own time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow
from nova_timeline.connector import Batch, Gap, batch

from . import _duck, _otlp

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

_KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
_PATHS = {
    "name": "$.name",
    "unit": "$.unit",
    **{kind: f"$.{kind}.dataPoints" for kind in _KINDS},
    "temporality": "$.sum.aggregationTemporality",
    "histogram_temporality": "$.histogram.aggregationTemporality",
    "exponential_temporality": "$.exponentialHistogram.aggregationTemporality",
}
_DELTA = ("1", "AGGREGATION_TEMPORALITY_DELTA")
_NO_RECORDED_VALUE = 1  # DataPointFlags: the series was stale, there is no value
_POINTS = f"""
SELECT record, p->>'$.timeUnixNano' AS time, p->>'$.startTimeUnixNano' AS start,
    coalesce(p->>'$.asDouble', p->>'$.asInt') AS value, p->>'$.count' AS count, p->>'$.sum' AS sum,
    p->>'$.flags' AS flags, CAST(p->'$.attributes' AS VARCHAR) AS attributes,
    CAST(p->'$.quantileValues' AS VARCHAR) AS quantiles
FROM (SELECT record, unnest(from_json({_duck.shaped("points")}, '["JSON"]')) AS p
    FROM texts)"""  # noqa: S608
# Attributes with a key given twice are written as they are.
_LABELS = """
SELECT coalesce('{' || array_to_string(list_sort(list_transform(
    map_entries(TRY_CAST(TRY_CAST(t AS JSON) AS MAP(VARCHAR, VARCHAR))),
    lambda e: e.key || '="' || coalesce(e.value, '') || '"')), ',') || '}', t) AS l
FROM texts"""
_QUANTILES = f"""
SELECT row, q->>'$.quantile' AS quantile, q->>'$.value' AS value
FROM (SELECT row, unnest(from_json({_duck.shaped("quantiles")}, '["JSON"]')) AS q
    FROM texts)"""  # noqa: S608


def batches(found: _otlp.Found) -> Iterator[Batch | Gap]:
    """Give the data points of all metrics of a partition."""
    import polars as pl

    from . import _otlp_scan

    metrics = _otlp.decode(found, _otlp_scan.METRICS, _PATHS)
    yield from metrics.gaps
    if len(metrics.raw) == 0:
        return
    given = metrics.table.with_row_index("record")
    lists = given.select(
        "record", points=pl.coalesce(_KINDS)
    ).drop_nulls()  # a metric has one of them
    points = pl.DataFrame(_duck.run(_POINTS, lists.to_arrow()))
    points = points.filter(
        (pl.col("flags").cast(pl.Int64, strict=False).fill_null(0) & _NO_RECORDED_VALUE) == 0
    )
    if len(points) == 0:
        return
    rows = _figures(points.with_columns(label=_labels(points["attributes"])), given)
    record = arrow.column(rows["record"])
    yield batch(
        "metric",
        metrics.partition,
        raw=metrics.raw,
        locators=metrics.locators,
        record=record.cast("int64"),
        columns={
            "timestamp": _otlp.timestamps(rows["time"]),
            "entity": metrics.owner["entity"].gather(rows["record"]),
            "metric.name": rows["name"],
            "value": rows["value"],
            "unit": rows["unit"],
        },
    )


def _labels(attributes: pl.Series) -> pl.Series:
    """Write ``{key="value",...}`` for each point's attributes, nothing where it has none."""
    import polars as pl

    objects = _otlp.objects(attributes)
    distinct = pl.DataFrame({"t": objects.unique(maintain_order=True)})
    written = pl.Series(values=_duck.run(_LABELS, distinct.to_arrow())["l"])
    names = distinct.with_columns(l=written.set(written == "{}", ""))
    joined = pl.DataFrame({"t": objects}).join(names, on="t", how="left", maintain_order="left")
    return joined["l"]


def _figures(points: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Give each point's figures, in the points' order: columns record, time, name, value, unit."""
    import polars as pl

    temporality = pl.coalesce("temporality", "histogram_temporality", "exponential_temporality")
    about = given.select("record", "name", "unit", delta=temporality.is_in(_DELTA))
    points = points.with_row_index("row").join(
        about, on="record", how="left", maintain_order="left"
    )
    own, start = _otlp.nanoseconds(points["time"]), _otlp.nanoseconds(points["start"])
    points = points.with_columns(own=own, begun=start).with_columns(
        *(pl.col(c).cast(pl.Float64, strict=False) for c in ("value", "count", "sum")),
        time=pl.when(pl.col("delta").fill_null(value=False))
        .then(pl.coalesce("begun", "own"))
        .otherwise("own"),
    )
    mean = pl.when(pl.col("count") > 0).then(pl.col("sum") / pl.col("count"))
    one = pl.lit("1")
    parts = [
        _part(points, 0, "", pl.col("value"), pl.col("unit")),
        _part(points, 1, ".count", pl.col("count"), one),
        _part(points, 2, ".sum", pl.col("sum"), pl.col("unit")),
        _part(points, 3, ".mean", mean, pl.col("unit")),
    ]
    quantiles = points.filter(pl.col("quantiles").is_not_null()).select("row", "quantiles")
    if len(quantiles):
        parts.append(_quantiles(points, quantiles))
    rows = pl.concat(parts).filter(pl.col("value").is_not_null())
    return rows.sort("row", "place", maintain_order=True)


def _part(points: pl.DataFrame, place: int, suffix: str, value: Any, unit: Any) -> pl.DataFrame:
    import polars as pl

    return points.select(
        "row",
        "record",
        "time",
        place=pl.lit(place),
        name=pl.concat_str(pl.col("name"), pl.lit(suffix), pl.col("label")),
        value=value,
        unit=unit,
    )


def _quantiles(points: pl.DataFrame, quantiles: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    each = pl.DataFrame(_duck.run(_QUANTILES, quantiles.to_arrow()))
    share = pl.col("quantile").cast(pl.Float64, strict=False) * 100
    percent = share.round(6).cast(pl.String).str.strip_suffix(".0")
    joined = each.with_columns(suffix=pl.concat_str(pl.lit(".p"), percent)).join(
        points.drop("value"), on="row", how="left", maintain_order="left"
    )
    return joined.select(
        pl.col("row").cast(pl.UInt32),
        "record",
        "time",
        place=pl.lit(4),
        name=pl.concat_str("name", "suffix", "label"),
        value=pl.col("value").cast(pl.Float64, strict=False),
        unit="unit",
    )
