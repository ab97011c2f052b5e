"""Versions of one service side by side: whether the new one does worse than the old one beside it.

While a roll-out lasts, both versions serve the same traffic at the same time, so that what else
goes on is the same for both (a canary release: C. Davidovic and B. Beyer, "Canary Analysis
Service", ACM Queue 16, 2018). Where the new one alone does worse, the change is to blame; where the
old one does as badly as the new, it is not. Values are compared by their ranks (H. Mann and D.
Whitney, Ann. Math. Stat. 18, 1947), which no single outlier moves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from nova_timeline import arrow

from . import change_points
from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    from .merged import Change
    from .scene import Scene
    from .slabs import Each

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

Verdict: TypeAlias = Literal["worse", "alike"]
FEWEST = 5
"""Points that each version needs."""
MOST = 300
"""Series that are compared, the first by name, and points of each."""
AROUND = 60 * 60_000_000_000
"""ns; how far around the onset points are looked at."""
WORSE = 0.25
"""What a change gains whose version did worse than the one beside it."""
ALIKE = -0.3
"""What it loses where the version beside it, which was not changed, did as badly."""
_ROLLOUT = 30 * 60_000_000_000  # ns; from a change to the first point of its version, at most
_COARSE = 120_000_000_000  # ns; how much earlier that point may be: it stands for an interval
_LABELLED = re.compile(r"^(?P<name>[^{]*)\{(?P<labels>.*)\}")
_LABEL = re.compile(r'(?<![\w./-])([\w./-]++)=("(?:[^"\\]|\\.)*"|[^,}]*)')
_VERSION = re.compile(
    r"(?:^|[./_-])(?:version|revision|revision_name|release|build|commit|tag|track|variant|canary"
    r"|slot|lane|cohort|rollout|pod_template_hash)$",
    re.IGNORECASE,
)
_CANARY = re.compile(r"canary|^true$", re.IGNORECASE)
_APART = 0.8  # of 1: how often a value of the one is above a value of the other
_BESIDE = 0.2  # off 0.5: as far as this they are alike
_SURE = 2.58  # standard deviations; one time in a hundred by chance
_LEAST = 0.1  # of the old version's: less of a difference harms nobody


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric of two versions of an entity that served at the same time."""

    entity: str
    metric: str
    old: str
    new: str
    since: int
    """ns; from when on both were there."""
    verdict: Verdict
    """Whether the new one did worse, or the old one as badly."""
    usual: float
    """Median of the old one while both were there."""
    found: float
    """That of the new one."""

    @property
    def ratio(self) -> float:
        """How far the new one is off, in units of the old one."""
        return abs(self.found - self.usual) / max(abs(self.usual), 1e-9)


@dataclass(frozen=True, slots=True)
class _Track:
    """The points of one version, in the order of time."""

    version: str
    time: Ints
    value: Floats

    def within(self, since: int, until: int) -> Floats:
        """Give the values of a stretch of time."""
        import numpy as np

        a, b = np.searchsorted(self.time, [since, until + 1])
        return self.value[a:b][:MOST]


def find(
    series: Sequence[pa.Table], changed: Mapping[str, Sequence[int]], onset: int, each: Each
) -> tuple[Comparison, ...]:
    """Compare the versions of entities that were changed.

    Args:
        series: the points, in parts that each hold whole series; see `notable.points`. A label
            such as ``service.version`` in a metric's name tells whose it is.
        changed: entity -> when it was changed (ns).
        onset: ns; when the failure began.
        each: how a function is applied to every part.

    Returns:
        What could be told, by entity, metric and new version.
    """
    import polars as pl

    if not changed:
        return ()
    search = partial(_of_part, entities=tuple(sorted(changed)), onset=onset)
    points = pl.concat([pl.DataFrame(t) for t in each(search, series)] or [pl.DataFrame()])
    if points.is_empty():
        return ()
    found: list[Comparison] = []
    for (entity, metric), tracks in _siblings(points):
        meaning = change_points.direction(metric)
        sign = {"worse": 1, "resource": 1, "better": -1}.get(meaning)
        if sign is not None:
            times = changed[entity]
            found += _compared(entity, metric, tracks, times, onset, sign)
    return tuple(found)


def terms(change: Change, scene: Scene) -> list[Term]:
    """Judge a change by how its version did beside the one before it."""
    own = [c for c in scene.canaries if c.entity == change.entity and _brought(change, c, scene)]
    if not own:
        return []
    shown = min(own, key=lambda c: (c.verdict != "worse", -c.ratio, c.metric, c.new))
    both = f"{shown.found:.4g} beside {shown.usual:.4g}"
    if shown.verdict == "worse":
        text = f"{shown.metric} of {shown.new} was worse than that of {shown.old} meanwhile: {both}"
        return [Term(text, WORSE, (), "canary")]
    text = (
        f"{shown.metric} of {shown.old}, from before it, got as bad as that of {shown.new}: {both}"
    )
    return [Term(text, ALIKE, (), "canary")]


def _brought(change: Change, found: Comparison, scene: Scene) -> bool:
    """Say whether a version came with a change: the one that names it, else the one before it."""
    if re.search(rf"(?<![\w.]){re.escape(found.new)}(?![\w.])", change.text):
        return True
    first, last = found.since - _ROLLOUT, found.since + _COARSE
    times = [s["time"] for s in scene.changes
             if s["entity"] == found.entity and first <= s["time"] <= last]  # fmt: skip
    return bool(times) and change.signal["time"] == max(times)


def version(metric: str) -> tuple[str, str] | None:
    """Split a metric's name into what it measures and the version its labels tell, if they do."""
    told = _LABELLED.match(metric)
    if told is None:
        return None
    labels = _LABEL.findall(told["labels"])
    by = next((i for i, (key, _) in enumerate(labels) if _VERSION.search(key)), None)
    if by is None:
        return None
    others = ",".join(f"{key}={value}" for i, (key, value) in enumerate(labels) if i != by)
    rest = f"{told['name']}{{{others}}}" if others else told["name"]
    return rest, labels[by][1].strip('"')


def _of_part(points: pa.Table, entities: tuple[str, ...], onset: int) -> pa.Table:
    """Keep the points that tell of versions of some entities."""
    import polars as pl

    near = pl.DataFrame(points).filter(
        pl.col("entity").is_in(entities), pl.col("value").is_finite(),
        pl.col("time").is_between(onset - AROUND, onset + AROUND),
    )  # fmt: skip
    names = [n for n in near["metric"].unique().sort().to_list() if version(n) is not None]
    kept = near.filter(pl.col("metric").is_in(names))
    return arrow.table(kept.select("entity", "metric", "time", "value"))


def _siblings(points: pl.DataFrame) -> Iterator[tuple[tuple[str, str], list[_Track]]]:
    """Put the series together that differ in their version alone."""
    together: dict[tuple[str, str], list[_Track]] = {}
    ordered = points.sort("entity", "metric", "time")
    groups = ordered.partition_by("entity", "metric", maintain_order=True)
    for own in groups[:MOST]:
        entity, metric = own.row(0)[:2]
        told = version(metric)
        if told is not None:
            track = _Track(told[1], own["time"].to_numpy(), own["value"].to_numpy())
            together.setdefault((entity, told[0]), []).append(track)
    yield from sorted(together.items())


def _compared(
    entity: str, metric: str, tracks: Sequence[_Track], changed: Iterable[int], onset: int,
    sign: int,
) -> Iterator[Comparison]:  # fmt: skip
    """Compare each version that came, or got a change, with the one that was there before."""
    before = [t for t in changed if t <= onset]
    for new in tracks:
        is_canary = _CANARY.search(new.version) is not None
        since = max([int(new.time[0]), *(before if is_canary else ())])
        there = [t for t in tracks if t is not new and t.time[0] < since and t.time[-1] > since]
        if not there or (is_canary and any(_CANARY.search(t.version) for t in there)):
            continue
        old = max(there, key=lambda t: (len(t.time), t.version))
        until = int(min(old.time[-1], new.time[-1]))
        verdict = _judged(old, new, since, until, onset, sign)
        if verdict is not None:
            told = (_median(t.within(since, until)) for t in (old, new))
            yield Comparison(entity, metric, old.version, new.version, since, verdict, *told)


def _judged(
    old: _Track, new: _Track, since: int, until: int, onset: int, sign: int
) -> Verdict | None:
    """Say whether the new version did worse, or both did alike once the failure was on."""
    usual, found = old.within(since, until), new.within(since, until)
    if min(len(usual), len(found)) < FEWEST:
        return None
    apart, deviations = above(sign * found, sign * usual)
    enough = abs(_median(found) - _median(usual)) >= _LEAST * abs(_median(usual))
    if apart >= _APART and deviations >= _SURE and enough:
        was, deviated = above(sign * new.within(0, since - 1), sign * old.within(0, since - 1))
        return None if was >= _APART and deviated >= _SURE else "worse"
    bad, calm = old.within(max(since, onset), until), old.within(0, onset - 1)
    both = new.within(max(since, onset), until)
    if min(len(bad), len(calm), len(both)) < FEWEST:
        return None
    rose, deviations = above(sign * bad, sign * calm)
    alike = abs(above(both, bad)[0] - 0.5) <= _BESIDE
    return "alike" if alike and rose >= _APART and deviations >= _SURE else None


def above(a: Floats, b: Floats) -> tuple[float, float]:
    """Say how often a value of ``a`` is above one of ``b``, and how sure that is.

    Args:
        a: shape (n,).
        b: shape (m,).

    Returns:
        The share of pairs, ties counting for half, 0.5 where there are none; and how many standard
        deviations it is off 0.5, ties taken into account.
    """
    import numpy as np

    n, m = len(a), len(b)
    if not n or not m:
        return 0.5, 0.0
    pairs: Floats = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    share = float(pairs.mean())
    whole = n + m
    tied: Ints = np.unique(np.concatenate([a, b]), return_counts=True)[1]
    ties = float(np.sum(tied**3 - tied))
    loose = whole + 1 - ties / max(whole * (whole - 1), 1)
    deviation = float(np.sqrt(max(n * m * loose / 12, 0.0)))
    return share, 0.0 if deviation == 0 else (share - 0.5) * n * m / deviation


def _median(values: Floats) -> float:
    import numpy as np

    return float(np.median(values))
