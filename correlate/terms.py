"""What speaks for and against a possible root cause."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .episode import Signal


@dataclass(frozen=True, slots=True)
class Term:
    """One reason for or against a candidate: plain words, a weight, and the signals it rests on."""

    text: str
    weight: float
    signals: tuple[int, ...] = ()
    about: str = ""
    """What it judges: time, place, words, kind, hazard, moved, nature, undone, canary, record."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible root cause: a signal, its terms, and their sum."""

    signal: Signal
    terms: tuple[Term, ...]
    is_change: bool
    also: tuple[Signal, ...] = ()
    """Other records of the same change: the commit behind a deploy."""
    category: str | None = None
    """What it is, where its signal does not say so itself."""
    entity: str | None = None
    """Whose trouble it is, where its signal is what another says of it."""
    bears: frozenset[str] = frozenset()
    """What stands on it and falls with it: what is held against those is held against it."""

    @property
    def place(self) -> str:
        """Name the entity that it blames."""
        return self.entity or self.signal["entity"] or ""

    @property
    def reasons(self) -> tuple[Term, ...]:
        """Its terms, each resting on something: on its own signal where it names none."""
        own = (self.signal["signal"],)
        return tuple(t if t.signals else replace(t, signals=own) for t in self.terms)

    @property
    def sum(self) -> float:
        """Add up the terms."""
        return sum(t.weight for t in self.terms)

    @property
    def score(self) -> float:
        """Add up the terms, within 0 and 1."""
        return max(0.0, min(1.0, self.sum))
