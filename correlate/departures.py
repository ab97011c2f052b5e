"""When a metric began to move for good: a step, or the foot of a climb that ends in the failure.

A change point by level finds a climb late, once it is far from its level. Here each series is
fitted by a flat stretch and, from a break on, a line of its own (two-phase regression: Hinkley,
"Inference about the intersection in two-phase regression", Biometrika 56, 1969); the break that
leaves the least is when it began. What began to move just as a change took effect, hours before
anyone noticed, says more than what else happened when they did (Brodersen et al., "Inferring causal
impact", Ann. Appl. Stat. 9, 2015, compare before and after likewise).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    from .slabs import Each

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

FEWEST = 6
"""A series needs so many points before its break, and half as many after it."""
MOST = 300
"""Series that are looked at, the first by name."""
_CLEAR = 8.0  # noise scales that it must have moved by
_EXPLAINED = 0.8  # share of the variance that the break must explain
_BETTER = 0.5  # of what one straight line leaves
_STILL = 2.0  # noise scales that a stretch may vary by and be flat
_OFF = 5.0  # noise scales that one line for all must miss it by
_HELD = 0.4  # share of the way that it must still be off when the failure begins
_OTHER_DAY = re.compile(
    r"[_.:-]?(?:offset_?)?(?:\b|_)(?:\d+_?(?:d|w|days?|weeks?)(?:_ago)?|yesterday|(?:day|week)_ago"
    r"|(?:last|prev(?:ious)?)_(?:day|week))$",
    re.IGNORECASE,
)
"""What a series is named that is drawn beside another to show how that one went before."""
_ALIKE = 15 * 60_000_000_000  # ns; how much sooner or later a day's usual rise may begin
_AS_FAR = 0.7
_MOST_OF_IT = 0.5  # of all the way, for one step to be what it was
_LITTLE = 0.02  # of that step
_JUST = 2  # points before the onset
_AFTER = 10  # points after the onset that are looked at


@dataclass(frozen=True, slots=True)
class Departure:
    """A series that began to move and did not come back before the failure."""

    entity: str
    metric: str
    time: int
    """ns; the first point that is off."""
    step: int
    """ns between its points."""
    climbs: bool
    """Whether it climbed (or fell) on and on, rather than stepped."""
    reached: float = 0.0
    """How far off its usual it came at most."""
    times: float = 0.0
    """How many times its usual it came to; 0 where that is not known."""
    before: int | None = None
    """ns; when it had stepped the same way already, less far, and stayed; None where it had not."""


def find(
    series: Sequence[pa.Table], wanted: Iterable[tuple[str, str]], onset: int, each: Each
) -> tuple[Departure, ...]:
    """Find when each wanted series began to move.

    Args:
        series: the points, in parts that each hold whole series; see `notable.points`.
        wanted: entity and metric of the series that left their level.
        onset: ns; when the failure began.
        each: how a function is applied to every part.
    """
    pairs = sorted(set(wanted))[:MOST]
    if not pairs:
        return ()
    search = partial(_of_part, pairs=tuple(pairs), onset=onset)
    found = [d for part in each(search, series) for d in part]
    new = _without_usual(found)
    return tuple(sorted(new, key=lambda d: (d.time, d.entity, d.metric)))


def _without_usual(found: Sequence[Departure]) -> list[Departure]:
    """Leave out what another day's series moves, and what goes as that did the day before.

    What rises every evening is no departure, whatever was changed as it began.
    """
    others = {(d.entity, _OTHER_DAY.sub("", d.metric)): d for d in found if _is_other_day(d)}
    ours = ((d, others.get((d.entity, d.metric))) for d in found if not _is_other_day(d))
    return [d for d, other in ours if other is None or not _goes_alike(d, other)]


def _is_other_day(d: Departure) -> bool:
    return _OTHER_DAY.search(d.metric) is not None


def _goes_alike(d: Departure, other: Departure) -> bool:
    """Say whether a series began to move when it did on another day, and came about as far."""
    near = abs(d.time - other.time) <= max(_ALIKE, 3 * d.step)
    return near and other.reached / d.reached >= _AS_FAR if d.reached else False


def _of_part(
    points: pa.Table, pairs: tuple[tuple[str, str], ...], onset: int
) -> tuple[Departure, ...]:
    import polars as pl

    names = pl.DataFrame(pairs, schema=["entity", "metric"], orient="row")
    kept = pl.DataFrame(points).join(names, on=["entity", "metric"], how="semi")
    found = (departure(*series, onset) for series in each_series(kept))
    return tuple(d for d in found if d is not None)


def each_series(points: pl.DataFrame) -> Iterator[tuple[str, str, Ints, Floats]]:
    """Give the entity, the metric, the times (ns, ascending) and the values of series by series.

    Args:
        points: whole series, in any order; what is not finite is left out.
    """
    import polars as pl

    key = ["entity", "metric"]
    ordered = points.filter(pl.col("value").is_finite()).sort(*key, "time")
    for name, s in ordered.group_by(key, maintain_order=True):
        yield str(name[0]), str(name[1]), s["time"].to_numpy(), s["value"].to_numpy()


def departure(entity: str, metric: str, time: Ints, value: Floats, onset: int) -> Departure | None:
    """Find when one series began to move; None where it did not, or was back by the onset.

    Args:
        entity: whose it is.
        metric: its name.
        time: ns, ascending, shape (n,).
        value: shape (n,).
        onset: ns; when the failure began.
    """
    import numpy as np

    until = int(np.searchsorted(time, onset, "right")) + _AFTER
    time, value = time[:until], value[:until]
    if len(time) < FEWEST + FEWEST // 2:
        return None
    usual = float(np.median(value[: max(FEWEST, len(value) // 4)]))
    peak = int(np.argmax(np.abs(value - usual)))
    ending = peak + 1 if time[peak] < onset else len(value)
    at = _break(value[: max(ending, FEWEST + FEWEST // 2)])
    if at is None or not _holds(time, value, usual, peak, onset):
        return None
    at = _stepped(value, at, peak, usual)
    first = value[at]
    climbs = abs(value[peak] - first) > abs(first - usual) and peak - at > FEWEST // 2
    step, reached = int(np.median(np.diff(time))), float(value[peak] - usual)
    times = float(value[peak]) / usual if usual > 0 else 0.0
    before = _step_before(value[:at], reached)
    since = None if before is None else int(time[before])
    return Departure(entity, metric, int(time[at]), step, climbs, reached, times, since)


def _step_before(value: Floats, reached: float) -> int | None:
    """Find where a series stepped before it moved in earnest, the same way, and stayed there.

    What is done wrong shows a little at once, and wholly once much of it is asked for.
    """
    import numpy as np

    if len(value) < FEWEST + FEWEST // 2:
        return None
    at = _break(value)
    if at is None:
        return None
    off = (value[at:] - np.median(value[:at])) * np.sign(reached)
    stays = len(off) >= FEWEST and off.min() >= _HELD * np.median(off) > 0
    return at if stays else None


def _break(y: Floats) -> int | None:
    """Find the first point of the second phase; None where one phase will do."""
    import numpy as np

    n = len(y)
    x = np.arange(n, dtype=np.float64)
    places = np.arange(FEWEST, n - FEWEST // 2 + 1)
    if not len(places):
        return None
    y = y - y[:FEWEST].mean()
    ones = np.ones(n)
    left, right = _sums(ones, x, y), _sums(ones[::-1], x[::-1], y[::-1])
    flat = left[3][places - 1] - left[1][places - 1] ** 2 / left[0][places - 1]
    rest = _line(*(s[n - 1 - places] for s in right))
    total = float(((y - y.mean()) ** 2).sum())
    straight = float(_line(*(s[-1:] for s in left))[0])
    best = int(np.argmin(flat + rest))
    at, leaves = int(places[best]), float(max((flat + rest)[best], 0.0))
    noise = float(np.median(np.abs(np.diff(y[:at])))) + 1e-3 * float(np.abs(y).max())
    moved = float(np.abs(y[at:] - y[:at].mean()).max())
    clear = moved > _CLEAR * noise and leaves < (1 - _EXPLAINED) * total
    bent = leaves < _BETTER * straight or _lay_flat(y, at, noise)
    return at if clear and bent and straight > 1e-9 * total else None


def _stepped(value: Floats, at: int, peak: int, usual: float) -> int:
    """Give the point at which a series stepped, where it did so after its break and lay flat yet.

    A second phase has a few points at least, so that the break of one that had hardly begun comes
    too early.
    """
    import numpy as np

    steps = np.abs(np.diff(value[at : peak + 1]))
    if not len(steps):
        return at
    k = int(np.argmax(steps))
    flat, until = value[:at], value[at : at + k + 1]
    slack = _LITTLE * steps[k]
    still = flat.min() - slack <= until.min() and until.max() <= flat.max() + slack
    return at + k + 1 if still and steps[k] >= _MOST_OF_IT * abs(value[peak] - usual) else at


def _lay_flat(y: Floats, at: int, noise: float) -> bool:
    """Say whether a series lay flat up to a point, where one line for all of it does not go.

    What climbs for hours varies more the higher it is, which hides how flat it was before.
    """
    import numpy as np

    x = np.arange(len(y), dtype=np.float64)
    pace = float(np.dot(x - x.mean(), y) / np.dot(x - x.mean(), x - x.mean()))
    line = y.mean() + pace * (x[:at] - x.mean())
    missed = float(np.sqrt(((y[:at] - line) ** 2).mean()))
    return float(y[:at].std()) <= _STILL * noise and missed >= _OFF * noise


def _sums(one: Floats, x: Floats, y: Floats) -> tuple[Floats, ...]:
    """Running sums: n, y, x, y squared, x squared, x times y."""
    import numpy as np

    return tuple(np.cumsum(v) for v in (one, y, x, y * y, x * x, x * y))


def _line(n: Floats, y: Floats, x: Floats, yy: Floats, xx: Floats, xy: Floats) -> Floats:
    """Say what a straight line leaves of each stretch, by its sums."""
    import numpy as np

    syy, sxx, sxy = yy - y * y / n, xx - x * x / n, xy - x * y / n
    left: Floats = syy - np.where(sxx > 0, sxy**2 / np.where(sxx > 0, sxx, 1.0), 0.0)
    return left


def _holds(time: Ints, value: Floats, usual: float, peak: int, onset: int) -> bool:
    """Say whether a series that moved before the onset is still off when that comes.

    What fell just then, as the memory of a process that is killed, was off until then.
    """
    import numpy as np

    if time[peak] >= onset - _JUST * int(np.median(np.diff(time))):
        return True
    last = value[max(peak, int(np.searchsorted(time, onset)) - 3) :][:3]
    return bool(np.abs(np.median(last) - usual) >= _HELD * abs(value[peak] - usual))
