"""A seeded graph of who depends on whom, with hubs that a large part of the entities depend on.

Out-degrees are Pareto, targets are drawn by Zipf's law, so that at 2,000 entities one of them has
over a hundred direct dependents. `made` gives direct edges; `within` follows them for k hops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Graph:
    """Direct edges in CSR form: those of e are ``targets[starts[e]:starts[e + 1]]``, sorted."""

    starts: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int32]
    by_rank: npt.NDArray[np.int32]
    """The entities, the most depended on first, shape (entities,)."""

    @property
    def entities(self) -> int:
        """Return how many entities there are."""
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class Reach:
    """For each entity, those within k hops with their fewest hops: CSR, by hops and then entity."""

    starts: npt.NDArray[np.int64]
    entities: npt.NDArray[np.int32]
    hops: npt.NDArray[np.int8]

    @property
    def sources(self) -> npt.NDArray[np.int32]:
        """Return whose reach each row belongs to, shape (rows,)."""
        import numpy as np

        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))


def made(entities: int, *, hub: bool = False, seed: int = 0) -> Graph:
    """Draw the graph: from each entity to what it depends on.

    Args:
        entities: how many.
        hub: take every edge in both directions, so that a hub joins all of its dependents.
        seed: another seed, another graph.
    """
    import numpy as np

    draw = np.random.default_rng([seed, entities])
    degree = np.minimum(1 + np.floor(draw.pareto(1.6, entities) * 1.55), 40).astype(np.int64)
    by_rank = draw.permutation(entities).astype(np.int32)
    source = np.repeat(np.arange(entities), degree)
    target = by_rank[draw.choice(entities, len(source), p=zipf(entities, 0.9, 5.0))].astype(
        np.int64
    )
    if hub:
        source, target = np.r_[source, target], np.r_[target, source]
    return _in_rows(entities, source, target, by_rank)


def turned(graph: Graph) -> Graph:
    """Turn every edge around: from each entity to what depends on it."""
    import numpy as np

    source = np.repeat(np.arange(graph.entities), np.diff(graph.starts))
    return _in_rows(graph.entities, graph.targets.astype(np.int64), source, graph.by_rank)


def within(graph: Graph, hops: int) -> Reach:
    """Find every entity within so many hops of each, itself included (0 hops).

    All at once, a level at a time, as numbers ``source * entities + target``; what a level finds
    that an earlier one had is dropped.
    """
    import numpy as np

    n = graph.entities
    level = np.arange(n, dtype=np.int64) * (n + 1)
    seen, levels = level, [level]
    for _ in range(hops):
        source, via = level // n, level % n
        degree = np.diff(graph.starts)[via]
        offset = np.arange(int(degree.sum())) - np.repeat(np.cumsum(degree) - degree, degree)
        target = graph.targets[np.repeat(graph.starts[via], degree) + offset]
        level = np.setdiff1d(np.repeat(source, degree) * n + target, seen)
        seen = np.union1d(seen, level)
        levels.append(level)
    pair = np.concatenate(levels)
    far = np.repeat(np.arange(hops + 1, dtype=np.int8), [len(x) for x in levels])
    order = np.argsort(pair // n, kind="stable")
    starts = np.searchsorted(pair[order] // n, np.arange(n + 1))
    return Reach(starts.astype(np.int64), (pair[order] % n).astype(np.int32), far[order])


def zipf(count: int, exponent: float, offset: float = 1.0) -> npt.NDArray[np.float64]:
    """Give the chances of ranks 0, 1, ... by Zipf's law, shape (count,), summing to 1."""
    import numpy as np

    weight: npt.NDArray[np.float64] = np.empty(count)
    np.power(np.arange(count) + offset, -exponent, out=weight)
    weight /= weight.sum()
    return weight


def _in_rows(
    entities: int,
    source: npt.NDArray[np.int64],
    target: npt.NDArray[np.int64],
    by_rank: npt.NDArray[np.int32],
) -> Graph:
    """Sort edges into rows, each once and none from an entity to itself."""
    import numpy as np

    edge = np.unique((source * entities + target)[source != target])
    starts = np.searchsorted(edge, np.arange(entities + 1) * entities)
    return Graph(starts.astype(np.int64), (edge % entities).astype(np.int32), by_rank)
