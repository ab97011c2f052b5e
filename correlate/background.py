"""What goes on at its usual rate all the time, and so is no sign of an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from nova_timeline.clock import Window

_SLICES = 24
_THIRD = _SLICES // 3
_FEW = 2


def leave_out(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Leave out faults that go on at their usual rate: what is there all night is no sign.

    The usual rate of a rule, on an entity or on all of them, is the median of the window's first
    third or of its last, whichever is less, so that an incident that begins early or never ends is
    not taken for it. A few records on one entity are part of what is usual on all of them.

    Args:
        rows: classified records, with ``time`` (int64 ns), ``role``, ``entity`` and ``rule``.
        window: the incident's window.
    """
    import polars as pl

    width = max(-(-(window.end - window.start) // _SLICES), 1)
    placed = rows.with_columns(slice=(pl.col("time") - window.start) // width)
    fault = placed.filter(pl.col("role") == "fault")
    alone, whole = ["entity", "rule"], ["rule"]
    told = placed.join(_usual(fault, alone), on=[*alone, "slice"], how="left", nulls_equal=True)
    told = told.join(
        _usual(fault, whole), on=[*whole, "slice"], how="left", nulls_equal=True, suffix="_all"
    )
    here = (pl.col("usual") > 0) & (pl.col("n") < 3 * pl.col("usual") + 3)
    everywhere = (pl.col("usual_all") > 0) & (pl.col("n_all") < 3 * pl.col("usual_all") + 3)
    steady = here | (everywhere & (pl.col("n") <= _FEW))
    quiet = (pl.col("role") == "fault") & steady.fill_null(value=False)
    return told.filter(~quiet).select(rows.columns)


def _usual(fault: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Count faults by key and slice (``n``), beside the usual count of a slice (``usual``)."""
    import polars as pl

    counts = fault.group_by(*key, "slice").len("n")
    usual = counts.group_by(key).agg(
        pl.min_horizontal(
            _median_of(pl.col("slice") < _THIRD, _THIRD),
            _median_of(pl.col("slice") >= _SLICES - _THIRD, _THIRD),
        ).alias("usual")
    )
    return counts.join(usual, on=key, nulls_equal=True)


def _median_of(inside: pl.Expr, slices: int) -> pl.Expr:
    """Take the median count of some slices; those without a row count as zero."""
    import polars as pl

    counts = pl.col("n").filter(inside)
    # The median of a list that is mostly zeros is zero: it takes more than half to be otherwise.
    middle = counts.sort(descending=True).get(slices // 2, null_on_oob=True)
    return pl.when(counts.len() * 2 > slices).then(middle).otherwise(0)
