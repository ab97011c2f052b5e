"""One machine that all records of a failure name, though what fails runs on several.

Every copy of a program is of the same version, so that a change to it fails on all of them. Where
the records that fail name one machine only, and that one has trouble of its own, it is the machine
(what fails is told from what does not by an attribute: M. Chen et al., "Failure Diagnosis Using
Decision Trees", ICAC 2004).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .blamed import SHOWS
from .durations import duration
from .scene import EARLY
from .terms import Candidate, Term

if TYPE_CHECKING:
    from .departures import Departure
    from .episode import Signal
    from .failures import Line
    from .scene import Scene

FEWEST = 10
"""Records that must name it, at least."""
MOST = 0.5
"""The share of what is said at the root that must name it, at least."""
_WRITTEN_ON = re.compile(
    r"^_?(host|k8s|kubernetes|node|instance|server|container|pod|machine|computer|agent|service|cloud"
    r"|faas|aws|resource)(?![a-z])|_?host_?name$",
    re.IGNORECASE,
)
"""Attributes that say where a record was written."""
_SHOWN = 0.35
_SHARE = 0.25
_AHEAD = 0.2


def candidates(scene: Scene) -> list[Candidate]:
    """Weigh the machines that all records of a failure at the root name, the first to ail first."""
    own = [line for line in scene.lines if line.entity == scene.cascade.root]
    total = sum(line.count for line in own)
    found: dict[str, Candidate] = {}
    for moved in scene.departures if total else ():
        named = [line for line in own if _names(line, moved.entity, scene)]
        said = sum(line.count for line in named)
        early = moved.time < scene.onset - EARLY and _is_machine(moved, scene)
        if early and said >= max(FEWEST, MOST * total) and moved.entity not in found:
            found[moved.entity] = _candidate(moved, said, total, scene)
    return list(found.values())


def _names(line: Line, machine: str, scene: Scene) -> bool:
    """Say whether every record of a line says the name of a machine in an attribute.

    That they were written on it says nothing where nothing else is known to serve the same.
    """
    names = {machine.casefold(), machine.casefold().rpartition("/")[2]}
    hosts = sum(line.entity in guests for guests in scene.guests.values())
    return any(
        value.casefold() in names and (hosts > 1 or not _WRITTEN_ON.search(key))
        for key, value in line.shared
    )


def _is_machine(moved: Departure, scene: Scene) -> bool:
    """Say whether an entity is none that requests go through: services call one another."""
    return moved.entity != scene.cascade.root and (
        moved.entity not in scene.linked or moved.entity in scene.guests
    )


def _candidate(moved: Departure, said: int, total: int, scene: Scene) -> Candidate:
    first, share = _first(scene), said / total
    long = duration((scene.onset - moved.time) / 1e9)
    ahead = f"its {moved.metric} left its level {long} before"
    named = f"{said} of {total} records that fail name {moved.entity}, and no other machine"
    terms = (
        Term(named, _SHOWN, (first["signal"],), SHOWS),
        Term(f"{share:.0%} of what failed at the root shows it", _SHARE * share, (), "words"),
        Term(ahead, _AHEAD, scene.shown(moved), "time"),
    )  # fmt: skip
    return Candidate(first, terms, is_change=False, category="hardware", entity=moved.entity)


def _first(scene: Scene) -> Signal:
    """Give the first sign of the root, or of anybody where it has none."""
    signs = (*scene.cascade.signals, *scene.troubled)
    return min(signs, key=lambda s: (s["entity"] != scene.cascade.root, s["time"], s["signal"]))
