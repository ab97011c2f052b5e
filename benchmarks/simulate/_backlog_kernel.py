"""The queue of what cannot be worked on at once, compiled, since each second rests on the last."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel


@kernel()
def backlog(
    arriving: npt.NDArray[np.float64], capacity: npt.NDArray[np.float64], limit: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Let requests queue up to a limit.

    Args:
        arriving: requests a second, shape (seconds,).
        capacity: requests that can be worked on in a second, shape (seconds,).
        limit: how many may wait.

    Returns:
        How many wait, and the share of those arriving that are turned away; shape (seconds,).
    """
    waiting, length = 0.0, len(arriving)
    kept, shed = np.zeros(length), np.zeros(length)
    for i in range(length):
        waiting = max(waiting + arriving[i] - capacity[i], 0.0)
        if waiting > limit:
            shed[i] = min((waiting - limit) / max(arriving[i], 1e-6), 1.0)
            waiting = limit
        kept[i] = waiting
    return kept, shed
