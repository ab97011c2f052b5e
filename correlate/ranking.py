"""Ranking: changes, faults and outside triggers compete to be the root cause.

Every candidate keeps its score term by term, with the reason in words and its sign. When no change
scores `NAMED` or more, none is named: the first fault of the cascade's root stands instead, as an
operational trigger.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from . import (
    blamed,
    deadlines,
    faults,
    innocence,
    judgements,
    merged,
    one_machine,
    reach,
    suspects,
    timing,
    triggers,
    unstarted,
)
from .scene import LATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .scene import Scene
    from .terms import Candidate

NAMED = 0.4
"""The least score at which a change is named."""
TELLING = 0.2
NAMED_FOR_ITS_KIND = 0.33
"""The least score at which a change is named that is of a kind (by at least `TELLING`) which breaks
the way things broke."""
NAMED_ALONE = 0.3
"""The least score at which a change is named that has no rival: no trigger that shows itself, nor
another change of a kind that breaks like this."""
EXPLAINED = 0.12
"""What a change must gain by how it breaks things, to be named beside a strong trigger."""
_AHEAD = 0.3
_JUST_AHEAD = 0.1
"""How far a trigger must be ahead of a change that explains how things broke, if it hardly does."""
# Fitted to simulated incidents by benchmarks/simulate/calibrate.py.
_SURE, _SURE_BY_SCORE, _SURE_BY_LEAD = -2.25, 4.25, 2.16


def rank(scene: Scene) -> tuple[Candidate, ...]:
    """Score every candidate, best first; ties by time, then position."""
    judged = (judgements.of_change(c, scene) for c in merged.one_each(scene))
    found = timing.outdone([c for c in judged if c is not None])
    if not any(_explained(c) >= TELLING for c in found):
        found = [judgements.mistaken(c, scene) for c in found]
    rivals = _triggers(scene, triggers.found(scene))
    found += rivals
    found.sort(key=_order)
    best = next((c for c in found if c.is_change), None)
    if best is None:
        return tuple(found)
    outside = _outside(rivals)
    if not _is_named(best, found) or _yields(best, outside, scene):
        # No change explains it: faults and triggers go before every change.
        found.sort(key=lambda c: c.is_change)
    else:
        # A fault is what a change shows itself by: it does not rival a change that is named.
        found.sort(key=lambda c: not c.is_change)
        if _explained(best) < TELLING:
            found[0] = unstarted.told(found[0], scene)
    return tuple(found)


def where_it_acted(ranked: Sequence[Candidate], scene: Scene) -> str | None:
    """Name where the best candidate acted, if that is in trouble and not the root; else None.

    What acted below the root explains the root's trouble too, so that the cascade begins there: who
    waits for what is slow fills up, and may show it first and loudest. A change that explains how
    things broke begins it above the root as well, on what presses on others by it.
    """
    best = ranked[0]
    if best.place == scene.cascade.root:
        return None
    known = _is_named(best, ranked) if best.is_change else bool(_outside([best]))
    explains = sum(t.weight for t in best.terms if t.about in ("hazard", "began", "undone"))
    above = best.is_change and explains >= TELLING and best.place in scene.troubled_entities
    return best.place if known and (above or best.place in scene.heart) else None


def _outside(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Take the triggers that something shows, and not only that anything can fail by itself."""
    return [c for c in candidates if any(t.about == blamed.SHOWS for t in c.terms)]


def _is_named(best: Candidate, candidates: Sequence[Candidate]) -> bool:
    """Say whether the best change is worth naming.

    One that explains how it broke is so sooner, and one that acted where it broke with no other
    cause in sight.
    """
    least = NAMED_FOR_ITS_KIND if _explained(best) >= TELLING else NAMED
    near = any(t.about == "place" and t.weight > reach.FELT for t in best.terms)
    # A metric that led up to the failure as it took effect tells of the place as well.
    near = near or any(t.about == "began" and t.weight > 0 for t in best.terms)
    others = (c for c in candidates if c is not best and _explained(c) > 0)
    just = any(t.about == "just" and t.weight > 0 for t in best.terms)
    if near and (just or _tells(best)) and not _outside(candidates) and not any(others):
        least = NAMED_ALONE
    return best.score >= least and not _is_innocent(best)


def _tells(change: Candidate) -> bool:
    """Say whether anything of a change has to do with the failure, beside its time and place."""
    about = ("words", "hazard", "undone", "began")
    return any(t.about in about and t.weight > 0 for t in change.terms)


def _explained(change: Candidate) -> float:
    """Give what a change gains by being of a kind that breaks the way things broke."""
    return sum(t.weight for t in change.terms if t.about == "hazard")


def _order(c: Candidate) -> tuple[bool, float, int, int]:
    return (_is_innocent(c), -round(c.sum, 6), c.signal["time"], c.signal["signal"])


def _is_innocent(c: Candidate) -> bool:
    """Say whether nothing that runs is any different for a change: it comes after all others."""
    return any(t.about == "nature" and t.weight <= innocence.INNOCENT for t in c.terms)


def _yields(best: Candidate, outside: Sequence[Candidate], scene: Scene) -> bool:
    """Say whether the best change gives way to what came from outside.

    A change that explains how things broke stands, unless a trigger is well ahead of it; one that
    merely came at the time and the place does not, nor does one that hardly explains it where a
    provider says that it began then. What is held against a place speaks for a change
    to it as much as for what befell it, and not for what showed only later.
    """
    here = best.place in scene.heart or best.place not in scene.linked
    late = scene.onset + LATE
    shown = (_shown(c) if here or c.signal["time"] > late else c.score for c in outside)
    strong = max(shown, default=0.0)
    if strong < triggers.STRONG:
        return False
    if _is_dated(outside) and not any(t.about == "undone" and t.weight > 0 for t in best.terms):
        return True
    explains = max(
        sum(t.weight for t in best.terms if t.about in ("hazard", "undone")),
        sum(t.weight for t in best.terms if t.about in ("began", "undone")),
    )
    # What shows itself just after a change to where it shows may well be what that change did;
    # to scale is what load asks for, and only brings to light what was wrong already.
    just = _tells(best) and any(t.about == "just" and t.weight > 0 for t in best.terms)
    just = just and best.signal["kind"] != "scaling"
    ahead = _AHEAD if explains >= TELLING else _JUST_AHEAD
    if explains < TELLING and any(triggers.says_when(c) and _shown(c) == strong for c in outside):
        ahead = 0.0
    return (explains < EXPLAINED and not just) or strong > best.score + ahead


def _is_dated(outside: Sequence[Candidate]) -> bool:
    """Say whether something ended as the failure began, at a time that was told of before."""
    return any(
        t.about == deadlines.DATED for c in outside for t in c.terms if _shown(c) >= triggers.STRONG
    )


def _shown(trigger: Candidate) -> float:
    """Give what a trigger shows by itself, without what methods hold against its entity."""
    return sum(t.weight for t in trigger.terms if t.about in triggers.ABOUT)


def confidence(candidates: Sequence[Candidate]) -> list[float]:
    """Say how sure each answer is: by its score, and by how far it is ahead of its best rival.

    The weights are those of a logistic regression (J. Platt, "Probabilistic outputs for support
    vector machines", 1999), so that of the answers with 0.7 about seven in ten are right.
    """
    scores = [c.score for c in candidates]
    top = sorted(scores, reverse=True)[:2]
    sure: list[float] = []
    for score in scores:
        rival = next(iter(top[1:] if score == top[0] else top), 0.0)
        told = _SURE + _SURE_BY_SCORE * score + _SURE_BY_LEAD * (score - rival)
        sure.append(1 / (1 + math.exp(-told)))
    return sure


def _triggers(scene: Scene, outside: Sequence[Candidate]) -> list[Candidate]:
    """Score what may have caused it without a change: the root's first faults, and the suspects.

    Args:
        scene: what all is judged against.
        outside: what is known to have come from outside; what is held against its entity adds up.
    """
    found = [*outside, *blamed.machines(scene), *one_machine.candidates(scene),
             *deadlines.candidates(scene)]  # fmt: skip
    for fault in (faults.of_trigger(s, scene) for s in faults.firsts(scene)):
        twin = next((c for c in found if _is_same(c, fault)), None)
        if twin is None:
            found.append(fault)
        else:
            found[found.index(twin)] = replace(twin, terms=(*twin.terms, *fault.terms))
    for suspect in scene.suspects[: suspects.SHOWN]:
        # What fails at one who tells of another's trouble is held against that one.
        same = [c for c in found if suspect.entity in (c.place, c.signal["entity"] or "")]
        same = [c for c in found if suspect.entity in c.bears] or same
        first = max(same, key=lambda c: c.score, default=None)
        found = [c for c in found if c is not first]
        found.append(faults.of_suspect(suspect, first))
    return found


def _is_same(outside: Candidate, fault: Candidate) -> bool:
    """Say whether a fault is that by which a trigger shows itself at the same place."""
    kind = outside.category or outside.signal["category"]
    return outside.place == fault.place and kind == fault.signal["category"]
