"""Faults and recoveries of metrics: each excursion for the worse, and the end of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline import arrow

from . import change_points, limits, notable, recurring

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    import pyarrow as pa

    from .slabs import Each

HARM = 2.0
"""What an excursion weighs of a metric whose name says that it went for the worse."""
_RESOURCE = 1.0  # a precursor
_ODD = 0.5
_CATEGORIES = {
    "traffic": "traffic",
    "size": "scaling",
    "resource": "resource_exhaustion",
    "spare": "resource_exhaustion",
}
_WEIGHTS = {"worse": HARM, "better": HARM, "resource": _RESOURCE, "spare": _RESOURCE}
FELL = " fell from "
"""What stands in the title of a metric that went down."""
_SLIGHT, _SLIGHT_USE = 2.0, 3.0
"""An excursion that ended, and went less than so many times its level, harmed nobody for long: of
what gets worse, and of what a resource is used for."""
_SHORT = 15 * 60_000_000_000
"""ns; what came back by itself within this passed by."""
_WORK = r"(?i)iops"
"""What counts the work that is done, and not what is left: to be done with much of it harms
nobody."""
CONNECTED = r"(?i)(database|db|client|server)_?connections(_?(count|total|open))?$"
"""What counts who is connected: all leave at once what is down, or can be reached no longer."""
_GONE = 0.1
_LEAST = 1 / 15
"""The least share of a series' points that tells what was normal, where it began so."""
_LONG = 1e15  # beyond this the digits say nothing


def excursions(series: Sequence[pa.Table], each: Each) -> pl.DataFrame:
    """Find where metrics left their level; see `change_points.find`.

    Args:
        series: the points, in parts that each hold whole series; see `notable.points`.
        each: how a function is applied to every part.

    Returns:
        One row an excursion, as `change_points.find` gives them, with ``recurs``: whether it is
        peaks that come again and again.
    """
    import polars as pl

    none = change_points.find(pl.DataFrame(notable.point_schema().empty_table()))
    none = none.with_columns(recurs=pl.lit(value=False))
    found = [pl.DataFrame(f) for f in each(_of_part, series)]
    return pl.concat([none, *found]).sort("first", "entity", "metric")


def _of_part(points: pa.Table) -> pa.Table:
    import polars as pl

    frame = pl.DataFrame(points)
    found = change_points.find(frame)
    standing, again = limits.standing(frame, found), recurring.find(frame, found)
    parts = [(_turned(found, frame), False), (standing, False), (again, True)]
    return arrow.table(pl.concat([p.with_columns(recurs=pl.lit(value=r)) for p, r in parts]))


def _turned(found: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    """Tell a series that began well and stayed bad the right way round.

    The longest level passes for the usual one where the first is short. Where the first is the
    better one and never came back, it was the usual one.
    """
    import polars as pl

    series = ["entity", "metric"]
    spans = points.group_by(series).agg(began=pl.col("time").min(), size=pl.len())
    told = found.join(
        spans, on=series, how="left", nulls_equal=True, maintain_order="left"
    ).with_columns(_means(found))
    worse = _worse(-pl.col("deviation"))
    enough = pl.col("back") - pl.col("first") >= pl.col("step") * pl.col("size") * _LEAST
    turn = (pl.col("first") == pl.col("began")) & pl.col("back").is_not_null() & worse & enough
    alone = pl.len().over(series) == 1
    turned = {
        "first": pl.col("back"),
        "first_row": pl.col("back_row"),
        "back": pl.lit(None, pl.Int64),
        "back_row": pl.lit(None, pl.Int64),
        "baseline": pl.col("level"),
        "level": pl.col("baseline"),
        "deviation": -pl.col("deviation"),
    }
    return told.with_columns(
        pl.when(turn & alone).then(value.cast(found.schema[name])).otherwise(name).alias(name)
        for name, value in turned.items()
    ).select(found.columns)


def _means(found: pl.DataFrame) -> pl.Series:
    """Say of each metric what its rise means; of a resource, ``spare`` where it tells the rest."""
    import polars as pl

    said: list[str] = []
    for metric in found["metric"].fill_null("").to_list():
        meaning = change_points.direction(metric)
        spare = meaning == "resource" and change_points.is_spare(metric)
        said.append("spare" if spare else meaning)
    return pl.Series("means", said, pl.String)


def _worse(deviation: pl.Expr) -> pl.Expr:
    """Say whether a deviation is plainly for the worse."""
    import polars as pl

    up = pl.col("means").is_in(["worse", "resource"])
    down = pl.col("means").is_in(["better", "spare"])
    return (up & (deviation > 0)) | (down & (deviation < 0))


def of(found: pl.DataFrame) -> pl.DataFrame:
    """Make a fault of each excursion for the worse, and a recovery of its end.

    Args:
        found: see `excursions`.

    Returns:
        One row a signal; see `nova_timeline.correlate.signals.gather` for the columns.
    """
    import polars as pl

    up = pl.col("deviation") > 0
    known = found.with_columns(_means(found)).join(
        limits.of(found["metric"].unique()).rename({"category": "at_limit"}),
        on="metric", how="left", maintain_order="left",
    )  # fmt: skip
    more = pl.col("means").is_in(["better", "spare", "size"])
    good = ((pl.col("means") == "worse") & ~up) | (more & up)
    told = known.filter(~good).with_columns(category=_category(), weight=_weight())
    verb = pl.when(up).then(pl.lit("rose")).otherwise(pl.lit("fell"))
    levels = (_number("baseline"), _number("level"))
    moved = pl.format("{} {} from {} to {}", "metric", verb, *levels)
    stands = pl.format("{} stands at {}, at its limit", "metric", _number("level"))
    again = pl.format("{} rises again and again from {} to {}", "metric", *levels)
    worse = told.select(
        time="first",
        end="back",
        role=pl.lit("fault"),
        title=pl.when(pl.col("baseline").is_null())
        .then(stands)
        .when("recurs")
        .then(again)
        .otherwise(moved),
        weight="weight",
        row="first_row",
        **_same(),
    )
    back = told.filter(pl.col("back").is_not_null()).select(
        time="back",
        end=pl.lit(None, pl.Int64),
        role=pl.lit("recovery"),
        title=pl.format("{} is back at its level of {}", "metric", _number("baseline")),
        weight=pl.lit(0.0),
        row="back_row",
        **_same(),
    )
    return pl.concat([worse, back])


def _category() -> pl.Expr:
    """Name what an excursion is: by its limit where it got there, else by what the metric means.

    A resource that is used less than before is not exhausted.
    """
    import polars as pl

    by_meaning = pl.col("means").replace_strict(_CATEGORIES, default=None, return_dtype=pl.String)
    less = pl.col("means").is_in(["resource", "spare"]) & ~_worse(pl.col("deviation"))
    at_limit = limits.reached(pl.col("level")) & _getting_worse()
    return pl.when(at_limit).then("at_limit").when(~less).then(by_meaning)


def _weight() -> pl.Expr:
    """Weigh an excursion by what the metric means; what harms nobody is only odd."""
    import polars as pl

    by_meaning = pl.col("means").replace_strict(_WEIGHTS, default=_ODD, return_dtype=pl.Float64)
    level, usual = pl.col("level"), pl.col("baseline")
    most = pl.when(pl.col("means") == "resource").then(_SLIGHT_USE).otherwise(_SLIGHT)
    near = (level.abs() < most * usual.abs()) & (level.abs() * most > usual.abs())
    at_limit = (limits.reached(level) & _getting_worse()).fill_null(value=False)
    short = pl.col("back") - pl.col("first") <= _SHORT
    passing = short & limits.passing(level) & _getting_worse()
    done = (pl.col("means") == "resource") & pl.col("metric").str.contains(_WORK)
    slight = pl.col("back").is_not_null() & (near | passing.fill_null(value=False) | done)
    slight &= ~at_limit
    harmless = limits.harmless(level) & _getting_worse()
    # A processor with less to do is what less traffic makes of it: an effect, and no precursor.
    less = (pl.col("means") == "resource") & (pl.col("deviation") < 0)
    odd = (slight | harmless | less).fill_null(value=False)
    stands = pl.col("baseline").is_null() | pl.col("recurs")
    away = pl.col("back").is_null() & (level <= _GONE * usual)
    left = (less & away & pl.col("metric").str.contains(CONNECTED)).fill_null(value=False)
    return (
        pl.when(stands)
        .then(_RESOURCE)
        .when(left)
        .then(HARM)
        .when(odd)
        .then(_ODD)
        .otherwise(by_meaning)
    )


def _getting_worse() -> pl.Expr:
    """Say whether an excursion went the way in which its limit lies; null where it has none."""
    import polars as pl

    return (pl.col("deviation") > 0) == pl.col("up")


def _same() -> dict[str, pl.Expr]:
    """Give the columns that an excursion's beginning and end have alike."""
    import polars as pl

    return {
        "precision": pl.col("step"),
        "clock": pl.lit(None, pl.String),
        "entity": pl.col("entity"),
        "kind": pl.lit("metric_change"),
        "category": pl.col("category"),
        "rule": pl.concat_str([pl.lit("metric:"), "metric"]),
        "severity": pl.lit(13, pl.Int64),
        "count": pl.lit(1, pl.Int64),
        "table": pl.lit("metric"),
        "rows": pl.lit([], pl.List(pl.Int64)),
    }


def _number(column: str) -> pl.Expr:
    """Write a number with three digits, or all those before the point."""
    import polars as pl

    value = pl.col(column)
    size = value.abs()
    whole = value.round(0).cast(pl.Int64, strict=False).cast(pl.String)
    short = value.round_sig_figs(3).cast(pl.String)
    return pl.when((size >= 100) & (size < _LONG)).then(whole).otherwise(short)
