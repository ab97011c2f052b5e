"""Every benchmark small: answers must agree, and no ratio may fall below its floor.

    python -m benchmarks.smoke --json

`floors.toml` beside this file says how each benchmark is run and what must hold. Exits with 1 when
something does not, naming the benchmark, what was found and its bound; with 2 when the floors are
not those of the benchmarks that there are. Only ratios of one run are judged, and bounds are far
from the typical figures, so a busy machine is no reason to fail.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import _programs
from benchmarks._measure import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FLOORS = Path(__file__).with_name("floors.toml")
ANSWERS = ("equal", "identical", "killed_identical")
"""Figures that tell whether all methods gave the same; null where that could not be asked."""


class FloorsError(ValueError):
    """The floors do not fit the benchmarks."""


@dataclass(frozen=True, slots=True)
class Run:
    """One way to run a benchmark, and the bounds of its figures (by their path in its object)."""

    benchmark: str
    arguments: list[str] = field(default_factory=list[str])
    at_least: dict[str, float] = field(default_factory=dict[str, float])
    at_most: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def name(self) -> str:
        """The benchmark, with the switches that make it another question."""
        return " ".join([self.benchmark, *_switches(self.arguments)])


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one figure, and whether that will do."""

    run: str
    figure: str
    found: Any
    bound: str
    holds: bool

    def __str__(self) -> str:
        """Say it in one line."""
        state = "holds" if self.holds else "FAILS"
        return f"{state}: {self.run}: {self.figure} is {self.found}; it must be {self.bound}"


def read(text: str, benchmarks: Iterable[str]) -> list[Run]:
    """Read the floors and hold them against the benchmarks that there are.

    Raises:
        FloorsError: a benchmark has no floor, or a floor no benchmark, or a key is unknown.
    """
    known = sorted(benchmarks)
    try:
        runs = [Run(**run) for run in tomllib.loads(text).get("run", [])]
    except TypeError as error:
        msg = f"a run of floors.toml is wrong: {error}; it takes {', '.join(Run.__annotations__)}"
        raise FloorsError(msg) from error
    for run in runs:
        if run.benchmark not in known:
            msg = f"floors.toml names {run.benchmark!r}; the benchmarks are {', '.join(known)}"
            raise FloorsError(msg)
        if not run.at_least and not run.at_most:
            msg = f"floors.toml sets no bound for {run.name!r}; add at_least or at_most"
            raise FloorsError(msg)
    if missing := sorted(set(known) - {run.benchmark for run in runs}):
        msg = f"floors.toml says nothing of {', '.join(missing)}; add a [[run]] with a bound"
        raise FloorsError(msg)
    return runs


def judge(run: Run, found: Mapping[str, Any]) -> list[Verdict]:
    """Hold a benchmark's object against the bounds of its run.

    Raises:
        FloorsError: the object lacks a figure that has a bound, or tells nothing of the answers.
    """
    answers = [key for key in ANSWERS if key in found]
    if not answers:
        msg = f"{run.name} does not tell whether answers agree; it needs one of {ANSWERS}"
        raise FloorsError(msg)
    verdicts = [
        Verdict(run.name, _named(key, found), found[key], "true", found[key] is not False)
        for key in answers
    ]
    for figure, floor in run.at_least.items():
        value = _figure(run, found, figure)
        verdicts.append(Verdict(run.name, figure, value, f"at least {floor}", value >= floor))
    for figure, ceiling in run.at_most.items():
        value = _figure(run, found, figure)
        verdicts.append(Verdict(run.name, figure, value, f"at most {ceiling}", value <= ceiling))
    return verdicts


def _named(key: str, found: Mapping[str, Any]) -> str:
    """Name an answer, with the methods that differ where they are told."""
    differ: list[str] = found.get("differ", [])
    told = key == "equal" and found[key] is False and differ
    return f"{key} (against {', '.join(differ)})" if told else key


def _figure(run: Run, found: Mapping[str, Any], path: str) -> float:
    """Look up a figure such as ``cpu_ratio.duckdb``."""
    value: Any = found
    for key in path.split("."):
        try:
            value = value[key]
        except (KeyError, TypeError) as error:
            there = ", ".join(value) if hasattr(value, "keys") else value
            msg = f"{run.name} has no figure {path!r}: no {key!r} in {there}"
            raise FloorsError(msg) from error
    return float(value)


def _switches(arguments: Sequence[str]) -> list[str]:
    """Pick the arguments that take no value."""
    pairs = itertools.pairwise([*arguments, "--"])
    return [a for a, b in pairs if a[:2] == b[:2] == "--"]


def tried(run: Run) -> tuple[dict[str, Any], list[Verdict]]:
    """Run a benchmark and judge it; one that fails to run is a verdict, too."""
    began = time.perf_counter()
    try:
        found = _programs.run(run.benchmark, run.arguments)
    except RuntimeError as error:
        return {}, [Verdict(run.name, "its end", str(error), "without an error", holds=False)]
    verdicts = judge(run, found)
    say(f"{run.name}: {time.perf_counter() - began:.1f} s")
    for verdict in verdicts:
        say(f"  {verdict}")
    return found, verdicts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smoke", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", help="benchmarks, with commas (all)")
    parser.add_argument("--tables", action="store_true", help="print their tables; judge nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    chosen = parser.parse_args(arguments)
    try:
        runs = read(FLOORS.read_text(), _programs.names())
        if chosen.only is not None:
            runs = [run for run in runs if run.benchmark in chosen.only.split(",")]
        if chosen.tables:
            shown = [_programs.show(run.benchmark, run.arguments) for run in runs]
            return 0 if all(shown) else 1
        tries = [tried(run) for run in runs]
    except FloorsError as error:
        print(error, file=sys.stderr)
        return 2
    return _told(tries, as_json=chosen.json)


def _told(tries: Sequence[tuple[dict[str, Any], list[Verdict]]], *, as_json: bool) -> int:
    """Print what came of it; 1 if anything fails."""
    verdicts = [verdict for _, some in tries for verdict in some]
    failed = [verdict for verdict in verdicts if not verdict.holds]
    if as_json:
        found = {"runs": [run for run, _ in tries], "verdicts": [asdict(v) for v in verdicts]}
        print(json.dumps({"benchmark": "smoke", "holds": not failed, **found}))
    else:
        for verdict in failed:
            print(verdict)
        print(f"{len(verdicts) - len(failed)} of {len(verdicts)} bounds and answers hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
