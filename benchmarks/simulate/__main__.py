"""Measure how often reconstruction finds the truth of generated incidents.

    python -m benchmarks.simulate --cases 500 --json
    python -m benchmarks.simulate --cases 60 --sweep noise
    python -m benchmarks.simulate --explain 17

Each seed gives one incident: a topology, traffic, a fault, harmless changes beside it, wrong
clocks, evidence that is missing. What is measured is said in `scoring`; ``identical`` says that the
first case, drawn and reconstructed once more, gave the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import faults, scoring, sweep, trial
from .case import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .trial import Job

_SHOWN = (
    ("root cause Top-1", "top1"), ("root cause Top-3", "top3"), ("category", "category_right"),
    ("onset error, median, s", "onset_error_median_s"),
    ("onset error, p90, s", "onset_error_p90_s"),
    ("order of separable pairs", "pairwise_order"),
    ("... within a minute", "pairwise_order_within_a_minute"),
    ("cascade root", "cascade_root"), ("skew within half a second", "skew_within_half_second"),
    ("harmless changes named", "decoys"), ("cases without a change", "none_cases"),
    ("... in which none was named", "none_right"), ("false 'none'", "false_none"),
    ("incidents missed", "missed_incidents"), ("quiet nights", "quiet_cases"),
    ("... called an incident", "quiet_called_incident"),
    ("CPU seconds a case", "cpu_seconds_per_case"),
)  # fmt: skip


def measure(cases: int, seed: int, workers: int, settings: Settings) -> dict[str, Any]:
    """Run so many cases and return the benchmark's object."""
    began = time.perf_counter()
    jobs: list[Job] = [(seed + i, settings) for i in range(cases)]
    scores = list(_told(jobs, workers))
    again = trial.run(seed, settings)
    found = scoring.summary(scores, seed)
    return {
        "benchmark": "simulate",
        "cases": cases,
        "seed": seed,
        "workers": workers,
        **found,
        "cpu_seconds_per_case": _mean(scores, "cpu_generation_s", "cpu_reconstruction_s"),
        "cpu_generation_s": _mean(scores, "cpu_generation_s"),
        "cpu_reconstruction_s": _mean(scores, "cpu_reconstruction_s"),
        "records_per_case": _mean(scores, "records"),
        "wall_seconds": round(time.perf_counter() - began, 1),
        "identical": again["sha256"] == scores[0]["sha256"],
        "per_kind": scoring.per_kind(scores),
        "misses": [_missed(s) for s in scores if s["incident"] and not s["top1"]],
    }


def _missed(score: Mapping[str, Any]) -> dict[str, Any]:
    """Tell of a case whose cause was not ranked first."""
    kept = ("seed", "kind", "rank", "visible", "decoy", "category_right", "onset_error_s")
    told = {name: score[name] for name in kept}
    if told["onset_error_s"] == float("inf"):
        told["onset_error_s"] = None
    answer = score["answer"]
    return told | {"answer": answer and f"{answer['entity']}: {answer['title']}"}


def _mean(scores: Sequence[Mapping[str, Any]], *names: str) -> float:
    whole: float = sum(s[n] for s in scores for n in names)
    return round(whole / len(scores), 3)


def _told(jobs: Sequence[Job], workers: int) -> Iterator[dict[str, Any]]:
    """Run jobs, and tell on stderr how far they are."""
    right = 0
    for number, score in enumerate(trial.run_all(jobs, workers), 1):
        right += score["top1"]
        print(f"\r{number} of {len(jobs)} cases, {right} right", end="", file=sys.stderr)
        yield score
    print(file=sys.stderr)


def show(found: Mapping[str, Any]) -> None:
    """Print the object as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("", "", title=f"{found['cases']} cases from seed {found['seed']}")
    for text, name in _SHOWN:
        table.add_row(text, "-" if found[name] is None else str(found[name]))
    kinds = Table("kind", "cases", "Top-1", "Top-3", "onset error, s", "cascade root", "decoys")
    for kind, some in found["per_kind"].items():
        kinds.add_row(kind, *("-" if v is None else str(v) for v in some.values()))
    console.print(table)
    console.print(kinds)


def show_curve(found: Mapping[str, Any]) -> None:
    """Print a robustness curve as a table."""
    from rich.console import Console
    from rich.table import Table

    points = found["points"]
    names = [name for name in points[0] if name != "ci95"]
    table = Table(*names, title=f"{found['cases']} cases, by {found['sweep']}")
    for point in points:
        table.add_row(*("-" if point[n] is None else str(point[n]) for n in names))
    Console().print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--cases", type=int, default=100, help="how many (100)")
    parser.add_argument("--seed", type=int, default=0, help="the first one's; the others count up")
    parser.add_argument("--workers", type=int, default=1, help="processes that run cases (1)")
    parser.add_argument("--kind", choices=list(faults.KINDS), help="one kind of fault alone")
    parser.add_argument("--sweep", choices=list(sweep.LEVELS), help="draw a robustness curve")
    parser.add_argument("--explain", type=int, metavar="SEED", help="tell of one case, then end")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where --explain leaves files")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    chosen = _parser().parse_args(arguments)
    settings = Settings(kind=chosen.kind)
    if chosen.explain is not None:
        from . import explained

        folder = chosen.keep or Path(tempfile.mkdtemp(prefix=f"simulate-{chosen.explain}-"))
        for line in explained.explain(chosen.explain, settings, folder):
            print(line)
        return
    if chosen.sweep is None:
        found = measure(chosen.cases, chosen.seed, chosen.workers, settings)
    else:
        seeds = range(chosen.seed, chosen.seed + chosen.cases)
        curve = sweep.curve(chosen.sweep, seeds, settings, lambda jobs: _told(jobs, chosen.workers))
        found = {"benchmark": "simulate", "cases": chosen.cases, "seed": chosen.seed, **curve}
    if chosen.json:
        print(json.dumps(found))
    elif chosen.sweep is None:
        show(found)
    else:
        show_curve(found)


if __name__ == "__main__":
    main()
