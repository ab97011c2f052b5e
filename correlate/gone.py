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
    from collections.abc import Iterable, Sequence

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
    found = [] if points.is_empty() else _gaps(points)
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
    ends = told.with_columns(until=following, step=step).filter(
        pl.col("step") > 0,
        pl.coalesce("until", pl.lit(last)) - pl.col("time") > MISSED * pl.col("step"),
    )
    return [
        _fault(gap)
        for gap in ends.iter_rows(named=True)
        if _others_go_on(told, gap, last if gap["until"] is None else gap["until"])
    ]


def _others_go_on(told: pl.DataFrame, gap: dict[str, Any], until: Any) -> bool:
    """Say whether another machine tells as many points as are missing: else nobody collected."""
    import polars as pl

    inside = told.filter(
        pl.col("entity") != gap["entity"], pl.col("time") > gap["time"], pl.col("time") < until
    )
    counts: Iterable[int] = inside.group_by("entity").len()["len"].to_list()
    return max(counts, default=0) >= MISSED - 1


def _fault(gap: dict[str, Any]) -> dict[str, Any]:
    return {
        "time": gap["time"] + gap["step"], "end": gap["until"], "precision": gap["step"],
        "clock": None, "entity": gap["entity"], "kind": "metric_change", "role": "fault",
        "category": "hardware", "rule": "gone",
        "title": f"{gap['entity']} tells no metric any more, while others do", "severity": 17,
        "count": 1, "weight": _WEIGHT, "table": "metric", "row": gap["row"], "rows": [],
    }  # fmt: skip
