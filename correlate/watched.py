"""Metrics that an alert watches: whoever set it said what its metric means, whatever its name.

A metric of which no name tells whether more of it is better is only odd when it moves. Where an
alert of the same entity names it and fires while it is off its level, it is what harms.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nova_timeline.knowledge import plain

from . import change_points
from .metric_signals import CONNECTED, FELL, HARM
from .strays import LIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from .episode import Signal
    from .slabs import Rows

LATE = 15 * 60_000_000_000
"""ns; how long after its metric came back an alert may still fire."""
_SHORTEST = 4  # letters of a name that is hardly met by chance
_HIGH = re.compile(
    r"\b(above|over|exceed\w*|crossed|elevated|high(er)?|rose|risen|rises|increas\w*|twice|doubled)\b"
    r"|(?<![-=])>", re.IGNORECASE,
)  # fmt: skip
_LOW = re.compile(
    r"\b(below|under|low(er)?|less|fell|fallen|falls|drop\w*|decreas\w*|halved|lost|missing|zero)\b"
    r"|<(?!-)", re.IGNORECASE,
)  # fmt: skip
_EVER = 2**62  # ns; after every window


def weighed(found: pl.DataFrame, kept: Rows) -> pl.DataFrame:
    """Give the metrics that alerts watch the weight of harm.

    Args:
        found: the signals; see `nova_timeline.correlate.signals.gather`.
        kept: the records.
    """
    import polars as pl

    alerts = found.filter(role="alert_firing", table="event")
    odd = found.filter(
        pl.col("role") == "fault", pl.col("table") == "metric", pl.col("weight") < HARM,
        pl.col("entity").is_in(alerts["entity"].drop_nulls().unique().to_list()),
    )  # fmt: skip
    if len(odd) == 0:
        return found
    said = _said(alerts, kept)
    sure = [s["signal"] for s in odd.to_dicts() if _is_watched(s, said.get(s["entity"], ()))]
    weight = pl.when(pl.col("signal").is_in(sure)).then(HARM).otherwise("weight")
    return found.with_columns(weight=weight)


def connected(found: pl.DataFrame) -> pl.DataFrame:
    """Take the weight off connections that went away where nothing else is amiss.

    Clients leave a database for a pooler or another one on purpose; where they were cut off,
    what they did there falls too, or somebody logs that he gets in no longer.
    """
    import polars as pl

    is_left = (
        (pl.col("kind") == "metric_change")
        & pl.col("title").str.contains(FELL, literal=True)
        & pl.col("rule").str.contains(CONNECTED)
    )
    faults = found.filter(role="fault")
    gone = faults.filter(is_left).to_dicts()
    if not gone:
        return found
    others = faults.filter(~is_left.fill_null(value=False)).to_dicts()
    left = [s["signal"] for s in gone if not any(_goes_with(o, s) for o in others)]
    light = pl.col("signal").is_in(left)
    return found.with_columns(weight=pl.when(light).then(LIGHT).otherwise("weight"))


def _goes_with(other: Signal, sign: Signal) -> bool:
    """Say whether a fault goes with another: it began about when that did."""
    return abs(other["time"] - sign["time"]) <= LATE and not (
        other["kind"] == "metric_change" and change_points.direction(_metric(other)) == "resource"
    )


def _metric(sign: Signal) -> str:
    return str(sign["rule"].partition(":")[2])


def _said(alerts: pl.DataFrame, kept: Rows) -> Mapping[str, Sequence[tuple[int, str]]]:
    """Read what each entity's alerts say, their attributes too, with when they fired."""
    said: dict[str, list[tuple[int, str]]] = {}
    records = kept.take(alerts["row"].to_numpy(), ["body", "attributes"])
    told = zip(
        alerts["entity"], alerts["time"], alerts["title"], records["body"].to_pylist(),
        records["attributes"].to_pylist(), strict=True,
    )  # fmt: skip
    for entity, time, title, body, attributes in told:
        values = [value for _, value in attributes or () if value]
        if entity is not None:
            said.setdefault(entity, []).append((time, "\n".join([title, body or "", *values])))
    return said


def _is_watched(moved: Signal, said: Sequence[tuple[int, str]]) -> bool:
    """Say whether an alert names a metric and fires as that leaves its level or is off it."""
    name = _metric(moved)
    if len(name) < _SHORTEST or not _is_open(name, moved["title"]):
        return False
    until = _EVER if moved["end"] is None else moved["end"] + LATE
    # What climbs passes an alert's threshold before it has plainly left its level.
    ahead = LATE if moved["end"] is None else moved["precision"]
    since = moved["time"] - max(ahead, moved["precision"])
    whole = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w.]*\w)", re.IGNORECASE)
    return any(
        since <= time <= until
        and name in text
        and whole.search(text)
        and not _is_contrary(text, name, moved["title"])
        for time, text in said
    )


def _is_contrary(text: str, name: str, title: str) -> bool:
    """Say whether an alert speaks only of too much where a metric fell, or of too little.

    A word of the metric's own name says what is counted, as what is missing, and not how much.
    """
    own = {*plain(name).split()}
    meant, other = (_LOW, _HIGH) if FELL in title else (_HIGH, _LOW)
    return any(m[0].casefold() not in own for m in other.finditer(text)) and not meant.search(text)


def _is_open(name: str, title: str) -> bool:
    """Say whether a metric's name leaves open what its move means; else it is weighed already.

    That a resource is used less may be all the same to everybody, or be that nobody gets in.
    """
    meaning = change_points.direction(name)
    less = meaning == "resource" and not change_points.is_spare(name) and FELL in title
    return less or meaning == "unknown"
