"""How sure answers are held against how often they are right.

A confidence is calibrated if, of all answers with a confidence of 0.7, seven in ten are right
(A. Niculescu-Mizil and R. Caruana, "Predicting good probabilities with supervised learning", ICML
2005). The expected calibration error is the mean distance of the two over bins of equal width (M.
Naeini et al., AAAI 2015); the Brier score (Mon. Weather Rev. 78, 1950) the mean square of what
each answer is off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

BINS = 5
_STEPS = 50
_RIDGE = 1e-3  # keeps the weights finite where all answers of a kind are right


def reliability(answers: Iterable[tuple[float, bool]]) -> dict[str, Any]:
    """Hold confidences against outcomes.

    Args:
        answers: each one's confidence, 0 to 1, and whether it was right.

    Returns:
        answers (how many), calibration_error, brier (both null of none), and bins: from, to,
        answers, confidence and right (means), those that hold any.
    """
    told = list(answers)
    sure = np.array([c for c, _ in told], np.float64)
    right = np.array([r for _, r in told], np.float64)
    at = np.minimum((sure * BINS).astype(int), BINS - 1)
    bins = [_bin(n, sure[at == n], right[at == n]) for n in range(BINS) if (at == n).any()]
    apart = sum(b["answers"] * abs(b["confidence"] - b["right"]) for b in bins)
    return {
        "answers": len(told),
        "calibration_error": round(apart / len(told), 4) if told else None,
        "brier": round(float(((sure - right) ** 2).mean()), 4) if told else None,
        "bins": bins,
    }


def _bin(number: int, sure: Floats, right: Floats) -> dict[str, Any]:
    return {
        "from": number / BINS,
        "to": (number + 1) / BINS,
        "answers": len(sure),
        "confidence": round(float(sure.mean()), 4),
        "right": round(float(right.mean()), 4),
    }


def features(causes: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Give what each answer's confidence is made of: its score, and its lead over its best rival.

    Args:
        causes: ``root_causes`` of a timeline.json, the best first.
    """
    scores: list[float] = [c["score"] for c in causes]
    rivals = [max(scores[:i] + scores[i + 1 :], default=0.0) for i in range(len(scores))]
    return [(score, score - rival) for score, rival in zip(scores, rivals, strict=True)]


def fitted(given: Sequence[tuple[float, float]], right: Sequence[bool]) -> list[float]:
    """Fit a logistic regression (J. Platt, "Probabilistic outputs ...", 1999) by Newton's method.

    Args:
        given: see `features`, shape (n, 2).
        right: shape (n,).

    Returns:
        The intercept, and the weights of the score and of the lead.
    """
    x = np.column_stack([np.ones(len(given)), np.array(given, np.float64)])
    y, weights = np.array(right, np.float64), np.zeros(3)
    for _ in range(_STEPS):
        sure = 1 / (1 + np.exp(-(x @ weights)))
        slope = x.T @ (y - sure) - _RIDGE * weights
        curve = (x * (sure * (1 - sure))[:, None]).T @ x + _RIDGE * np.eye(3)
        weights += np.linalg.solve(curve, slope)
    return [round(float(w), 3) for w in weights]
