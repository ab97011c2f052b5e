"""The terms of the score of a change, one function each, with the reason in words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nova_timeline import knowledge

from . import (
    affinity,
    asked,
    canaries,
    hazards,
    innocence,
    lifetimes,
    networks,
    peers,
    placeholders,
    reach,
    spoken,
    timing,
    trends,
    undone,
)
from .durations import duration
from .scene import LATE
from .settings import short
from .terms import Candidate, Term

if TYPE_CHECKING:
    from .diffs import Diff
    from .merged import Change
    from .scene import Scene
    from .timing import Effect

EXPLAINS = 0.3
"""The most that a change gains by being of a kind that breaks the way things broke."""

_MINUTE = 60_000_000_000
_BELATED = 1 / 3
"""Of what a change explains that every request passes by, if it was live for long without harm."""
_FAINT = 0.05
"""Less than this and what a change shows is nobody's idea of what broke."""
_FEWEST_ALIKE = 3
_PRIOR = {"config_change": 0.06, "deploy": 0.05, "feature_flag": 0.05, "operator_action": 0.05,
          "commit": 0.05, "scaling": 0.04}  # fmt: skip
_HOPELESS = 0.02  # with less than this for all else, no kind of change would be named
_MISTAKEN = 0.1  # what it adds that code is what fails, where other code runs since just then
_MISTAKE = re.compile(
    r"Null(Pointer|Reference)Exception|nil pointer|NoneType|has no attribute|is not a function"
    r"|Cannot read propert|undefined method|IndexOutOfBounds|index out of (range|bounds)|IndexError"
    r"|NameError|UnboundLocalError|ClassCastException|NoSuch(Method|Field)|is not defined",
)
"""What a program says that asks for what its own code does not have."""
_LITERAL = re.compile(
    r"[\"'`]((?=\w*[._:/\-\d]|[a-z]+[A-Z])[A-Za-z][\w.:/-]{6,})[\"'`]|\b([A-Z][A-Z0-9]*_[A-Z0-9_]{3,})\b(?!\s*=)"
)
"""A text in quotes, or the name of a constant that is used."""
_ADDRESS = re.compile(
    r"\b[a-z]{2,8}://[\w.-]{4,}|\b(?:[\w-]+\.)+(?:com|net|org|io|dev|cloud|internal|local|svc|app)\b"
    r"|\b(?:\d{1,3}\.){3}\d{1,3}\b",
    re.IGNORECASE,
)
"""What others are reached by, as lists of those who are let through name them."""
_SPOKEN_OF = 0.7
_LEFT_AS_IT_WAS = -0.2  # of a change that does what was done before, by other means
_HARDLY = 0.4  # of what it counts that words of a kind stand in such a one
_UNTOLD = 0.06  # against a change of which neither diff nor setting is known, where files are
_ANSWERS = 0.15  # against what was started because there was more to do
_ASKED_FOR = re.compile(
    r"\babove target\b|\balarm ?high\b.{0,120}\btriggered policy\b|triggered ?scale-?up\b"
    r"|scale ?target ?activated\b",
    re.IGNORECASE,
)
"""How autoscalers say that load made them add to what runs (HPA, AWS target tracking, KEDA)."""


def of_change(change: Change, scene: Scene) -> Candidate | None:
    """Score one change; None when it came too late to have caused anything."""
    took = timing.effect(change, scene)
    if took.time > scene.onset + LATE:
        return None
    signal = change.signal
    harmless = innocence.judge(change)
    terms = [
        timing.came(took, change, scene),
        reach.place(change, scene),
        spoken.words(took, change, scene),
        Term(_article(signal["kind"]), _PRIOR.get(signal["kind"], 0.02), (), "kind"),
        *timing.began(took, change, scene),
        *timing.already(took, change, scene),
        *trends.against(took, change, scene),
        *undone.helped(signal, scene),
        *undone.remedy(signal, scene),
        *_common(change, scene),
        *canaries.terms(change, scene),
        *peers.others(change, scene),
        *_carried(change),
    ]
    terms += timing.at_once(took, change, scene)
    terms += _nature(took, change, scene, harmless, sum(t.weight for t in terms))
    kept = tuple(t for t in terms if t.weight)
    return Candidate(signal, kept, is_change=True, also=change.also)


def _article(kind: str) -> str:
    words = kind.replace("_", " ")
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def mistaken(found: Candidate, scene: Scene) -> Candidate:
    """Hold a mistake in a program's code to the roll-out or switch just as which it showed.

    It tells nothing of which change it was beside one that explains how it broke.
    """
    just = any(t.about == "just" for t in found.terms)
    if not just or found.signal["kind"] not in ("deploy", "feature_flag"):
        return found
    own = (m for m in scene.symptoms if m.entity == found.place and m.is_error)
    wrong = next((m for m in own if _MISTAKE.search(m.raw)), None)
    if wrong is None:
        return found
    told = "it is its code that fails, and other code runs since then"
    return replace(found, terms=(*found.terms, Term(told, _MISTAKEN, (wrong.signal,), "just")))


def _nature(
    took: Effect, change: Change, scene: Scene, harmless: tuple[str, float] | None, so_far: float
) -> list[Term]:
    """Judge what kind of change it was: what it can break, or that it can hardly break anything."""
    terms = [] if harmless is None else [Term(harmless[0], harmless[1], (), "nature")]
    if (harmless is not None and harmless[1] <= innocence.INNOCENT) or so_far < _HOPELESS:
        return terms
    moved = [s for s in change.settings if s.moved != "other"]
    if moved:
        told = "; ".join(asked.told(s) for s in moved[:3])
        terms.append(Term(f"moves {told}", 0.02, (), "moved"))
    shown = _hazard(took, change, scene)
    if harmless is not None and harmless[1] <= _LEFT_AS_IT_WAS:
        shown = [replace(t, weight=min(t.weight, _HARDLY * t.weight)) for t in shown]
    return [*terms, *shown]


def _hazard(took: Effect, change: Change, scene: Scene) -> list[Term]:
    """Say whether a change is of a kind that breaks the way things broke."""
    told = (_known(took, change, scene), _library(change, scene), _literal(took, change, scene),
            _address(took, change, scene), _handed(took, change, scene))  # fmt: skip
    found = max((t for t in told if t is not None), key=lambda t: t.weight, default=None)
    if found is not None and (found.weight >= _FAINT or change.diff is None):
        return [found, *_was_so(took, found.weight, scene)]
    if change.diff is not None:
        return [Term("nothing in it is of a kind that breaks like this", -0.15, (), "hazard")]
    if change.files:
        return [Term("what it changed in its files is not known", -_UNTOLD, (), "hazard")]
    if change.signal["kind"] == "scaling" and _ASKED_FOR.search(change.text):
        return [Term("load asked for it, which was there before", -_ANSWERS, (), "hazard")]
    if affinity.RISKY.search(change.text):
        return [Term("changes something that carries load or limits", 0.04, (), "moved")]
    return []


def _was_so(took: Effect, explained: float, scene: Scene) -> list[Term]:
    """Take back what a change explains where metrics show that it was so before it came.

    A clock that had gone astray by then needs no change to what compares it with another.
    """
    for t in knowledge.triggers():
        errors = (m for m in scene.symptoms if m.at_root and m.is_error)
        if t.seen_by is None or not any(t.symptom.search(m.text) for m in errors):
            continue
        for d in scene.departures:
            ahead = took.time - d.time
            if t.seen_by.search(knowledge.plain(d.metric)) and ahead > d.step:
                text = f"{d.metric} of {d.entity} was off for {duration(ahead / 1e9)}: {t.says}"
                return [Term(text, -explained, scene.shown(d), "hazard")]
    return []


def _known(took: Effect, change: Change, scene: Scene) -> Term | None:
    """Name the kind that breaks like this, where a change is of one."""
    found = hazards.best(change, scene.threats(took.time))
    if found is None:
        return None
    threat, shown = found
    says = f"{shown.hazard.says} ({short(shown.by)})"
    weight = EXPLAINS * threat.share * shown.strength * reach.share(change, scene)
    text = f"{says}, and this is what such a change breaks like"
    if reach.shows_elsewhere(shown.hazard, change, scene):
        weight *= hazards.GENERAL
        text += f", where it is: this is on {threat.symptom.entity}"
    late = timing.lived(took, change, scene)
    if shown.hazard.within is not None and late > shown.hazard.within * _MINUTE:
        weight *= _BELATED
        text += f", only sooner: it was live for {duration(late / 1e9)} and did no harm"
    if lifetimes.is_over(change, threat.symptom, scene):
        weight *= _BELATED
        text += ", only for as long as it lets anything be kept, and this lasted"
    return Term(text, weight, (threat.symptom.signal,), "hazard")


def _library(change: Change, scene: Scene) -> Term | None:
    """Name the library of another version that what failed names."""
    library = hazards.library(change, scene.symptoms)
    if library is None:
        return None
    text = f"takes another version of {library.name}, which what failed names"
    return Term(text, EXPLAINS * library.share, (library.symptom.signal,), "hazard")


def _literal(took: Effect, change: Change, scene: Scene) -> Term | None:
    """Find a constant that a change put in or took out and that the errors since then speak of.

    What is gone may be missed with no more than a warning.
    """
    if change.diff is None:
        return None
    gone, new = (
        {quoted or name for line in lines for quoted, name in _LITERAL.findall(line)}
        for lines in (change.diff.gone, change.diff.new)
    )
    told = sorted(t for t in gone ^ new if t.casefold() not in scene.entity_names)
    for m in scene.symptoms if told else ():
        since = m.time is None or m.time >= took.time - LATE
        spoken = told if m.is_error else [t for t in told if m.count and t in gone]
        said = next((t for t in spoken if since and _stands_in(m.raw, t)), None)
        if said is not None:
            text = f"what failed speaks of {short(said)}, which it puts in or takes out"
            weight = _SPOKEN_OF * EXPLAINS * reach.share(change, scene)
            return Term(text, weight, (change.signal["signal"], m.signal), "hazard")
    return None


def _stands_in(text: str, name: str) -> bool:
    """Say whether a name stands in a text by itself, and not as the end of a longer one.

    >>> _stands_in("no such host www.shop.example", "shop.example")
    False
    """
    return re.search(rf"(?<![\w-])(?<!\w\.){re.escape(name)}", text) is not None


def _address(took: Effect, change: Change, scene: Scene) -> Term | None:
    """Find an address that a change took out, and that the errors since then speak of.

    So a list of those who are let through, or who are called, breaks when one is lost from it.
    """
    if change.diff is None:
        return None
    gone, new = (
        {a.casefold() for a in _ADDRESS.findall(text)}
        for text in (change.diff.gone_text, change.diff.new_text)
    )
    lost = sorted(gone - new - scene.entity_names)
    for m in scene.since(took.time) if lost else ():
        said = next((a for a in lost if m.is_error and a in m.raw.casefold()), None)
        if said is not None:
            text = f"what failed speaks of {short(said)}, which it takes out"
            weight = EXPLAINS * reach.share(change, scene)
            return Term(text, weight, (change.signal["signal"], m.signal), "hazard")
    return None


def _handed(took: Effect, change: Change, scene: Scene) -> Term | None:
    """Find what errors since a change were handed or kept from by lines that it changes.

    That is an address in a network that it leaves out, or a placeholder that nobody filled in.
    """
    if change.diff is None:
        return None
    for m in scene.since(took.time):
        text = _between(change.diff, m.raw) if m.is_error else None
        if text is not None:
            weight = EXPLAINS * reach.share(change, scene)
            return Term(text, weight, (change.signal["signal"], m.signal), "hazard")
    return None


def _between(diff: Diff, error: str) -> str | None:
    """Say what of an error's words is what a diff takes away or writes."""
    address = networks.left_out(diff, [error])
    if address is not None:
        return f"what failed is at {address}, which is in a network that it takes out and no other"
    written = placeholders.left(diff, [error])
    if written is not None:
        return f"what failed was handed {short(written)} as it stands in lines that it changes"
    return None


def _common(change: Change, scene: Scene) -> list[Term]:
    """Hold against a change that the same was done elsewhere and did no harm."""
    alike = scene.elsewhere(change.signal)
    if alike < _FEWEST_ALIKE or change.signal["rule"] is None:
        return []
    return [Term(f"{alike} changes of the same kind elsewhere did no harm", -0.05, (), "common")]


def _carried(change: Change) -> list[Term]:
    """Tell of the other records of a change."""
    return [
        Term(f"told of too by: {s['title']}", 0.01, (s["signal"],), "record")
        for s in change.also[:1]
    ]
