"""Work that was announced: what it sets off on what it is done to, inside its window, is planned.

Amazon RDS, ElastiCache, Redshift and DocumentDB each have a weekly window, written
``ddd:hh24:mi-ddd:hh24:mi`` in UTC ("Preferred maintenance window", Amazon RDS User Guide), which
alerts and settings quote. Who calls what is worked on and fails with it was not spared: then it is
an incident, announced or not; so it is where the trouble outlasts the window.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from nova_timeline.model import PLANNED
from nova_timeline.schema import ERROR

from . import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import polars as pl

    from .episode import Episode, Signal
    from .slabs import Rows

WORK = "database.maintenance"
"""The rule of records that tell that work has begun."""
_QUOTES = ("alert_firing", "alert_resolved", "change", "notice")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(
    r"maintenance[ _-]?window\b.{0,60}?\b(?P<window>"
    r"(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)"
    r"-(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d))\b",
    re.IGNORECASE,
)
_MINUTE = 60_000_000_000
_DAY = 24 * 60 * _MINUTE
_WEEK = 7 * _DAY
_MONDAY = 4 * _DAY
"""ns; the first of the Unix epoch, which began on a Thursday."""


@dataclass(frozen=True, slots=True)
class _Weekly:
    """A window of every week, as a record quotes it."""

    text: str
    opens: int
    """ns from Monday's midnight, UTC."""
    length: int
    """ns."""
    quoted: Signal

    def around(self, time: int) -> tuple[int, int] | None:
        """Give the ``[start, stop)`` of the one that a time lies in."""
        start = time - (time - _MONDAY - self.opens) % _WEEK
        return (start, start + self.length) if time < start + self.length else None


def set_apart(
    found: pl.DataFrame, kept: Rows, find: Callable[[pl.DataFrame], Episode | None]
) -> tuple[pl.DataFrame, Episode | None]:
    """Find the heaviest episode that no announced work explains.

    Args:
        found: the signals; see `nova_timeline.correlate.signals.gather`.
        kept: the records.
        find: how an episode is found among signals.

    Returns:
        The signals, those that work explains with no weight and a notice for each such work; and
        the episode, if there is one.
    """
    import polars as pl

    while (trouble := find(found)) is not None:
        work = notice(trouble, found, kept)
        if len(work) == 0:
            break
        own = pl.col("signal").is_in([s["signal"] for s in trouble.signals])
        light = found.with_columns(weight=pl.when(own).then(0.0).otherwise("weight"))
        found = signals.joined(light, work)
    return found, trouble


def notice(trouble: Episode, found: pl.DataFrame, kept: Rows) -> pl.DataFrame:
    """Say of an episode that announced work explains all of it; no row where it does not.

    Args:
        trouble: what would be called an incident.
        found: the signals; see `nova_timeline.correlate.signals.gather`.
        kept: the records.

    Returns:
        A signal without a number; see `nova_timeline.correlate.signals.joined`.
    """
    import polars as pl

    made: list[Signal] = []
    if len(trouble.entities) == 1 and not any(map(_is_failure, trouble.signals)):
        own = found.filter(entity=trouble.entities[0], table="event")
        works = own.filter(role="change", rule=WORK).to_dicts()
        quoting = own.filter(pl.col("role").is_in(_QUOTES)).to_dicts() if works else []
        weekly = list(_announced(quoting, kept))
        fits = ((work, one) for work in works for one in weekly if _explains(work, one, trouble))
        made = [_notice(work, one) for work, one in islice(fits, 1)]
    return pl.DataFrame(made, schema=signals.types(), orient="row")


def _is_failure(sign: Signal) -> bool:
    """Say whether a record tells of an error: work that goes as planned makes none."""
    said: bool = sign["table"] == "event" and sign["role"] == "fault"
    return said and sign["severity"] >= ERROR


def _announced(quoting: Sequence[Signal], kept: Rows) -> Iterator[_Weekly]:
    """Find the windows that records quote."""
    import numpy as np

    rows = np.array([s["row"] for s in quoting], np.int64)
    records = kept.take(rows, ["body", "attributes"]).to_pylist() if quoting else []
    for sign, record in zip(quoting, records, strict=True):
        held = (f"{key}: {value}" for key, value in record["attributes"] or () if value)
        for match in _WINDOW.finditer("\n".join([record["body"] or "", *held])):
            opens, closes = _of_week(match, 2), _of_week(match, 5)
            yield _Weekly(match["window"], opens, (closes - opens) % _WEEK, sign)


def _of_week(match: re.Match[str], group: int) -> int:
    """Count the ns from Monday's midnight to a time of the week."""
    day, hour, minute = match.group(group, group + 1, group + 2)
    return _DAYS.index(day.casefold()) * _DAY + (int(hour) * 60 + int(minute)) * _MINUTE


def _explains(work: Signal, weekly: _Weekly, trouble: Episode) -> bool:
    """Say whether work began in its window, and all trouble came with it and was over in it."""
    span = weekly.around(work["time"])
    return span is not None and all(
        part.last <= span[1]
        and all(s["time"] + s["precision"] > work["time"] for s in part.signals)
        for part in trouble.troubles
    )


def _notice(work: Signal, weekly: _Weekly) -> Signal:
    """Make the notice, which cites the work and who quotes its window."""
    made = {name: work[name] for name in signals.types()}
    title = f"{work['entity']}: planned maintenance, within its window {weekly.text}"
    rows = [*work["rows"], weekly.quoted["row"]]
    told = {"role": "notice", "rule": PLANNED, "category": None, "weight": 0.0}
    return made | told | {"title": title, "rows": rows}
