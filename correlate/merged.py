"""The records of one change, put together: the commit with what brought it into production."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from . import affinity
from .judgements import LATE
from .scene import Candidate, Term

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .scene import Scene

_CARRIED = 45 * 60_000_000_000  # ns; from a commit to what it was carried by
_RARE = 4  # changes that may speak of a name before it stops telling them apart


def one_each(found: Iterable[Candidate], scene: Scene) -> list[Candidate]:
    """Make one candidate of each change, however many records tell of it.

    They are one when they are on the same entity, near in time, and share a revision, a parameter
    or another name that no more than a few changes speak of.
    """
    ordered = sorted(found, key=lambda c: (c.signal["kind"] == "commit", c.signal["signal"]))
    spoken = [affinity.identifiers(scene.text(c.signal)) for c in ordered]
    common = Counter(i for names in spoken for i in names)
    kept: list[Candidate] = []
    named: dict[str, list[int]] = {}  # rare name -> those kept that speak of it
    for c, names in zip(ordered, spoken, strict=True):
        rare = [i for i in names if common[i] <= _RARE]
        twins = [k for i in rare for k in named.get(i, ()) if _is_same(c, kept[k])]
        if twins:
            kept[min(twins)] = _joined(kept[min(twins)], c)
            continue
        for i in rare:
            named.setdefault(i, []).append(len(kept))
        kept.append(c)
    return kept


def _is_same(a: Candidate, b: Candidate) -> bool:
    ours, theirs = a.signal, b.signal
    apart = abs(ours["time"] - theirs["time"])
    kinds = (ours["kind"] == "commit") != (theirs["kind"] == "commit")
    repeat = apart <= LATE and ours["table"] == theirs["table"]
    same: bool = ours["entity"] == theirs["entity"]
    return same and apart <= _CARRIED and (kinds or repeat)


def _joined(main: Candidate, other: Candidate) -> Candidate:
    """Add what the other record of a change says: terms it has alone, and the link itself."""
    known = {t.about for t in main.terms if t.weight > 0}
    extra = [t for t in other.terms if t.about not in known and t.weight > 0]
    # What one record of a change shows, the other need not show too.
    shown = {t.about for t in extra}
    kept = [t for t in main.terms if t.about not in shown]
    against = [t for t in other.terms if t.about == "nature" and t.weight < 0 and t not in kept]
    link = Term(f"carried: {other.signal['title']}", 0.02, (other.signal["signal"],), "record")
    terms = (*kept, *extra, *against, link)
    return Candidate(main.signal, terms, is_change=True, also=(*main.also, other.signal))
