"""What arose in a caller by its own books, and yet is another's: its errors say whose.

The accounts charge the last in a chain of calls that keeps books of its requests. A database, an
outside provider or a service that nobody can reach keeps none, and so what it does to its callers
seems to arise in them. Where errors name it, their accounts are handed on to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .suspects import Suspect
from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cascades import Cascade
    from .episode import Signal

METHOD = "handed on"
_KEPT = 0.25
"""The share of its charges that who hands trouble on keeps: errors may name the wrong one."""
_SHOWN = 3


def to_root(blamed: Sequence[Suspect], cascade: Cascade) -> tuple[Suspect, ...]:
    """Hand the charges against those that a cascade's root explains on to the root.

    Args:
        blamed: see `suspects.find`.
        cascade: whose root the errors name.

    Returns:
        The suspects anew, the most suspect first.
    """
    callers = [s for s in blamed if cascade.depth.get(s.entity, 0) > 0]
    sign = _sign(cascade)
    if not callers or sign is None:
        return tuple(blamed)
    nearest = min(cascade.depth[s.entity] for s in callers)
    near = [s for s in callers if cascade.depth[s.entity] == nearest]
    known = next((s for s in blamed if s.entity == cascade.root), None)
    room = 1.0 - (known.score if known else 0.0)
    gained = min(room, sum(s.score for s in near))
    names = ", ".join(s.entity for s in near[:_SHOWN])
    term = Term(
        f"what arose in {names} by their own books comes from it: their errors name it", gained,
        (sign["signal"], *(s.signal["signal"] for s in near[:_SHOWN])), METHOD,
    )  # fmt: skip
    root = known or Suspect(cascade.root, 0.0, sign["category"], (), sign)
    root = replace(root, score=root.score + gained, terms=(term, *root.terms))
    left = {s.entity for s in callers}
    others = [_lightened(s) if s.entity in left else s for s in blamed if s.entity != cascade.root]
    return tuple(sorted((root, *others), key=lambda s: (-round(s.score, 9), s.entity)))


def _sign(cascade: Cascade) -> Signal | None:
    """Take the root's first fault, or whatever else shows that it is in trouble."""
    own = [s for s in cascade.signals if (s["entity"] or "") == cascade.root]
    return next((s for s in own if s["role"] == "fault"), own[0] if own else None)


def _lightened(suspect: Suspect) -> Suspect:
    terms = tuple(replace(t, weight=_KEPT * t.weight) for t in suspect.terms)
    return replace(suspect, score=_KEPT * suspect.score, terms=terms)
