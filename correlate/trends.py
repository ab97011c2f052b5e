"""What ran to its limit at one pace, whatever was changed meanwhile.

A sequence that ran out of numbers, a disk that filled up: each did from long before, a little every
minute, and stopped where it could go no farther. A change on the way that altered nothing of its
pace did not bring it there: what would have happened anyhow has no such cause (Brodersen et al.,
"Inferring causal impact", Ann. Appl. Stat. 9, 2015, go by what would have been without it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nova_timeline import knowledge

from . import departures
from .durations import duration
from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from nova_timeline.knowledge import Limit

    from .merged import Change
    from .scene import Scene
    from .slabs import Each
    from .timing import Effect

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

FEWEST = 12
"""Points that show a pace, at least."""
AGAINST = 0.3
"""What is held against a change that came on the way."""
_LASTS = 20 * 60_000_000_000  # ns; how long it must have gone on
_STRAIGHT = 0.998  # correlation with time
_OFF = 0.02  # share of the way that a point may be off the line
_STOPS = 0.2  # of its pace that may be left once it has stopped
_AFTER = 5  # points that show that it stopped
_NUMBER = re.compile(r"(?<![\w.-])\d{4,}(?![\w-]|\.\d)")
_SAME = 1e-3  # how far off its limit a number in a text may be


@dataclass(frozen=True, slots=True)
class Trend:
    """A series that ran at one pace until the failure, and stopped."""

    entity: str
    metric: str
    since: int
    """ns; its first point."""
    step: int
    """ns between its points."""
    limit: float
    """Where it stopped."""


def find(
    series: Sequence[pa.Table], entities: Collection[str], onset: int, each: Each
) -> tuple[Trend, ...]:
    """Find what ran at one pace until the failure and then stopped, by entity and metric.

    Args:
        series: the points, in parts that each hold whole series; see `notable.points`.
        entities: whose series are looked at.
        onset: ns; when the failure began.
        each: how a function is applied to every part.
    """
    search = partial(_of_part, entities=tuple(sorted(entities)), onset=onset)
    found = [t for part in each(search, series) for t in part]
    return tuple(sorted(found, key=lambda t: (t.entity, t.metric)))


def _of_part(points: pa.Table, entities: tuple[str, ...], onset: int) -> tuple[Trend, ...]:
    import polars as pl

    key = ["entity", "metric"]
    early = pl.col("time") <= onset
    straight = (
        pl.corr(pl.col("time").filter(early), pl.col("value").filter(early)).abs().fill_nan(0)
    )
    frame = (
        pl.DataFrame(points)
        .filter(pl.col("entity").is_in(list(entities)), pl.col("value").is_finite())
        .sort(*key, "time")  # sums of floats depend on their order
        .filter(early.sum().over(key) >= FEWEST, straight.over(key) >= _STRAIGHT)
    )
    found = (trend(*series, onset) for series in departures.each_series(frame))
    return tuple(t for t in found if t is not None)


def trend(entity: str, metric: str, time: Ints, value: Floats, onset: int) -> Trend | None:
    """Say where one series ran to at one pace; None where its pace altered or it did not stop.

    Args:
        entity: whose it is.
        metric: its name.
        time: ns, ascending, shape (n,).
        value: shape (n,).
        onset: ns; when the failure began.
    """
    import numpy as np

    before = int(np.searchsorted(time, onset, "right"))
    after = value[before : before + _AFTER]
    if before < FEWEST or len(after) < _AFTER or time[before - 1] - time[0] < _LASTS:
        return None
    x, y = (time[:before] - time[0]) / 1e9, value[:before]
    pace = float(np.dot(x - x.mean(), y) / np.dot(x - x.mean(), x - x.mean()))
    line = y.mean() + pace * (x - x.mean())
    way = float(abs(y[-1] - y[0]))
    step = float(np.median(np.diff(time[:before])))
    left = float(np.abs(np.diff(after[1:])).max())
    if way <= 0 or float(np.abs(y - line).max()) > _OFF * way:
        return None
    end = float(after[-1])
    if left > _STOPS * abs(pace) * step / 1e9:
        passed = _passed(metric, float(y[-1]), float(after[1]))
        if passed is None:
            return None
        end = passed
    return Trend(entity, metric, int(time[0]), int(step), end)


def _passed(metric: str, last: float, then: float) -> float | None:
    """Give the end of what something is valid for that a gauge passed on its way, and went on."""
    limit = _limit(metric)
    dated = limit is not None and limit.category == "certificate"
    return limit.off if limit and dated and last >= limit.off >= then else None


def bearing(scene: Scene) -> tuple[Trend, ...]:
    """Take the trends that came to what failed: errors say their limit, or it is a known one."""
    told = {int(n) for m in scene.symptoms if m.count for n in _NUMBER.findall(m.raw)}
    return tuple(
        t for t in scene.trends
        if _is_known(t) or any(abs(n - t.limit) <= _SAME * abs(t.limit) for n in told)
    )  # fmt: skip


def _is_known(one: Trend) -> bool:
    """Say whether a trend ended at a limit that its metric is known to have."""
    limit = known(one)
    if limit is None or (limit.top is not None and one.limit > limit.top):
        return False
    return one.limit >= limit.off if limit.up else one.limit <= limit.off


def known(one: Trend) -> Limit | None:
    """Give the limit that the metric of a trend is known to have, by its name."""
    return _limit(one.metric)


def _limit(metric: str) -> Limit | None:
    return next((k for k in knowledge.limits() if k.fits(metric)), None)


def against(took: Effect, change: Change, scene: Scene) -> list[Term]:
    """Hold against a change that what ran out went on at its pace before it and after it."""
    for t in scene.ran_out:
        if took.time >= t.since + FEWEST // 2 * t.step:
            text = f"{_told(t, scene)}, no faster for this change"
            return [Term(text, -AGAINST, (change.signal["signal"], *scene.shown(t)), "began")]
    return []


def shows(scene: Scene) -> list[Term]:
    """Let it count for what ran out by itself that it did at one pace."""
    return [Term(_told(t, scene), 0.2, scene.shown(t), "time") for t in scene.ran_out[:1]]


def _told(one: Trend, scene: Scene) -> str:
    long = duration((scene.onset - one.since) / 1e9)
    return f"{one.metric} of {one.entity} ran to {one.limit:.10g} at one pace for {long}"
