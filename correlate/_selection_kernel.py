"""The kernel of order statistics: medians and percentiles without a sort (imports numba).

Quickselect (Hoare, CACM 4, 1961) with the median of three as pivot. Where the pivots keep falling
badly the rest is sorted, so that no input takes more than n log n (Musser's introselect, Softw.
Pract. Exp. 27, 1997). Results are those of `numpy.median` and `numpy.percentile`, bit for bit.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

_PATIENCE = 3  # rounds for every halving that the pivots may take


@kernel()
def _middle(a: Any, b: Any, c: Any) -> Any:
    """Return the middle one of three values."""
    if a < b:
        return b if b < c else max(a, c)
    return a if a < c else max(b, c)


@kernel()
def select(values: npt.NDArray[Any], k: int, first: int = 0) -> Any:
    """Return the k-th smallest; what is smaller is moved before it, the rest behind it.

    Args:
        values: shape (n,), of any one type; rearranged in place.
        k: in [first, n).
        first: nothing before it is looked at; it must hold nothing larger than the rest.
    """
    low, high = first, values.shape[0] - 1
    rounds = _PATIENCE
    size = high - low + 1
    while size > 1:
        rounds += _PATIENCE
        size >>= 1
    while low < high:
        rounds -= 1
        if rounds == 0:
            values[low : high + 1].sort()
            break
        pivot = _middle(values[low], values[(low + high) >> 1], values[high])
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]


@kernel()
def median(values: npt.NDArray[np.float64]) -> float:
    """Return the median of some values, shape (n > 0,), which are rearranged."""
    n = values.shape[0]
    high = select(values, n // 2)
    if n % 2:
        return float(high)
    return float((np.max(values[: n // 2]) + high) / 2)


@kernel()
def percentiles(values: npt.NDArray[np.float64], low: int, high: int) -> tuple[float, float]:
    """Return two percentiles, low < high, of some values, shape (n > 0,), which are rearranged."""
    below, done = _percentile(values, low, 0)
    above, _ = _percentile(values, high, done)
    return below, above


@kernel()
def _percentile(values: npt.NDArray[np.float64], percent: int, first: int) -> tuple[float, int]:
    """Interpolate a percentile, linearly, in the rounding that NumPy has; say what is in place."""
    n = values.shape[0]
    place = (n - 1) * (percent / 100)
    k = int(np.floor(place))
    a = select(values, k, min(first, k))
    if k + 1 >= n:
        return float(a), k
    b = select(values, k + 1, k + 1)
    part = place - k
    if part >= 0.5:
        return float(b - (b - a) * (1 - part)), k + 1
    return float(a + (b - a) * part), k + 1
