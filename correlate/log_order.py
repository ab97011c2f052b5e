"""Where the steps of requests began to come out otherwise: a line that no longer follows another.

A step (a span's start or a log line) is followed by another line of its span or by the span's end.
Where a fault strikes, what came next as a rule no longer does: the span ends early, or a warning or
an error stands in its place; that the fault logs anything of its own is not needed (Yu et al.,
ESEC/FSE 2023, compare such patterns of two periods). Here the counts of what follows are held
against all that came before by a G-test (Dunning, Computational Linguistics 19, 1993), over every
stretch of time, times the square of the share that went from good to bad.

Failed spans are outcomes too; see `self_time.failures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

END = 0
"""What follows a span's last step."""
DEEPEST = 64
"""Spans above one another that are followed at most."""
KEY = ("entity", "what", "then")
CELL = (*KEY, "bad", "bucket")

_TYPES = {"entity": "String", "what": "Int64", "then": "Int64", "bad": "Boolean",
          "bucket": "Int64", "n": "Int64", "time": "Int64", "row": "Int64",
          "then_row": "Int64"}  # fmt: skip


def empty() -> pl.DataFrame:
    """Return no cells."""
    import polars as pl

    return pl.DataFrame(schema={name: getattr(pl, kind)() for name, kind in _TYPES.items()})


def pairs(part: pl.DataFrame) -> pl.DataFrame:
    """Pair each step with the one that follows it in its span.

    Args:
        part: see `steps.of`; it holds whole traces.

    Returns:
        trace, span, entity, what (a step), time, row, then (the next one, or `END`), bad (whether
        that is an outcome of a fault: the end, a warning or an error), then_row (null for the end),
        bucket (of `steps.GRID`).
    """
    import polars as pl

    ordered = part.with_columns(late=pl.col("kind") == steps.LOG).sort(
        "trace", "span", "late", "time", "row"
    )
    same = (
        (pl.col("trace").shift(-1) == pl.col("trace"))
        & (pl.col("span").shift(-1) == pl.col("span"))
    ).fill_null(value=False)
    return ordered.select(
        "trace",
        "span",
        "entity",
        "what",
        "time",
        "row",
        then=pl.when(same).then(pl.col("what").shift(-1)).otherwise(END),
        bad=pl.when(same).then(pl.col("severity").shift(-1) >= steps.WARN).otherwise(True),
        then_row=pl.when(same).then(pl.col("row").shift(-1)),
        bucket=pl.col("time") // steps.GRID,
    )


def cells(part: pl.DataFrame) -> pl.DataFrame:
    """Count what follows what in a part; see `counted`."""
    return counted(pairs(part))


def counted(found: pl.DataFrame) -> pl.DataFrame:
    """Count pairs of a step and its outcome.

    Args:
        found: see `pairs`.

    Returns:
        entity, what, then, bad, bucket, n, and of the first such pair time, row and then_row.
    """
    import polars as pl

    return merged([found.with_columns(n=pl.lit(1, pl.Int64)).select(*_TYPES)])


def merged(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Put the cells of several parts together, in an order that does not depend on the parts."""
    import polars as pl

    return (
        pl.concat([empty(), *parts])
        .sort("time", "row")
        .group_by(CELL)
        .agg(pl.col("n").sum(), pl.col("time", "row", "then_row").first())
        .sort("entity", "what", "bucket", "then", "bad")
    )


def find(found: pl.DataFrame) -> pl.DataFrame:
    """Find the worst break after each step of each entity.

    Args:
        found: see `merged`.

    Returns:
        entity, what, score (nats), effect (share of the steps that went bad, 0 to 1), first, stop
        (buckets), one row a break, by score, the greatest first.
    """
    import numpy as np
    import polars as pl

    from . import _log_order_kernel as kernel
    from ._shares import frozen

    key = ["entity", "what"]
    whole = found.with_columns(
        category=pl.struct("then", "bad").rank("dense").over(key).cast(pl.Int64) - 1
    )
    sizes = whole.group_by(key, maintain_order=True).agg(
        pl.len(), kinds=pl.col("category").max() + 1
    )
    starts = np.concatenate([[0], sizes["len"].cast(pl.Int64).cum_sum().to_numpy()]).astype(
        np.int64
    )
    bucket, category, count = (frozen(whole[c], np.int64) for c in ("bucket", "category", "n"))
    score, effect, ends = kernel.breaks(
        frozen(starts), bucket, category, count, frozen(whole["bad"]),
        frozen(sizes["kinds"], np.int64), steps.HICCUP // steps.GRID,
    )  # fmt: skip
    named = sizes.select(key).with_columns(
        score=pl.Series(score), effect=pl.Series(effect),
        first=pl.Series(ends[:, 0]), stop=pl.Series(ends[:, 1]),
    )  # fmt: skip
    order = ["score", "entity", "what"]
    return named.filter(pl.col("score") > 0).sort(order, descending=[True, False, False])


def owned(part: pl.DataFrame, breaks: pl.DataFrame) -> pl.DataFrame:
    """Count the steps of a part that went bad in each break, and those no deeper break explains.

    A break in a span is explained by one in a span below it: what is called fails first.

    Args:
        part: see `steps.of`.
        breaks: see `find`.

    Returns:
        entity, what, bad, own (steps).
    """
    import polars as pl

    broken = pairs(part).filter("bad").join(breaks, on=["entity", "what"]).filter(
        pl.col("bucket") >= pl.col("first"), pl.col("bucket") < pl.col("stop")
    )  # fmt: skip
    above = _above(part, broken).with_columns(explained=True)
    return (
        broken.join(above, on=["trace", "span"], how="left")
        .group_by("entity", "what")
        .agg(bad=pl.len().cast(pl.Int64), own=pl.col("explained").is_null().sum().cast(pl.Int64))
        .sort("entity", "what")
    )


def _above(part: pl.DataFrame, broken: pl.DataFrame) -> pl.DataFrame:
    """List the spans above broken ones of other entities: trace, span."""
    import polars as pl

    key = ["trace", "span"]
    spans = (
        part.filter(pl.col("kind") >= steps.SPAN)
        .join(broken.select("trace").unique(), on="trace", how="semi")
        .select(*key, "parent", "entity")
        .unique(key)
    )
    level = spans.join(broken.select(key).unique(), on=key, how="semi").rename({"entity": "by"})
    found = [level.select(*key).clear()]
    for _ in range(DEEPEST):
        level = level.select("trace", "by", span="parent").unique().join(spans, on=key)
        if level.is_empty():
            break
        found.append(level.filter(pl.col("by") != pl.col("entity")).select(*key))
    return pl.concat(found).unique()
