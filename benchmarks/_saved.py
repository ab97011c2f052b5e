"""What benchmarks found, kept as JSON lines, so that an expensive run is made once.

A line is ``{"benchmark", "arguments", "machine", "load", "found"}``. A run that is made again
is added at the end, and the last one of the same benchmark and arguments counts.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks import _programs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Saved:
    """One run of a benchmark."""

    benchmark: str
    arguments: list[str]
    machine: dict[str, str]
    load: float
    """How many processes wanted a core in the minute before it began."""
    found: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def size(self) -> int:
        """How many events, records or points it was run on."""
        sizes = self.found["sizes"]
        return int(sizes.get("events") or sizes.get("records") or sizes.get("points"))

    @property
    def command(self) -> str:
        """What a person would type."""
        return _programs.spoken(self.benchmark, self.arguments)


def append(file: Path, run: Saved) -> None:
    """Add a run to a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(run)) + "\n")


def read(files: Iterable[Path]) -> list[Saved]:
    """Read the runs of some files, the last one of each command.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a run's answers differ, or runs come from different machines.
    """
    runs = last(files)
    _check(runs)
    return runs


def last(files: Iterable[Path]) -> list[Saved]:
    """Read the last run of each command, whatever it found.

    Raises:
        FileNotFoundError: a file is not there.
    """
    found = dict[str, Saved]()
    for file in files:
        for line in file.read_text().splitlines():
            run = Saved(**json.loads(line))
            found[run.command] = run
    return list(found.values())


def _check(runs: Sequence[Saved]) -> None:
    for run in runs:
        if run.found.get("equal", run.found.get("identical")) is not True:
            msg = f"answers differ in {run.command}: {run.found.get('differ')}; nothing to publish"
            raise ValueError(msg)
        if run.machine != runs[0].machine:
            other = {k for k, v in run.machine.items() if runs[0].machine.get(k) != v}
            msg = (
                f"{run.command} ran on another machine than {runs[0].command} (another"
                f" {', '.join(sorted(other))}); run it again, or leave its file out"
            )
            raise ValueError(msg)
