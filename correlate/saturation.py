"""Resources that ran full: shares of a capacity that left their usual level for good.

Saturation is the third thing to look at in every resource (B. Gregg, "The USE Method", ACM Queue
10, 2012). Only metrics that are shares by their name are looked at, as what is full is known of
those alone. A single point is a blip: two points in a row must be far above the usual.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nova_timeline import arrow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    import pyarrow as pa

    from .slabs import Each

HALF = 40.0
"""Percentage points above the limit that are half of being certain."""
FEWEST = 5
"""Points that say what is usual, at least."""
_TIMES = 3.0
_LEAST = 10.0  # percentage points
_WHOLE = 100.0
_RESOURCE = re.compile(r"cpu|processor|mem|heap|disk|storage|volume|inode|pool|connection|thread",
                       re.IGNORECASE)  # fmt: skip
_SHARE = re.compile(r"%|percent|pct|utili[sz]ation|saturation|usage_?rate|used_?ratio",
                    re.IGNORECASE)  # fmt: skip


def is_share(metric: str) -> bool:
    """Say whether a metric is the share of a resource that is in use, by its name."""
    return bool(_RESOURCE.search(metric) and _SHARE.search(metric))


def find(series: Sequence[pa.Table], each: Each) -> pl.DataFrame:
    """Find the resources that were fuller than usual for two points in a row.

    Args:
        series: points of metrics, in parts that each hold whole series; see `notable.points`.
        each: how a function is applied to every part.

    Returns:
        entity, metric, above (percentage points above three times the usual, or ten), usual, level
        (percent), first, last (ns), row (of the first such point), one row a series, by above, the
        greatest first.
    """
    import polars as pl

    found = [pl.DataFrame(t) for t in each(_of_part, series)]
    order = ["above", "entity", "metric"]
    return pl.concat(found or [_none()]).sort(order, descending=[True, False, False])


def _none() -> pl.DataFrame:
    import polars as pl

    schema: dict[str, pl.DataType] = dict.fromkeys(("entity", "metric"), pl.String())
    schema |= dict.fromkeys(("above", "usual", "level"), pl.Float64())
    schema |= dict.fromkeys(("first", "last", "row"), pl.Int64())
    return pl.DataFrame(schema=schema)


def _of_part(points: pa.Table) -> pa.Table:
    import polars as pl

    frame = pl.DataFrame(points)
    names = [n for n in frame["metric"].unique().sort().to_list() if is_share(n)]
    return arrow.table(of(frame.filter(pl.col("metric").is_in(names))))


def of(points: pl.DataFrame) -> pl.DataFrame:
    """Find the resources of some points that were fuller than usual; see `find`."""
    import polars as pl

    known = points.filter(pl.col("value").is_finite(), pl.col("entity").is_not_null())
    if known.is_empty():
        return _none()
    key = ["entity", "metric"]
    value = pl.col("value")
    percent = pl.when(value.max().over("metric") <= 1).then(value * _WHOLE).otherwise(value)
    usual = pl.col("percent").median().over(key)
    pairs = [_lower(pl.col("percent"), pl.col("percent").shift(n).over(key)) for n in (-1, 1)]
    level = pl.min_horizontal(pl.max_horizontal(pairs), _WHOLE)
    return (
        known.sort(*key, "time", "row")
        .with_columns(percent=percent)
        .with_columns(usual=usual, level=level)
        .with_columns(above=pl.col("level") - pl.max_horizontal(_TIMES * pl.col("usual"), _LEAST))
        .filter(pl.len().over(key) >= FEWEST, pl.col("above") > 0, ~_is_left(key))
        .group_by(key)
        .agg(
            pl.col("above", "usual", "level").sort_by("above").last(),
            pl.col("time").min().alias("first"),
            pl.col("time").max().alias("last"),
            pl.col("row").sort_by("time", "row").first(),
        )
        .select(_none().columns)
    )


def _is_left(key: list[str]) -> pl.Expr:
    """Say whether a resource was in use from the first point on and is no longer: it ran empty."""
    import polars as pl

    above = (pl.col("above") > 0).fill_null(value=False)
    again = (above.cast(pl.Int8).diff() == 1).any().over(key)
    return above.first().over(key) & ~above.last().over(key) & ~again


def _lower(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """Take the lower of two values; null where the other is."""
    import polars as pl

    return pl.when(b.is_not_null()).then(pl.min_horizontal(a, b))
