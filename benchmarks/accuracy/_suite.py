"""What a suite of incidents with known causes is, and how one is found by its name.

To add one, write ``benchmarks/accuracy/NAME.py`` with a `Suite` called ``SUITE``; no list names it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES = tuple(sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py")))
MODALITIES = ("changes", "logs", "metrics", "spans", "topology")
"""What `Suite.write` can be asked to leave out."""
Timeline = dict[str, Any]
"""A timeline.json, as docs/timeline-json.md describes it."""
Row = dict[str, Any]
"""How one case came out; see `Suite.score`."""


@dataclass(frozen=True)
class Case:
    """One incident of a suite: where its raw files lie, and what really happened."""

    name: str
    folder: Path
    truth: dict[str, Any] = field(default_factory=dict[str, Any])


class Suite(Protocol):
    """A set of incidents whose causes are known."""

    name: str
    """As it is asked for on the command line."""
    place: str
    """The suite's folder below a folder of several suites."""

    def cases(self, data: Path) -> list[Case]:
        """List the cases that lie below a folder, sorted by name."""
        ...

    def write(self, case: Case, folder: Path, without: frozenset[str]) -> Path:
        """Write a case's evidence as connectors read it, with an incident file; return that.

        Args:
            case: its truth is empty here and its name a number, so that neither can leak; whatever
                else in the case's folder tells the answer must not be copied.
            folder: an empty folder to write to, with a name that tells nothing.
            without: `MODALITIES` to leave out.
        """
        ...

    def score(self, case: Case, timeline: Timeline) -> Row:
        """Hold a timeline against the truth.

        The row needs ``case`` (the name), ``answer`` and ``truth`` (short texts; a null truth means
        that there was nothing to name, and leaves the case out of top1, top3 and avg5), ``rank`` of
        the truth (see `_statistics.worst_rank`; null where it was not named), ``score`` (0 to 1)
        and ``decoy`` (whether the answer is one that was laid out as a trap). It may have
        ``candidates`` (among how many the answer was to be found: gives the chance line), ``form``
        (the answer as the benchmark itself wants it: what ``--answers`` writes), and more.
        """
        ...

    def summary(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        """Return the figures that only this suite has; a ``score`` here is its headline."""
        ...


def load(name: str) -> Suite:
    """Return a suite by its name, one of `NAMES`."""
    suite: Suite = import_module(f"benchmarks.accuracy.{name}").SUITE
    return suite
