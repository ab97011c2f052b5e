"""The whole of the correlation, stage after stage, on tables that are already read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow

from . import cascades, causes, clocks, episode, phases, ranking, signals, templates, touched
from .phases import Phase
from .scene import Scene

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from nova_timeline.clock import Window
    from nova_timeline.model import ClockEstimate
    from nova_timeline.topology import Topology

    from .cascades import Cascade
    from .episode import Episode, Signal
    from .scene import Candidate

_RIVALS = 400
"""Changes that are judged at most: on or below the cascade first, then the nearest in time."""
_TOLD = 2_000
"""Signals of the cascade whose records are read for what failed: the nearest to the onset."""
_TEXT = 4000
_REQUEST_ID = (
    r"""(?i)(?:trace|request|req|correlation)[_-]?id["']?\s*[:= ]\s*["']?"""
    r"([0-9a-z][0-9a-z-]{7,63})"
)
_REQUEST = r"\b(req-[0-9a-z-]{6,60})\b"
_REQUEST_KEYS = ("request_id", "requestId", "request.id", "http.request.id", "correlation_id")


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the evidence amounts to, before it is written out as moments."""

    clocks: tuple[ClockEstimate, ...]
    signals: pl.DataFrame
    links: Sequence[causes.Link]
    episode: Episode | None
    cascades: tuple[Cascade, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    confidence: Sequence[float] = ()
    phases: Mapping[str, Phase] = field(default_factory=dict[str, Phase])
    errors: int = 0


def run(
    events: pa.Table,
    metrics: pa.Table,
    topology: Topology,
    window: Window,
    *,
    affected: tuple[str, ...] = (),
    own_receipt: frozenset[str] = frozenset(),
) -> Analysis:
    """Correlate events and metrics.

    Args:
        events: EVENT rows, sorted by time, once each.
        metrics: METRIC rows.
        topology: who depends on whom, discovered edges included.
        window: the incident's.
        affected: entities that the incident file names as affected.
        own_receipt: sources whose ``observed_timestamp`` is by the same clock as ``timestamp``.
    """
    rows = _rows(events, own_receipt)
    estimates = clocks.estimate(rows, _requests(events, rows), topology)
    rows = _corrected(rows, estimates)
    rows = rows.with_columns(_templates(events, rows))
    found = _placed(events, signals.gather(rows, _metrics(metrics), window), topology)
    trouble = episode.find(found, topology, affected)
    if trouble is None:
        return Analysis(estimates, found, causes.find(found, topology, {}), None)
    return _explained(events, rows, topology, Analysis(estimates, found, (), trouble), trouble)


def _explained(
    events: pa.Table, rows: pl.DataFrame, topology: Topology, so_far: Analysis, trouble: Episode
) -> Analysis:
    """Add cascades, phases, ranked causes and links to an analysis that found an episode."""
    found = so_far.signals
    split = cascades.find(trouble, topology)
    began = phases.onset(trouble, split)
    steps = {"onset": began} | phases.later(found, trouble, began, split[0].root)
    scene = _scene(events, found, topology, split[0], began)
    ranked = ranking.rank(scene)
    judged = {c.signal["signal"]: c.score for c in ranked if c.is_change}
    return Analysis(
        so_far.clocks, found, causes.find(found, topology, judged), trouble, split, ranked,
        ranking.confidence(ranked), steps, _errors(rows, trouble, steps),
    )  # fmt: skip


_COLUMNS = ("timestamp", "end_timestamp", "observed_timestamp", "timestamp_precision", "clock",
            "kind", "role", "category", "rule", "title", "event_name", "severity_number", "body",
            "entity", "trace_id", "source")  # fmt: skip


def _rows(events: pa.Table, own_receipt: frozenset[str]) -> pl.DataFrame:
    """Take the columns that correlation reads; rows without a time are left out."""
    import polars as pl

    frame = pl.DataFrame(events.select(list(_COLUMNS)))
    nanoseconds = pl.col("timestamp", "end_timestamp", "observed_timestamp").cast(pl.Int64)
    return (
        frame.with_row_index("row")
        .with_columns(nanoseconds, pl.col("row").cast(pl.Int64))
        .rename({"timestamp": "time", "end_timestamp": "end", "observed_timestamp": "observed",
                 "timestamp_precision": "precision", "severity_number": "severity"})
        .filter(pl.col("time").is_not_null())
        .with_columns(
            pl.col("kind").fill_null("log"),
            pl.col("precision").fill_null(1),
            pl.col("severity").fill_null(9),
            observed=pl.when(~pl.col("source").is_in(sorted(own_receipt))).then("observed"),
        )
    )  # fmt: skip


def _requests(events: pa.Table, rows: pl.DataFrame) -> pl.DataFrame:
    """List the rows once for every id of a trace or a request that they carry."""
    import polars as pl

    held = pl.Series("held", _attribute(events, _REQUEST_KEYS), pl.String)
    body = pl.col("body")
    said = pl.coalesce(body.str.extract(_REQUEST_ID), body.str.extract(_REQUEST))
    named = rows.with_columns(held.gather(rows["row"])).with_columns(
        trace_id=pl.coalesce("held", said)
    )
    both = pl.concat([rows, named.select(rows.columns)])
    return both.filter(pl.col("trace_id").is_not_null()).unique(["row", "trace_id"])


def _attribute(events: pa.Table, keys: tuple[str, ...]) -> pa.Array[Any]:
    """Read the first of some attributes that each row has, shape (n,)."""
    import pyarrow as pa

    pc = arrow.compute()
    column: Any = arrow.whole(events["attributes"])
    wanted = pc.is_in(column.keys, value_set=pa.array(keys))
    if not pc.any(wanted, min_count=0).as_py():
        return pa.nulls(len(events), pa.string())
    found = [pc.map_lookup(column, pa.scalar(k), "first") for k in keys]
    first: pa.Array[Any] = pc.coalesce(*found)
    return first


def _corrected(rows: pl.DataFrame, estimates: Sequence[ClockEstimate]) -> pl.DataFrame:
    """Take each clock's offset off its times."""
    import polars as pl

    off = {e.clock: e.offset_ns for e in estimates if e.offset_ns}
    if not off:
        return rows
    by = pl.col("clock").replace_strict(off, default=0, return_dtype=pl.Int64)
    return rows.with_columns(pl.col("time") - by, pl.col("end") - by).sort("time", "row")


def _templates(events: pa.Table, rows: pl.DataFrame) -> pl.Series:
    import polars as pl

    codes = templates.codes(events["body"])
    return pl.Series("template", codes, pl.UInt64).gather(rows["row"])


def _metrics(metrics: pa.Table) -> pl.DataFrame:
    import polars as pl

    frame = pl.DataFrame(metrics.select(["timestamp", "entity", "metric.name", "value", "unit"]))
    return (
        frame.with_row_index("row")
        .with_columns(
            pl.col("timestamp").cast(pl.Int64).alias("time"), pl.col("row").cast(pl.Int64)
        )
        .rename({"metric.name": "metric"})
        .with_columns(pl.col("metric").fill_null("a metric without a name"))
        .filter(pl.col("time").is_not_null())
    )


def _scene(
    events: pa.Table, found: pl.DataFrame, topology: Topology, cascade: Cascade, began: Phase
) -> Scene:
    """Set out what candidates are judged against."""
    rows = found.to_dicts()
    changes = [s for s in rows if s["role"] == "change"]
    recoveries = [
        s for s in rows
        if s["role"] in ("recovery", "alert_resolved") and (s["entity"] or "") in cascade.depth
    ]  # fmt: skip
    scene = Scene(cascade, began.time, topology, {}, changes, recoveries)
    near = _nearest(changes, {*cascade.depth, *scene.below}, began.time, _RIVALS)
    told = _nearest(cascade.signals, (), began.time, _TOLD)
    return replace(scene, texts=_texts(events, [*near, *told]), changes=near)


def _placed(events: pa.Table, found: pl.DataFrame, topology: Topology) -> pl.DataFrame:
    """Name the entity of changes whose records name none, where their words do."""
    import polars as pl

    lost = found.filter(pl.col("role") == "change", pl.col("entity").is_null()).to_dicts()
    if not lost:
        return found
    texts = _texts(events, lost)
    named = touched.entities(((s["title"], texts[s["signal"]]) for s in lost), topology)
    places = pl.Series("signal", [s["signal"] for s in lost], pl.Int64)
    by = pl.DataFrame({"signal": places, "named": pl.Series("named", named, pl.String)})
    return (
        found.join(by, on="signal", how="left", maintain_order="left")
        .with_columns(entity=pl.coalesce("entity", "named"))
        .drop("named")
    )


def _nearest(
    found: Sequence[Signal], close: Container[str], onset: int, keep: int
) -> Sequence[Signal]:
    """Keep some of many signals: those on close entities first, then the nearest in time."""
    if len(found) <= keep:
        return found
    ordered = sorted(
        found, key=lambda s: (s["entity"] not in close, abs(s["time"] - onset), s["signal"])
    )
    return sorted(ordered[:keep], key=lambda s: s["signal"])


def _texts(events: pa.Table, wanted: Sequence[Signal]) -> dict[int, str]:
    """Put together all that the records behind some signals say."""
    said = {s["signal"]: [s["title"]] for s in wanted}
    pairs = [
        (s["signal"], row)
        for s in wanted
        if s["table"] == "event"
        for row in (s["row"], *s["rows"])
    ]
    rows = arrow.core().array([row for _, row in pairs], "int64")
    attributes: Any = events["attributes"]
    bodies = events["body"].take(rows).to_pylist()
    roles = events["role"].take(rows).to_pylist()
    for (signal, row), body, role in zip(pairs, bodies, roles, strict=True):
        said[signal].append(body or "")
        if role == "change":
            held: Sequence[tuple[str, str | None]] = attributes[row].as_py() or ()
            said[signal].extend(v or "" for _, v in held)
    return {signal: "\n".join(parts)[:_TEXT] for signal, parts in said.items()}


def _errors(rows: pl.DataFrame, trouble: Episode, steps: Mapping[str, Phase]) -> int:
    """Count the error records of the entities in trouble while it lasted."""
    import polars as pl

    over = steps.get("recovered")
    inside = rows.filter(
        pl.col("severity") >= 17,
        pl.col("kind").fill_null("log") != "alert",
        pl.col("entity").fill_null("").is_in(trouble.entities),
        pl.col("time") >= steps["onset"].time,
        pl.lit(value=True) if over is None else pl.col("time") <= over.time,
    )
    return len(inside)
