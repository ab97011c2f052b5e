"""The books of every entity: requests, failed requests and time spent waiting, by intervals.

One entity's rate, errors and durations come from different series at different steps. Here they are
brought onto one grid, as sums: of requests, of requests that failed, and of seconds that callers
waited. Sums of different entities can be held against each other, where shares and means cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow

from . import limits, red_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    from .slabs import Each

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

LONGEST = 15 * 60_000_000_000
"""ns; coarser series than this are of no use to tell what happened when."""
_MOST = 20_000
"""Intervals at most; of a longer stretch the grid is made coarser."""
_ABSURD = 1e15  # stands for "no limit" and the like
_MILLISECONDS = 20.0
"""Durations without a unit that are usually above this are taken for milliseconds."""
_SERIES = ("entity", "metric", "role", "rank", "scale", "second")


@dataclass(frozen=True, slots=True)
class Ledger:
    """Sums by entity and interval, shape (entities, intervals); 0 where nothing is known.

    Where an entity has no rate, every point counts as one request: sums of it are relative.
    """

    entities: tuple[str, ...]
    start: int
    step: int
    """ns; interval i begins at ``start + i * step``."""
    requests: Floats
    totals: dict[str, Floats]
    """Mode -> requests that failed, or seconds waited."""
    counted: npt.NDArray[np.bool_]
    """Which entities have a rate, shape (entities,)."""
    rows: dict[str, Ints]
    """Mode -> a METRIC row of each interval, -1 where there is none."""
    names: dict[str, tuple[str, ...]]
    """Mode -> the metric that tells of it, by entity; empty where none does."""

    @property
    def times(self) -> Ints:
        """When each interval begins, in ns, shape (intervals,)."""
        import numpy as np

        stop = self.time(self.requests.shape[1])
        return np.arange(self.start, stop, self.step, dtype=np.int64)

    def time(self, interval: int) -> int:
        """Return when an interval begins, in ns."""
        return self.start + interval * self.step


def keep(series: Sequence[pa.Table], each: Each) -> Ledger | None:
    """Keep the books of all entities that have metrics of requests; None where none has.

    Args:
        series: the points; see `notable.points`.
        each: how a function is applied to every part.
    """
    import polars as pl

    # Held by nobody else: they are freed as soon as they are in order.
    points, names = _ordered([pl.DataFrame(p) for p in each(_of_part, series)])
    if len(points) == 0:
        return None
    chosen = _chosen(points, names)
    if len(chosen) == 0:
        return None
    grid = _Grid.of(points, chosen)
    return _summed(_laid_out(points, chosen, grid), chosen, grid)


def _of_part(points: pa.Table) -> pa.Table:
    """Draw the points that speak of requests, with what they mean."""
    import polars as pl

    frame = pl.DataFrame(points)
    names = frame["metric"].unique().sort()
    read = [(n, m) for n in names.to_list() if (m := red_metrics.meaning(n)) is not None]
    meanings = pl.DataFrame(
        [(n, m.role, m.rank, m.scale, m.per_second) for n, m in read],
        schema={"metric": pl.String, "role": pl.String, "rank": pl.Int64, "scale": pl.Float64,
                "second": pl.Boolean},
        orient="row",
    )  # fmt: skip
    some = frame.filter(pl.col("value").abs() < _ABSURD).join(meanings, on="metric", how="inner")
    known = _beyond_harmless(some, limits.of([n for n, _ in read]))
    # Few names over many points: as categories they take a tenth of the memory.
    named = known.with_columns(pl.col("entity").fill_null(""))
    return arrow.table(named.cast(dict.fromkeys(("entity", "metric", "role"), pl.Categorical)))


def _beyond_harmless(points: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Leave out series that never go beyond what harms nobody, as a disk's few milliseconds.

    Args:
        points: of metrics.
        known: limits; see `limits.of`.
    """
    import polars as pl

    watched = known.filter(pl.col("fine").is_not_null())
    if len(watched) == 0:
        return points
    told = points.join(watched, on="metric", how="left", maintain_order="left")
    fine = limits.harmless(pl.col("value")).all().over("entity", "metric")
    return told.filter(~fine.fill_null(value=False) | pl.col("up").is_null()).select(points.columns)


def _ordered(parts: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put points in the order of series and time; numbers are sorted in a fraction of names' time.

    Args:
        parts: points with what they mean; see `_of_part`.

    Returns:
        series (its number), time, row, value; and what each series is, in the order of entity and
        metric.
    """
    import numpy as np
    import polars as pl

    if not any(map(len, parts)):
        return pl.DataFrame(), pl.DataFrame()
    by = ["entity", "metric"]
    some = [part.select(_SERIES).unique(by).cast({pl.Categorical: pl.String}) for part in parts]
    names = pl.concat(some).unique(by).sort(by).with_row_index("series")
    numbers = names.select("series", *by).cast(dict.fromkeys(by, pl.Categorical))
    kept = pl.concat(
        part.join(numbers, on=by, how="inner").select("series", "time", "row", "value")
        for part in parts
    )
    # Stable sorts, last key first, are quick: most points come in order already.
    return kept[np.lexsort([kept[c].to_numpy() for c in ("row", "time", "series")])], names


def _chosen(points: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Choose one series for each entity and role; add its step and whether it is a counter."""
    import polars as pl

    gap = pl.col("time").diff().over("series")
    rise = pl.col("value").diff().over("series")
    about = (
        points.with_columns(gap=gap, rise=rise)
        .group_by("series")
        .agg(
            points=pl.len(),
            step=pl.col("gap").median().cast(pl.Int64),
            counter=(pl.col("rise") >= 0).mean() > 0.97,
            moved=(pl.col("rise") > 0).mean(),
            usual=pl.col("value").median(),
            most=pl.col("value").max(),
        )
        .join(names, on="series", how="left")
        .filter(pl.col("points") >= 3, pl.col("step").is_between(1, LONGEST))
    )
    total = pl.col("metric").str.contains(r"(?i)total\b|count\b")
    about = about.with_columns(
        counter=pl.col("counter") & total & (pl.col("moved") > 0.5),
        scale=_scale(),
    )
    return about.sort("entity", "role", "rank", "metric").unique(
        ["entity", "role"], keep="first", maintain_order=True
    )


def _scale() -> pl.Expr:
    """Tell percent from shares and milliseconds from seconds where names leave it open."""
    import polars as pl

    share = pl.col("role").is_in(["working", "failing"]) & (pl.col("scale") == 1)
    percent = share & (pl.col("most").max().over("metric", "role") > 1.5)
    open_ended = (pl.col("role") == "duration") & (pl.col("scale") == 1)
    fine = open_ended & (pl.col("usual").median().over("metric") > _MILLISECONDS)
    return pl.when(percent).then(0.01).when(fine).then(1e-3).otherwise(pl.col("scale"))


@dataclass(frozen=True, slots=True)
class _Grid:
    """The intervals that all series are brought onto."""

    start: int
    step: int
    intervals: int

    @classmethod
    def of(cls, points: pl.DataFrame, chosen: pl.DataFrame) -> _Grid:
        """Take the coarsest of the steps, from the first point to the last."""
        start, stop = _whole(points["time"].min()), _whole(points["time"].max())
        coarsest = _whole(chosen["step"].max())
        step = coarsest * max(1, -(-(stop - start) // (coarsest * _MOST)))
        return cls(start, step, (stop - start) // step + 1)


def _laid_out(points: pl.DataFrame, chosen: pl.DataFrame, grid: _Grid) -> pl.DataFrame:
    """Put what is known of one entity and interval on one row: value and row of each role.

    Counts are summed within an interval, shares and durations averaged.
    """
    import polars as pl

    about = chosen.with_columns(who=pl.col("entity").rank("dense"))
    about = about.select("series", "who", "role", "second", "step", "counter", factor="scale")
    held = points.join(about, on="series", how="inner", maintain_order="left")
    value = (
        pl.when("counter")
        .then(pl.col("value").diff().over("series").clip(lower_bound=0.0))
        .when("second")
        .then(pl.col("value") * (pl.col("step") / 1e9))
        .otherwise(pl.col("value") * pl.col("factor"))
    )
    at = (pl.col("time") - grid.start) // grid.step
    told = held.with_columns(value=value, at=at).filter(pl.col("value").is_not_null())
    columns: list[pl.Expr] = []
    for role in ("rate", "errors", "failing", "working", "duration"):
        mine = pl.col("value").filter(pl.col("role") == role)
        summed = pl.when(mine.len() > 0).then(mine.sum())
        columns.append((summed if role in ("rate", "errors") else mine.mean()).alias(role))
        row = pl.col("row").filter(pl.col("role") == role).first()
        columns.append(row.alias(f"{role}_row"))
    wide = told.group_by("who", "at", maintain_order=True).agg(columns)
    entities = pl.Series("entity", sorted(set(chosen["entity"].to_list())), pl.String)
    return wide.with_columns(entity=entities.gather(wide["who"] - 1)).drop("who")


def _summed(wide: pl.DataFrame, chosen: pl.DataFrame, grid: _Grid) -> Ledger:
    """Write what is known of each entity and interval into tables."""
    import numpy as np
    import polars as pl

    entities = sorted(wide["entity"].unique().to_list())
    code = {e: i for i, e in enumerate(entities)}
    shape = (len(entities), grid.intervals)
    at = (
        wide["entity"].replace_strict(code, return_dtype=pl.Int64).to_numpy(),
        wide["at"].to_numpy(),
    )
    with_rate = chosen.filter(pl.col("role") == "rate")["entity"].to_list()
    counted = np.isin(np.array(entities), with_rate)
    known = _derived(wide, with_rate)

    def laid(column: str, none: float) -> npt.NDArray[Any]:
        held = known[column].fill_null(none)
        table = np.full(shape, none, held.to_numpy().dtype)
        table[at] = held.to_numpy()
        return table

    modes = red_metrics.MODES
    return Ledger(
        tuple(entities), grid.start, grid.step, laid("requests", 0.0),
        {m: laid(m, 0.0) for m in modes}, counted,
        {m: laid(f"{m}_row", -1) for m in modes}, {m: _names(chosen, entities, m) for m in modes},
    )  # fmt: skip


def _derived(wide: pl.DataFrame, with_rate: list[str]) -> pl.DataFrame:
    """Work out requests, failed requests and seconds waited of each entity and interval."""
    import polars as pl

    counted = pl.col("entity").is_in(with_rate)
    requests = pl.when(counted).then(pl.col("rate").fill_null(0.0)).otherwise(1.0)
    share = pl.coalesce("failing", 1.0 - pl.col("working")).clip(0.0, 1.0)
    # Counts of errors say more than shares; without a rate beside them they are all there is.
    failed = pl.coalesce("errors", share * pl.col("requests"))
    return wide.with_columns(requests=requests).with_columns(
        errors=failed,
        duration=pl.col("duration") * pl.col("requests"),
        errors_row=pl.coalesce("errors_row", "failing_row", "working_row"),
    )


def _names(chosen: pl.DataFrame, entities: Sequence[str], mode: str) -> tuple[str, ...]:
    """Name the metric that tells of a mode, by entity."""
    import polars as pl

    roles = ["errors", "failing", "working"] if mode == "errors" else ["duration"]
    order = {r: i for i, r in enumerate(roles)}
    mine = chosen.filter(pl.col("role").is_in(roles))
    ordered = mine.sort(pl.col("role").replace_strict(order, return_dtype=pl.Int64), "metric")
    first: dict[str, str] = {}
    for entity, metric in ordered.select("entity", "metric").iter_rows():
        first.setdefault(entity, metric)
    return tuple(first.get(e, "") for e in entities)


def _whole(value: Any) -> int:
    return int(value)
