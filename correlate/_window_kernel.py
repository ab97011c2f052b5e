"""The kernel of the window x topology join (imports numba)."""

import numpy as np
import numpy.typing as npt
from numba import njit

_NONE = np.int64(2**62)


@njit(cache=True, nogil=True)
def nearest(
    effect_time: npt.NDArray[np.int64],
    effect_entity: npt.NDArray[np.int32],
    cause_time: npt.NDArray[np.int64],
    cause_cost: npt.NDArray[np.int64],
    cause_starts: npt.NDArray[np.int64],
    reach_starts: npt.NDArray[np.int64],
    reach_entity: npt.NDArray[np.int32],
    reach_hops: npt.NDArray[np.int8],
    window: int,
    slack: int,
    hop_cost: int,
    keep: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give each effect its cheapest causes; see `windows.link` for the meaning of the arguments.

    Causes are sorted by (entity, time); ``cause_starts`` holds where each entity's begin. Only the
    best ``keep`` are held, and whatever cannot cost less than the worst of them is not looked at.

    Returns:
        Cause positions, costs and hops, each of shape (effects * keep,); unused places hold -1.
    """
    n = effect_time.shape[0]
    cause = np.full(n * keep, -1, np.int64)
    cost = np.full(n * keep, _NONE, np.int64)
    hops = np.full(n * keep, -1, np.int64)
    for e in range(n):
        t = effect_time[e]
        base = e * keep
        worst = _NONE
        for r in range(reach_starts[effect_entity[e]], reach_starts[effect_entity[e] + 1]):
            far = np.int64(reach_hops[r]) * hop_cost
            if far >= worst:
                break  # reach is sorted by hops: nothing further is cheaper
            first = cause_starts[reach_entity[r]]
            i = cause_starts[reach_entity[r] + 1] - 1
            low, high = first, i + 1
            while low < high:
                middle = (low + high) // 2
                if cause_time[middle] <= t + slack:
                    low = middle + 1
                else:
                    high = middle
            i = low - 1
            while i >= first and cause_time[i] >= t - window:
                delta = abs(t - cause_time[i])
                if cause_time[i] <= t and delta + far > worst:
                    break  # everything older is further still
                c = delta + far + cause_cost[i]
                if c < worst or (c == worst and i < cause[base + keep - 1]):
                    k = keep - 1
                    while k > 0 and (
                        cost[base + k - 1] > c
                        or (cost[base + k - 1] == c and cause[base + k - 1] > i)
                    ):
                        cost[base + k] = cost[base + k - 1]
                        cause[base + k] = cause[base + k - 1]
                        hops[base + k] = hops[base + k - 1]
                        k -= 1
                    cost[base + k] = c
                    cause[base + k] = i
                    hops[base + k] = np.int64(reach_hops[r])
                    worst = cost[base + keep - 1]
                i -= 1
    return cause, cost, hops
