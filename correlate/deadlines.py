"""Ends that were told of: a secret, a licence or a machine's time is up as the failure begins.

Nobody's roll-out picks the minute at which a secret runs out: where a time that was told of well
ahead is the onset, what ends then needs no change to explain it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING

from nova_timeline import arrow, clock

from . import affinity, trends
from .blamed import SHOWS
from .terms import Candidate, Term

if TYPE_CHECKING:
    import pyarrow as pa

    from .scene import Scene
    from .slabs import Each, Slabs
    from .trends import Trend

OFF = 300_000_000_000
"""ns; how far a time that was told of may be from the onset and still be it."""
DATED = "dated"
"""What the term judges by which a failure began at a time that was told of."""
_AHEAD = 600_000_000_000
"""ns; what is told later than this may be what every short-lived token is written with."""
_MOST = 400
_EACH = 2
_LONGEST = 2_000
_WARN = 13
_SHOWN = 0.3
_SHARED = 0.15
_WHEN = (
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
    r"|\w{3} {1,2}\d{1,2} \d\d:\d\d:\d\d \d{4} GMT|\w{3}, \d\d? \w{3} \d{4} [\d:]+ GMT)"
)
_ENDS = re.compile(
    r"(expir\w*|valid[_ -]?(?:until|till|to)|not[_ ]?after|ends?[_ -]?(?:at|on|date)"
    r"|max\w*[ _-]?(?:timestamp|life ?time)|runs? out|laps\w+|retir\w+|sunset"
    r"|end[_ -]of[_ -](?:life|support)"
    r"|(?:shut|switch|turn)\w* (?:down|off)|revoked?|discontinu\w+|decommission\w*"
    r"|maintenance|suspend\w*|renew\w*|rotat\w+)"
    rf"[^\n]{{0,60}}?{_WHEN}",
    re.IGNORECASE,
)
_KINDS = (
    ("certificate", re.compile(r"cert|secret|credential|password|\bkeys?\b|token|oauth|crl", re.I)),
    ("infrastructure_change", re.compile(r"maintenance|instance|\bhost\b|node|machine", re.I)),
)
_EXACT = "%b %d %H:%M:%S %Y GMT"  # as openssl writes it
_COMMON = frozenset(
    affinity.words("error fail failure warning notice until valid expire expires at on will with")
)


@dataclass(frozen=True, slots=True)
class Deadline:
    """Something that was told to end at a time."""

    entity: str
    text: str
    """The line that tells of it."""
    time: int
    """ns; when it ends."""

    @property
    def category(self) -> str:
        """Say what kind of end it is."""
        return next((c for c, words in _KINDS if words.search(self.text)), "external_provider")


def moment(text: str) -> int | None:
    """Read a time that a record quotes, in ns; None where there is no such time."""
    try:
        return clock.nanoseconds(_read(text).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _read(text: str) -> datetime:
    """Read a time in one of the ways in which records write it; one without a zone is in UTC."""
    if text[:4].isdigit():
        when = datetime.fromisoformat(text.replace("UTC", "Z").replace(" Z", "Z"))
    elif "," in text:
        when = parsedate_to_datetime(text)
    else:
        when = datetime.strptime(text, _EXACT)  # noqa: DTZ007  the zone is set below
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def told(text: str, near: int) -> int | None:
    """Give the end a text tells of that lies nearest to a time, if that is near; in ns.

    >>> at = moment("2026-03-03T12:00:40Z") or 0
    >>> told("client secret expires at 2026-03-03T12:00:00Z", at) == at - 40_000_000_000
    True
    """
    ends = (moment(m[2]) for m in _ENDS.finditer(text))
    close = [e for e in ends if e is not None and abs(e - near) <= OFF]
    return min(close, key=lambda e: abs(e - near), default=None)


def find(cut: Slabs, onset: int, each: Each) -> tuple[Deadline, ...]:
    """Read what warnings well ahead of the onset, and alerts at any time, told to end with it.

    Args:
        cut: the notable records.
        onset: when the trouble began, ns.
        each: how a function is applied to every stretch of time.
    """
    import numpy as np
    import polars as pl

    parts = [pl.DataFrame(part) for part in each(partial(_notices, onset=onset), cut)]
    whole = pl.concat(parts).unique("row").sort("row").head(_MOST) if parts else pl.DataFrame()
    if whole.is_empty():
        return ()
    read = cut.rows.take(whole["row"].to_numpy().astype(np.int64), ["body", "attributes"])
    found: list[Deadline] = []
    for entity, body, held in zip(
        whole["entity"].to_list(), read["body"].to_pylist(), read["attributes"].to_pylist(),
        strict=True,
    ):  # fmt: skip
        for text in (body or "", *(f"{k}: {v}" for k, v in held or () if v)):
            when = told(text[:_LONGEST], onset)
            if when is not None:
                found.append(Deadline(entity or "", text[:_LONGEST], when))
    return tuple(dict.fromkeys(found))


def _notices(slab: pa.Table, onset: int) -> pa.Table:
    """Take the first and the last of each kind of warning ahead of a time, and all alerts."""
    import polars as pl

    alert = pl.col("role") == "alert_firing"
    early = (pl.col("severity") >= _WARN) & (pl.col("time") <= onset - _AHEAD)
    kept = pl.DataFrame(slab).filter(alert.fill_null(value=False) | early)
    by = kept.group_by("entity", "template", maintain_order=True)
    some = [by.head(_EACH), by.tail(_EACH)]
    return arrow.table(pl.concat([s.select("row", "entity") for s in some]))


def candidates(scene: Scene) -> list[Candidate]:
    """Weigh each end that was told of, where it has to do with what failed."""
    made = (*(_weighed(d, scene) for d in scene.deadlines),
            *(_run_down(t, scene) for t in scene.ran_out))  # fmt: skip
    best: dict[tuple[str, str], Candidate] = {}
    for c in made:
        if c is not None:
            key = (c.place, c.category or "")
            best[key] = max(best.get(key, c), c, key=lambda one: one.sum)
    return list(best.values())


def _weighed(deadline: Deadline, scene: Scene) -> Candidate | None:
    signs = scene.cascade.signals
    own = [s for s in signs if s["entity"] == deadline.entity]
    root = [s for s in signs if s["entity"] == scene.cascade.root]
    first = min(own or root, key=lambda s: (s["time"], s["signal"]), default=None)
    said = affinity.words(deadline.text, scene.ignored | _COMMON)
    shared = sorted({*said} & {*scene.failure(scene.onset)})
    if first is None or not (shared or own):
        return None
    ends = clock.rfc3339(deadline.time)
    terms = [
        Term(f"what was told of ends: {_quoted(deadline.text)}", _SHOWN, (), SHOWS),
        Term(f"it ends at {ends}, which is when this began", _SHOWN, (), DATED),
    ]
    if shared:
        names = ", ".join(shared[:3])
        terms.append(Term(f"what failed speaks of it: {names}", _SHARED, (), "words"))
    entity = deadline.entity if own else scene.cascade.root
    return Candidate(
        first, tuple(terms), is_change=False, category=deadline.category, entity=entity
    )


def _run_down(trend: Trend, scene: Scene) -> Candidate | None:
    """Weigh a gauge of how long something is valid that ran down to its end as this began."""
    limit = trends.known(trend)
    if limit is None or limit.category != "certificate":
        return None
    root = scene.cascade.root
    holders = (
        [trend.entity, root] if trend.entity in scene.depends.get(root, ()) else [trend.entity]
    )
    signs = (s for s in scene.cascade.signals if s["entity"] in holders)
    first = min(signs, key=lambda s: (s["time"], s["signal"]), default=None)
    if first is None:
        return None
    shown = scene.shown(trend)
    terms = (
        Term(f"{limit.says}: {trend.metric} of {trend.entity}", _SHOWN, shown, SHOWS),
        Term("it ran down to its end, which is when this began", _SHOWN, shown, DATED),
    )
    return Candidate(first, terms, is_change=False, category=limit.category, entity=trend.entity)


def _quoted(text: str) -> str:
    """Give the part of a line that tells of the end."""
    [told_of, *_] = _ENDS.finditer(text)
    return text[max(0, told_of.start() - 60) : told_of.end()].strip()
