"""Whose trouble it is that others tell of: the entity that their errors name, or that they share.

An error of a call is written by the caller, and is often all there is of what failed on the other
side: it names a host, or only says what a database answered.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from .scene import ODD
from .terms import Candidate, Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .episode import Signal
    from .scene import Scene
    from .symptoms import Symptom

_NAME = re.compile(r"[a-z0-9][a-z0-9_]*(?:[.-][a-z0-9_]+)*", re.IGNORECASE)
_STORES = frozenset(("database", "cache", "queue", "storage"))
_MOST = 0.7
"""The share of what names anybody that must name one, for that one to be blamed."""
_LACK = "resource_exhaustion"
SHOWS = "trigger"
"""What the term judges by which something from outside shows itself."""
_SOON = 180_000_000_000
_BESIDE = 0.5
_TAKEN = 0.4
"""What the machine under those that fail gains by trouble of its own: of hardware, or for lack of
what others on it take."""


def entity(how: str, fits: Sequence[Symptom], scene: Scene) -> str | None:
    """Name the entity to blame for what some symptoms say; None where those who say it are.

    Args:
        how: ``named``: the entity that the errors name; ``many``: the same, where several tell of
            it; ``store``: the database that all who tell of it share, as they pass on its words.
        fits: the symptoms.
        scene: whose topology knows the names.
    """
    tellers = {m.entity for m in fits}
    if how == "store":
        return _shared_store(tellers, scene)
    told = Counter[str]()
    by: dict[str, set[str]] = {}
    for m in fits:
        for name in _named(m, scene):
            told[name] += max(m.count, 1)
            by.setdefault(name, set()).add(m.entity)
    if not told:
        return None
    first = min(told, key=lambda n: (-len(by[n]), -told[n], n))
    if told[first] < _MOST * told.total() or (how == "many" and len(by[first]) < 2):
        return None
    return first


def _named(symptom: Symptom, scene: Scene) -> set[str]:
    """Find the other entities that a symptom names and that its own depends on."""
    known: set[str] = scene.depends.get(symptom.entity, set())
    named = {scene.topology.name(t) for t in _NAME.findall(symptom.raw)}
    return {n for n in named if n in known and n != symptom.entity}


def _shared_store(tellers: Iterable[str], scene: Scene) -> str | None:
    """Name the one store that all who tell of it depend on; None if one of them is a store."""
    kinds = scene.topology.kinds
    if any(kinds.get(t) in _STORES for t in tellers):
        return None
    stores: list[set[str]] = [
        {d for d in scene.depends.get(t, set[str]()) if kinds.get(d) == "database"} for t in tellers
    ]
    shared = stores[0].intersection(*stores[1:]) if stores else set[str]()
    return shared.pop() if len(shared) == 1 else None


def machines(scene: Scene) -> list[Candidate]:
    """Weigh the machines that have trouble of their own under entities that fail."""
    first: dict[tuple[str, str], Signal] = {}
    for s in (*scene.cascade.signals, *scene.troubled):
        soon = s["role"] == "fault" and s["time"] <= scene.onset + _SOON and _is_short(s)
        if soon and s["entity"] in scene.guests and s["category"] in ("hardware", _LACK):
            key = (s["entity"], s["category"])
            if key not in first or s["time"] < first[key]["time"]:
                first[key] = s
    made = (_machine(s, scene) for s in first.values())
    return [c for c in made if c is not None]


def _machine(signal: Signal, scene: Scene) -> Candidate | None:
    host: str = signal["entity"]
    failing = sorted(scene.guests[host] & scene.troubled_entities)
    if not failing:
        return None
    # Where all the machines of what fails are short of something, it takes that itself.
    busy = {
        s["entity"] for s in (*scene.cascade.signals, *scene.troubled)
        if s["category"] == _LACK and _is_short(s)
    }  # fmt: skip
    others = {h for h, guests in scene.guests.items() if h != host and guests & {*failing}}
    if signal["category"] == _LACK and others & busy:
        return None
    gained = _BESIDE if signal["category"] == "hardware" else _TAKEN
    # Where its like have room, it is not what runs on all of them that takes its own away.
    alone = signal["category"] == "hardware" or bool(others)
    terms = (
        Term(f"{', '.join(failing[:3])} run on {host}, which has trouble of its own", gained,
             (signal["signal"],), SHOWS if alone else "place"),
        Term("it began no later than what fails on it", 0.2, (), "time"),
    )  # fmt: skip
    bears = frozenset(failing) if alone else frozenset[str]()
    return Candidate(signal, terms, is_change=False, bears=bears)


def _is_short(signal: Signal) -> bool:
    """Say whether a sign is more than odd: a machine with less to do lacks nothing."""
    return bool(signal["kind"] != "metric_change" or signal["weight"] > ODD)
