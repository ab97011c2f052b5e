"""Change points in many metrics, beside `ruptures`, a rolling plan of Polars, and NumPy.

    python -m benchmarks.change_points --points 10000000 --series 1000 --json

Series of noise, every 15 s, on services with ten metrics each. In two of three of them a stretch of
a tenth to a quarter of the series is lifted by 4 to 12 times the noise, or lowered. All methods
start from one table of row, time, entity, metric and value, in the order of time.

``numpy`` is our own method as one would write it, series after series: ``equal`` says that its rows
are ours, every figure of them. The others find something else, so for all of them ``planted`` tells
how many of the planted ends they found to within 3 points, and ``excess`` how many points they
named besides, for each planted one:

- ``ruptures``: binary segmentation with an l2 cost (the nearest to ours), told how many points to
  find in each series, which ours is not. It is given 6 series at most; its time is that of these,
  times how many more there are.
- ``polars_rolling``: the first points that are 6 deviations (1.4826 median absolute ones) off the
  rolling median of the hundred points before.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks import _change_points_numpy, _rounds
from nova_timeline.correlate import change_points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import polars as pl

    Column = npt.NDArray[Any]

RUPTURES = 6
"""Series."""
STEP = 15_000_000_000
"""ns between points."""
NEAR = 3
"""Points that a found end may be away from the planted one."""
WINDOW = 100
_METRICS = 10


def made(points: int, series: int, seed: int = 0) -> tuple[pl.DataFrame, Column]:
    """Draw a table of metrics, and the ends of planted stretches: (series, place), sorted."""
    import numpy as np
    import polars as pl

    draw = np.random.default_rng([seed, points, series])
    length = points // series
    first = draw.integers(length // 4, length // 2, series)
    last = first + draw.integers(length // 10, length // 4, series)
    lift = draw.uniform(4, 12, series) * draw.choice([-1, 1], series)
    lift[::3] = 0
    place = np.arange(length)[:, None]
    values = draw.normal(10, 1, (length, series))
    values += np.where((place >= first) & (place < last), lift, 0)
    names = [f"service-{s // _METRICS:05d}" for s in range(series)]
    metrics = [f"http.server.metric_{s % _METRICS}" for s in range(series)]
    owner = pl.Series(np.tile(np.arange(series), length))
    table = pl.DataFrame(
        {
            "row": np.arange(length * series),
            "time": np.repeat(np.arange(length) * STEP, series),
            "entity": pl.Series(names).gather(owner),
            "metric": pl.Series(metrics).gather(owner),
            "value": values.ravel(),
        }
    )
    moved = np.flatnonzero(lift)
    planted = np.stack([np.repeat(moved, 2), np.stack([first, last], 1)[moved].ravel()], 1)
    return table, planted


def excursions(found: pl.DataFrame) -> list[Column]:
    """Give the rows that are compared, every figure of them."""
    import polars as pl

    numbers = found.with_columns(pl.col("back", "back_row").fill_null(-1))
    return [numbers[name].to_numpy() for name in numbers.columns]


def ends(found: pl.DataFrame) -> Column:
    """Give the ends that excursions have, shape (k, 2): series and place."""
    import numpy as np
    import polars as pl

    digits = [pl.col(c).str.extract(r"(\d+)$").cast(pl.Int64) for c in ("entity", "metric")]
    owner = found.select(digits[0] * _METRICS + digits[1]).to_series()
    both = pl.concat([found.select(s=owner, at=pl.col(c)) for c in ("first", "back")])
    return np.asarray(both.drop_nulls().with_columns(pl.col("at") // STEP).to_numpy())


def ruptures_binseg(table: pl.DataFrame, series: int, planted: Column) -> Column:
    """Find as many points as were planted in some series, one after another."""
    import numpy as np

    ruptures: Any = import_module("ruptures")  # has no types

    values = table["value"].to_numpy().reshape(-1, series)
    found: list[tuple[int, int]] = []
    for s in range(min(series, RUPTURES)):
        wanted = int(np.count_nonzero(planted[:, 0] == s))
        if wanted:
            search = ruptures.Binseg(model="l2", min_size=2)
            places = search.fit(values[:, s]).predict(n_bkps=wanted)[:-1]
            found += [(s, place) for place in places]
    return np.array(found, np.int64).reshape(-1, 2)


def polars_rolling(table: pl.DataFrame) -> pl.DataFrame:
    """Find where points leave the rolling median, and where they are back on it."""
    import polars as pl

    key, value = ["entity", "metric"], pl.col("value")
    usual = value.rolling_median(WINDOW).shift(1).over(key)
    off = (value - pl.col("usual")).abs()
    deviation = pl.col("off").rolling_median(WINDOW).shift(1).over(key)
    out = (pl.col("off") > 6 * 1.4826 * pl.col("deviation")).fill_null(value=False)
    return (
        table.lazy()
        .with_columns(usual=usual)
        .with_columns(off=off)
        .with_columns(deviation=deviation)
        .with_columns(out=out)
        .filter(pl.col("out") != pl.col("out").shift(1).over(key))
        .select(*key, first="time", back=pl.lit(None, pl.Int64))
        .collect()
    )


def agreement(found: Column, planted: Column) -> dict[str, float]:
    """Say which share of planted ends was found, and how many points besides for each of them."""
    import numpy as np

    far = int(max(found[:, 1].max(initial=0), planted[:, 1].max())) + 2 * NEAR + 1
    named = np.unique(found[:, 0] * far + found[:, 1] + NEAR)
    wanted = planted[:, 0] * far + planted[:, 1] + NEAR
    low, high = (named.searchsorted(wanted + d, "left") for d in (-NEAR, NEAR + 1))
    besides = len(named) - int((high > low).sum())
    return {
        "planted": round(float((high > low).mean()), 4),
        "excess": round(besides / len(planted), 4),
    }


def measure(points: int, series: int, repeat: int = 3) -> dict[str, Any]:
    """Find the change points of so many points in so many series by all methods."""
    table, planted = made(points, series)
    some = planted[planted[:, 0] < RUPTURES]
    peers: dict[str, Callable[[], Sequence[Any]]] = {
        "numpy": lambda: excursions(_change_points_numpy.find(table)),
        "polars_rolling": lambda: [*ends(polars_rolling(table)).T],
        "ruptures": lambda: [*ruptures_binseg(table, series, planted).T],
    }
    found = _rounds.compare(
        "change_points",
        {"points": len(table), "series": series, "planted": len(planted)},
        lambda: excursions(change_points.find(table)),
        peers,
        scanned=[table[c].to_numpy() for c in ("time", "value")],
        input_bytes=int(table.estimated_size()),
        repeat=repeat,
        limit=10,
    )
    _scale(found, series / min(series, RUPTURES))
    found["equal"] = "numpy" not in found["differ"]
    found["agreement"] = {
        "ours": agreement(ends(change_points.find(table)), planted),
        "polars_rolling": agreement(ends(polars_rolling(table)), planted),
        "ruptures": agreement(ruptures_binseg(table, series, planted), some),
    }
    return found


def _scale(found: dict[str, Any], times: float) -> None:
    """Take the cost of ruptures for so many times as many series."""
    cost = found["peers"]["ruptures"]
    for figure, ratio in (("seconds", "ratio"), ("cpu_seconds", "cpu_ratio")):
        cost[figure] = round(cost[figure] * times, 3)
        found[ratio]["ruptures"] = round(cost[figure] / found["ours"][figure], 2)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks.change_points", description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--series", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=3, help="rounds after the warm-up")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    _rounds.report(measure(chosen.points, chosen.series, chosen.repeat), as_json=chosen.json)


if __name__ == "__main__":
    main()
