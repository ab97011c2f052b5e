"""What the values of well-known metrics say by themselves, without anything to compare them with.

A database at 97 % of its processor since before the window began shows no change at all, and a
replication lag that rose from 1 s to 3 s is a change that harms nobody. The limits are data:
`nova_timeline/knowledge/limits.toml`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline import knowledge

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

LASTS = 5
"""Points in a row, the last of a series, that must be at a limit for it to stand there."""


def of(metrics: Iterable[str | None]) -> pl.DataFrame:
    """Give the limit of each metric that has one, by its name.

    Returns:
        metric, category, up (gets worse as it rises), off, fine, passing and top (float, null where
        there is none); see `nova_timeline.knowledge.Limit`.
    """
    import polars as pl

    found: list[tuple[str, str, bool, float, float | None, float | None, float | None]] = []
    for metric in sorted({m for m in metrics if m}):
        limit = next((k for k in knowledge.limits() if k.fits(metric)), None)
        if limit is not None:
            values = (limit.off, limit.fine, limit.passing, limit.top)
            found.append((metric, limit.category, limit.up, *values))
    types = {"metric": pl.String, "category": pl.String, "up": pl.Boolean, "off": pl.Float64,
             "fine": pl.Float64, "passing": pl.Float64, "top": pl.Float64}  # fmt: skip
    return pl.DataFrame(found, schema=types, orient="row")


def reached(value: pl.Expr) -> pl.Expr:
    """Say whether a value is at the end of its metric, or beyond; null where it has no limit."""
    import polars as pl

    beyond = pl.when("up").then(value >= pl.col("off")).otherwise(value <= pl.col("off"))
    return beyond & (value <= pl.col("top").fill_null(float("inf")))


def harmless(value: pl.Expr) -> pl.Expr:
    """Say whether a value is one that harms nobody; null where that is not known."""
    import polars as pl

    return pl.when("up").then(value <= pl.col("fine")).otherwise(value >= pl.col("fine"))


def passing(value: pl.Expr) -> pl.Expr:
    """Say whether a value harmed nobody if it came back by itself; null where it is not known."""
    import polars as pl

    return pl.when("up").then(value <= pl.col("passing")).otherwise(value >= pl.col("passing"))


def standing(points: pl.DataFrame, excursions: pl.DataFrame) -> pl.DataFrame:
    """Find the series that stand at their limit to the end and show no excursion.

    Args:
        points: ``row``, ``time`` (ns), ``entity``, ``metric``, ``value``.
        excursions: of the same series; see `change_points.find`.

    Returns:
        Rows with the columns of ``excursions``; ``baseline`` is null, as nothing else was seen.
    """
    import polars as pl

    series = ["entity", "metric"]
    known = points.join(of(points["metric"].unique()), on="metric")
    latest = (
        known.join(excursions.select(series).unique(), on=series, how="anti", nulls_equal=True)
        .filter(pl.col("value").is_finite())
        .sort(*series, "time", "row")
        .with_columns(at=reached(pl.col("value")))
        .with_columns(run=(~pl.col("at")).cum_sum(reverse=True).over(series) == 0)
    )
    fits = (pl.col("value") <= pl.col("top").fill_null(float("inf"))).all().over(series)
    ends = latest.filter(fits).filter("run")
    found = ends.group_by(series, maintain_order=True).agg(
        pl.col("time", "row").first(),
        level=pl.col("value").median(),
        deviation=pl.when(pl.col("up").first()).then(1.0).otherwise(-1.0),
        step=pl.col("time").diff().median(),
        points=pl.len(),
    )
    return (
        found.filter(pl.col("points") >= LASTS)
        .rename({"time": "first", "row": "first_row"})
        .with_columns(back=None, baseline=None, back_row=None)
        .select(
            pl.col(name).cast(excursions.schema[name], strict=False) for name in excursions.columns
        )
    )
