"""Robustness curves: the same cases made harder step by step in one respect."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import scoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .case import Settings
    from .trial import Job

LEVELS: Mapping[str, tuple[float, ...]] = {
    "noise": (0.0, 1.0, 3.0, 8.0),
    "missing": (0.0, 0.1, 0.25, 0.5),
    "skew": (0.0, 1.0, 5.0, 20.0),
    "decoys": (0.0, 4.0, 10.0, 25.0),
}
"""What can be turned, and how far: errors that mean nothing (a factor), sources that are not there
(a share), clocks that are wrong (seconds), harmless changes (how many)."""
_TOLD = ("top1", "top3", "ci95", "onset_error_median_s", "onset_error_p90_s", "pairwise_order",
         "cascade_root", "skew_within_half_second", "decoys", "false_none", "none_right",
         "none_cases")  # fmt: skip


def settings(parameter: str, level: float, base: Settings) -> Settings:
    """Turn one of `LEVELS` and leave the rest."""
    turned: dict[str, Any] = {parameter: level}
    return replace(base, **turned)


def curve(
    parameter: str, seeds: Sequence[int], base: Settings,
    run: Callable[[Sequence[Job]], Iterable[dict[str, Any]]],
) -> dict[str, Any]:  # fmt: skip
    """Run the same seeds at every level.

    Args:
        parameter: what is turned.
        seeds: of the cases.
        base: everything else.
        run: runs jobs and gives their scores in order.
    """
    points: list[dict[str, Any]] = []
    for level in LEVELS[parameter]:
        jobs = [(seed, settings(parameter, level, base)) for seed in seeds]
        found = scoring.summary(list(run(jobs)), seeds[0])
        told = {name: found[name] for name in _TOLD}
        points.append({parameter: level, "decoys_named": told.pop("decoys"), **told})
    return {"sweep": parameter, "points": points}
