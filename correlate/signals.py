"""Signals: the few rows that may be a cause or an effect, drawn from all the evidence.

Classified records (repeats of one another become one signal with a count), bursts of bad log lines,
and metrics that left their level. Plain log lines stay where they are; a signal cites them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import bursts, change_points, templates

if TYPE_CHECKING:
    import polars as pl

    from nova_timeline.clock import Window

REPEAT = 120_000_000_000
"""ns; records alike that follow one another within this are one signal."""
EXEMPLARS = 5
"""Rows that a signal cites at most, besides its first."""
BURSTS_AN_ENTITY = 4
"""Bursts that begin together on one entity beyond this many are told by the largest."""

_SLICES = 24
_FEW = 2

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

    parts = [_records(rows, window), _bursts(rows, window), _metrics(change_points.find(metrics))]
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
        found.filter(pl.col("role").is_in(EFFECTS)).group_by("entity").agg(since=pl.col("time").min())
    )
    told = found.join(first, on="entity", how="left", nulls_equal=True)
    idle = (pl.col("role") == "recovery") & ~(pl.col("since") <= pl.col("time")).fill_null(value=False)
    return told.filter(~idle).select(found.columns)


def _none() -> pl.DataFrame:
    import polars as pl

    whole = {"time", "end", "precision", "severity", "count", "row"}
    types: dict[str, pl.DataType] = {
        c: pl.Int64() if c in whole else pl.Float64() if c == "weight" else pl.String()
        for c in _COLUMNS
    }
    return pl.DataFrame(schema=types | {"rows": pl.List(pl.Int64)})


def _above_background(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Leave out faults that go on at their usual rate: what is there all night is no sign.

    The usual rate of a rule, on an entity or on all of them, is the median of the window's first
    third or of its last, whichever is less, so that an incident that begins early or never ends is
    not taken for it. A few records on one entity are part of what is usual on all of them.
    """
    import polars as pl

    width = max((window.end - window.start) // _SLICES, 1)
    placed = rows.with_columns(slice=(pl.col("time") - window.start) // width)
    fault = placed.filter(pl.col("role") == "fault")
    alone, whole = ["entity", "rule"], ["rule"]
    told = placed.join(_usual(fault, alone), on=[*alone, "slice"], how="left", nulls_equal=True)
    told = told.join(
        _usual(fault, whole), on=[*whole, "slice"], how="left", nulls_equal=True, suffix="_all"
    )
    here = (pl.col("usual") > 0) & (pl.col("n") < 3 * pl.col("usual") + 3)
    everywhere = (pl.col("usual_all") > 0) & (pl.col("n_all") < 3 * pl.col("usual_all") + 3)
    steady = here | (everywhere & (pl.col("n") <= _FEW))
    quiet = (pl.col("role") == "fault") & steady.fill_null(value=False)
    return told.filter(~quiet).select(rows.columns)


def _usual(fault: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Count faults by key and slice (``n``), beside the key's usual count of a slice (``usual``)."""
    import polars as pl

    third = _SLICES // 3
    counts = fault.group_by(*key, "slice").len("n")
    usual = counts.group_by(key).agg(
        pl.min_horizontal(
            _median_of(pl.col("slice") < third, third),
            _median_of(pl.col("slice") >= _SLICES - third, third),
        ).alias("usual")
    )
    return counts.join(usual, on=key, nulls_equal=True)


def _median_of(inside: pl.Expr, slices: int) -> pl.Expr:
    """Take the median count of some slices; those without a row count as zero."""
    import polars as pl

    counts = pl.col("n").filter(inside)
    # The median of a list that is mostly zeros is zero: it takes more than half to be otherwise.
    ordered = counts.sort(descending=True)
    return pl.when(counts.len() * 2 > slices).then(ordered.get(slices // 2, null_on_oob=True)).otherwise(0)


def _records(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Make signals of the classified records, repeats of each other in one."""
    import polars as pl

    key = ["entity", "role", "rule", "alike"]
    change = pl.col("role") == "change"
    alike = pl.when(pl.col("rule").is_null() | change).then(
        pl.col("title").fill_null(pl.col("event_name"))
    )
    seen = _above_background(rows.filter(pl.col("role").is_in(_SHOWN)), window).with_columns(
        title=pl.coalesce("title", pl.col("body").str.slice(0, 160), "event_name", "role"),
        alike=alike,
    )
    return (
        seen.sort(*key, "time", "row", nulls_last=True)
        .with_columns(
            part=(pl.col("time") - pl.col("time").shift(1) > REPEAT)
            .fill_null(value=False)
            .cum_sum()
            .over(key)
        )
        .group_by([*key, "part"], maintain_order=True)
        .agg(
            pl.col("time").first(),
            last=pl.max_horizontal("time", "end").max(),
            precision=pl.col("precision").first(),
            clock=pl.col("clock").first(),
            kind=pl.col("kind").first(),
            category=pl.col("category").first(),
            title=pl.col("title").first(),
            severity=pl.col("severity").max().cast(pl.Int64),
            count=pl.len().cast(pl.Int64),
            row=pl.col("row").first(),
            rows=pl.col("row").slice(1, EXEMPLARS),
        )
        .with_columns(
            end=pl.when(pl.col("last") > pl.col("time")).then("last"),
            table=pl.lit("event"),
            weight=pl.when(pl.col("role") == "alert_firing")
            .then(3.0)
            .when(pl.col("role") == "fault")
            .then(pl.when(pl.col("severity") >= 17).then(1.5).otherwise(0.5))
            .otherwise(0.0),
        )
    )


def _bursts(rows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Make faults of the bursts, the largest few of those that begin together on one entity."""
    import polars as pl

    # What a rule knows is a signal already, with its count.
    logs = rows.filter(pl.col("kind").is_in(["log", "health", "host"]), pl.col("role").is_null())
    found = bursts.find(logs, window)
    near = (pl.col("first") // REPEAT).alias("near")
    biggest = (
        found.with_columns(near)
        .sort(["count", "first", "template"], descending=[True, False, False])
        .with_columns(rank=pl.int_range(pl.len()).over("entity", "near"))
        .filter(pl.col("rank") < BURSTS_AN_ENTITY)
    )
    about = logs.select("row", "body", "clock", "precision", "category")
    told = biggest.join(about, left_on="first_row", right_on="row", how="left")
    names = [templates.text(b or "") for b in told["body"].to_list()]
    new = pl.when("novel").then(pl.lit(", never seen before")).otherwise(pl.lit(""))
    return told.with_columns(
        pl.Series("told", names, pl.String),
    ).select(
        time="first",
        end=pl.when(pl.col("last") > pl.col("first")).then("last"),
        precision=pl.col("precision"),
        clock=pl.col("clock"),
        entity=pl.col("entity"),
        kind=pl.lit("log"),
        role=pl.lit("fault"),
        category=pl.col("category"),
        rule=pl.lit(None, pl.String),
        title=pl.format(
            "Burst of {} log records{}: {}", "count", new, pl.col("told").str.slice(0, 160)
        ),
        severity=pl.col("severity").cast(pl.Int64),
        count=pl.col("count").cast(pl.Int64),
        weight=pl.when(pl.col("severity") >= 17).then(2.0).otherwise(0.5),
        table=pl.lit("event"),
        row=pl.col("first_row"),
        rows=pl.lit([], pl.List(pl.Int64)),
    )


def _metrics(found: pl.DataFrame) -> pl.DataFrame:
    """Make a fault of each excursion for the worse, and a recovery of its end."""
    import polars as pl

    means = pl.Series(
        "means", [change_points.direction(m) for m in found["metric"].to_list()], pl.String
    )
    up = pl.col("deviation") > 0
    bad = (
        ((pl.col("means") == "worse") & up)
        | ((pl.col("means") == "better") & ~up)
        | pl.col("means").is_in(["resource", "unknown"])
        | (pl.col("means") == "traffic")
    )
    told = found.with_columns(means).filter(bad)
    verb = pl.when(up).then(pl.lit("rose")).otherwise(pl.lit("fell"))
    weight = (
        pl.when(pl.col("means").is_in(["worse", "better"])).then(2.0)
        .when(pl.col("means") == "resource").then(1.0)
        .otherwise(0.5)
    )  # fmt: skip
    same = {
        "precision": pl.col("step"),
        "clock": pl.lit(None, pl.String),
        "entity": pl.col("entity"),
        "kind": pl.lit("metric_change"),
        "rule": pl.concat_str([pl.lit("metric:"), "metric"]),
        "severity": pl.lit(13, pl.Int64),
        "count": pl.lit(1, pl.Int64),
        "table": pl.lit("metric"),
        "rows": pl.lit([], pl.List(pl.Int64)),
    }
    category = (
        pl.when(pl.col("means") == "traffic")
        .then(pl.lit("traffic"))
        .when(pl.col("means") == "resource")
        .then(pl.lit("resource_exhaustion"))
    )
    worse = told.select(
        time="first",
        end="back",
        role=pl.lit("fault"),
        category=category,
        title=pl.format(
            "{} {} from {} to {}", "metric", verb, _number("baseline"), _number("level")
        ),
        weight=weight,
        row="first_row",
        **same,
    )
    back = told.filter(pl.col("back").is_not_null()).select(
        time="back",
        end=pl.lit(None, pl.Int64),
        role=pl.lit("recovery"),
        category=category,
        title=pl.format("{} is back at its level of {}", "metric", _number("baseline")),
        weight=pl.lit(0.0),
        row="back_row",
        **same,
    )
    return pl.concat([worse.select(_COLUMNS), back.select(_COLUMNS)])


def _number(column: str) -> pl.Expr:
    import polars as pl

    value = pl.col(column)
    return (
        pl.when(value.abs() >= 100)
        .then(value.round(0).cast(pl.Int64).cast(pl.String))
        .otherwise(
            value.round_sig_figs(3).cast(pl.String)
        )
    )
