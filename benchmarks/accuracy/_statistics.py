"""Figures of ranked answers: honest ranks of ties, Top-k, their spread, what luck would give."""

from __future__ import annotations

import statistics
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from benchmarks.accuracy._suite import Row

RESAMPLES = 10_000
SEED = 0


def worst_rank(ranked: Iterable[tuple[Hashable, float]], truth: Collection[Hashable]) -> int | None:
    """Return the rank of the first right answer, from 1, the worst one that its ties allow.

    Answers are counted once, where they stand first; wrong ones with the same score
    as the right one count as before it, for nothing but luck put them behind.

    Args:
        ranked: answers with their scores, best first.
        truth: the answers that are right.
    """
    firsts: dict[Hashable, float] = {}
    for answer, score in ranked:
        firsts.setdefault(answer, score)
    before = 0
    for _, tied in groupby(firsts.items(), key=lambda pair: pair[1]):
        answers = [answer for answer, _ in tied]
        wrong = sum(answer not in truth for answer in answers)
        if wrong < len(answers):
            return before + wrong + 1
        before += wrong
    return None


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """Return top1, top3, avg5, their intervals, and the lines of chance and of a constant answer.

    Only rows with a truth count; a figure of none is null.
    """
    counted = [row for row in rows if row["truth"] is not None]
    ranks = [row["rank"] for row in counted]
    named = {"top1": _top(1), "top3": _top(3), "avg5": _average}
    hits = {name: [hit(rank) for rank in ranks] for name, hit in named.items()}
    scores = [float(row["score"]) for row in rows]
    return {
        **{name: mean(values) for name, values in hits.items()},
        "ci95": {name: interval(v) for name, v in {**hits, "score": scores}.items()},
        "chance": {"top1": _chance(counted)},
        "constant": _constant(counted),
    }


def mean(values: Sequence[float]) -> float | None:
    """Return the mean to four places; null of none."""
    return round(statistics.fmean(values), 4) if values else None


def interval(values: Sequence[float], seed: int = SEED) -> list[float] | None:
    """Return the 95 % interval of a mean by bootstrap percentiles (Efron 1979); null of none."""
    import numpy as np

    if not values:
        return None
    sample: npt.NDArray[np.float64] = np.asarray(values, np.float64)
    drawn = np.random.default_rng(seed).integers(len(sample), size=(RESAMPLES, len(sample)))
    low, high = np.quantile(sample[drawn].mean(axis=1), (0.025, 0.975))
    return [round(float(low), 4), round(float(high), 4)]


def _top(k: int) -> Callable[[int | None], float]:
    return lambda rank: float(rank is not None and rank <= k)


def _average(rank: int | None) -> float:
    """Return what a case gives to Avg@5, the mean of Top-1 to Top-5."""
    return statistics.fmean(_top(k)(rank) for k in range(1, 6))


def _chance(rows: Sequence[Row]) -> float | None:
    """Return the Top-1 of drawing an answer by lot, where every row says among how many."""
    shares = [1 / row["candidates"] for row in rows if row.get("candidates")]
    return mean(shares) if len(shares) == len(rows) else None


def _constant(rows: Sequence[Row]) -> Mapping[str, Any]:
    """Return the Top-1 of always giving the commonest truth, which no one could know before."""
    if not rows:
        return {"answer": None, "top1": None}
    counts = Counter(str(row["truth"]) for row in rows)
    answer, count = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return {"answer": answer, "top1": round(count / len(rows), 4)}
