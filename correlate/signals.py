"""Signals: the few rows that may be a cause or an effect, drawn from all the evidence.

Classified records (repeats of one another become one signal with a count), bursts of bad log lines,
and metrics that left their level. Plain log lines stay where they are; a signal cites them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import background, bursts, change_points, metric_signals, templates

if TYPE_CHECKING:
    import polars as pl

    from nova_timeline.clock import Window

REPEAT = 120_000_000_000
"""ns; records alike that follow one another within this are one signal."""
EXEMPLARS = 5
"""Rows that a signal cites at most, besides its first."""
BURSTS_AN_ENTITY = 4
"""Bursts that begin together on one entity beyond this many are told by the largest."""

_ERROR = 17
_TITLE = 160

_EACH = ("change", "alert_firing", "alert_resolved", "acknowledgement")
EFFECTS = ("fault", "alert_firing")
CAUSES = ("change", "fault")
_SHOWN = ("change", "fault", "recovery", "alert_firing", "alert_resolved", "acknowledgement", "gap")
_COLUMNS = (
    "time", "end", "precision", "clock", "entity", "kind", "role", "category", "rule", "title",
    "severity", "count", "weight", "table", "row", "rows",
)  # fmt: skip


def gather(rows: pl.DataFrame, metrics: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Draw the signals from the evidence.

    Args:
        rows: one row an event: ``row`` (position in the event table), ``time``, ``end`` (int64 ns,
            corrected; rows without a time are left out beforehand), ``precision``, ``clock``,
            ``entity``, ``kind``, ``role``, ``category``, ``rule``, ``title``, ``event_name``,
            ``severity``, ``body``, ``template`` (uint64).
        metrics: ``row``, ``time``, ``entity``, ``metric``, ``value``, ``unit``.
        window: the incident's window.

    Returns:
        One row a signal in the order of time, with ``signal`` (its position), the columns of a
        moment, ``weight`` (how much it speaks for an incident), ``table`` and ``row`` (where its
        first evidence is), ``rows`` (more of it), ``is_effect`` and ``is_cause``.
    """
    import polars as pl

    parts = [
        _records(rows, window),
        _bursts(rows, window),
        metric_signals.of(change_points.find(metrics)),
    ]
    both = pl.concat([p.select(_COLUMNS) for p in parts if len(p)] or [_none()])
    return (
        _without_idle_recoveries(both)
        .sort("time", "table", "entity", "role", "title", "row")
        .with_row_index("signal")
        .with_columns(
            pl.col("signal").cast(pl.Int64),
            is_effect=pl.col("role").is_in(EFFECTS),
            is_cause=pl.col("role").is_in(CAUSES),
        )
    )


def _without_idle_recoveries(found: pl.DataFrame) -> pl.DataFrame:
    """Leave out recoveries of entities that were in no trouble: services start every day."""
    import polars as pl

    first = (
        found.filter(pl.col("role").is_in(EFFECTS))
        .group_by("entity")
        .agg(since=pl.col("time").min())
    )
    told = found.join(first, on="entity", how="left", nulls_equal=True)
    before = (pl.col("since") > pl.col("time")).fill_null(value=True)
    idle = (pl.col("role") == "recovery") & before
    return told.filter(~idle).select(found.columns)


def _none() -> pl.DataFrame:
    import polars as pl

    whole = {"time", "end", "precision", "severity", "count", "row"}
    types: dict[str, pl.DataType] = {
        c: pl.Int64() if c in whole else pl.Float64() if c == "weight" else pl.String()
        for c in _COLUMNS
    }
    return pl.DataFrame(schema=types | {"rows": pl.List(pl.Int64)})


def _records(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Make signals of the classified records, repeats of each other in one."""
    import polars as pl

    key = ["entity", "role", "rule", "alike"]
    # Two changes, or two alerts, by one rule are two, unless they say the same.
    said = pl.col("rule").is_null() | pl.col("role").is_in(_EACH)
    alike = pl.when(said).then(pl.col("title").fill_null(pl.col("event_name")))
    weight = (
        pl.when(pl.col("role") == "alert_firing").then(3.0)
        .when(pl.col("role") != "fault").then(0.0)
        .when(pl.col("severity") >= _ERROR).then(1.5)
        .otherwise(0.5)
    )  # fmt: skip
    shown = rows.filter(pl.col("role").is_in(_SHOWN))
    return (
        background.leave_out(shown, window)
        .with_columns(
            title=pl.coalesce("title", pl.col("body").str.slice(0, _TITLE), "event_name", "role"),
            alike=alike,
        )
        .sort(*key, "time", "row", nulls_last=True)
        .with_columns(
            part=pl.col("time").diff().gt(REPEAT).fill_null(value=False).cum_sum().over(key)
        )
        .group_by([*key, "part"], maintain_order=True)
        .agg(
            pl.col("time", "precision", "clock", "kind", "category", "title", "row").first(),
            last=pl.max_horizontal("time", "end").max(),
            severity=pl.col("severity").max().cast(pl.Int64),
            count=pl.len().cast(pl.Int64),
            rows=pl.col("row").slice(1, EXEMPLARS),
        )
        .with_columns(
            end=pl.when(pl.col("last") > pl.col("time")).then("last"),
            table=pl.lit("event"),
            weight=weight,
        )
    )


def _bursts(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Make faults of the bursts, the largest few of those that begin together on one entity."""
    import polars as pl

    # What a rule knows is a signal already, with its count.
    logs = rows.filter(pl.col("kind").is_in(["log", "health", "host"]), pl.col("role").is_null())
    biggest = (
        bursts.find(logs, window)
        .with_columns(near=pl.col("first") // REPEAT)
        .sort(["count", "first", "template"], descending=[True, False, False])
        .with_columns(rank=pl.int_range(pl.len()).over("entity", "near"))
        .filter(pl.col("rank") < BURSTS_AN_ENTITY)
    )
    about = logs.select("row", "body", "clock", "precision", "category")
    told = biggest.join(about, left_on="first_row", right_on="row", how="left")
    names = [templates.text(b or "")[:_TITLE] for b in told["body"].to_list()]
    new = pl.when("novel").then(pl.lit(", never seen before")).otherwise(pl.lit(""))
    title = pl.format("Burst of {} log records{}: {}", "count", new, "told")
    return told.with_columns(pl.Series("told", names, pl.String)).select(
        "precision",
        "clock",
        "entity",
        "category",
        time="first",
        end=pl.when(pl.col("last") > pl.col("first")).then("last"),
        kind=pl.lit("log"),
        role=pl.lit("fault"),
        rule=pl.lit(None, pl.String),
        title=title,
        severity=pl.col("severity").cast(pl.Int64),
        count=pl.col("count").cast(pl.Int64),
        weight=pl.when(pl.col("severity") >= _ERROR).then(2.0).otherwise(0.5),
        table=pl.lit("event"),
        row="first_row",
        rows=pl.lit([], pl.List(pl.Int64)),
    )
