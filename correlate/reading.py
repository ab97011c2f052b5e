"""What a change says of itself that tells whether it undoes another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter


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
