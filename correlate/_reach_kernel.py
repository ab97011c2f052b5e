"""Who is within k hops of an entity, found when it is first asked for (imports numba).

In a fleet where one hub joins half of the entities, everyone's reach together is quadratic. Here a
reach is made for the entities that are asked for and only as far as they are asked for, one hop
level after the other, and is kept in a pool of bounded size: when that is full, everything in it is
forgotten and made again on demand. What is found never depends on what was asked for before.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

_UNKNOWN = -1


class Graph(NamedTuple):
    """Direct edges in CSR form: those of e are ``targets[starts[e]:starts[e + 1]]``."""

    starts: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int32]


class Reach(NamedTuple):
    """What was found so far; of one thread at a time."""

    spans: npt.NDArray[np.int64]
    """Where the pool holds an entity's level: first and stop, shape (entities, levels, 2)."""
    pool: npt.NDArray[np.uint32]
    used: npt.NDArray[np.int64]
    """How much of the pool is filled, shape (1,)."""
    marks: npt.NDArray[np.int64]
    """The last expansion that met an entity, shape (entities,)."""
    expansions: npt.NDArray[np.int64]
    """How many expansions there were, shape (1,)."""
    cut: npt.NDArray[np.uint8]
    """1 where a reach was larger than the most that is kept, shape (entities,)."""


def empty(entities: int, levels: int, most: int, pool: int) -> Reach:
    """Begin with nothing known.

    Args:
        entities: how many there are.
        levels: how many levels can be asked for; level 0 is the entity itself.
        most: how many others a reach may hold.
        pool: how many entities all reaches together may hold; raised to hold at least one.
    """
    return Reach(
        np.full((entities, levels, 2), _UNKNOWN, np.int64),
        np.empty(max(pool, min(most, entities) + 1), np.uint32),
        np.zeros(1, np.int64),
        np.zeros(entities, np.int64),
        np.zeros(1, np.int64),
        np.zeros(entities, np.uint8),
    )


@kernel()
def expand(reach: Reach, graph: Graph, entity: int, level: int, most: int) -> None:
    """Make an entity's levels known, up to the one asked for.

    Beyond ``most`` others it stops, in the order of a breadth-first walk, and marks the cut.
    """
    room = min(most, reach.marks.shape[0]) + 1
    if reach.used[0] + room > reach.pool.shape[0]:
        reach.spans[:] = _UNKNOWN
        reach.used[0] = 0
    reach.expansions[0] += 1
    held = 0
    for far in range(level + 1):
        if reach.spans[entity, far, 0] == _UNKNOWN:
            _next_level(reach, graph, entity, far, most + 1 - held)
        first, stop = reach.spans[entity, far, 0], reach.spans[entity, far, 1]
        for j in range(first, stop):
            reach.marks[reach.pool[j]] = reach.expansions[0]
        held += stop - first


@kernel()
def _next_level(reach: Reach, graph: Graph, entity: int, far: int, room: int) -> None:
    """Append what the level before leads to and is not marked yet, as far as there is room."""
    start = top = reach.used[0]
    mark = reach.expansions[0]
    if far == 0:
        reach.pool[top] = entity
        top += 1
    else:
        for j in range(reach.spans[entity, far - 1, 0], reach.spans[entity, far - 1, 1]):
            via = reach.pool[j]
            for edge in range(graph.starts[via], graph.starts[via + 1]):
                target = graph.targets[edge]
                if reach.marks[target] == mark:
                    continue
                if top - start == room:
                    reach.cut[entity] = 1
                    break
                reach.marks[target] = mark
                reach.pool[top] = target
                top += 1
    reach.spans[entity, far, 0], reach.spans[entity, far, 1] = start, top
    reach.used[0] = top
