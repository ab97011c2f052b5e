"""Bounds of the differences between clocks, and what all of them together allow.

Clocks are nodes and bounds are edges both ways; the shortest path between two clocks is the
tightest bound that follows of their difference, through however many others it goes (Cormen et
al., Introduction to Algorithms, "Difference constraints and shortest paths"). That gives every
clock of a group an interval against the others and leaves open where the group as a whole stands;
`agreed` settles it as NTP tells truechimers from falsetickers, by the point that most intervals
hold (Marzullo & Owicki, PODC 1983; RFC 5905, section 11.2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

Bounds = dict[tuple[str, str], tuple[float, float, int]]
"""(a, b) -> least and greatest of offset(b) - offset(a) in ns, and how many pairs say so."""
Intervals = dict[str, tuple[float, float]]
"""Clock -> least and greatest offset, in ns."""

_FAR = float("inf")
_LEAST_SLACK = 1_000_000.0  # ns


@dataclass(frozen=True, slots=True)
class Agreement:
    """Where most clocks agree that the right time is."""

    middle: float
    """ns."""
    clocks: int
    """How many hold it possible."""
    others: int
    """How many of the rest agree on another."""


def groups(names: Iterable[str], bounds: Bounds) -> list[list[str]]:
    """Group the clocks that bounds from both sides tie together, directly or through others.

    Returns:
        Groups, and the names in each, in alphabetical order; a clock that nothing ties is alone.
    """
    near: dict[str, list[str]] = {name: [] for name in sorted(names)}
    for (a, b), (low, high, _) in bounds.items():
        if low > -_FAR and high < _FAR and a in near and b in near:
            near[a].append(b)
            near[b].append(a)
    found: list[list[str]] = []
    left = dict.fromkeys(near)
    while left:
        reached = {next(iter(left))}
        new = set(reached)
        while new:
            new = {b for a in new for b in near[a]} - reached
            reached |= new
        for name in reached:
            del left[name]
        found.append(sorted(reached))
    return found


def intervals(names: Sequence[str], bounds: Bounds, root: str) -> Intervals:
    """Give each clock the interval that all bounds together allow, against the root.

    Bounds that contradict one another around a cycle are widened until they do not.

    Args:
        names: the clocks to look at, the root among them; other clocks' bounds are left out.
        bounds: of the differences.
        root: the clock whose offset is 0.
    """
    at = {name: i for i, name in enumerate(names)}
    tails: list[int] = []
    heads: list[int] = []
    weights: list[float] = []
    for (a, b), (low, high, _) in bounds.items():
        if a in at and b in at:
            tails += [at[a], at[b]]
            heads += [at[b], at[a]]
            weights += [high, -low]
    least, greatest = _solved((tails, heads, weights), len(at), at[root])
    return {name: (least[i], greatest[i]) for name, i in at.items()}


def _solved(
    edges: tuple[list[int], list[int], list[float]], nodes: int, root: int
) -> tuple[list[float], list[float]]:
    """Run Bellman and Ford's paths from and to the root, with as little slack as lets them end."""
    import numpy as np

    tails, heads = np.array(edges[0], np.int64), np.array(edges[1], np.int64)
    slack = 0.0
    while True:
        weights = np.array(edges[2], np.float64) + slack
        there = _shortest(tails, heads, weights, nodes, root)
        back = _shortest(heads, tails, weights, nodes, root)
        if there is not None and back is not None:
            return (-back).tolist(), there.tolist()
        slack = max(2 * slack, _LEAST_SLACK)


def _shortest(
    tails: npt.NDArray[np.int64], heads: npt.NDArray[np.int64], weights: npt.NDArray[np.float64],
    nodes: int, root: int,
) -> npt.NDArray[np.float64] | None:  # fmt: skip
    """Find the length of the shortest path to each node; None where a cycle is negative."""
    import numpy as np

    length = np.full(nodes, _FAR)
    length[root] = 0.0
    for _ in range(nodes + 1):
        nearer = length.copy()
        np.minimum.at(nearer, heads, length[tails] + weights)
        if np.array_equal(nearer, length):
            return length
        length = nearer
    return None


def agreed(found: Mapping[str, tuple[float, float]], tolerance: float, most: float) -> Agreement:
    """Find the point that most intervals hold, by Marzullo's sweep over their ends.

    Args:
        found: clock -> where it says the right time may be, in ns; one clock or more.
        tolerance: ns that each interval is widened by on either side.
        most: ns; points above it are impossible. Where no interval reaches below, it is taken.
    """
    import numpy as np

    low, high = np.array([found[name] for name in sorted(found)], np.float64).T
    low, high = low - tolerance, np.minimum(high + tolerance, most)
    possible = low <= high
    if not possible.any():
        return Agreement(most, 0, 0)
    low, high = low[possible], high[possible]
    middle, count = _most_held(low, high)
    rest = ~((low <= middle) & (middle <= high))
    others = _most_held(low[rest], high[rest])[1] if rest.any() else 0
    return Agreement(middle, count, others)


def _most_held(low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> tuple[float, int]:
    """Find the middle of the stretch that most intervals hold; of several, that in the middle."""
    import numpy as np

    starts, ends = np.sort(low), np.sort(high)
    held = np.searchsorted(starts, starts, "right") - np.searchsorted(ends, starts, "left")
    best = np.flatnonzero(held == held.max())
    start = starts[best[(len(best) - 1) // 2]]
    stop = ends[np.searchsorted(ends, start, "left")]
    return float((start + stop) / 2), int(held.max())
