"""Bursts of warnings and errors, and templates never seen before.

Counts per (entity, template) in buckets of time are held against the median and the median
absolute deviation of all the window's buckets (Leys et al., J. Exp. Soc. Psychol. 49, 2013). Most
log templates are so sparse that both are zero, where the rule is plainly "at least `FEWEST`"; the
reasons say which it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from nova_timeline.clock import Window

BUCKET = 30_000_000_000
"""ns."""
FEWEST = 5
"""A bucket with fewer records is never a burst."""
DEVIATIONS = 6.0
_MAD_TO_SIGMA = 1.4826
_JOIN = 4 * BUCKET  # quiet stretches up to this long do not end a burst
_WARN = 13
_ERROR = 17


def find(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Find bursts.

    Args:
        rows: one row a log record, with ``row`` (int64), ``time`` (int64 ns), ``entity`` (text),
            ``template`` (uint64) and ``severity`` (int).
        window: how long the baseline is.

    Returns:
        One row a burst: entity, template, first, last (ns, of records), count, peak (records a
        bucket), baseline (median a bucket), severity, first_row, novel (nothing of the template
        on this entity before the burst).
    """
    import polars as pl

    bad = rows.filter(pl.col("severity") >= _WARN, pl.col("entity").is_not_null())
    counts = (
        bad.with_columns(bucket=(pl.col("time") - window.start) // BUCKET)
        .group_by("entity", "template", "bucket")
        .agg(
            pl.len().alias("n"),
            pl.col("time").min().alias("first"),
            pl.col("time").max().alias("last"),
            pl.col("severity").max(),
            pl.col("row").sort_by("time", "row").first().alias("first_row"),
        )
    )
    buckets = max((window.end - window.start) // BUCKET, 1)
    key = ["entity", "template"]
    marked = _marked(counts, buckets).sort(*key, "bucket")
    # The bucket before the first that fires may hold the beginning of the burst.
    leads = pl.col("fires").shift(-1).over(key) & (
        pl.col("bucket").shift(-1).over(key) == pl.col("bucket") + 1
    )
    begun = pl.col("fires") | (leads.fill_null(value=False) & (pl.col("n") > pl.col("baseline")))
    return (
        marked.filter(begun)
        .with_columns(
            part=(pl.col("first") - pl.col("last").shift(1) > _JOIN)
            .fill_null(value=False)
            .cum_sum()
            .over(key)
        )
        .group_by(*key, "part")
        .agg(
            pl.col("first").min(),
            pl.col("last").max(),
            pl.col("n").sum().alias("count"),
            pl.col("n").max().alias("peak"),
            pl.col("baseline").first(),
            pl.col("severity").max(),
            pl.col("first_row").sort_by("first").first(),
            (pl.col("earliest").min() >= pl.col("first").min()).alias("novel"),
        )
        .drop("part")
        .sort("first", "entity", "template")
    )


def _marked(counts: pl.DataFrame, buckets: int) -> pl.DataFrame:
    """Mark the buckets that stand out against all buckets of the window, empty ones included."""
    import polars as pl

    key = ["entity", "template"]
    filled = pl.col("n").count().over(key)
    # With more than half the buckets empty, median and deviation are zero without a look.
    dense = filled * 2 > buckets
    median = pl.when(dense).then(pl.col("n").median().over(key)).otherwise(0.0)
    off = (pl.col("n") - pl.col("baseline")).abs()
    deviation = pl.when(dense).then(off.median().over(key)).otherwise(0.0)
    return (
        counts.with_columns(baseline=median, earliest=pl.col("first").min().over(key))
        .with_columns(spread=deviation * _MAD_TO_SIGMA)
        .with_columns(
            fires=(pl.col("n") >= FEWEST)
            & (pl.col("n") - pl.col("baseline") >= FEWEST)
            & (pl.col("n") - pl.col("baseline") >= DEVIATIONS * pl.col("spread"))
        )
    )
