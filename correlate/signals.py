"""Signals: the few rows that may be a cause or an effect, drawn from all the evidence.

Classified records (repeats of one another become one signal with a count), bursts of bad log lines,
and metrics that left their level. Plain log lines stay where they are; a signal cites them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nova_timeline import arrow
from nova_timeline.schema import ERROR

from . import background, bursts, metric_signals, notable, templates
from .slabs import one_by_one

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    import pyarrow as pa

    from nova_timeline.clock import Window

    from .slabs import Each, Rows, Slabs

REPEAT = 120_000_000_000
"""ns; records alike that follow one another within this are one signal."""
EXEMPLARS = 5
"""Rows that a signal cites at most, besides its first."""
BURSTS_AN_ENTITY = 4
"""Bursts that begin together on one entity beyond this many are told by the largest."""

LASTING = 300_000_000_000
"""ns; what fails again and again for this long is no passing trouble."""

_TITLE = 160

EFFECTS = ("fault", "alert_firing")
CAUSES = ("change", "fault")
_COLUMNS = (
    "time", "end", "precision", "clock", "entity", "kind", "role", "category", "rule", "title",
    "severity", "count", "weight", "table", "row", "rows",
)  # fmt: skip


def gather(events: Sequence[pl.DataFrame], excursions: pl.DataFrame) -> pl.DataFrame:
    """Put the signals together that were drawn from the evidence.

    Args:
        events: the signals of records; see `of_events`.
        excursions: of metrics; see `change_points.find`.

    Returns:
        One row a signal in the order of time, with ``signal`` (its position), the columns of a
        moment, ``weight`` (how much it speaks for an incident), ``table`` and ``row`` (where its
        first evidence is), ``rows`` (more of it), ``is_effect`` and ``is_cause``.
    """
    import polars as pl

    parts = [*events, metric_signals.of(excursions)]
    both = pl.concat([p.select(_COLUMNS) for p in parts if len(p)] or [_none()])
    return _numbered(_without_idle_recoveries(both))


def joined(found: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """Add signals that other methods drew, and number all anew in the order of time.

    Args:
        found: signals; see `gather`.
        more: rows with the columns of `types`.
    """
    import polars as pl

    if len(more) == 0:
        return found
    return _numbered(pl.concat([found.select(_COLUMNS), more.select(_COLUMNS)]))


def types() -> dict[str, pl.DataType]:
    """Give the columns of a signal that has no number yet, and their types."""
    return dict(_none().schema)


def _numbered(both: pl.DataFrame) -> pl.DataFrame:
    """Put signals in order, number them, and say which may be effects and which causes."""
    import polars as pl

    return (
        both.sort("time", "table", "entity", "role", "title", "row")
        .with_row_index("signal")
        .with_columns(
            pl.col("signal").cast(pl.Int64),
            is_effect=pl.col("role").is_in(EFFECTS),
            is_cause=pl.col("role").is_in(CAUSES),
        )
    )


def of_events(
    slabs: Slabs, window: Window, each: Each = one_by_one
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw the signals of classified records and of bursts, in two passes over the stretches.

    Args:
        slabs: the notable records, in stretches of time.
        window: the incident's window.
        each: how a function is applied to every stretch.
    """
    import polars as pl

    search = bursts.Search(window)
    counts: list[pl.DataFrame] = []
    for faults, logs in each(partial(_counted, window=window), slabs):
        counts.append(pl.DataFrame(faults))
        search.add(pl.DataFrame(logs))
    steady = arrow.table(background.steady(counts))
    runs: list[pl.DataFrame] = []
    for some, logs in each(partial(_drawn, window=window, steady=steady), slabs):
        runs.append(pl.DataFrame(some))
        search.collect(pl.DataFrame(logs))
    return _records(_joined(pl.concat(runs))), _bursts(search.found(), slabs.rows)


def _counted(slab: pa.Table, window: Window) -> tuple[pa.Table, pa.Table]:
    """Count the faults of a stretch; give its plain log lines beside."""
    import polars as pl

    frame = pl.DataFrame(slab)
    return arrow.table(background.counts(frame, window)), _logs(frame)


def _drawn(slab: pa.Table, window: Window, steady: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Draw from a stretch the runs of classified records; give its plain log lines beside."""
    import polars as pl

    frame = pl.DataFrame(slab)
    shown = frame.filter(pl.col("role").is_in(notable.SHOWN))
    kept = background.leave_out(shown, window, pl.DataFrame(steady))
    return arrow.table(_runs(kept)), _logs(frame)


def _logs(frame: pl.DataFrame) -> pa.Table:
    """Pick the log lines that no rule knows: what one knows is a signal already, with its count."""
    import polars as pl

    logs = frame.filter(pl.col("kind").is_in(["log", "health", "host"]), pl.col("role").is_null())
    return arrow.table(logs.select("row", "time", "entity", "template", "severity"))


def errors(slab: pa.Table, entities: Sequence[str], since: int, until: int | None) -> int:
    """Count the error records of some entities in a stretch, between two times, both included."""
    import polars as pl

    inside = pl.DataFrame(slab).filter(
        pl.col("severity") >= ERROR,
        pl.col("kind") != "alert",
        pl.col("entity").fill_null("").is_in(list(entities)),
        pl.col("time") >= since,
        pl.lit(value=True) if until is None else pl.col("time") <= until,
    )
    return len(inside)


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


_KEY = ("entity", "role", "rule", "alike")


def _runs(rows: pl.DataFrame) -> pl.DataFrame:
    """Put records that are alike and follow one another closely into one row each."""
    import polars as pl

    ordered = rows.sort(*_KEY, "time", "row", nulls_last=True)
    return _grouped(
        ordered.with_columns(
            until="time",
            last=pl.max_horizontal("time", "end"),
            count=pl.lit(1, pl.Int64),
            rows=pl.concat_list("row"),
        )
    )


def _joined(runs: pl.DataFrame) -> pl.DataFrame:
    """Join runs that a cut between stretches of time has parted."""
    return _grouped(runs.sort(*_KEY, "time", "row", nulls_last=True))


def _grouped(runs: pl.DataFrame) -> pl.DataFrame:
    """Make one run of neighbours whose quiet is no longer than `REPEAT`."""
    import polars as pl

    quiet = pl.col("time") - pl.col("until").shift(1)
    return (
        runs.with_columns(part=quiet.gt(REPEAT).fill_null(value=False).cum_sum().over(_KEY))
        .group_by([*_KEY, "part"], maintain_order=True)
        .agg(
            pl.col("time", "precision", "clock", "kind", "category", "told", "row").first(),
            pl.col("until", "last", "severity").max(),
            pl.col("count").sum(),
            pl.col("rows").list.explode(keep_nulls=False, empty_as_null=False).head(EXEMPLARS + 1),
        )
        .drop("part")
    )


def _records(runs: pl.DataFrame) -> pl.DataFrame:
    """Make signals of the runs of classified records."""
    import polars as pl

    weight = (
        pl.when(pl.col("role") == "alert_firing").then(3.0)
        .when(pl.col("role") != "fault").then(0.0)
        .when(pl.col("severity") >= ERROR).then(1.5)
        .when(pl.col("last") - pl.col("time") >= LASTING).then(1.0)
        .otherwise(0.5)
    )  # fmt: skip
    return runs.rename({"told": "title"}).with_columns(
        pl.col("rows").list.slice(1),
        end=pl.when(pl.col("last") > pl.col("time")).then("last"),
        table=pl.lit("event"),
        weight=weight,
    )


def _bursts(found: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """Make faults of the bursts, the largest few of those that begin together on one entity."""
    import polars as pl

    told = (
        found.with_columns(near=pl.col("first") // REPEAT)
        .sort(["count", "first", "template"], descending=[True, False, False])
        .with_columns(rank=pl.int_range(pl.len()).over("entity", "near"))
        .filter(pl.col("rank") < BURSTS_AN_ENTITY)
    )
    about = pl.DataFrame(
        rows.take(
            told["first_row"].to_numpy(), ["body", "clock", "timestamp_precision", "category"]
        )
    )
    names = [templates.text(b or "")[:_TITLE] for b in about["body"].to_list()]
    new = pl.when("novel").then(pl.lit(", never seen before")).otherwise(pl.lit(""))
    title = pl.format("Burst of {} log records{}: {}", "count", new, "told")
    return told.with_columns(
        about["clock"],
        about["category"],
        about["timestamp_precision"].fill_null(1).alias("precision"),
        pl.Series("told", names, pl.String),
    ).select(
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
        weight=pl.when(pl.col("severity") >= ERROR).then(2.0).otherwise(0.5),
        table=pl.lit("event"),
        row="first_row",
        rows=pl.lit([], pl.List(pl.Int64)),
    )
