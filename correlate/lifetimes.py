"""How long something is kept, against how long what failed lasted.

What a cache keeps for ten seconds may be old or missing for ten seconds, and is not for an hour
("the response is stale once its age exceeds its freshness lifetime", RFC 9111, section 4.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nova_timeline.knowledge import plain

from . import delays, settings
from .durations import duration
from .episode import FIRM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .merged import Change
    from .scene import Scene
    from .symptoms import Symptom

_KEPT = re.compile(r"\b(ttl|max ?age|s ?max ?age|grace|stale|expir\w*|lifetime|cache)\b")
_SECONDS = re.compile(r"\b(ttl|age|seconds?|secs?|grace)\b")
"""What is told in seconds where no unit is."""
_OLD = re.compile(
    r"\b(404|not found|no such|missing|absent|stale|outdated|old|previous"
    r"|not (yet )?(there|visible))\b"
)
_UNIT = re.compile(r"\d\s*[a-z]", re.IGNORECASE)
ENDS = re.compile(r"\bexpir\w*|\bttl\b|max ?age|retention|time to live|life ?time|keep for")
"""What settings are called after which things end."""
_ROLLED = 480_000_000_000
"""ns; how long it may take until all that was there is made new."""
_PART = 6  # of a span that it may be late by; what passes sooner than it takes tells nothing
_EARLY = 60_000_000_000
_LONG_S = 60.0
_TIMES = 10
"""How many times its lifetime a failure must last to be none of what was kept."""


def is_over(change: Change, symptom: Symptom, scene: Scene) -> bool:
    """Say whether all that a change lets be kept, and be old or missing, was gone long before.

    Args:
        change: whose every line moves how long something is kept.
        symptom: what it would break like.
        scene: tells how long that lasted.
    """
    longest = _longest(change)
    if longest is None or _OLD.search(symptom.text) is None:
        return False
    signs = (s for s in scene.cascade.signals if s["role"] == "fault" and s["weight"] >= FIRM)
    until = [None if _stays(s["kind"], s["end"]) else s["end"] or s["time"] for s in signs]
    lasted = _TIMES * longest * 1e9
    return any(t is None or t - scene.onset > lasted for t in until)


def passed(change: Change, since: int, scene: Scene) -> str | None:
    """Say whether it began when the time had passed after which a change has things end.

    What was there as the change came lives on for so long, and a roll-out takes a while to make
    all of it new.

    Args:
        change: to the root or to what it depends on.
        since: when it took effect, ns.
        scene: tells when it began.
    """
    if change.diff is None or change.entity not in {*scene.heart, *scene.below}:
        return None
    late = scene.onset - since
    for s in change.settings:
        spans = delays.told((f"{s.key}={s.new}",)) if ENDS.search(plain(s.key)) else ()
        for span in sorted(spans):
            if -_EARLY <= late - span <= min(_ROLLED, span // _PART):
                wait = duration(span / 1e9)
                return f"it began as {wait} had passed, after which it has things end ({s.key})"
    return None


def _stays(kind: str, end: int | None) -> bool:
    return kind == "metric_change" and end is None


def _longest(change: Change) -> float | None:
    """Give the longest that anything is kept now, in s; None where a change does anything else."""
    if change.diff is None or not change.diff.new:
        return None
    moved = change.settings
    if len(moved) < max(len(change.diff.new), len(change.diff.gone)):
        return None
    kept = _seconds(moved)
    longest = max(kept, default=0.0)
    return longest if len(kept) == len(moved) and 0 < longest <= _LONG_S else None


def _seconds(moved: Sequence[settings.Setting]) -> list[float]:
    """Read how long each of some settings lets something be kept, where it says so."""
    found: list[float] = []
    for s in moved:
        name, value = plain(s.key), settings.amount(s.new)
        sure = _UNIT.search(s.new) or _SECONDS.search(name)
        if value is not None and sure and _KEPT.search(name):
            found.append(value)
    return found
