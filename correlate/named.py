"""Who the errors name: a failure that says which other entity failed points to that entity.

Who calls writes whom it called: "orders-db refused", "payments answered 503". Each record is passed
on from the entity that wrote it to the one that it names, and from there as that entity's own
records point; where records name nobody further, they come to rest. Refusals of those that are
full are what waiting for others does to anybody, and count for little.

It is the walk of Page et al. ("The PageRank citation ranking", Stanford InfoLab 1999-66) over what
the errors say, instead of over links; cf. P. Wang et al., "CloudRanger", CCGRID 2018.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from . import heard
from .episode import FIRM
from .metric_signals import FELL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nova_timeline.topology import Topology

    from .episode import Episode, Signal

SILENT = "is silent, and its callers say"
"""What the title says of a fault that callers tell of; see `silent`."""
CLEAR = 0.4
"""The least share of all records that must come to rest at one entity to tell of it."""
LEAD = 1.5
"""How many times as many as at the next there must be."""
FEWEST = 8
"""Fewer records than this tell nothing."""
SOON = 10 * 60_000_000_000
"""ns; what is written later than this after the beginning may be of something else."""
_NONE: Mapping[int, str] = {}
LEAD_IN = 3 * 60_000_000_000
"""ns; a record that nothing follows for longer than this is not of the failure yet."""
_STEPS = 8
_WAITS = "dependency"
"""The category of what waits for others in vain."""
_FULL = 0.2
IS_FULL = re.compile(
    r"too many requests in flight|throttled|no more database connections|pool .*(full|exhaust)"
    r"|(acquir|obtain)\w* a connection",
    re.IGNORECASE,
)


_BARE = re.compile(r": failed$")
"""A span that failed and says no more may have failed by what it calls."""
_UNRESOLVED = re.compile(
    r"temporary failure in name resolution|during hostname resolution|EAI_AGAIN|server misbehaving"
    r"|SERVFAIL",
    re.IGNORECASE,
)
"""Who cannot ask for an address has nothing to hold against whose address it is."""
_REFUSED = re.compile(
    r"authentication failed|access denied|login failed|unauthori[sz]ed|permission denied|forbidden",
    re.IGNORECASE,
)
"""Who is turned away was answered: what it showed for itself is in question."""


def root(episode: Episode, topology: Topology, lines: Mapping[int, str] = _NONE) -> str | None:
    """Name the entity in trouble that the errors point to; None where they do not agree.

    Args:
        episode: the troubles.
        topology: who depends on whom; an entity can point only to what it calls.
        lines: see `heard.lines`.
    """
    points = _handed_down(_points(episode, topology, lines), episode, topology)
    resting = _rest(points)
    whole = sum(resting.values())
    ordered = sorted(resting.items(), key=lambda pair: (-pair[1], pair[0]))
    if whole < FEWEST:
        return None
    best, most = ordered[0]
    if not any(best in some for entity, some in points.items() if entity != best):
        return None  # its own errors alone are no pointing
    second = ordered[1][1] if len(ordered) > 1 else 0.0
    return best if most >= CLEAR * whole and most >= LEAD * second else None


def called(
    topology: Topology, callers: Iterable[str]
) -> Mapping[str, Mapping[str, re.Pattern[str]]]:
    """Give the names of what some entities call, as they stand in texts: caller, callee, name."""
    depends = topology.dependencies()
    return {e: {c: _name(c) for c in sorted(depends.get(e, ()))} for e in callers}


def _points(
    episode: Episode, topology: Topology, lines: Mapping[int, str]
) -> Mapping[str, Mapping[str, float]]:
    """Count to whom each entity's firm records point; those that name nobody, to itself."""
    firm = [s for s in episode.signals if s["role"] == "fault" and s["weight"] >= FIRM]
    # What callers say of one who is silent is counted as theirs.
    told = [s for s in firm if s["table"] == "event" and SILENT not in s["title"]]
    since = _begin(told)
    # Whose own trouble begins long after it was named was named for something else.
    troubled = {t.entity for t in episode.troubles if t.first <= since + SOON}
    troubled -= _serving(episode, topology)
    calls = {
        e: {c: name for c, name in names.items() if c in troubled}
        for e, names in called(topology, set(episode.entities)).items()
    }
    found: dict[str, dict[str, float]] = {}
    for s in told:
        if s["time"] <= since + SOON:
            entity = s["entity"] or ""
            stores = [c for c in calls[entity] if topology.kinds.get(c) == "database"]
            to, many = _pointed(s, heard.text(s, lines), calls[entity], stores)
            some = found.setdefault(entity, {})
            some[to] = some.get(to, 0.0) + many
    return found


def _serving(episode: Episode, topology: Topology) -> frozenset[str]:
    """Name those that only have less to do, while another that calls them is in no trouble.

    Who serves one as before is not down: those who cannot reach it look for it elsewhere.
    """
    solid = {t.entity for t in episode.troubles if t.solid}
    callers: dict[str, set[str]] = {}
    for edge in topology.edges:
        callers.setdefault(edge.callee, set()).add(edge.caller)
    ailing = {t.entity for t in episode.troubles if not all(map(_is_less, t.signals))}
    return frozenset(
        t.entity for t in episode.troubles
        if t.entity not in ailing and callers.get(t.entity, set[str]()) - solid
    )  # fmt: skip


def _is_less(sign: Signal) -> bool:
    """Say whether a sign only shows that less is asked of an entity."""
    fell = sign["kind"] == "metric_change" and FELL in sign["title"]
    return bool(fell and sign["category"] == "traffic")


def _handed_down(
    points: Mapping[str, Mapping[str, float]], episode: Episode, topology: Topology
) -> Mapping[str, Mapping[str, float]]:
    """Let those of whom no record is there hand on to what they call, where that plainly fails.

    Whose logs nobody collected cannot say who failed it.
    """
    firm = [s for s in episode.signals if s["role"] == "fault" and s["weight"] >= FIRM]
    failing = {s["entity"] or "" for s in firm if SILENT not in s["title"]}
    depends = topology.dependencies()
    found = {e: dict(some) for e, some in points.items()}
    left = sorted({to for some in points.values() for to in some} - found.keys())
    while left:
        entity = left.pop()
        below = sorted(depends.get(entity, set[str]()) & failing)
        found[entity] = dict.fromkeys(below or [entity], 1.0)
        left += [c for c in below if c not in found and c not in left]
    return found


def _begin(told: Sequence[Signal]) -> int:
    """Find when records begin to come that are many, or that others follow closely."""
    ordered = sorted(told, key=lambda s: s["time"])
    for s, following in pairwise(ordered):
        if s["count"] >= FEWEST or following["time"] - (s["end"] or s["time"]) <= LEAD_IN:
            return int(s["time"])
    return int(ordered[-1]["time"]) if ordered else 0


def _pointed(
    sign: Signal, text: str, calls: Mapping[str, re.Pattern[str]], stores: Sequence[str]
) -> tuple[str, float]:
    """Say to whom a sign's records point, and how many they count for."""
    entity, full = sign["entity"] or "", IS_FULL.search(text)
    # What speaks of the database alone means the only one that there is; and what speaks of one
    # that does not answer, the only one that it calls.
    whole = stores if (sign["rule"] or "").startswith("database.") else ()
    if sign["category"] == _WAITS:
        whole = whole or list(calls)
    usual = whole[0] if len(whole) == 1 and not full else entity
    to = min((c for c, name in calls.items() if name.search(text)), key=len, default=usual)
    if _REFUSED.search(text) or _UNRESOLVED.search(text):
        to = entity
    light = to == entity and (full or _BARE.search(sign["title"]))
    return to, sign["count"] * (_FULL if light else 1.0)


def _rest(points: Mapping[str, Mapping[str, float]]) -> Mapping[str, float]:
    """Pass the records on until they rest."""
    moving = {e: sum(some.values()) for e, some in points.items()}
    resting: dict[str, float] = {}
    for _ in range(_STEPS):
        passed: dict[str, float] = {}
        for e, many in moving.items():
            some = points.get(e, {e: 1.0})
            whole = sum(some.values())
            for to, part in some.items():
                there = resting if to == e else passed
                there[to] = there.get(to, 0.0) + many * part / whole
        moving = passed
    for e, many in moving.items():
        resting[e] = resting.get(e, 0.0) + many
    return resting


def _name(entity: str) -> re.Pattern[str]:
    """Find an entity's name as a word of its own; a dash makes another name of it."""
    return re.compile(rf"(?<![\w-]){re.escape(entity)}(?![\w-])", re.IGNORECASE)
