"""The terms of a candidate's score, one function each, with the reason in words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from . import affinity
from .scene import Candidate, Term

if TYPE_CHECKING:
    from .episode import Signal
    from .scene import Reading, Scene
    from .suspects import Suspect

LATE = 120_000_000_000
"""ns; a change this long after the onset cannot have caused it."""
RESPITE = 15 * 60_000_000_000
"""ns; recovery within this after a change was undone speaks for that change."""
TRIGGERS = {
    "hardware": 0.35,
    "external_provider": 0.35,
    "certificate": 0.35,
    "network": 0.25,
    "traffic": 0.25,
    "data": 0.2,
    "resource_exhaustion": 0.15,
    "dependency": 0.1,
}
"""Categories of fault that can be a cause by themselves, without a change."""

_SUSPECT = 0.7  # what the score of a suspect is worth; the rest is where and when it began
_TAU_S = 20 * 60.0
_HOP_DECAY = 0.75
_FEWEST_ALIKE = 3
_PRIOR = {"config_change": 0.08, "deploy": 0.08, "feature_flag": 0.08, "operator_action": 0.06,
          "commit": 0.05, "scaling": 0.04}  # fmt: skip


def of_change(signal: Signal, scene: Scene) -> Candidate | None:
    """Score one change; None when it came too late to have caused anything."""
    delta = scene.onset - signal["time"]
    if delta < -LATE:
        return None
    text = scene.text(signal)
    terms = [
        _time(delta, signal),
        _place(signal, scene),
        _words(text, scene),
        Term(_article(signal["kind"]), _PRIOR.get(signal["kind"], 0.02), (), "kind"),
        *_nature(text),
        *_undone(signal, scene),
        *_common(signal, scene),
    ]
    return Candidate(signal, tuple(t for t in terms if t.weight), is_change=True)


def of_trigger(signal: Signal, scene: Scene) -> Candidate:
    """Score a fault as a cause that needs no change."""
    category = signal["category"]
    lag = (signal["time"] - scene.onset) / 1e9
    where = scene.cascade.root or "an entity without a name"
    here = f"the first trouble on {where}, where the cascade begins"
    near = 0.1 * math.exp(-abs(lag) / 300)
    terms = [
        Term(here, 0.2, (signal["signal"],)),
        Term(f"{duration(abs(lag))} from the onset", near),
    ]
    if category in TRIGGERS:
        said = category.replace("_", " ")
        terms.append(Term(f"{said} can fail by itself, without a change", TRIGGERS[category]))
    return Candidate(signal, tuple(terms), is_change=False)


def of_suspect(suspect: Suspect, trigger: Candidate | None) -> Candidate:
    """Score an entity that the failure may come from as a cause that needs no change.

    Args:
        suspect: the entity, and what several methods hold against it.
        trigger: its first fault as a candidate, where it has one that counts: added to.
    """
    terms = tuple(replace(t, weight=_SUSPECT * t.weight) for t in suspect.terms)
    if trigger is None:
        return Candidate(suspect.signal, terms, is_change=False)
    return replace(trigger, terms=(*trigger.terms, *terms))


def duration(seconds: float) -> str:
    """Write seconds for people: 6m28s, 1h05m, 0.4s."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def _article(kind: str) -> str:
    words = kind.replace("_", " ")
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _time(delta: int, signal: Signal) -> Term:
    seconds = delta / 1e9
    if seconds < 0:
        return Term(f"came {duration(-seconds)} after the onset", 0.1, (signal["signal"],), "time")
    weight = 0.3 * math.exp(-seconds / _TAU_S)
    return Term(f"came {duration(seconds)} before the onset", weight, (signal["signal"],), "time")


def _place(signal: Signal, scene: Scene) -> Term:
    text, weight = _placed(signal["entity"] or "", scene)
    return Term(text, weight, (), "place")


def _placed(entity: str, scene: Scene) -> tuple[str, float]:
    root = scene.cascade.root
    if not entity:
        return "what it touched is not known", 0.1
    if entity == root:
        return f"touched {root}, where the cascade begins", 0.3
    if entity in scene.below:
        hops = scene.below[entity]
        return f"touched {entity}, {hops} down from {root}", 0.3 * _HOP_DECAY**hops
    if entity in scene.cascade.depth:
        depth = scene.cascade.depth[entity]
        return f"touched {entity}, which only felt the fault: it is {depth} up from {root}", 0.1
    if not scene.topology.edges:
        return f"touched {entity}; no topology says how that relates to {root}", 0.05
    return f"touched {entity}, which {root} does not depend on", -0.1


def _words(text: str, scene: Scene) -> Term:
    said = affinity.words(text, scene.ignored)
    score, both = affinity.shared(said, scene.failure, scene.weights)
    if not both:
        return Term("shares no word with what failed", -0.05, (), "words")
    return Term(f"speaks of what failed: {', '.join(both)}", 0.3 * score, (), "words")


def _nature(text: str) -> list[Term]:
    """Judge what kind of change it was by its own description."""
    terms: list[Term] = []
    moves = affinity.moved(text)
    if moves:
        told = "; ".join(f"{k} from {a} to {b}" for k, a, b in moves[:3])
        terms.append(Term(f"moves {told}", 0.06, (), "moved"))
    if affinity.RISKY.search(text):
        terms.append(Term("changes something that carries load or limits", 0.06, (), "nature"))
    elif affinity.HARMLESS.search(text):
        terms.append(Term("changes only text, looks, documents or tests", -0.25, (), "nature"))
    return terms


def _undone(signal: Signal, scene: Scene) -> list[Term]:
    """Learn from the first later change that took this one back: did it help?"""
    ours, told = scene.reading(signal), scene.readings
    takers = (s for s in scene.after(signal) if _takes_back(signal, ours, s, told[s["signal"]]))
    later = next(takers, None)
    if later is None:
        return []
    after = [r for r in scene.recoveries if 0 <= r["time"] - later["time"] <= RESPITE]
    before = [r for r in scene.recoveries if scene.onset < r["time"] < later["time"]]
    took = f"taken back {duration((later['time'] - scene.onset) / 1e9)} after the onset"
    if len(after) <= len(before):
        return [Term(f"{took}, and nothing got better", -0.35, (later["signal"],), "undone")]
    first = min(after, key=lambda r: (r["time"], r["signal"]))
    wait = duration((first["time"] - later["time"]) / 1e9)
    shown = (later["signal"], first["signal"])
    return [Term(f"{took}, and recovery began {wait} later", 0.25, shown, "undone")]


def _takes_back(signal: Signal, ours: Reading, later: Signal, theirs: Reading) -> bool:
    """Say whether a later change of the same entity undoes this one."""
    if theirs.moves and any((k, new, old) in theirs.moves for k, old, new in ours.moves):
        return True
    if signal["kind"] != "commit" and later["kind"] != "commit":
        # A parameter set again, a service deployed again: what was there before is gone.
        undoes: bool = later["rule"] == signal["rule"] and later["kind"] == signal["kind"]
    else:
        undoes = theirs.reverts
    if not undoes:
        return False
    alike = sum((ours.title & theirs.title).values())
    return alike * 2 >= max(sum(ours.title.values()), 1)


def _common(signal: Signal, scene: Scene) -> list[Term]:
    """Hold against a change that the same was done elsewhere and did no harm."""
    alike = scene.elsewhere(signal)
    if alike < _FEWEST_ALIKE or signal["rule"] is None:
        return []
    return [Term(f"{alike} changes of the same kind elsewhere did no harm", -0.05, (), "common")]
