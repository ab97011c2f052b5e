"""Metrics that go wrong again and again for a short while, and are well in between.

What a checkpoint, a batch or a full queue does every few minutes is no level that was left: change
points do not show it, and each peak is over before anybody looks. Three of them are a pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import change_points

if TYPE_CHECKING:
    import polars as pl

FEWEST = 12
"""A series with fewer points shows no pattern."""
TIMES = 10.0
"""How many times its usual value a peak is at least."""
PEAKS = 3
"""How often it must be met."""
_LONG = 2
"""Points that a peak lasts on average; a single one is met by chance."""
_NEARLY = 3.0
"""From here on, in usual values, a point is neither a peak nor usual."""
_UNSURE, _OFTEN = 0.2, 0.5
"""The largest shares of such points and of peaks: what varies at all times peaks at none."""


def find(points: pl.DataFrame, excursions: pl.DataFrame) -> pl.DataFrame:
    """Find the series of what gets worse as it rises that peak again and again.

    Args:
        points: ``row``, ``time`` (ns), ``entity``, ``metric``, ``value``.
        excursions: of the same series; what left its level is told by that.

    Returns:
        Rows with the columns of ``excursions``, one for all the peaks of a series.
    """
    import polars as pl

    series = ["entity", "metric"]
    names = points["metric"].drop_nulls().unique().to_list()
    worse = [n for n in names if change_points.direction(n) == "worse"]
    some = points.filter(pl.col("metric").is_in(worse), pl.col("value").is_finite()).join(
        excursions.select(series).unique(), on=series, how="anti", nulls_equal=True
    )
    value = pl.col("value")
    peaking = (
        some.group_by(series)
        .agg(usual=value.quantile(0.25), most=value.max(), n=pl.len())
        .filter(
            pl.col("usual") > 0, pl.col("n") >= FEWEST, pl.col("most") >= TIMES * pl.col("usual")
        )
        .select(*series, "usual")
    )
    known = (
        some.join(peaking, on=series, nulls_equal=True)
        .sort(*series, "time", "row")
        .with_columns(peak=value >= TIMES * pl.col("usual"))
        .with_columns(
            begins=pl.col("peak") & ~pl.col("peak").shift(1).over(series).fill_null(value=False),
            unsure=~pl.col("peak") & (pl.col("value") >= _NEARLY * pl.col("usual")),
        )
    )
    found = known.group_by(series, maintain_order=True).agg(
        pl.col("time", "row").filter("peak").first(),
        level=pl.col("value").filter("peak").median(),
        baseline=pl.col("value").filter(~pl.col("peak")).median(),
        step=pl.col("time").diff().median(),
        peaks=pl.col("begins").sum(),
        many=pl.col("peak").sum(),
        share=pl.col("peak").mean(),
        unsure=pl.col("unsure").mean(),
    )
    return _told(
        found.filter(
            pl.col("peaks") >= PEAKS,
            pl.col("many") >= _LONG * pl.col("peaks"),
            pl.col("share") <= _OFTEN,
            pl.col("unsure") <= _UNSURE,
        ),
        excursions,
    )


def _told(found: pl.DataFrame, excursions: pl.DataFrame) -> pl.DataFrame:
    """Write them as excursions that last, as nobody knows which peak was the last."""
    import polars as pl

    return (
        found.with_columns(deviation=pl.col("level") / pl.col("baseline"))
        .rename({"time": "first", "row": "first_row"})
        .with_columns(back=None, back_row=None)
        .select(
            pl.col(name).cast(excursions.schema[name], strict=False) for name in excursions.columns
        )
    )
