"""Change points by NumPy, one series after another, as one would write it.

The formulation that the kernels are held against: the same excursions, to the last bit.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Floats = npt.NDArray[np.float64]

FEWEST = 8
"""A series with fewer points has no baseline to leave."""
_THRESHOLD = 5.0  # noise scales; of the split statistic, and of a level against the baseline
_RELATIVE = 0.25  # a level nearer than this to the baseline is the baseline, whatever the noise
_ABSURD = 1e100  # stands for "no limit" and the like, and its sums would overflow
_SHORTEST = 2
_SHORT = 5
_ALIKE, _TWICE = 0.8, 2  # what went so far of the furthest, so many times, goes so by itself


@dataclass(frozen=True, slots=True)
class Excursion:
    """A stretch in which a metric was off its baseline."""

    first: int
    """Index of the first point off the baseline."""
    last: int | None
    """Index of the first point back on it; None when it never came back."""
    baseline: float
    level: float
    scale: float
    """The noise, in the metric's unit."""


def find(metrics: pl.DataFrame) -> pl.DataFrame:
    """Find every excursion of every series.

    Args:
        metrics: ``row`` (int64), ``time`` (int64 ns), ``entity``, ``metric`` (text), ``value``.

    Returns:
        One row an excursion: entity, metric, first, back (ns, null if it stays off), baseline,
        level, deviation (in noise scales), step (ns between points), first_row, back_row.
    """
    import polars as pl

    rows: list[tuple[object, ...]] = []
    known = metrics.filter(pl.col("value").is_finite(), pl.col("value").abs() < _ABSURD)
    ordered = known.sort("entity", "metric", "time", "row")
    for (entity, metric), series in ordered.group_by(["entity", "metric"], maintain_order=True):
        if len(series) < FEWEST:
            continue
        time, row = series["time"].to_numpy(), series["row"].to_numpy()
        step = int(series["time"].diff().median() or 0)  # type: ignore[arg-type]
        for x in excursions(series["value"].to_numpy()):
            back = None if x.last is None else int(time[x.last])
            back_row = None if x.last is None else int(row[x.last])
            deviation = (x.level - x.baseline) / x.scale
            rows.append(
                (entity, metric, int(time[x.first]), back, x.baseline, x.level, deviation, step,
                 int(row[x.first]), back_row)
            )  # fmt: skip
    schema = {
        "entity": pl.String, "metric": pl.String, "first": pl.Int64, "back": pl.Int64,
        "baseline": pl.Float64, "level": pl.Float64, "deviation": pl.Float64, "step": pl.Int64,
        "first_row": pl.Int64, "back_row": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").sort("first", "entity", "metric")


def excursions(values: Floats) -> list[Excursion]:
    """Find the stretches of a series, shape (n,), that lie off its first level."""
    import numpy as np

    scale = _noise(values)
    cuts = [0, *_splits(values, scale), len(values)]
    levels = [float(np.median(values[a:b])) for a, b in itertools.pairwise(cuts)]
    baseline = _baseline(cuts, levels)
    off = [_is_off(level, baseline, scale) for level in levels]
    for i in range(len(levels)):
        off[i] = off[i] and not _is_chance(values, cuts[i], cuts[i + 1], baseline)
    found: list[Excursion] = []
    i = 0
    while i < len(levels):
        if not off[i]:
            i += 1
            continue
        up = levels[i] > baseline
        j = i
        while j < len(levels) and off[j] and (levels[j] > baseline) == up:
            j += 1
        first = _walk_back(values, cuts[i], cuts[i - 1] if i else 0, baseline, scale, up=up)
        first = _beyond(values, first, cuts[j], found, up=up)
        last = cuts[j] if j < len(levels) else None
        inside = values[cuts[i] : cuts[j]]
        level = float(np.max(inside) if up else np.min(inside))
        found.append(Excursion(first, last, baseline, level, scale))
        i = j
    return found


def _baseline(cuts: list[int], levels: list[float]) -> float:
    """Take the first level, unless it is so short that the window opened on an excursion."""
    longest = max(range(len(levels)), key=lambda i: cuts[i + 1] - cuts[i])
    opened_short = cuts[1] < max(_SHORTEST + 1, (cuts[longest + 1] - cuts[longest]) // 4)
    return levels[longest] if opened_short and longest else levels[0]


def _noise(values: Floats) -> float:
    """Estimate the noise around the level, with floors for series that hardly move."""
    import numpy as np

    steps = np.sort(np.abs(np.diff(values)))
    rough = float(np.median(steps)) / 0.954  # the median of |N(0, 2 sigma^2)|
    # Counts that are mostly zero have no median step; the largest few may be the shifts themselves.
    shifts = 7 if len(values) >= 60 else 5
    rough = max(rough, float(steps[-shifts]) / 2.5)
    level = float(np.median(np.abs(values)))
    spread = float(np.percentile(values, 95) - np.percentile(values, 5))
    return max(rough, 0.02 * level, 0.01 * spread, 1e-9)


def _is_off(level: float, baseline: float, scale: float) -> bool:
    shift = abs(level - baseline)
    return shift > _THRESHOLD * scale / 2 and shift > _RELATIVE * abs(baseline)


def _is_chance(values: Floats, a: int, b: int, baseline: float) -> bool:
    """Say whether a short stretch is no further off than single points elsewhere are."""
    import numpy as np

    if b - a >= _SHORT:
        return False
    elsewhere = np.abs(np.concatenate([values[:a], values[b:]]) - baseline)
    return bool(np.median(np.abs(values[a:b] - baseline)) <= elsewhere.max())


def _splits(values: Floats, scale: float) -> list[int]:
    """Cut a series where the means of the two sides differ most, and so on for each side."""
    found: list[int] = []
    stretches = [(0, len(values))]
    while stretches:
        first, stop = stretches.pop()
        at = _split(values[first:stop], scale)
        if at is not None:
            found.append(first + at)
            stretches += [(first, first + at), (first + at, stop)]
    return sorted(found)


def _split(values: Floats, scale: float) -> int | None:
    """Find where the means of the two sides differ most; None where they do not differ enough."""
    import numpy as np

    n = len(values)
    if n < 2 * _SHORTEST:
        return None
    clipped = np.clip(values, *np.percentile(values, [2, 98])) if n >= 50 else values
    left = np.arange(1, n)
    total = np.cumsum(clipped)
    gap = np.abs(total[:-1] / left - (total[-1] - total[:-1]) / (n - left))
    statistic = gap * np.sqrt(left * (n - left) / n) / scale
    statistic[: _SHORTEST - 1] = 0
    statistic[n - _SHORTEST :] = 0
    at = int(np.argmax(statistic)) + 1
    return at if statistic[at - 1] >= _THRESHOLD else None


def _walk_back(
    values: Floats, at: int, least: int, baseline: float, scale: float, *, up: bool
) -> int:
    """Move an onset back while the points before it are off the baseline in the same direction."""
    margin = max(3 * scale, 0.1 * abs(baseline))
    while (
        at > least and ((values[at - 1] - baseline) if up else (baseline - values[at - 1])) > margin
    ):
        at -= 1
    while (
        at < len(values) - 1
        and ((values[at] - baseline) if up else (baseline - values[at])) <= margin
    ):
        at += 1
    return at


def _beyond(values: Floats, first: int, stop: int, before: list[Excursion], *, up: bool) -> int:
    """Move an onset on to where it goes further than two before it went, that came back."""
    import numpy as np

    sign = 1 if up else -1
    gone = np.array([sign * (x.level - x.baseline) for x in before])
    furthest = gone.max(initial=0)
    if furthest == 0 or np.count_nonzero(gone >= _ALIKE * furthest) < _TWICE:
        return first
    further = sign * (values[first:stop] - before[0].baseline) > furthest
    return first + int(np.argmax(further))
