"""Faults as causes by themselves, without a change: where and when they began, what they say."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nova_timeline import knowledge

from . import episode, handed_on, pressure, strays
from .durations import duration
from .metric_signals import FELL
from .named import IS_FULL
from .terms import Candidate, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .episode import Signal
    from .scene import Scene
    from .suspects import Suspect

TRIGGERS = {
    "hardware": 0.2,
    "external_provider": 0.2,
    "certificate": 0.2,
    "network": 0.15,
    "traffic": 0.15,
    "data": 0.1,
    "resource_exhaustion": 0.1,
    "infrastructure_change": 0.1,
    "config_change": 0.08,
    "dependency": 0.05,
}
"""Categories of fault that can be a cause by themselves, without a change that is known: a failover
comes of itself, and a fault may say that a setting is wrong which nobody changed in the window."""
_SUSPECT = 0.7  # what the score of a suspect is worth; the rest is where and when it began
_SAID = 0.1
_HELD_UP = re.compile(
    rf"{IS_FULL.pattern}|(latenc|duration|response_?time)\S* rose from ", re.IGNORECASE
)
_LOAD = re.compile(
    r"(?:^|[._])(?:db_?load|load_?(?:average|avg)?[._]?(?:1|5|15|1m|5m|15m)?|run_?queue\w*|procs_running"
    r"|(?:average_)?active_(?:sessions|backends|queries)|threads_running)$",
    re.IGNORECASE,
)
_DISK = re.compile(
    r"^\S*(?:iops|disk_?queue|io_?wait|(?:read|write|disk)_?(?:latency|await|throughput|bytes))\S*"
    r" (?:rose|stands)",
    re.IGNORECASE,
)
_CROWD = 3.0
"""How many times as much at work at once is more than comes and goes."""
_LESS_TO_DO = re.compile(r"cpu\S* fell from ", re.IGNORECASE)


def firsts(scene: Scene) -> list[Signal]:
    """Take the root's first fault, and the first of each category that can cause harm by itself.

    Where only an alert tells of the root, the faults beside it stand for it, the heaviest first.
    What shows that something fails, and not what for, gives way to what says so, be it of what
    nobody draws and all stand on.
    """
    root = [s for s in scene.cascade.signals if (s["entity"] or "") == scene.cascade.root]
    faults = [s for s in root if s["role"] == "fault"]
    if not faults:
        beside = (s for s in scene.troubled if s["role"] == "fault")
        faults = sorted(beside, key=lambda s: (-s["weight"], s["signal"]))
    elif not any(says_why(s) for s in faults):
        faults = [*_tells_for(faults[0], scene), *faults]
    if any(says_why(s) for s in faults):
        faults = [s for s in faults if s["rule"] not in knowledge.symptoms()]
        faults.sort(key=lambda s: not says_why(s))
    found: dict[str | None, Signal] = {}
    for s in faults:
        category = s["category"]
        found.setdefault(category if category in TRIGGERS else None, s)
    if None in found:
        found[None] = _tells_more(found[None], faults)
    return list(found.values()) or root[:1]


def _tells_for(first: Signal, scene: Scene) -> list[Signal]:
    """List the faults that say why in the root's place, which does not.

    What a container writes is told under the name of what it is an instance of; and below all
    services is what nobody draws, which then failed first.
    """
    drawn = scene.topology.drawn()
    told = (s for s in scene.troubled if s["role"] == "fault" and says_why(s))
    return [
        s for s in told
        if _is_instance(first["entity"], s["entity"]) or (
            s["time"] <= first["time"] and s["entity"] not in drawn
            and s["category"] in episode.BENEATH
        )
    ]  # fmt: skip


def _is_instance(one: str | None, of: str | None) -> bool:
    return bool(one and of) and str(one).startswith(f"{of}-")


def _tells_more(first: Signal, faults: Sequence[Signal]) -> Signal:
    """Take what says of what kind it is for a fault that does not, where both came together."""
    if first["category"] not in (None, "unknown"):
        return first
    told = (s for s in faults if s["category"] not in (None, "unknown", *TRIGGERS))
    until = first["time"] + first["precision"]
    return next((s for s in told if first["time"] <= s["time"] < until), first)


def of_trigger(signal: Signal, scene: Scene) -> Candidate:
    """Score a fault as a cause that needs no change."""
    category = signal["category"]
    lag = (signal["time"] - _reference(signal, scene)) / 1e9
    where = scene.cascade.root or "an entity without a name"
    here = f"the first trouble on {where}, where the cascade begins"
    if (signal["entity"] or "") != scene.cascade.root:
        here = f"trouble beside {where}, of which nothing tells why"
    near = 0.1 * math.exp(-abs(lag) / 300)
    terms = [
        Term(here, 0.15, (signal["signal"],)),
        Term(f"{duration(abs(lag))} from the onset", near),
    ]
    less = category == "traffic" and FELL in signal["title"]
    # Fewer requests are what failure makes of them, and to be full what waiting for others does.
    full = signal["table"] == "event" and IS_FULL.search(signal["title"]) is not None
    if category in TRIGGERS and not less and not full:
        terms.append(Term(_by_itself(category), TRIGGERS[category]))
    if says_why(signal) and not full:
        terms.append(Term("a record says what kind of fault it is", _SAID, (), "record"))
    idle = _idle(scene) if full or category is None else None
    load = _load(scene) if idle is None and category is None else None
    if load is not None:
        told = f"much more is at work on {where} at once, and no disk is any slower or busier"
        crowded = Term(told, TRIGGERS["resource_exhaustion"], (load["signal"],))
        kind = "resource_exhaustion"
        return Candidate(signal, (*terms, crowded), is_change=False, category=kind)
    if idle is None:
        return Candidate(signal, tuple(terms), is_change=False)
    told = f"{where} is held up with less to do itself, so that it waits for what it calls"
    waits = Term(told, TRIGGERS["dependency"], (idle["signal"],))
    return Candidate(signal, (*terms, waits), is_change=False, category="dependency")


def _by_itself(category: str) -> str:
    """Say how what fails may have come about without a change."""
    if category == "config_change":
        return "a setting may be wrong that no change in the window made"
    return f"this kind of trouble ({category.replace('_', ' ')}) can come without a change"


def _idle(scene: Scene) -> Signal | None:
    """Show that the root has less to do itself, though it is full or slow; None where it has not.

    Who waits for another that nobody watches takes requests on until it is full, and works less.
    """
    root = scene.cascade.root
    signs = (*scene.cascade.signals, *scene.troubled)
    held = any(s["entity"] == root and _HELD_UP.search(s["title"]) for s in signs)
    if not held or not scene.depends.get(root):
        return None
    under = {root, *(machine for machine, guests in scene.guests.items() if root in guests)}
    return next((s for s in signs if s["entity"] in under and _LESS_TO_DO.search(s["title"])), None)


def _load(scene: Scene) -> Signal | None:
    """Show that much more is at work on the root at once than before; None where it is not.

    Where nobody measures the processor, what waits for it tells of it: sessions or processes that
    are active at once, while disks do no more than before and answer as soon.
    """
    root = scene.cascade.root
    signs = [s for s in (*scene.cascade.signals, *scene.troubled) if s["entity"] == root]
    if any(_DISK.search(s["title"]) for s in signs):
        return None
    moved = ((s, pressure.ROSE.match(s["title"])) for s in signs)
    risen = (s for s, m in moved if m and _LOAD.search(m["metric"]) and pressure.times(s) >= _CROWD)
    return next(risen, None)


def _reference(signal: Signal, scene: Scene) -> int:
    """Give the time from which a fault is judged: beside the root, the first of such faults."""
    if (signal["entity"] or "") == scene.cascade.root:
        return scene.onset
    return min((s["time"] for s in scene.troubled if s["role"] == "fault"), default=scene.onset)


def of_suspect(suspect: Suspect, trigger: Candidate | None) -> Candidate:
    """Score an entity that the failure may come from as a cause that needs no change.

    Args:
        suspect: the entity, and what several methods hold against it.
        trigger: its first fault as a candidate, where it has one that counts: added to.
    """
    terms = tuple(replace(t, weight=_SUSPECT * t.weight) for t in suspect.terms)
    if trigger is None:
        return Candidate(suspect.signal, terms, is_change=False)
    known = trigger.category or trigger.signal["category"]
    if known is None and any(t.about == handed_on.METHOD for t in terms):
        known = "dependency"  # which is what its callers say of it
    return replace(trigger, terms=(*trigger.terms, *terms), category=known)


def says_why(fault: Signal) -> bool:
    """Say whether a record tells what kind of fault it is, and not only that something fails."""
    told = fault["table"] == "event" and fault["category"] not in (None, "unknown")
    if strays.is_one(fault):
        return False
    return told and fault["rule"] is not None and fault["rule"] not in knowledge.symptoms()
