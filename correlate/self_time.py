"""What a span took, and failed at, itself: without the spans that it is the parent of.

Exclusive time is a span's duration without its children's, as any profiler has it. A span that is
answered by one in another entity is left to `span_gaps`. A failure is a span's own when none of its
children failed: those above only pass it on (Chen et al., "Pinpoint", DSN 2002, tells the component
at fault from those that share its requests). A client's span is no work of its own: it waits for
something else, which may write no spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import log_order, slowdowns, steps

if TYPE_CHECKING:
    import polars as pl

KEY = ("entity", "what")
WORKED, FAILED = 1, 2
"""What spans come out as; see `failures`."""


def of(part: pl.DataFrame) -> pl.DataFrame:
    """Work out the exclusive time of the spans of a part.

    Args:
        part: see `steps.of`; it holds whole traces.

    Returns:
        entity, what, length (ns), time, row; spans that another entity answers are left out.
    """
    import polars as pl

    children = _children(
        part,
        inside=pl.col("lasted").sum(),
        callee=pl.col("entity").first(),
        several=pl.col("entity").n_unique() > 1,
    )
    both = _spans(part).join(children, on=["trace", "span"], how="left")
    away = (pl.col("callee") != pl.col("entity")) | pl.col("several")
    return both.filter(~away.fill_null(value=False), ~_waits()).select(
        *KEY,
        "time",
        "row",
        length=(pl.col("lasted") - pl.col("inside").fill_null(0)).clip(lower_bound=0),
    )


def cells(part: pl.DataFrame) -> pl.DataFrame:
    """Count the exclusive times of a part; see `slowdowns.cells`."""
    return slowdowns.cells(of(part), KEY)


def failures(part: pl.DataFrame) -> pl.DataFrame:
    """Count the spans of a part by whether they failed by themselves.

    Returns:
        See `log_order.cells`; ``then`` is `WORKED` or `FAILED`, and a span's failure is its own.
    """
    import polars as pl

    bad = pl.col("severity") >= steps.ERROR
    children = _children(part, passed_on=bad.any())
    both = _spans(part).join(children, on=["trace", "span"], how="left")
    told = both.with_columns(bad=bad & ~pl.col("passed_on").fill_null(value=False) & ~_waits())
    outcome = pl.when("bad").then(FAILED).otherwise(WORKED)
    return log_order.counted(
        told.with_columns(
            then=outcome.cast(pl.Int64),
            then_row=pl.lit(None, pl.Int64),
            bucket=pl.col("time") // steps.GRID,
        )
    )


def _waits() -> pl.Expr:
    """Say whether a span is a client's."""
    import polars as pl

    return pl.col("kind").is_in([steps.SIDES["client"], steps.SIDES["producer"]])


def _spans(part: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return part.filter(pl.col("kind") >= steps.SPAN)


def _children(part: pl.DataFrame, **told: pl.Expr) -> pl.DataFrame:
    """Tell something of the children of each span of a part that has some."""
    import polars as pl

    inner = _spans(part).filter(pl.col("parent") != 0)
    return inner.group_by("trace", span="parent").agg(**told)
