"""Around a moment: what its entity logged shortly before and after it, read from the run's events.

Only the row groups of that time are read, and of their rows only a few numbers are kept; the texts
of the few rows that are shown are read afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, store
from nova_timeline.correlate import evidence_join, templates
from nova_timeline.errors import RunFolderError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from nova_timeline.model import ClockEstimate, Moment

REACH = 300_000_000_000
"""ns; how far to look to either side of a moment."""
SEVERITIES = ("of no severity", "trace", "debug", "info", "warn", "error", "fatal")
"""OpenTelemetry's words for severity numbers 1-4, 5-8, ... 21-24, after one for those without."""

_LOGGED = ("log", "health", "host")
"""Kinds of event that a running system says of itself; changes and alerts are moments anyway."""
_SHAPE = evidence_join.Shape(REACH, len(SEVERITIES))
_TEXT = ("body", "event_name")


@dataclass(frozen=True, slots=True)
class Line:
    """One logged record, and the place that it is cited by."""

    time: int
    severity: str
    text: str
    uri: str
    locator: str


@dataclass(frozen=True, slots=True)
class Logged:
    """What an entity logged around a moment; times in ns, skew-corrected, both ends included."""

    start: int
    end: int
    severities: tuple[tuple[str, int], ...]
    """Severity and how many records have it, worst first."""
    templates: tuple[tuple[str, int], ...]
    """What is said most often, variable parts as ``<*>``, and how often."""
    lines: tuple[Line, ...]
    """Some of the records: the worst, and of these the nearest in time."""


def logged(run: Path, clocks: Sequence[ClockEstimate], moment: Moment) -> Logged:
    """Read what a moment's entity logged within `REACH` of it.

    Args:
        run: the run folder.
        clocks: how far off clocks were; events keep their own clock's time, moments do not.
        moment: what to look around.

    Raises:
        RunFolderError: the run's events cannot be read.
    """
    import pyarrow as pa

    place = run / store.FOLDERS["event"]
    off = {clock.clock: clock.offset_ns for clock in clocks if clock.offset_ns}
    near = _near(moment, off)
    store.intact(run, store.files(run, "event"))
    try:
        events = arrow.parquet(place)
        rows = _rows(events, near, off, moment.time)
        found = _join(rows, moment.time)
        shown = [int(row) for row in found.exemplars[0] if row >= 0]
        common = [int(code) for code in found.templates[0] if code >= 0]
        said = [(rows["template"] == code).arg_max() or 0 for code in common]
        texts = _texts(events, near, rows[[*shown, *said]])
    except (OSError, pa.ArrowException) as error:
        msg = f"{place} cannot be read: {error}"
        raise RunFolderError(msg) from error
    levels = reversed(range(len(SEVERITIES)))
    lines: list[tuple[int, int, str, str, str]] = texts[: len(shown)].rows()
    bodies: list[str] = texts["text"][len(shown) :].to_list()
    return Logged(
        moment.time - REACH,
        moment.time + REACH,
        tuple((SEVERITIES[s], int(found.counts[0, s])) for s in levels if found.counts[0, s]),
        tuple(
            (templates.text(body), int(many))
            for body, many in zip(bodies, found.template_counts[0, : len(common)], strict=True)
        ),
        tuple(
            Line(time, SEVERITIES[level], text, uri, locator)
            for time, level, text, uri, locator in lines
        ),
    )


def _near(moment: Moment, off: Mapping[str, int]) -> Any:
    """Say which events to read: the entity's own, at any time that a clock may have given them."""
    import pyarrow as pa

    field = arrow.dataset().field
    first = moment.time - REACH + min([0, *off.values()])
    last = moment.time + REACH + max([0, *off.values()])
    begin, end = (pa.scalar(time, pa.timestamp("ns", "UTC")) for time in (first, last))
    in_time = (field("timestamp") >= begin) & (field("timestamp") <= end)
    return in_time & (field("entity") == moment.entity) & field("kind").isin(_LOGGED)


def _rows(events: Any, near: Any, off: Mapping[str, int], centre: int) -> pl.DataFrame:
    """Read what the join needs of each event within reach, and no text.

    Returns:
        time (corrected), severity, template, event_id; by time, and then by event_id, so that it is
        the same however the events lie in files.
    """
    import numpy as np
    import polars as pl

    pc = arrow.compute()
    number = pl.col("severity_number").fill_null(0)
    ahead = pl.col("clock").replace_strict(off, default=0, return_dtype=pl.Int64)
    columns = ["event_id", "timestamp", "clock", "severity_number"]
    parts = [_none()]
    for batch in events.scanner(columns=[*columns, *_TEXT], filter=near).to_batches():
        codes = templates.codes(pc.coalesce(*(batch[name] for name in _TEXT)))
        frame = pl.DataFrame(batch.select(columns)).select(
            "event_id",
            time=pl.col("timestamp").cast(pl.Int64) - ahead,
            severity=((number + 3) // 4).clip(0, len(SEVERITIES) - 1).cast(pl.Int8),
            code=pl.Series(codes, dtype=pl.UInt64),
        )
        parts.append(frame.filter((pl.col("time") - centre).abs() <= REACH))
    rows = pl.concat(parts).sort("time", "event_id")
    _, dense = np.unique(rows["code"].to_numpy(), return_inverse=True)
    return rows.with_columns(template=pl.Series(dense, dtype=pl.Int32))


def _none() -> pl.DataFrame:
    import polars as pl

    types = {"event_id": pl.Binary, "time": pl.Int64, "severity": pl.Int8, "code": pl.UInt64}
    return pl.DataFrame(schema=types)


def _join(rows: pl.DataFrame, centre: int) -> evidence_join.Surroundings:
    """Join the one moment with the rows, all of which are logs of its entity."""
    import numpy as np

    size = len(rows)
    logs = evidence_join.Logs(
        rows["time"].to_numpy(),
        np.zeros(size, np.int32),
        rows["severity"].to_numpy(),
        rows["template"].to_numpy(),
        np.zeros(size, np.int8),
    )
    moments = evidence_join.Moments(np.array([centre], np.int64), np.zeros(1, np.int32))
    return evidence_join.around(moments, logs, _SHAPE)


def _texts(events: Any, near: Any, wanted: pl.DataFrame) -> pl.DataFrame:
    """Read the texts and places of some rows; time, severity, text, uri, locator in their order."""
    import polars as pl

    known: Any = arrow.column(wanted["event_id"])
    which = near & arrow.dataset().field("event_id").isin(known.cast(arrow.core().binary(16)))
    names = ["event_id", *_TEXT, "evidence.uri", "evidence.locator"]
    found = pl.DataFrame(events.to_table(columns=names, filter=which))
    return wanted.join(
        found.unique("event_id", keep="first", maintain_order=True),
        on="event_id",
        how="left",
        maintain_order="left",
    ).select(
        "time",
        "severity",
        pl.coalesce(*_TEXT, pl.lit("")).alias("text"),
        pl.col("evidence.uri").fill_null("").alias("uri"),
        pl.col("evidence.locator").fill_null("").alias("locator"),
    )
