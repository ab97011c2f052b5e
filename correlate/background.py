"""What goes on at its usual rate all the time, and so is no sign of an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from nova_timeline.clock import Window

_SLICES = 24
_THIRD = _SLICES // 3
_FEW = 2
_KEY = ("entity", "rule", "slice")


def counts(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Count faults by entity and rule in slices of the window: entity, rule, slice, n.

    Args:
        rows: classified records, with ``time`` (int64 ns), ``role``, ``entity`` and ``rule``.
        window: the incident's window.
    """
    import polars as pl

    fault = rows.filter(pl.col("role") == "fault")
    return (
        fault.with_columns(slice=_slice(window))
        .group_by(_KEY)
        .agg(pl.len().cast(pl.Int64).alias("n"))
    )


def steady(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Find the faults that go on at their usual rate: what is there all night is no sign.

    The usual rate of a rule, on an entity or on all of them, is the median of the window's first
    third or of its last, whichever is less, so that an incident that begins early or never ends is
    not taken for it. A few records on one entity are part of what is usual on all of them.

    Args:
        parts: `counts` of stretches of time that together are the window.

    Returns:
        entity, rule, slice: whose faults are no sign.
    """
    import polars as pl

    here = pl.concat(parts).group_by(_KEY).agg(pl.col("n").sum())
    everywhere = here.group_by("rule", "slice").agg(pl.col("n").sum())
    told = here.join(_usual(here, ["entity", "rule"]), on=["entity", "rule"], nulls_equal=True)
    all_told = everywhere.join(_usual(everywhere, ["rule"]), on="rule", nulls_equal=True)
    told = told.join(all_told, on=["rule", "slice"], nulls_equal=True, suffix="_all")
    alone = (pl.col("usual") > 0) & (pl.col("n") < 3 * pl.col("usual") + 3)
    whole = (pl.col("usual_all") > 0) & (pl.col("n_all") < 3 * pl.col("usual_all") + 3)
    return told.filter(alone | (whole & (pl.col("n") <= _FEW))).select(_KEY).sort(_KEY)


def leave_out(rows: pl.DataFrame, window: Window, steady: pl.DataFrame) -> pl.DataFrame:
    """Leave out the faults that `steady` found to be no sign."""
    import polars as pl

    placed = rows.with_columns(
        slice=_slice(window), quiet=pl.when(pl.col("role") == "fault").then(pl.lit(value=True))
    )
    key = [*_KEY, "quiet"]
    known = steady.with_columns(quiet=pl.lit(value=True))
    return placed.join(known, on=key, how="anti", nulls_equal=True, maintain_order="left").select(
        rows.columns
    )


def _slice(window: Window) -> pl.Expr:
    import polars as pl

    width = max(-(-(window.end - window.start) // _SLICES), 1)
    return (pl.col("time") - window.start) // width


def _usual(counts: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Give the usual count of a slice, by key."""
    import polars as pl

    return counts.group_by(key).agg(
        pl.min_horizontal(
            _median_of(pl.col("slice") < _THIRD, _THIRD),
            _median_of(pl.col("slice") >= _SLICES - _THIRD, _THIRD),
        ).alias("usual")
    )


def _median_of(inside: pl.Expr, slices: int) -> pl.Expr:
    """Take the median count of some slices; those without a row count as zero."""
    import polars as pl

    counts = pl.col("n").filter(inside)
    # The median of a list that is mostly zeros is zero: it takes more than half to be otherwise.
    middle = counts.sort(descending=True).get(slices // 2, null_on_oob=True)
    return pl.when(counts.len() * 2 > slices).then(middle).otherwise(0)
