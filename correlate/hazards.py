"""Whether a change is of a kind that breaks the way things broke.

A change that takes a limit from a query and rows examined that rose tell of one another, though
they share no word. The kinds are data: `nova_timeline/knowledge/hazards/`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nova_timeline import knowledge

from . import asked, innocence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nova_timeline.knowledge import Hazard, Trigger

    from .merged import Change
    from .symptoms import Symptom

ELSEWHERE = 0.6
"""How much a symptom counts that shows on an entity above the root only."""
GENERAL = 0.35
"""How much it counts that things broke the way many things break."""
_NEXT_TO_ALL = 0.9
_EASED = re.compile(
    r"\b(cpu|latency|duration|response time|p9[059]|load average)\b.{0,40} fell from "
)
_STEPS = (0.3, 0.5, 1.0)  # what a patch, a minor and a major version tell


@dataclass(frozen=True, slots=True)
class Threat:
    """A hazard that what failed fits."""

    hazard: Hazard
    share: float
    """How well, above 0 and up to 1."""
    symptom: Symptom

    @property
    def most(self) -> float:
        """How much it can speak against a change that shows it as strongly as can be."""
        return self.share * self.hazard.strength


@dataclass(frozen=True, slots=True)
class Shown:
    """A hazard that a change shows, by what, and how strongly."""

    hazard: Hazard
    by: str
    strength: float


class Threats:
    """What failed, held against the hazards, each when it is asked for first.

    What shows that a machine fails is left out: no change to what runs on it breaks like that. So
    is what only shows that there is less to do. What says that something ran out by itself speaks a
    little for those that set what that is.
    Where next to all errors of the root say so, all else is their echo.
    """

    def __init__(self, symptoms: Iterable[Symptom]) -> None:
        """Take what failed, whatever of it no change can have done left out."""
        known = knowledge.triggers()
        machines = [t.symptom for t in known if t.category == "hardware"]
        ails = (m for m in symptoms if not (m.is_measured and _EASED.search(m.text)))
        own = [m for m in ails if not any(p.search(m.text) for p in machines)]
        ends = [t for t in known if t.made_by or t.asked_by]
        fits = {m: [t for t in ends if t.fits(m.text)] for m in own}
        caused = _caused(fits)
        self._kinds = {
            m: [t.made_by or t.asked_by for t in (*ts, *caused.get(m, ()))]
            for m, ts in fits.items()
        }
        """Symptoms -> of what shows itself by each, the only hazards that may stand behind it."""
        self._told = {i for m, ts in fits.items() if m.is_error for t in ts for i in t.made_by}
        self._said = _said_by_root(fits)
        self._found: dict[str, Threat | None] = {}

    def of(self, hazard: Hazard) -> Threat | None:
        """Say how well what failed fits a hazard; None where it does not."""
        if hazard.id not in self._found:
            self._found[hazard.id] = self._weighed(hazard)
        return self._found[hazard.id]

    def _weighed(self, hazard: Hazard) -> Threat | None:
        may = (m for m, kinds in self._kinds.items() if all(hazard.id in ids for ids in kinds))
        found = threat(hazard, may)
        echoes = bool(self._said) and hazard.id not in self._said
        if found and (echoes or hazard.id in self._told):
            return replace(found, share=GENERAL * found.share)
        return found


def _caused(fits: Mapping[Symptom, Sequence[Trigger]]) -> Mapping[Symptom, Sequence[Trigger]]:
    """Find what shows itself elsewhere and does to others what they show, by whose error says so.

    A signature that ran out is why names are not resolved, so that only what may stand behind it
    stands behind that.
    """
    shown = {t.id: t for m, ts in fits.items() if m.is_error for t in ts if t.felt_as}
    felt = {t.id: t for t in knowledge.triggers()}
    return {
        m: [t for t in shown.values() if any(felt[i].fits(m.text) for i in t.felt_as)]
        for m in (fits if shown else ())
    }


def _said_by_root(fits: Mapping[Symptom, Sequence[Trigger]]) -> frozenset[str]:
    """Name the hazards that may stand behind what next to all errors of the root say.

    None where they say other things too.
    """
    errors = {m: ts for m, ts in fits.items() if m.at_root and m.is_error}
    whole = sum(m.count for m in errors)
    if not whole or sum(m.count for m, ts in errors.items() if ts) < _NEXT_TO_ALL * whole:
        return frozenset()
    return frozenset(i for ts in errors.values() for t in ts for i in t.made_by or t.asked_by)


def threat(hazard: Hazard, symptoms: Iterable[Symptom]) -> Threat | None:
    """Say how well what failed fits a hazard: the best of its symptoms counts."""
    share, best = 0.0, None
    for symptom in symptoms:
        reach = 1.0 if symptom.at_root else ELSEWHERE
        if reach <= share:
            continue
        if hazard.symptom.search(symptom.text):
            share, best = reach, symptom
        elif GENERAL * reach > share and hazard.effect and hazard.effect.search(symptom.text):
            share, best = GENERAL * reach, symptom
    return None if best is None else Threat(hazard, share, best)


def best(change: Change, known: Threats) -> tuple[Threat, Shown] | None:
    """Find what a change shows of what failed; None where it shows nothing."""
    shows = (s for h in knowledge.hazards() if (s := shown(h, change)) is not None)
    pairs = [(t, s) for s in shows if (t := known.of(s.hazard)) is not None]
    # Of those that tell as much the first is the one that might tell most.
    pairs.sort(key=lambda p: (-p[0].share * p[1].strength, -p[0].most, p[0].hazard.id))
    return pairs[0] if pairs else None


def shown(hazard: Hazard, change: Change) -> Shown | None:
    """Say by what a change shows a hazard most strongly; None if it does not."""
    ways = [way for test in hazard.change if (way := asked.of_change(test, change)) is not None]
    if not ways:
        return None
    by, strength = max(ways, key=lambda w: w[1])
    return Shown(hazard, by, strength * hazard.strength)


@dataclass(frozen=True, slots=True)
class Library:
    """A library of another version that an error names."""

    name: str
    share: float
    """How much that tells, up to 1: the farther apart the versions, the more."""
    symptom: Symptom


def library(change: Change, symptoms: Sequence[Symptom]) -> Library | None:
    """Find a library of another version whose name stands in an error; None where there is none."""
    found: list[Library] = []
    for name, step in innocence.libraries(change).items():
        spoken = re.compile(rf"(?<![a-z]){re.escape(name)}(?![a-z])")
        told = (m for m in symptoms if m.is_error and spoken.search(m.raw.casefold()))
        found += [Library(name, _STEPS[step] * (1 if m.at_root else ELSEWHERE), m) for m in told]
    return max(found, key=lambda one: one.share, default=None)
