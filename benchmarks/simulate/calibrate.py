"""Fit how sure root causes are to how often they are right, on simulated incidents.

    python -m benchmarks.simulate.calibrate --cases 1000 --seed 100000 --workers 2

Prints the weights for `nova_timeline.correlate.ranking.confidence`, fitted to the first half of the
cases, and how well confidences are calibrated on the other half: those that timeline.json has now,
and those that the weights give. Take seeds that nothing else is measured on.
"""

from __future__ import annotations

import argparse
import json
import math
from typing import TYPE_CHECKING, Any

from benchmarks import _calibration

from . import trial
from .case import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    Answers = list[tuple[tuple[float, float], float, bool]]


def answers(scores: Sequence[dict[str, Any]]) -> Answers:
    """List each answer's features, its confidence, and whether it is right."""
    return [
        (tuple(a["features"]), a["confidence"], a["right"])
        for score in scores
        if score["incident"]
        for a in score["answers"]
    ]


def calibrated(first: Answers, second: Answers) -> dict[str, Any]:
    """Fit to some answers, and hold both ways of being sure against the others."""
    weights = _calibration.fitted([f for f, _, _ in first], [r for _, _, r in first])
    intercept, score, lead = weights

    def sure(given: tuple[float, float]) -> float:
        return 1 / (1 + math.exp(-(intercept + score * given[0] + lead * given[1])))

    return {
        "weights": weights,
        "now": _calibration.reliability((c, r) for _, c, r in second),
        "fitted": _calibration.reliability((sure(f), r) for f, _, r in second),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; it prints one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate.calibrate")
    parser.add_argument("--cases", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--seed", type=int, default=100_000, help="the first one's (100000)")
    parser.add_argument("--workers", type=int, default=1, help="processes that run cases (1)")
    chosen = parser.parse_args(arguments)
    jobs = [(chosen.seed + i, Settings()) for i in range(chosen.cases)]
    scores = list(trial.run_all(jobs, chosen.workers))
    half = len(scores) // 2
    print(json.dumps(calibrated(answers(scores[:half]), answers(scores[half:]))))


if __name__ == "__main__":
    main()
