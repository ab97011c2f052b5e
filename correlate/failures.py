"""What the log lines of those in trouble say, the rare ones too that are no burst.

A warning that comes once a minute is no burst, yet often the only line that names what is wrong.
What comes at all times comes a little more often now and then: told is what comes more often than
chance would have it, by the test for two Poisson rates (J. Przyborowski and H. Wilenski, Biometrika
31, 1940: given their sum, the later count is binomial).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nova_timeline import arrow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import polars as pl
    import pyarrow as pa

    from nova_timeline.clock import Window

    from .slabs import Each, Slabs

MOST = 80
"""Templates that are told, the most frequent ones."""
_EACH = 6  # lines of a template that are read
_FEWEST = 4  # lines that show what all of them share
_LONGEST = 600
_CHANCE = 1.64
"""Standard deviations beyond what is usual; one in twenty is so by chance."""
_WARN = 13
_KEY = ("entity", "template")


@dataclass(frozen=True, slots=True)
class Line:
    """Log lines of one template on one entity, some of them in full."""

    entity: str
    count: int
    severity: int
    texts: tuple[str, ...]
    shared: tuple[tuple[str, str], ...] = ()
    """The attributes that all of those that were read have with the same value, by name."""
    since: int | None = None
    """ns; when the first of them came."""


def count(
    cut: Slabs, times: Iterable[int], until: int, window: Window, each: Each
) -> dict[int, pl.DataFrame]:
    """Count the warnings and errors that came more often after some times than before, in one go.

    Args:
        cut: the notable records.
        times: ns; before each is what is usual to it.
        until: ns; what comes later is not looked at.
        window: the incident's: how long each of the two stretches is.
        each: how a function is applied to every stretch of time.

    Returns:
        By time, one row an entity and template, those that came most often first; see `lines`.
    """
    import polars as pl

    asked = tuple(sorted({*times}))
    part = partial(_counted, times=asked, until=until)
    whole = pl.concat([pl.DataFrame(one) for one in each(part, cut)])
    return {t: _more_often(whole.filter(since=t), t, until, window) for t in asked}


def _more_often(counts: pl.DataFrame, since: int, until: int, window: Window) -> pl.DataFrame:
    """Add up counts of stretches, and keep what came more often after a time than before."""
    import polars as pl

    # A stretch may be longer than the other, so that rates are compared and not counts.
    usual = float(max(1, since - window.start))
    looked_at = float(max(1, min(until, window.end) - max(since, window.start)))
    return (
        counts.group_by(_KEY, maintain_order=True)
        .agg(
            pl.col("after", "before").sum(),
            pl.col("severity").max(),
            pl.col("first").min(),
            pl.col("rows").list.explode(keep_nulls=False, empty_as_null=False).head(_EACH),
        )
        # One's first few lines of a kind that others write at all times may come by chance.
        .with_columns(known=pl.col("before").sum().over("template") > 0)
        .filter(
            pl.col("after") > 0,
            ~pl.col("known")
            | _is_more(pl.col("after"), pl.col("before"), looked_at / (usual + looked_at)),
        )
        .sort(["after", "entity", "template"], descending=[True, False, False])
    )


def lines(
    cut: Slabs, counts: pl.DataFrame, entities: Collection[str], *, of_others: bool = False
) -> tuple[Line, ...]:
    """Read the lines of some entities that came more often, at most `MOST` kinds of them.

    Args:
        cut: the notable records.
        counts: those of one time; see `count`.
        entities: whose.
        of_others: whether to read those of all but these entities instead.
    """
    import polars as pl

    theirs = pl.col("entity").is_in(list(entities))
    return _read(counts.filter(~theirs if of_others else theirs).head(MOST), cut)


def _read(whole: pl.DataFrame, cut: Slabs) -> tuple[Line, ...]:
    """Read some lines of each template."""
    import numpy as np

    flat = whole["rows"].list.explode(keep_nulls=False, empty_as_null=False).to_numpy()
    if not len(flat):
        return ()
    read = cut.rows.take(flat.astype(np.int64), ["body", "attributes"])
    bodies, held = read["body"].to_pylist(), read["attributes"].to_pylist()
    found: list[Line] = []
    at = 0
    for row in whole.iter_rows(named=True):
        mine = [(b or "")[:_LONGEST] for b in bodies[at : at + len(row["rows"])]]
        shared = _shared(held[at : at + len(mine)])
        at += len(mine)
        told = (row["entity"], row["after"], row["severity"], tuple(mine), shared, row["first"])
        found.append(Line(*told))
    return tuple(found)


def _is_more(after: pl.Expr, before: pl.Expr, share: float) -> pl.Expr:
    """Say of what came more often than before, and not by chance.

    Args:
        after: how many came after the time.
        before: how many came before it.
        share: of all, how many would come after it at one rate.
    """
    whole = after + before
    beyond = after - share * whole
    by_chance = _CHANCE * (share * (1 - share) * whole).sqrt()
    return beyond >= by_chance


def _shared(held: Sequence[Sequence[tuple[str, str | None]] | None]) -> tuple[tuple[str, str], ...]:
    """Take the attributes that some records all have with the same value; none of one record."""
    if len(held) < _FEWEST:
        return ()
    first, *others = ({(k, v) for k, v in one or () if v} for one in held)
    return tuple(sorted(first.intersection(*others)))


def _counted(slab: pa.Table, times: Sequence[int], until: int) -> pa.Table:
    import polars as pl

    kept = pl.DataFrame(slab).filter(
        pl.col("severity") >= _WARN,
        pl.col("kind").is_in(["log", "health", "host"]),
        pl.col("entity").is_not_null(),
        pl.col("time") <= until,
    )
    return arrow.table(pl.concat([_since(kept, time) for time in times]))


def _since(kept: pl.DataFrame, time: int) -> pl.DataFrame:
    """Count records before a time and after it, by entity and template."""
    import polars as pl

    late = pl.col("time") >= time
    return kept.group_by(_KEY, maintain_order=True).agg(
        since=pl.lit(time, pl.Int64),
        after=late.sum().cast(pl.Int64),
        before=(~late).sum().cast(pl.Int64),
        severity=pl.col("severity").max(),
        first=pl.col("time").filter(late).min(),
        rows=pl.col("row").filter(late).head(_EACH),
    )
