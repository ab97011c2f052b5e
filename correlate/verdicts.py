"""Why the others are not the cause: what puts each behind the first, and who is ruled out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .durations import duration
from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .terms import Candidate

SHOWN = 3
"""Reasons, and changes that are ruled out."""
_LEAST = 0.02
"""A smaller difference in weight tells nobody anything."""


@dataclass(frozen=True, slots=True)
class RuledOut:
    """A change near the onset that is not the cause, and why."""

    candidate: Candidate
    terms: tuple[Term, ...]


def behind(first: Candidate, other: Candidate) -> tuple[Term, ...]:
    """Say what puts a candidate behind the first: the judgements that differ most.

    Returns:
        The few that differ most, largest first; each weight is what the other lacks, below 0.
    """
    ours, theirs = _by_subject(first), _by_subject(other)
    gaps = [
        (sum(t.weight for t in theirs.get(about, ())) - sum(t.weight for t in ours.get(about, ())),
         about)
        for about in sorted({*ours, *theirs})
    ]  # fmt: skip
    most = sorted(g for g in gaps if g[0] <= -_LEAST)[:SHOWN]
    return tuple(_compared(ours.get(about, []), theirs.get(about, []), gap) for gap, about in most)


def ruled_out(ranked: Sequence[Candidate], onset: int) -> tuple[RuledOut, ...]:
    """Take the changes nearest the onset that are not the cause, the nearest first.

    Args:
        ranked: all candidates, best first.
        onset: when the trouble began, ns.
    """
    changes = [c for c in ranked[1:] if c.is_change]
    near = sorted(changes, key=lambda c: (abs(c.signal["time"] - onset), c.signal["signal"]))
    return tuple(RuledOut(c, _against(ranked[0], c, onset)) for c in near[:SHOWN])


def _against(first: Candidate, change: Candidate, onset: int) -> tuple[Term, ...]:
    """List what speaks against a change: of itself, then beside the first."""
    off = (change.signal["time"] - onset) / 1e9
    side = "after" if off > 0 else "before"
    near = Term(f"came {duration(abs(off))} {side} the onset, which alone proves nothing", 0.0,
                (change.signal["signal"],), "time")  # fmt: skip
    own = sorted((t for t in change.reasons if t.weight < 0), key=lambda t: t.weight)[:SHOWN]
    told = {t.about for t in own}
    return (near, *own, *(t for t in behind(first, change) if t.about not in told))


def _by_subject(candidate: Candidate) -> dict[str, list[Term]]:
    found: dict[str, list[Term]] = {}
    for term in candidate.reasons:
        found.setdefault(term.about or term.text, []).append(term)
    return found


def _compared(ours: Sequence[Term], theirs: Sequence[Term], gap: float) -> Term:
    """Hold one judgement of both against each other, in words."""
    said = "; ".join(t.text for t in theirs)
    better = "; ".join(t.text for t in ours)
    text = f"{said}, where the first {better}" if said and better else (
        said or f"nothing like this speaks for it: {better}"
    )  # fmt: skip
    signals = tuple(dict.fromkeys(n for t in (*theirs, *ours) for n in t.signals))
    about = next((t.about for t in (*theirs, *ours)), "")
    return Term(text, gap, signals, about)
