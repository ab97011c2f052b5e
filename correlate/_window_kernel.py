"""The kernel of the window x topology join (imports numba)."""

import numpy as np
import numpy.typing as npt
from numba import njit

_NONE = np.int64(2**62)


@njit(cache=True, nogil=True)
def _latest(times: npt.NDArray[np.int64], first: int, stop: int, limit: int) -> int:
    """Find the last place in [first, stop) whose time is at most the limit; first - 1 if none."""
    low, high = first, stop
    while low < high:
        middle = (low + high) // 2
        if times[middle] <= limit:
            low = middle + 1
        else:
            high = middle
    return low - 1


@njit(cache=True, nogil=True)
def _insert(
    cause: npt.NDArray[np.int64],
    cost: npt.NDArray[np.int64],
    hops: npt.NDArray[np.int64],
    base: int,
    last: int,
    i: int,
    c: int,
    far: int,
) -> None:
    """Put a cause into its place of an effect's [base, last], by cost and then by position."""
    k = last
    while k > base and (cost[k - 1] > c or (cost[k - 1] == c and cause[k - 1] > i)):
        cost[k] = cost[k - 1]
        cause[k] = cause[k - 1]
        hops[k] = hops[k - 1]
        k -= 1
    cost[k] = c
    cause[k] = i
    hops[k] = far


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
    """Give each effect its cheapest causes, as `windows.link` says.

    Causes are sorted by (entity, time), each entity's from its ``cause_starts``. Returns their
    positions, costs and hops, each of shape (effects * keep,); unused places hold -1.
    """
    n = effect_time.shape[0]
    cause, hops = np.full(n * keep, -1, np.int64), np.full(n * keep, -1, np.int64)
    cost = np.full(n * keep, _NONE, np.int64)
    for e in range(n):
        t = int(effect_time[e])
        base, last = e * keep, (e + 1) * keep - 1
        for r in range(reach_starts[effect_entity[e]], reach_starts[effect_entity[e] + 1]):
            far = int(reach_hops[r]) * hop_cost
            if far >= cost[last]:
                break  # reach is sorted by hops: nothing further costs less than the worst held
            first, stop = cause_starts[reach_entity[r]], cause_starts[reach_entity[r] + 1]
            i = _latest(cause_time, int(first), int(stop), t + slack)
            while i >= first and cause_time[i] >= t - window:
                delta = abs(t - int(cause_time[i]))
                if cause_time[i] <= t and delta + far > cost[last]:
                    break  # everything older is further still
                c = delta + far + int(cause_cost[i])
                if c < cost[last] or (c == cost[last] and i < cause[last]):
                    _insert(cause, cost, hops, base, last, i, c, int(reach_hops[r]))
                i -= 1
    return cause, cost, hops
