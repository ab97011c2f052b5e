"""Bursts of warnings and errors, and templates never seen before.

Counts per (entity, template) in buckets of time are held against their median and median absolute
deviation (Leys et al., J. Exp. Soc. Psychol. 49, 2013). Most log templates are so sparse that more
than half of the window's buckets are empty and both are zero, where the rule is plainly "at least
`FEWEST`".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from nova_timeline.clock import Window

BUCKET = 30_000_000_000
"""ns."""
SLOW_BUCKET = 10 * BUCKET
"""ns; for errors that come too slowly for the other."""
FEWEST = 5
"""A bucket with fewer records is never a burst."""
DEVIATIONS = 6.0
_MAD_TO_SIGMA = 1.4826
_JOIN = 4  # buckets; quiet stretches up to so many do not end a burst
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
    quick = _found(bad, window, BUCKET)
    # Where little is logged, errors that come slowly are a burst all the same.
    slow = bad.filter(pl.col("severity") >= _ERROR).join(
        quick, on=["entity", "template"], how="anti"
    )
    return pl.concat([quick, _found(slow, window, SLOW_BUCKET)]).sort("first", "entity", "template")


def _found(bad: pl.DataFrame, window: Window, width: int) -> pl.DataFrame:
    """Find the bursts that show in buckets of a width in ns."""
    import polars as pl

    key = ["entity", "template"]
    counts = _counts(bad, window, width)
    marked = _marked(counts, max((window.end - window.start) // width, 1))
    ordered = marked.sort(*key, "bucket")
    # The buckets on either side of one that fires may hold the burst's beginning and end.
    beside = _fires_at(-1) | _fires_at(1)
    taken = pl.col("fires") | (beside & (pl.col("n") > pl.col("baseline")))
    quiet = pl.col("first") - pl.col("last").shift(1) > _JOIN * width
    return (
        ordered.filter(taken)
        .with_columns(part=quiet.fill_null(value=False).cum_sum().over(key))
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
    )


def _counts(bad: pl.DataFrame, window: Window, width: int) -> pl.DataFrame:
    """Count the records of each template on each entity, bucket by bucket."""
    import polars as pl

    return (
        bad.with_columns(bucket=(pl.col("time") - window.start) // width)
        .group_by("entity", "template", "bucket")
        .agg(
            pl.len().cast(pl.Int64).alias("n"),
            pl.col("time").min().alias("first"),
            pl.col("time").max().alias("last"),
            pl.col("severity").max(),
            pl.col("row").sort_by("time", "row").first().alias("first_row"),
        )
    )


def _fires_at(offset: int) -> pl.Expr:
    """Say whether the bucket so many after a row's own (sorted by bucket) fires."""
    import polars as pl

    key = ["entity", "template"]
    fires = pl.col("fires").shift(-offset).over(key)
    next_to = pl.col("bucket").shift(-offset).over(key) == pl.col("bucket") + offset
    return (fires & next_to).fill_null(value=False)


def _marked(counts: pl.DataFrame, buckets: int) -> pl.DataFrame:
    """Mark the buckets that stand out against the usual one, of the window's so many."""
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
