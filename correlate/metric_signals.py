"""Faults and recoveries of metrics: each excursion for the worse, and the end of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline import arrow

from . import change_points, notable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    import pyarrow as pa

    from .slabs import Each

_HARM = 2.0
_RESOURCE = 1.0  # a precursor
_ODD = 0.5
_CATEGORIES = {"traffic": "traffic", "resource": "resource_exhaustion"}
_WEIGHTS = {"worse": _HARM, "better": _HARM, "resource": _RESOURCE}
_LEFT = r"(?i)free|avail|credit|balance|remain|left|idle"
"""Resources of which it is told how much is left: these are in trouble when they fall."""
_LONG = 1e15  # beyond this the digits say nothing


def excursions(series: Sequence[pa.Table], each: Each) -> pl.DataFrame:
    """Find where metrics left their level; see `change_points.find`.

    Args:
        series: the points, in parts that each hold whole series; see `notable.points`.
        each: how a function is applied to every part.
    """
    import polars as pl

    none = change_points.find(pl.DataFrame(notable.point_schema().empty_table()))
    found = [pl.DataFrame(f) for f in each(_of_part, series)]
    return pl.concat([none, *found]).sort("first", "entity", "metric")


def _of_part(points: pa.Table) -> pa.Table:
    import polars as pl

    return arrow.table(change_points.find(pl.DataFrame(points)))


def of(found: pl.DataFrame) -> pl.DataFrame:
    """Make a fault of each excursion for the worse, and a recovery of its end.

    Args:
        found: the excursions; see `change_points.find`.

    Returns:
        One row a signal; see `nova_timeline.correlate.signals.gather` for the columns.
    """
    import polars as pl

    means = [change_points.direction(m or "") for m in found["metric"].to_list()]
    up = pl.col("deviation") > 0
    good = ((pl.col("means") == "worse") & ~up) | ((pl.col("means") == "better") & up)
    told = found.with_columns(pl.Series("means", means, pl.String)).filter(~good)
    verb = pl.when(up).then(pl.lit("rose")).otherwise(pl.lit("fell"))
    levels = (_number("baseline"), _number("level"))
    by_meaning = pl.col("means").replace_strict(_WEIGHTS, default=_ODD, return_dtype=pl.Float64)
    # A processor with less to do is what less traffic makes of it: an effect, and no precursor.
    relieved = (pl.col("means") == "resource") & ~up & ~pl.col("metric").str.contains(_LEFT)
    worse = told.select(
        time="first",
        end="back",
        role=pl.lit("fault"),
        title=pl.format("{} {} from {} to {}", "metric", verb, *levels),
        weight=pl.when(relieved).then(_ODD).otherwise(by_meaning),
        row="first_row",
        **_same(),
    )
    back = told.filter(pl.col("back").is_not_null()).select(
        time="back",
        end=pl.lit(None, pl.Int64),
        role=pl.lit("recovery"),
        title=pl.format("{} is back at its level of {}", "metric", _number("baseline")),
        weight=pl.lit(0.0),
        row="back_row",
        **_same(),
    )
    return pl.concat([worse, back])


def _same() -> dict[str, pl.Expr]:
    """Give the columns that an excursion's beginning and end have alike."""
    import polars as pl

    return {
        "precision": pl.col("step"),
        "clock": pl.lit(None, pl.String),
        "entity": pl.col("entity"),
        "kind": pl.lit("metric_change"),
        "category": pl.col("means").replace_strict(
            _CATEGORIES, default=None, return_dtype=pl.String
        ),
        "rule": pl.concat_str([pl.lit("metric:"), "metric"]),
        "severity": pl.lit(13, pl.Int64),
        "count": pl.lit(1, pl.Int64),
        "table": pl.lit("metric"),
        "rows": pl.lit([], pl.List(pl.Int64)),
    }


def _number(column: str) -> pl.Expr:
    """Write a number with three digits, or all those before the point."""
    import polars as pl

    value = pl.col(column)
    size = value.abs()
    whole = value.round(0).cast(pl.Int64, strict=False).cast(pl.String)
    short = value.round_sig_figs(3).cast(pl.String)
    return pl.when((size >= 100) & (size < _LONG)).then(whole).otherwise(short)
