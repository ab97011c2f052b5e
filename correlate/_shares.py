"""Work for numba kernels, cut into shares for the threads of this process.

The kernels release the interpreter's lock, so plain threads keep all cores busy. Shares are cut by
what is in them, never by who is idle, and their results come back in order: the same input gives
the same output whatever the number of threads.
"""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl

T = TypeVar("T")
_EACH = 4  # shares a thread, so that one that takes longer keeps nobody waiting for long


def threads() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def even(starts: npt.NDArray[np.int64], shares: int = 0) -> list[tuple[int, int]]:
    """Cut groups of rows into runs of groups with about as many rows each.

    Args:
        starts: where each group begins, from 0, and the last one ends, shape (groups + 1,).
        shares: how many runs; 0 for a few for each core.

    Returns:
        The first group of each run and the one it stops before; only a run of no groups is empty.
    """
    import numpy as np

    shares = shares or _EACH * threads()
    groups, rows = len(starts) - 1, int(starts[-1])
    aims = [rows * share // shares for share in range(1, shares)]
    inner: npt.NDArray[np.int64] = np.searchsorted(starts, aims)
    cuts = sorted({0, groups, *(int(cut) for cut in inner)})
    return list(itertools.pairwise(cuts)) or [(0, 0)]


def evenly(rows: int, shares: int = 0) -> list[tuple[int, int]]:
    """Cut rows into runs of about the same length; 0 shares are one for each core."""
    shares = shares or threads()
    cuts = sorted({rows * share // shares for share in range(shares + 1)})
    return list(itertools.pairwise(cuts)) or [(0, 0)]


def in_threads(work: Callable[[int, int], T], runs: Sequence[tuple[int, int]]) -> list[T]:
    """Call work with the ends of each run, in threads; results are in the order of the runs."""
    if len(runs) < 2 or threads() == 1:
        return [work(first, stop) for first, stop in runs]
    with ThreadPoolExecutor(threads(), thread_name_prefix="nova") as pool:
        return list(pool.map(work, *zip(*runs, strict=True)))


def frozen(
    column: pl.Series | npt.NDArray[Any], dtype: type[np.generic] | None = None
) -> npt.NDArray[Any]:
    """Give a column without nulls as a read-only array, shape (n,), copied only to change its type.

    Numba compiles anew for an array that is read-only, as those of Arrow and Ray are; what is
    always read-only is compiled once.
    """
    import numpy as np

    array = np.ascontiguousarray(column, dtype).view()
    array.flags.writeable = False
    return array
