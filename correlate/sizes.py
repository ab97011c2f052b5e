"""How many instances there were before a change of that: what the call that sets it never says.

Clouds publish it as a metric of the service: ``DesiredTaskCount`` and ``GroupDesiredCapacity``
(CloudWatch), ``container/instance_count`` (Cloud Monitoring), ``Replicas`` and ``ObservedCapacity``
(Azure Monitor), ``kube_deployment_spec_replicas`` (Kubernetes).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from nova_timeline import arrow

from .change_points import COUNTS_INSTANCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from .slabs import Each

AROUND = 15 * 60_000_000_000
"""ns; how long before and after a change its metric is looked at."""
_FEWEST = 2
_KEY = re.compile(
    r"desired|capacity$|replicas|instance_?count|task_?count|(min|max)_?(scale|size|instances)",
    re.IGNORECASE,
)
_BOUND = re.compile(r"max|min", re.IGNORECASE)


def find(
    series: Sequence[pa.Table], changed: Mapping[str, Sequence[int]], each: Each
) -> Mapping[tuple[str, int], tuple[float, float | None]]:
    """Say how many instances an entity had before each of its changes, and after it.

    Args:
        series: the points, in parts that each hold whole series; see `notable.points`.
        changed: entity -> when it was changed (ns).
        each: how a function is applied to every part.

    Returns:
        Entity and time of a change -> how many before, and how many after it, None where no point
        tells.
    """
    import polars as pl

    if not changed:
        return {}
    search = partial(_of_part, entities=tuple(sorted(changed)))
    parts = [pl.DataFrame(t) for t in each(search, series)]
    points = pl.concat(parts) if parts else pl.DataFrame()
    if points.is_empty():
        return {}
    found: dict[tuple[str, int], tuple[float, float | None]] = {}
    told = points.sort("entity", "metric", "time", "value")
    for (entity,), own in told.group_by(["entity"], maintain_order=True):
        first = own.filter(pl.col("metric") == _plainest(own["metric"].unique().to_list()))
        for time in changed[str(entity)]:
            levels = _levels(first, time)
            if levels is not None:
                found[str(entity), time] = levels
    return found


def was(key: str, new: str, levels: tuple[float, float | None] | None) -> str:
    """Say what a setting of how many instances there are was; empty where that is not told.

    A bound says nothing of how many ran within it, unless they ran into it.
    """
    if levels is None or not _KEY.search(key) or not new.isdigit():
        return ""
    before, after = levels
    if _BOUND.search(key) and (after is None or after == before):
        return ""
    return f"{before:g}"


def _of_part(points: pa.Table, entities: tuple[str, ...]) -> pa.Table:
    """Keep the points that tell how many instances some entities have."""
    import polars as pl

    frame = pl.DataFrame(points).filter(
        pl.col("entity").is_in(entities), pl.col("value").is_finite()
    )
    names = [n for n in frame["metric"].unique().sort().to_list() if COUNTS_INSTANCES.search(n)]
    kept = frame.filter(pl.col("metric").is_in(names))
    return arrow.table(kept.select("entity", "metric", "time", "value"))


def _plainest(names: Sequence[str]) -> str:
    """Pick the metric that says most plainly how many are wanted: the shortest name."""
    return min(names, key=lambda n: ("desired" not in n.casefold(), len(n), n))


def _levels(own: pl.DataFrame, time: int) -> tuple[float, float | None] | None:
    """Take the level just before a change, and the one it settled at; None where none is known.

    A point stands for an interval, in which the change may lie: that one tells neither.
    """
    import polars as pl

    step = int(own["time"].diff().median() or 0)  # type: ignore[arg-type]
    near = own.with_columns(off=pl.col("time") - time)
    before = near.filter(pl.col("off").is_between(-AROUND, -step))["value"]
    after = near.filter(pl.col("off").is_between(2 * step, AROUND))["value"]
    if len(before) < _FEWEST:
        return None
    settled = after.head(_FEWEST).median() if len(after) >= _FEWEST else None
    return float(before[-1]), None if settled is None else float(settled)  # type: ignore[arg-type]
