"""What the candidates for root cause are, and what they are judged against."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from . import affinity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nova_timeline.topology import Topology

    from .cascades import Cascade
    from .episode import Signal
    from .suspects import Suspect

DEPTH = 3
"""Dependencies below the root that a change may have touched and still count as near."""


@dataclass(frozen=True, slots=True)
class Term:
    """One reason for or against a candidate: plain words, a weight, and the signals it rests on."""

    text: str
    weight: float
    signals: tuple[int, ...] = ()
    about: str = ""
    """What it judges: time, place, words, kind, moved, nature, undone, common, record."""


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
class Reading:
    """What a change says that may undo another."""

    moves: frozenset[tuple[str, str, str]]
    """Settings: key, old, new."""
    title: Counter[str]
    reverts: bool


@dataclass(frozen=True)  # no slots: what is worked out once for all candidates is kept
class Scene:
    """All that candidates are judged against."""

    cascade: Cascade
    onset: int
    topology: Topology
    texts: Mapping[int, str]
    """Signal -> everything its records say, for changes and for the cascade's signals."""
    changes: Sequence[Signal]
    recoveries: Sequence[Signal]
    suspects: Sequence[Suspect] = ()
    """The entities that the failure may come from, the most suspect first."""

    @cached_property
    def blame(self) -> Mapping[str, float]:
        """How suspect each entity is, 0 to 1; those that are not named are not."""
        return {s.entity: s.score for s in self.suspects}

    def text(self, signal: Signal) -> str:
        """Return everything a signal's records say; its title where they were not read."""
        return self.texts.get(signal["signal"], signal["title"])

    def after(self, signal: Signal) -> list[Signal]:
        """List the later changes of the same entity, once the incident had begun."""
        since = max(signal["time"], self.onset)
        return [
            c for c in self._late.get(signal["entity"] or "", ())
            if c["time"] >= since and c["signal"] != signal["signal"]
        ]  # fmt: skip

    def elsewhere(self, signal: Signal) -> int:
        """Count the other changes of the same rule and kind that touched nothing in trouble."""
        return self._harmless[signal["rule"], signal["kind"]] - self._is_harmless(signal)

    @cached_property
    def failure(self) -> frozenset[str]:
        """The words of the failure, without entity names."""
        said = {self.text(s) for s in self.cascade.signals}
        return frozenset(w for text in said for w in affinity.words(text, self.ignored))

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """How much each word tells: the fewer of the changes speak of it, the more."""
        return affinity.rarity(affinity.words(self.text(s), self.ignored) for s in self.changes)

    @cached_property
    def ignored(self) -> frozenset[str]:
        """The words of every entity's name and other names: topology weighs those."""
        return affinity.name_words(
            {
                *self.topology.aliases,
                *(s["entity"] or "" for s in self.changes),
                *self.cascade.entities,
            }
        )

    @cached_property
    def below(self) -> Mapping[str, int]:
        """What the root depends on, within `DEPTH`, and how many dependencies away."""
        depends = self.topology.dependencies()
        found: dict[str, int] = {}
        level = {self.cascade.root}
        for hops in range(1, DEPTH + 1):
            level = {c for e in level for c in depends.get(e, ())} - {*found, self.cascade.root}
            found |= dict.fromkeys(level, hops)
        return found

    @cached_property
    def readings(self) -> Mapping[int, Reading]:
        """What the changes during the incident say: signal -> its reading."""
        return {s["signal"]: self.reading(s) for late in self._late.values() for s in late}

    def reading(self, change: Signal) -> Reading:
        """Read what a change moves, and whether it says that it takes something back."""
        text = self.text(change)
        moves = frozenset(affinity.moved(text))
        reverts = affinity.REVERT.search(text) is not None
        return Reading(moves, affinity.words(change["title"]), reverts)

    @cached_property
    def _late(self) -> Mapping[str, Sequence[Signal]]:
        found: dict[str, list[Signal]] = {}
        for s in self.changes:
            if s["entity"] and s["time"] >= self.onset:
                found.setdefault(s["entity"], []).append(s)
        return found

    @cached_property
    def _harmless(self) -> Counter[tuple[str | None, str]]:
        return Counter((s["rule"], s["kind"]) for s in self.changes if self._is_harmless(s))

    def _is_harmless(self, change: Signal) -> bool:
        return change["entity"] not in self.cascade.entities and change["time"] < self.onset
