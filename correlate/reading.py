"""What changes say of themselves, and what of it tells that one undoes another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from . import affinity, called, sizes
from .settings import Setting

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from .episode import Signal

_REVISION = "vcs.ref.head.revision"
_SHORT = 7
_REPEAT = 10_000_000_000  # ns; calls this near are one change, told of twice


@dataclass(frozen=True, slots=True)
class Reading:
    """What a change says that may undo another."""

    moves: frozenset[tuple[str, str, str]]
    """Settings: key, old, new."""
    title: Counter[str]
    reverts: bool
    revision: str = ""
    said: str = ""
    """Its line, and that of its commit."""
    quoted: str = ""
    """The line of the change that it says to take back; empty where it quotes none."""
    sets: frozenset[str] = frozenset()
    """Names that its call sets, whatever they were; in one case."""
    is_told: bool = True
    """Whether it says what it is about, by a commit of its own."""


@dataclass(frozen=True)  # no slots: what is worked out once for all changes is kept
class Readings:
    """What changes say, each read in the light of the others."""

    changes: Sequence[Signal]
    texts: Mapping[int, str]
    """Signal -> everything its records say."""
    attributes: Mapping[int, Mapping[str, str]]
    """Signal -> the attributes of its records."""
    sizes: Mapping[tuple[str, int], tuple[float, float | None]]
    """How many instances there were before a change and after it; see `sizes.find`."""
    onset: int

    def of(self, change: Signal) -> Reading:
        """Read what a change moves, and whether it says that it takes something back.

        A roll-out says itself which revision it brings, and its commit what that does.
        """
        held = self.attributes.get(change["signal"], {})
        revision = held.get(_REVISION, "")
        commit = None if change["kind"] == "commit" else self._commits.get(revision[:_SHORT])
        text = self._text(change) + ("" if commit is None else "\n" + self._text(commit))
        title = change["title"] if commit is None else f"{change['title']}\n{commit['title']}"
        calls = self.called(change)
        told = {(s.key, s.old, s.new) for s in calls if s.old and s.new}
        moves = {*affinity.moved(text), *called.told(held), *told}
        reverts = affinity.REVERT.search(text) is not None
        quoted = affinity.QUOTED.search(title)
        return Reading(
            frozenset(moves), affinity.words(title), reverts, revision, title,
            "" if quoted is None else quoted[1], frozenset(s.key.casefold() for s in calls),
            commit is not None or change["kind"] == "commit",
        )  # fmt: skip

    @cached_property
    def _commits(self) -> Mapping[str, Signal]:
        """Revision, in short -> its commit."""
        known = (
            (self.attributes.get(s["signal"], {}).get(_REVISION, "")[:_SHORT], s)
            for s in self.changes if s["kind"] == "commit"
        )  # fmt: skip
        return {revision: s for revision, s in known if revision}

    def is_carried(self, change: Signal) -> bool:
        """Say whether a change is a commit that a roll-out is known to have brought."""
        revision = self.attributes.get(change["signal"], {}).get(_REVISION, "")[:_SHORT]
        return change["kind"] == "commit" and bool(revision) and revision in self._brought

    @cached_property
    def _brought(self) -> frozenset[str]:
        """Revisions, in short, that roll-outs brought."""
        return frozenset(
            self.attributes.get(s["signal"], {}).get(_REVISION, "")[:_SHORT]
            for s in self.changes if s["kind"] != "commit"
        )  # fmt: skip

    def called(self, change: Signal) -> tuple[Setting, ...]:
        """Say what the call behind a change set, and what that was before as far as is told.

        What was set last before it is what it was, or what a metric counted; where none tells, what
        was set first once the failure was on is taken for it: things are put right by setting them
        back.
        """
        return tuple(
            Setting(key, self._was(change, key, value), value)
            for key, value in self._calls.get(change["signal"], {}).items()
        )

    def _was(self, change: Signal, key: str, new: str) -> str:
        since = max(change["time"], self.onset)
        others = [
            (s["time"], self._calls[s["signal"]][key])
            for s in self.changes
            if s["entity"] == change["entity"] and key in self._calls.get(s["signal"], {})
        ]
        before = [o for o in others if o[0] < change["time"] - _REPEAT]
        after = [o for o in others if o[0] > since]
        counted = sizes.was(key, new, self.sizes.get((change["entity"] or "", change["time"])))
        return max(before)[1] if before else counted or (min(after)[1] if after else "")

    @cached_property
    def _calls(self) -> Mapping[int, Mapping[str, str]]:
        """Signal -> what its call set."""
        found = {s["signal"]: called.settings(self.attributes.get(s["signal"], {}))
                 for s in self.changes if s["kind"] != "commit"}  # fmt: skip
        return {signal: told for signal, told in found.items() if told}

    def _text(self, signal: Signal) -> str:
        return self.texts.get(signal["signal"], signal["title"])
