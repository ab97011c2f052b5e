"""Ranking: changes, faults and outside triggers compete to be the root cause.

Every candidate keeps its score term by term, with the reason in words and its sign. When no change
scores `NAMED` or more, none is named: the first fault of the cascade's root stands instead, as an
operational trigger.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import affinity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nova_timeline.topology import Topology

    from .cascades import Cascade
    from .episode import Signal

NAMED = 0.45
"""The least score at which a change is named."""
LATE = 120_000_000_000
"""ns; a change this long after the onset cannot have caused it."""
RESPITE = 15 * 60_000_000_000
"""ns; recovery within this after a change was undone speaks for that change."""

_TAU_S = 20 * 60.0
_HOP_DECAY = 0.75
_CARRIED = 45 * 60_000_000_000  # ns; from a commit to what it was carried by
_RARE = 4  # changes that may speak of a name before it stops telling them apart
_PRIOR = {"config_change": 0.08, "deploy": 0.08, "feature_flag": 0.08, "operator_action": 0.06,
          "commit": 0.05, "scaling": 0.04}  # fmt: skip
_TRIGGERS = {"hardware": 0.35, "external_provider": 0.35, "certificate": 0.35, "network": 0.25,
             "traffic": 0.25, "data": 0.2, "resource_exhaustion": 0.15, "dependency": 0.1}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """One reason for or against a candidate: plain words, a weight, and the signals it rests on."""

    text: str
    weight: float
    signals: tuple[int, ...] = ()
    about: str = ""
    """What it judges: time, place, words, kind, nature, undone, common, record."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible root cause: a signal, its terms, and their sum."""

    signal: Signal
    terms: tuple[Term, ...]
    is_change: bool
    also: tuple[Signal, ...] = ()
    """Other records of the same change: the commit behind a deploy."""

    @property
    def score(self) -> float:
        """Add up the terms, within 0 and 1."""
        return max(0.0, min(1.0, sum(t.weight for t in self.terms)))


@dataclass(frozen=True, slots=True)
class Scene:
    """All that candidates are judged against."""

    cascade: Cascade
    onset: int
    topology: Topology
    texts: Mapping[int, str]
    """Signal -> everything its records say, for changes and for the cascade's signals."""
    changes: Sequence[Signal]
    recoveries: Sequence[Signal]
    weights: Mapping[str, float] = field(default_factory=dict[str, float])

    def after(self, signal: Signal) -> list[Signal]:
        """List the later changes of the same entity, once the incident had begun."""
        since = max(signal["time"], self.onset)
        if not signal["entity"]:
            return []
        return [
            c for c in self.changes
            if c["time"] >= since and c["entity"] == signal["entity"] and c is not signal
        ]  # fmt: skip

    @property
    def failure(self) -> Counter[str]:
        """The words of the failure, without entity names."""
        names = self.names
        return sum(
            (
                affinity.words(self.texts.get(s["signal"], s["title"]), names)
                for s in self.cascade.signals
            ),
            Counter[str](),
        )

    @property
    def names(self) -> set[str]:
        """Every entity's name and other names."""
        return {
            *self.topology.aliases,
            *(s["entity"] or "" for s in self.changes),
            *self.cascade.entities,
        }


def rank(scene: Scene) -> tuple[Candidate, ...]:
    """Score every candidate, best first; ties by time, then position."""
    failure = scene.failure
    found = _one_each(
        [c for s in scene.changes if (c := _change(s, scene, failure)) is not None], scene
    )
    found += [_trigger(s, scene) for s in _first_faults(scene)]
    found.sort(key=lambda c: (-round(c.score, 6), c.signal["time"], c.signal["signal"]))
    best = next((c for c in found if c.is_change), None)
    if best is not None and best.score < NAMED:
        # No change explains it: faults and triggers go before every change.
        found.sort(key=lambda c: c.is_change)
    elif best is not None:
        # A fault is what a change shows itself by: it does not rival a change that is named.
        found.sort(key=lambda c: not c.is_change and c.signal["time"] >= best.signal["time"])
    return tuple(found)


def _one_each(found: list[Candidate], scene: Scene) -> list[Candidate]:
    """Put the records of one change together: the commit with what brought it into production.

    They are one when they are on the same entity, near in time, and share a revision, a parameter
    or another name that no more than a few changes speak of.
    """
    spoken = {c.signal["signal"]: affinity.identifiers(scene.texts[c.signal["signal"]]) for c in found}
    common = Counter(i for names in spoken.values() for i in names)
    kept: list[Candidate] = []
    for c in sorted(found, key=lambda c: (c.signal["kind"] == "commit", c.signal["signal"])):
        names = {i for i in spoken[c.signal["signal"]] if common[i] <= _RARE}
        twin = next(
            (i for i, k in enumerate(kept) if _is_same(c, k) and names & spoken[k.signal["signal"]]), None
        )
        if twin is None:
            kept.append(c)
        else:
            kept[twin] = _joined(kept[twin], c)
    return kept


def _is_same(a: Candidate, b: Candidate) -> bool:
    near = abs(a.signal["time"] - b.signal["time"]) <= _CARRIED
    kinds = (a.signal["kind"] == "commit") != (b.signal["kind"] == "commit")
    repeat = abs(a.signal["time"] - b.signal["time"]) <= LATE and a.signal["table"] == b.signal["table"]
    return near and a.signal["entity"] == b.signal["entity"] and (kinds or repeat)


def _joined(main: Candidate, other: Candidate) -> Candidate:
    """Add what the other record of a change says: a kind of term it has alone, and the link itself."""
    known = {t.about for t in main.terms if t.weight > 0}
    extra = [t for t in other.terms if t.about not in known and t.weight > 0]
    # What one record of a change shows, the other need not show too.
    shown = {t.about for t in extra}
    kept = [t for t in main.terms if t.about not in shown]
    against = [t for t in other.terms if t.about == "nature" and t.weight < 0 and t not in kept]
    link = Term(f"carried: {other.signal['title']}", 0.02, (other.signal["signal"],), "record")
    terms = (*kept, *extra, *against, link)
    return Candidate(main.signal, terms, True, (*main.also, other.signal))


def confidence(candidates: Sequence[Candidate]) -> list[float]:
    """Say how sure each answer is: by its score, and by how far it is ahead of its best rival."""
    scores = [c.score for c in candidates]
    sure: list[float] = []
    for i, score in enumerate(scores):
        rival = max((s for j, s in enumerate(scores) if j != i), default=0.0)
        strength = 1 / (1 + math.exp(-8 * (score - 0.5)))
        lead = 1 / (1 + math.exp(-12 * (score - rival)))
        sure.append(strength * lead)
    return sure


def _change(signal: Signal, scene: Scene, failure: Counter[str]) -> Candidate | None:
    """Score one change; None when it came too late to have caused anything."""
    delta = scene.onset - signal["time"]
    if delta < -LATE:
        return None
    text = scene.texts.get(signal["signal"], signal["title"])
    terms = [
        _time(delta, signal),
        _place(signal, scene),
        _words(text, scene, failure),
        Term(_article(signal["kind"]), _PRIOR.get(signal["kind"], 0.02), (), "kind"),
        *_nature(text),
        *_undone(signal, text, scene),
        *_common(signal, scene),
    ]
    return Candidate(signal, tuple(t for t in terms if t.weight), is_change=True)


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
    entity, root = signal["entity"] or "", scene.cascade.root
    if entity == root:
        return Term(f"touched {root}, where the cascade begins", 0.3, (), "place")
    hops = _hops(root, entity, scene.topology)
    if hops is not None:
        return Term(f"touched {entity}, {hops} down from {root}", 0.3 * _HOP_DECAY**hops, (), "place")
    if entity in scene.cascade.entities:
        depth = scene.cascade.depth[entity]
        text = f"touched {entity}, which only felt the fault: it is {depth} up from {root}"
        return Term(text, 0.1, (), "place")
    if not entity:
        return Term("what it touched is not known", 0.1, (), "place")
    if not scene.topology.edges:
        return Term(f"touched {entity}; no topology says how that relates to {root}", 0.05, (), "place")
    return Term(f"touched {entity}, which {root} does not depend on", -0.1, (), "place")


def _hops(root: str, entity: str, topology: Topology) -> int | None:
    below = topology.dependencies()
    level, seen = {root}, {root}
    for hops in range(1, 4):
        level = {c for e in level for c in below.get(e, ())} - seen
        if entity in level:
            return hops
        seen |= level
    return None


def _words(text: str, scene: Scene, failure: Counter[str]) -> Term:
    score, both = affinity.shared(affinity.words(text, scene.names), failure, scene.weights)
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


def _undone(signal: Signal, text: str, scene: Scene) -> list[Term]:
    """Learn from a later change that took this one back: did it help?"""
    terms: list[Term] = []
    for later in scene.after(signal):
        if not _takes_back(signal, text, later, scene.texts.get(later["signal"], later["title"])):
            continue
        after = [r for r in scene.recoveries if 0 <= r["time"] - later["time"] <= RESPITE]
        before = [r for r in scene.recoveries if scene.onset < r["time"] < later["time"]]
        took = f"taken back {duration((later['time'] - scene.onset) / 1e9)} after the onset"
        if len(after) > len(before):
            first = min(after, key=lambda r: r["time"])
            wait = duration((first["time"] - later["time"]) / 1e9)
            told = (later["signal"], first["signal"])
            terms.append(Term(f"{took}, and recovery began {wait} later", 0.25, told, "undone"))
        else:
            terms.append(Term(f"{took}, and nothing got better", -0.35, (later["signal"],), "undone"))
        break
    return terms


def _takes_back(signal: Signal, text: str, later: Signal, later_text: str) -> bool:
    """Say whether a later change of the same entity undoes this one."""
    forth, back = affinity.moved(text), affinity.moved(later_text)
    if any((k, new, old) in back for k, old, new in forth):
        return True
    ours, theirs = affinity.words(signal["title"]), affinity.words(later["title"])
    alike = sum((ours & theirs).values()) * 2 >= max(sum(ours.values()), 1)
    if signal["kind"] != "commit" and later["kind"] != "commit":
        # A parameter set again, a service deployed again: what was there before is gone.
        return alike and later["rule"] == signal["rule"] and later["kind"] == signal["kind"]
    return alike and bool(affinity.REVERT.search(later_text))


def _common(signal: Signal, scene: Scene) -> list[Term]:
    """Hold against a change that the same was done elsewhere and did no harm."""
    alike = [
        s for s in scene.changes
        if s["rule"] == signal["rule"] and s["kind"] == signal["kind"]
        and s["entity"] not in scene.cascade.entities and s["time"] < scene.onset
    ]  # fmt: skip
    if len(alike) < 3 or signal["rule"] is None:
        return []
    return [Term(f"{len(alike)} changes of the same kind elsewhere did no harm", -0.05, (), "common")]


def _first_faults(scene: Scene) -> list[Signal]:
    """Take the root's first fault, and the first of each category that can be a trigger by itself."""
    inside = [
        s
        for s in scene.cascade.signals
        if s["role"] == "fault" and s["entity"] == scene.cascade.root
    ]
    firsts: dict[str | None, Signal] = {}
    for s in inside:
        firsts.setdefault(s["category"] if s["category"] in _TRIGGERS else None, s)
    return list(firsts.values()) or list(scene.cascade.signals[:1])


def _trigger(signal: Signal, scene: Scene) -> Candidate:
    category = signal["category"]
    lag = (signal["time"] - scene.onset) / 1e9
    terms = [
        Term(
            f"the first trouble on {scene.cascade.root}, where the cascade begins",
            0.2,
            (signal["signal"],),
        ),
        Term(f"{duration(abs(lag))} from the onset", 0.1 * math.exp(-abs(lag) / 300)),
    ]
    if category in _TRIGGERS:
        said = category.replace("_", " ")
        terms.append(Term(f"{said} can fail by itself, without a change", _TRIGGERS[category]))
    return Candidate(signal, tuple(terms), is_change=False)


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
