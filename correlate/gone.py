"""Machines that tell nothing any more: their metrics end while those of others go on.

A machine that lost its power or its network cannot log it. What is left of it is a gap in what its
agent sends, the oldest sign of failure that monitoring knows (a missed heartbeat: T. D. Chandra and
S. Toueg, "Unreliable failure detectors for reliable distributed systems", J. ACM 43, 1996).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    import pyarrow as pa

    from nova_timeline.topology import Topology

    from .slabs import Each

MISSED = 3
"""Points in a row that must be missing: one or two are late on any day."""
_WEIGHT = 1.0  # machines come and go; it is for what fails on them to say that it did harm


def faults(series: Sequence[pa.Table], topology: Topology, each: Each) -> pl.DataFrame:
    """Make a fault of each gap in all the metrics of a machine.

    Args:
        series: the points, in parts that each hold whole series; see `notable.points`.
        topology: which says what machines there are.
        each: how a function is applied to every part.

    Returns:
        Signals without a number; see `nova_timeline.correlate.signals.joined`.
    """
    import polars as pl

    from . import signals

    machines = sorted(n for n, kind in topology.kinds.items() if kind == "host")
    search = partial(_of_part, machines=tuple(machines))
    parts = [pl.DataFrame(t) for t in each(search, series)] if machines else []
    points = pl.concat(parts) if parts else pl.DataFrame()
    found = [] if points.is_empty() else [_fault(gap) for gap in _gaps(points)]
    return pl.DataFrame(found, schema=signals.types(), orient="row")


def _of_part(points: pa.Table, machines: tuple[str, ...]) -> pa.Table:
    """Keep one point of each machine and time."""
    import polars as pl

    frame = pl.DataFrame(points).filter(
        pl.col("entity").is_in(machines), pl.col("value").is_finite()
    )
    kept = frame.sort("row").unique(["entity", "time"], keep="first", maintain_order=True)
    return arrow.table(kept.select("entity", "time", "row"))


def _gaps(points: pl.DataFrame) -> list[dict[str, Any]]:
    """Find where one machine's points are missing and another's are not."""
    import polars as pl

    told = points.sort("entity", "time", "row").unique(
        ["entity", "time"], keep="first", maintain_order=True
    )
    last = told["time"].max()
    following = pl.col("time").shift(-1).over("entity")
    step = pl.col("time").diff().over("entity").median().over("entity").cast(pl.Int64)
    ends = told.with_columns(
        until=following, step=step, ended=pl.coalesce(following, pl.lit(last))
    ).filter(pl.col("step") > 0, pl.col("ended") - pl.col("time") > MISSED * pl.col("step"))
    return [*ends.filter(_others_go_on(told, ends)).iter_rows(named=True)]


def _others_go_on(told: pl.DataFrame, gaps: pl.DataFrame) -> pl.Series:
    """Say of each gap whether another machine tells as much within it: else nobody collected.

    The machine itself tells nothing there, so any machine's points will do.
    """
    import numpy as np
    import polars as pl

    enough = pl.col("time").shift(2 - MISSED).over("entity")
    runs = told.select(pl.col("time").alias("first"), enough.alias("last")).drop_nulls()
    runs = runs.sort("first", "last")
    never = np.iinfo(np.int64).max
    soonest = np.minimum.accumulate(np.append(runs["last"].to_numpy(), never)[::-1])[::-1]
    later = np.searchsorted(runs["first"].to_numpy(), gaps["time"].to_numpy(), "right")
    return pl.Series(soonest[later] < gaps["ended"].to_numpy())


def _fault(gap: dict[str, Any]) -> dict[str, Any]:
    return {
        "time": gap["time"] + gap["step"], "end": gap["until"], "precision": gap["step"],
        "clock": None, "entity": gap["entity"], "kind": "metric_change", "role": "fault",
        "category": "hardware", "rule": "gone",
        "title": f"{gap['entity']} tells no metric any more, while others do", "severity": 17,
        "count": 1, "weight": _WEIGHT, "table": "metric", "row": gap["row"], "rows": [],
    }  # fmt: skip
