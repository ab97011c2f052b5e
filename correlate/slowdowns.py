"""When something began to take longer: counts of durations by time, and their worst turn.

What is slow is told by what was usual of the same series before: three times what all but one in
twenty took, and so much longer that it is felt. The share of the slow ones in a stretch of time is
held against the share before it by a G-test, times the square of its rise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

_WHOLE = ("what",)  # the columns of a key that are no texts
_ENOUGH = 20  # of all series together
_NEVER = 1 << 62


def empty(key: Sequence[str]) -> pl.DataFrame:
    """Return no cells; columns of the key are texts."""
    import polars as pl

    whole = ("bucket", "place", "n", "time", "row")
    named = {name: pl.Int64() if name in _WHOLE else pl.String() for name in key}
    return pl.DataFrame(schema=named | dict.fromkeys(whole, pl.Int64()))


def cells(rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Count durations.

    Args:
        rows: the columns of the key, ``length`` (ns), ``time`` (ns) and ``row``.
        key: what tells series apart.

    Returns:
        The key, bucket (of `steps.GRID`), place (bin of the length), n, and time and row of the
        first of them.
    """
    import polars as pl

    from . import _slow_kernel as kernel
    from ._shares import frozen

    placed = rows.with_columns(
        place=pl.Series(kernel.bins(frozen(rows["length"]))),
        bucket=pl.col("time") // steps.GRID,
        n=pl.lit(1, pl.Int64),
    )
    return merged([placed], key)


def merged(parts: Iterable[pl.DataFrame], key: Sequence[str]) -> pl.DataFrame:
    """Put the cells of several parts together, in an order that does not depend on the parts."""
    import polars as pl

    none = empty(key)
    cell = [*key, "bucket", "place"]
    return (
        pl.concat([none, *(p.select(none.columns) for p in parts)])
        .sort("time", "row")
        .group_by(cell)
        .agg(pl.col("n").sum(), pl.col("time", "row").first())
        .sort(cell)
    )


def find(found: pl.DataFrame, key: Sequence[str], *, alike: bool = False) -> pl.DataFrame:
    """Find the worst slowdown of each series.

    Args:
        found: see `merged`.
        key: what tells series apart.
        alike: whether all series may be expected to take about as long, so that all of them say
            what is usual where one was seldom seen before.

    Returns:
        The key, n (of all), score (nats), rise (of the share of slow ones), first, stop (buckets),
        last (the last bin that is not slow), one row a series.
    """
    import numpy as np
    import polars as pl

    from . import _slow_kernel as kernel
    from ._shares import frozen

    sizes = found.group_by(key, maintain_order=True).agg(pl.len(), pl.col("n").sum())
    starts = np.concatenate([[0], np.cumsum(sizes["len"].to_numpy())]).astype(np.int64)
    bucket, place, count = (frozen(found[c], np.int64) for c in ("bucket", "place", "n"))
    shortest = steps.HICCUP // steps.GRID
    score, rise, ends = kernel.slowdowns(
        frozen(starts), bucket, place, count, shortest, _ENOUGH if alike else _NEVER
    )
    return sizes.drop("len").with_columns(
        score=pl.Series(score), rise=pl.Series(rise), first=pl.Series(ends[:, 0]),
        stop=pl.Series(ends[:, 1]), last=pl.Series(ends[:, 2]),
    )  # fmt: skip
