"""The silent: what writes nothing itself, and others cannot reach.

What is down, cut off or run by somebody else leaves no records of its own trouble; those that call
it say who it is. Several callers that name it speak for it; a single one does where all that it
cannot reach is that one, since a service whose own network fails can reach nothing at all. A call
that took longer than its caller would wait may be the caller's impatience, a name that could not be
resolved the fault of its own resolver, and who refuses a password has answered: none is counted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import heard, signals
from .cascades import SLACK
from .episode import FIRM
from .named import SILENT, called

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from nova_timeline.topology import Topology

    from .episode import Signal

FEWEST = 8
"""Fewer records than this do not speak for anybody."""
_A_CALLER = 3
_SEVERAL = 2
_ONE_ALONE = 0.9
"""The least share of what a lone caller says of those it calls that must be of this one."""
_NONE: Mapping[int, str] = {}
_OWN = re.compile(
    r"read ?timed? ?out|deadline exceeded|timeout of|httpclient\.timeout|statement timeout"
    r"|canceled after|TimeoutError|(name|hostname) resolution|getaddrinfo|gaierror"
    r"|server misbehaving|authentication failed|access denied|login failed|unauthori[sz]ed"
    r"|permission denied|forbidden",
    re.IGNORECASE,
)


def spoken_for(
    found: pl.DataFrame, topology: Topology, lines: Mapping[int, str] = _NONE
) -> pl.DataFrame:
    """Make a fault for each entity that others say cannot be reached and that is silent itself.

    Args:
        found: the signals, strays made light.
        topology: who depends on whom; only callers can speak for what they call.
        lines: see `heard.lines`.

    Returns:
        Signals without a number, see `nova_timeline.correlate.signals.joined`: each is that of the
        caller that said so first.
    """
    import polars as pl

    firm = found.filter("is_effect", pl.col("weight") >= FIRM)
    told = firm.filter(pl.col("role") == "fault", pl.col("table") == "event").to_dicts()
    said = _said(told, topology, lines)
    own: dict[str, list[int]] = {}
    for entity, time in firm.select("entity", "time").drop_nulls().iter_rows():
        own.setdefault(entity, []).append(time)
    made = [
        _fault(entity, [s for s, _ in some])
        for entity, some in sorted(said.items())
        if _is_believed(some, said) and not _speaks(own.get(entity, ()), some)
    ]
    return pl.DataFrame(made, schema=signals.types(), orient="row")


def _speaks(own: Sequence[int], some: Sequence[tuple[Signal, bool]]) -> bool:
    """Say whether it tells of trouble itself about when others begin to tell of it."""
    first = min(s["time"] for s, _ in some)
    return any(first - SLACK <= time <= first + SLACK for time in own)


def _said(
    told: Sequence[Signal], topology: Topology, lines: Mapping[int, str]
) -> Mapping[str, Sequence[tuple[Signal, bool]]]:
    """List what callers say of each entity, and whether it is that it cannot be reached."""
    names = called(topology, {s["entity"] or "" for s in told})
    said: dict[str, list[tuple[Signal, bool]]] = {}
    for s in told:
        text = heard.text(s, lines)
        meant = [c for c, name in names[s["entity"] or ""].items() if name.search(text)]
        if meant:
            counted = _OWN.search(text) is None
            said.setdefault(min(meant, key=lambda c: (len(c), c)), []).append((s, counted))
    return said


def _is_believed(
    some: Sequence[tuple[Signal, bool]], said: Mapping[str, Sequence[tuple[Signal, bool]]]
) -> bool:
    """Say whether enough callers say often enough that one cannot be reached."""
    by = _by_caller(some, every=False)
    if sum(by.values()) < FEWEST:
        return False
    callers = [e for e, many in by.items() if many >= _A_CALLER]
    if len(callers) >= _SEVERAL:
        return True
    whole = sum(
        _by_caller(others, every=True).get(e, 0) for others in said.values() for e in callers
    )
    return bool(callers) and by[callers[0]] >= _ONE_ALONE * whole


def _by_caller(some: Sequence[tuple[Signal, bool]], *, every: bool) -> Mapping[str, int]:
    """Count the records of each caller; those that may be its own fault too, if wanted."""
    found: dict[str, int] = {}
    for s, counted in some:
        if counted or every:
            found[s["entity"]] = found.get(s["entity"], 0) + s["count"]
    return found


def _fault(entity: str, said: Sequence[Signal]) -> Signal:
    """Make the silent one's fault of what was said of it."""
    first = min(said, key=lambda s: (s["time"], s["signal"]))
    many = sum(s["count"] for s in said)
    ends = [s["end"] or s["time"] for s in said]
    made = {name: first[name] for name in signals.types()}
    return made | {
        "entity": entity, "end": max(ends) if max(ends) > first["time"] else None, "count": many,
        "title": f"{entity} {SILENT}: {first['title']}", "weight": FIRM,
    }  # fmt: skip
