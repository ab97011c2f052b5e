"""Surges: more requests came in from outside than before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import pressure
from .change_points import ARRIVES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .scene import Scene
    from .symptoms import Symptom

_REQUEST = re.compile(r"request|\brps\b|\bqps\b|traffic|invocation|\bhits\b|throughput|visit", re.I)
_SURGE = 1.5
_LATE = 300_000_000_000
"""ns; how long after the onset what is counted by the minute may still show it."""


def risen_at(scene: Scene) -> tuple[str, ...] | None:
    """Name the entities that more requests came to, where they came in from outside.

    More requests to something behind only, as a retry or a loop sends them, are no surge.
    """
    risen: dict[str, float] = {}
    for s in (*scene.cascade.signals, *scene.troubled):
        times = pressure.times(s)
        metric = s["title"].split(" ", 1)[0]
        asked = _REQUEST.search(metric) or ARRIVES.search(metric)
        if s["category"] != "traffic" or times < _SURGE or not asked:
            continue
        if s["time"] <= scene.onset + _LATE and "per_request" not in metric:
            risen[s["entity"] or ""] = times
    called = {e.callee for e in scene.topology.edges}
    ahead = {e for e in risen if scene.troubled_entities.intersection(scene.depends.get(e, ()))}
    outer = sorted((scene.troubled_entities | ahead) - called)
    entries = [e for e in outer if not _consumes(e, scene)]
    inward = any(e in risen for e in entries) if scene.topology.edges else len(risen) > 1
    wide = 2 * len(risen) >= len(scene.troubled_entities)
    # What is overrun where requests come in lets no more of them through.
    flooded = scene.topology.edges and any(risen.get(e, 0.0) >= pressure.FLOOD for e in entries)
    return tuple(sorted(risen)) if risen and inward and (wide or flooded) else None


def _consumes(entity: str, scene: Scene) -> bool:
    """Say whether it takes its work from a queue, to which what failed comes back."""
    kinds = scene.topology.kinds
    return any(kinds.get(c) == "queue" for c in scene.depends.get(entity, ()))


def floods(fits: Sequence[Symptom], scene: Scene) -> bool:
    """Say whether more is asked of what shows it than serving it is made for."""
    shown = {m.entity for m in fits}
    signs = (s for s in (*scene.cascade.signals, *scene.troubled) if s["entity"] in shown)
    return any(s["category"] == "traffic" and pressure.times(s) >= pressure.FLOOD for s in signs)
