"""What a change speaks of that the failure speaks of too, by what the change really altered.

A line that was put in, and the errors that came since, share rare words where one made the other:
the name of a column, a table, a header. Among changes of kinds that nothing else is known of, this
tells the guilty one best. What a diff takes out and puts back in tells half as much, and so does
what is only told in its title, as anybody may call a change anything.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from . import affinity
from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .merged import Change
    from .scene import Scene
    from .timing import Effect

SPOKEN = 0.17
"""The most that a change gains by the words and names it shares with what failed."""

_NOTHING = -0.04
_MOST = 0.8  # of that, by words alone
_HALF = 0.5
_WORDS, _NAMES = 6, 4  # that count at most, the weightiest
_FEW_WORDS, _FEW_NAMES = 3.0, 3.0  # weights of words, of names, at which about two thirds count
_TOLD = 2
_KEY = re.compile(r"\"[\w.@$/-]+\"\s*:")
"""A key of JSON: it belongs to the format of a record, and not to what this one says."""


def words(took: Effect, change: Change, scene: Scene) -> Term:
    """Weigh the words and names that a change shares with what failed since it took effect."""
    failure = scene.failure(took.time)
    said = {w: how for w, how in _said(change, scene).items() if w in failure}
    names = _names(change)
    named = {n: how for n, how in names.items() if n in scene.identifiers}
    if not said and not named:
        return Term("shares no word with what failed", _NOTHING, (), "words")
    both, told = _heaviest(said, scene.weights, 0.0), _heaviest(named, scene.name_weights, 1.0)
    by_words = 1 - math.exp(-sum(w for _, w in both[:_WORDS]) / _FEW_WORDS)
    by_names = 1 - math.exp(-sum(w for _, w in told[:_NAMES]) / _FEW_NAMES)
    whole = 1 - (1 - _MOST * by_words) * (1 - by_names)
    shared = [n for n, _ in told[:_TOLD]], [w for w, _ in both[: 2 * _TOLD]]
    heard = (*(scene.identifiers[n] for n in shared[0]), *(failure[w] for w in shared[1]))
    shown = tuple(dict.fromkeys((change.signal["signal"], *heard)))
    text = f"speaks of what failed: {', '.join((*shared[0], *shared[1]))}"
    return Term(text, SPOKEN * whole, shown, "words")


def _heaviest(
    said: Mapping[str, float], rarity: Mapping[str, float], usual: float
) -> list[tuple[str, float]]:
    """Give each word or name with its weight, the heaviest first."""
    weighed = {w: how * rarity.get(w, usual) for w, how in said.items()}
    return sorted(weighed.items(), key=lambda pair: (-pair[1], pair[0]))


def _said(change: Change, scene: Scene) -> dict[str, float]:
    """Give the words that a change speaks of, and how much it counts how it speaks of each."""
    ignored = scene.ignored
    diff = change.diff
    if diff is None:
        moved = (s.key for s in change.settings)
        told = "\n".join((_KEY.sub(" ", change.text), *moved))
        return dict.fromkeys(affinity.words(told, ignored), 1.0)
    told = "\n".join((change.title, *change.files, diff.gone_text, diff.new_text))
    found = dict.fromkeys(affinity.words(told, ignored), _HALF)
    gone, new = (affinity.words(text, ignored) for text in (diff.gone_text, diff.new_text))
    keys = affinity.words("\n".join(s.key for s in change.settings), ignored)
    altered = (gone - new) | (new - gone)
    return found | dict.fromkeys((*altered, *keys), 1.0)


def _names(change: Change) -> dict[str, float]:
    """Give the names of several words in a change; those in lines on both sides count by half."""
    diff = change.diff
    if diff is None:
        return dict.fromkeys(affinity.names(change.text), 1.0)
    moved = "\n".join(f"{s.key} {s.old} {s.new}" for s in change.settings)
    told = "\n".join((change.title, *change.files, moved))
    gone, new = affinity.names(diff.gone_text), affinity.names(diff.new_text)
    found = dict.fromkeys(affinity.names(told) | gone | new, 1.0)
    return found | dict.fromkeys(gone & new, _HALF)
