"""Ranking: changes, faults and outside triggers compete to be the root cause.

Every candidate keeps its score term by term, with the reason in words and its sign. When no change
scores `NAMED` or more, none is named: the first fault of the cascade's root stands instead, as an
operational trigger.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from . import judgements, merged, suspects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .episode import Signal
    from .scene import Candidate, Scene

NAMED = 0.45
"""The least score at which a change is named."""


def rank(scene: Scene) -> tuple[Candidate, ...]:
    """Score every candidate, best first; ties by time, then position."""
    changes = [c for s in scene.changes if (c := judgements.of_change(s, scene)) is not None]
    found = merged.one_each(changes, scene)
    found += _triggers(scene)
    found.sort(key=lambda c: (-round(c.score, 6), c.signal["time"], c.signal["signal"]))
    best = next((c for c in found if c.is_change), None)
    if best is not None and best.score < NAMED:
        # No change explains it: faults and triggers go before every change.
        found.sort(key=lambda c: c.is_change)
    elif best is not None:
        # A fault is what a change shows itself by: it does not rival a change that is named.
        found.sort(key=lambda c: not c.is_change and c.signal["time"] >= best.signal["time"])
    return tuple(found)


def confidence(candidates: Sequence[Candidate]) -> list[float]:
    """Say how sure each answer is: by its score, and by how far it is ahead of its best rival."""
    scores = [c.score for c in candidates]
    top = sorted(scores, reverse=True)[:2]
    sure: list[float] = []
    for score in scores:
        rival = next(iter(top[1:] if score == top[0] else top), 0.0)
        strength = 1 / (1 + math.exp(-8 * (score - 0.5)))
        lead = 1 / (1 + math.exp(-12 * (score - rival)))
        sure.append(strength * lead)
    return sure


def _triggers(scene: Scene) -> list[Candidate]:
    """Score what may have caused it without a change: the root's first faults, and the suspects."""
    found = [judgements.of_trigger(s, scene) for s in _first_faults(scene)]
    for suspect in scene.suspects[: suspects.SHOWN]:
        same = [c for c in found if (c.signal["entity"] or "") == suspect.entity]
        first = max(same, key=lambda c: c.score, default=None)
        found = [c for c in found if c is not first]
        found.append(judgements.of_suspect(suspect, first))
    return found


def _first_faults(scene: Scene) -> list[Signal]:
    """Take the root's first fault, and the first of each category that can cause harm by itself."""
    root = [s for s in scene.cascade.signals if (s["entity"] or "") == scene.cascade.root]
    firsts: dict[str | None, Signal] = {}
    for s in root:
        if s["role"] == "fault":
            category = s["category"]
            firsts.setdefault(category if category in judgements.TRIGGERS else None, s)
    return list(firsts.values()) or root[:1]
