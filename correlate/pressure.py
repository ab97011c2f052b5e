"""Requests that multiplied until what serves them ran out of something.

What runs full because more is asked of it began to go wrong when more began to be asked, long
before anything failed (B. Beyer et al., "Site Reliability Engineering", 2016, chapter 22: load that
grows past what can be served). A change that came on the way found that on its way already.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import mentioned
from .change_points import direction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .departures import Departure
    from .episode import Signal
    from .scene import Scene

FLOOD = 2.0
"""How many times the usual is more than serving it is made for."""
POURED = 5.0
"""How many times the usual is more than those who failed ask again for what they did not get."""
_RECEIVED = re.compile(
    r"(received|incoming|inbound|ingested|arriv(ed|als?|ing))_(\w+_)?per_(s|m)", re.IGNORECASE
)
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
ROSE = re.compile(rf"^(?P<metric>\S+) rose from (?P<old>{_NUMBER}) to (?P<new>{_NUMBER})")
_LACK = "resource_exhaustion"


def built(scene: Scene) -> frozenset[int]:
    """Take the signals of requests to the root that had multiplied before it ran out of something.

    Where the root did not run out of anything, there are none: more requests are no harm as such.
    """
    signs = (*scene.cascade.signals, *scene.troubled)
    own = [s for s in signs if s["entity"] == scene.cascade.root]
    if not any(s["table"] == "event" and s["category"] == _LACK for s in own):
        return frozenset()
    return frozenset(
        s["signal"] for s in own
        if s["category"] == "traffic" and s["time"] < scene.onset and times(s) >= FLOOD
    )  # fmt: skip


def poured(scene: Scene) -> tuple[Departure, ...]:
    """Take what poured in where nobody of ours sends it, and on to what fails.

    Who is failed by a service asks it again a few times, and not many times as much.
    """
    drawn = [e for e in scene.topology.edges if e.kind != mentioned.KIND]
    called = {e.callee for e in drawn}
    entries = {e.caller for e in drawn} - called
    return tuple(
        d for d in scene.departures
        if d.entity in entries and d.times >= POURED and _comes_in(d.metric)
        and not scene.heart.isdisjoint(reached([d.entity], scene.depends))
    )  # fmt: skip


def _comes_in(metric: str) -> bool:
    """Say whether a metric counts what comes in."""
    meaning = direction(metric)
    return meaning == "traffic" or (meaning == "unknown" and _RECEIVED.search(metric) is not None)


def reached(start: Iterable[str], depends: Mapping[str, set[str]]) -> set[str]:
    """Take some entities and all that they depend on, whatever lies between.

    >>> sorted(reached(["web"], {"web": {"shop"}, "shop": {"db"}, "mail": {"db"}}))
    ['db', 'shop', 'web']
    """
    found, left = set[str](), [*start]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left.extend(depends.get(one, ()))
    return found


def short(scene: Scene) -> frozenset[int]:
    """Take the signals of metrics that show a resource run short."""
    return frozenset(
        s["signal"] for s in (*scene.cascade.signals, *scene.troubled)
        if s["kind"] == "metric_change" and s["category"] == _LACK
    )  # fmt: skip


def times(sign: Signal) -> float:
    """Say how many times its usual a metric rose to; 0 where it did not rise."""
    rise = ROSE.match(sign["title"]) if sign["kind"] == "metric_change" else None
    return 0.0 if rise is None else float(rise["new"]) / max(float(rise["old"]), 1e-9)
