"""What ties an entity that nobody drew to a failure: the records that name it, and its own.

A network plug-in, a broker, a folder of infrastructure code, a base image: most of what failures
come from below services is in no topology. That says nothing for or against a change to it. What
does is who speaks of it while things fail, and whether it has trouble of its own just then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import affinity, settings
from .mentioned import LETTERS, pattern
from .scene import LATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .failures import Line
    from .merged import Change
    from .scene import Scene

NAMED = 0.75
"""Share of what a place counts where those that fail name it, or it keeps a file for one."""
_KINDS = r"(?:app|application|release|kustomization|deployment|statefulset|daemonset|service|stack)"
_DONE = r"(?:synced|configured|reconciled|updated|upgraded|patched|applied|changed|rolled out)"
_WENT = re.compile(
    r"(?P<name>[\w.]+) (?:rose|fell) from (?P<old>\d+(?:\.\d+)?)"
    r" to (?P<new>\d+(?:\.\d+)?)(?![\d.]*e)"
)
_TELLING = 1  # what many settings are, and many metrics
_NEXT = "---"
"""What parts two documents in one file, as YAML has it."""
BESIDE = 0.5
"""The same where it has trouble of its own, or a change to it speaks of what failed."""


@dataclass(frozen=True, slots=True)
class Tie:
    """What ties an entity to the failure."""

    text: str
    """What follows its name."""
    share: float
    signals: tuple[int, ...] = ()


def tie(change: Change, scene: Scene) -> Tie | None:
    """Find what ties the entity that a change touched to the failure; None where nothing does."""
    if len(change.entity) < LETTERS:
        return None
    return (
        _named(change, scene)
        or _told(change, scene)
        or _moved(change, scene)
        or _set_there(change, scene)
        or _says(change, scene)
    )


def _named(change: Change, scene: Scene) -> Tie | None:
    """Find who of those that fail names it."""
    whole = pattern(change.entity)
    for m in scene.symptoms:
        late = m.time is None or m.time >= change.signal["time"] - LATE
        own = m.teller is None and m.entity != change.entity
        if late and own and whole.search(m.raw):
            return Tie(f"which what failed at {m.entity} names", NAMED, (m.signal,))
    return None


def _told(change: Change, scene: Scene) -> Tie | None:
    """Find what others that nobody drew tell of it, or it of itself."""
    whole = pattern(change.entity)
    others = (line for line in scene.beside if line.entity != change.entity)
    spoken = [line for line in others if any(whole.search(t) for t in line.texts)]
    for e in sorted(scene.troubled_entities) if spoken else ():
        if len(e) >= LETTERS and _speaks(spoken, e):
            return Tie(f"which {spoken[0].entity} names, and {e} with it", NAMED)
    if spoken:
        return Tie(f"which {spoken[0].entity} tells of", BESIDE)
    own = any(line.entity == change.entity for line in scene.beside)
    return Tie("which tells of trouble too", BESIDE) if own else None


def _speaks(lines: Iterable[Line], entity: str) -> bool:
    """Say whether lines speak of an entity."""
    whole = pattern(entity)
    return any(whole.search(t) for line in lines for t in line.texts)


def _moved(change: Change, scene: Scene) -> Tie | None:
    """Find a metric of it that left its level after the change, and before all was lost."""
    since, until = change.signal["time"] - LATE, scene.onset + LATE
    for d in scene.departures:
        if d.entity == change.entity and since <= d.time <= until:
            return Tie(f"whose {d.metric} left its level", BESIDE, scene.shown(d))
    return None


def _set_there(change: Change, scene: Scene) -> Tie | None:
    """Find a metric that went from what a setting was to what it is, as the change came.

    Who shows the very numbers lives on what was set, and shares a word with it by name.
    """
    since, until = change.signal["time"] - LATE, scene.onset + LATE
    for s in change.settings:
        words = {*affinity.words(s.key)}
        for m in scene.symptoms if words else ():
            went = _WENT.search(m.raw) if m.is_measured and m.entity != change.entity else None
            if went is None or m.time is None or not since <= m.time <= until:
                continue
            same = _is_same(s.old, went["old"]) and _is_same(s.new, went["new"])
            if same and words & {*affinity.words(went["name"])}:
                text = f"and {went['name']} of {m.entity} went from {s.old} to {s.new} with it"
                return Tie(text, NAMED, (m.signal,))
    return None


def _is_same(value: str, shown: str) -> bool:
    """Say whether a setting's value is what a metric shows."""
    set_to = settings.amount(value)
    return set_to is not None and set_to > _TELLING and set_to == float(shown)


def _says(change: Change, scene: Scene) -> Tie | None:
    """Find who of those that fail a change itself speaks of."""
    failing = sorted(
        scene.troubled_entities - {change.entity}, key=lambda e: e != scene.cascade.root
    )
    kept = {_named_for(file) for file in change.files}
    own = next((e for e in failing if len(e) >= LETTERS and e in kept), None)
    if own is not None:
        return Tie(f"and the change is to what is kept there for {own}", NAMED)
    said = _said(change)
    told = said.removeprefix(f"{change.entity}: ")
    subject = next((e for e in failing if len(e) >= LETTERS and _is_subject(e, told)), None)
    if subject is not None:
        return Tie(f"and tells that {subject} was changed", NAMED)
    for e in failing:
        if len(e) >= LETTERS and pattern(e).search(said):
            return Tie(f"and the change speaks of {e}", BESIDE)
    for e in failing:
        for c in sorted(scene.depends.get(e, ())):
            if _made_as(c).search(said):
                return Tie(f"and the change speaks of {c}, which {e} calls", BESIDE)
    return None


def _is_subject(entity: str, said: str) -> bool:
    """Say whether it is an entity that a record says was changed, as what rolls changes out tells.

    It opens the record: ``shop/checkout synced``, ``application checkout configured``.
    """
    name = rf"(?:{_KINDS}[\s/]+)?(?:[\w.-]+/)?[\"'`]?{re.escape(entity)}[\"'`]?"
    return re.match(rf"\W*{name}\s+(?:was\s+|has been\s+)?{_DONE}\b", said, re.I) is not None


def _said(change: Change) -> str:
    """Take what a change says, without the parts that its diff shows and leaves as they are.

    What is kept for many in one file says of each of them in a part of its own.
    """
    if change.diff is None:
        return change.text
    parts = [part for place in change.diff.places for part in _parts(place)]
    touched, left = (
        {line.strip() for p in parts if any(sign != " " for sign, _ in p) is new for _, line in p}
        for new in (True, False)
    )
    alone = left - touched
    return "\n".join(line for line in change.text.splitlines() if line.strip() not in alone)


def _parts(place: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Divide a place at the marks between documents of one file."""
    parts: list[list[tuple[str, str]]] = [[]]
    for sign, line in place:
        if line == _NEXT:
            parts.append([])
        parts[-1].append((sign, line))
    return parts


def _made_as(called: str) -> re.Pattern[str]:
    """Give what finds a name of several words as code that makes what bears it may write it.

    Code has ``orders_db`` for what is called at ``orders-db.internal``.
    """
    name = called.partition(".")[0]
    parts = re.split(r"[-_]", name) if len(name) >= LETTERS else []
    said = "[-_]".join(map(re.escape, parts)) if len(parts) > 1 else r"(?!)"
    return re.compile(rf"(?<![\w-]){said}(?![\w-])", re.IGNORECASE)


def _named_for(file: str) -> str:
    """Give what a file is named for: ``mesh/out/orders.yaml`` is what a mesh keeps of orders."""
    return file.rpartition("/")[2].partition(".")[0]
