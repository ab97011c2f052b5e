"""For each effect the cheapest of all causes near in time and in a graph: the hot path.

Columns in, columns out. `cheapest` finds the effects and causes among events in order of time and
gives ranges of the effects to threads; each thread sweeps on its own and first takes in the causes
of one window before its range. Where the cuts are changes nothing in the answer, so a caller may
also cut the events into slabs of time: give `cheapest` the slab with `Costs.window` before it and
`Costs.slack` after it, and the slab as ``within``.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from nova_timeline.topology import Adjacency

    from . import _window_kernel

NO_CAUSE = -1
"""The prior cost of a kind that is no cause."""
MOST_NEAR = 16_384
"""How many others an entity's reach may hold before it is cut, and the cut reported."""
_POOL = 1 << 21
"""Entities that a thread remembers in all reaches together; 8 MiB."""
_FEW_EVENTS, _FEW_EFFECTS = 500_000, 20_000
"""Up to here, another thread costs more than it saves."""
_CHUNKS = 4
"""Ranges for each thread, so that one with a dense stretch is not waited for."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a pair of effect and cause costs, in us, and which pairs there are.

    A pair costs ``|dt| + prior + hops * hop_cost``; it is one when the cause is on the effect's
    entity or up to ``hops`` from it, and in ``[t - window, t + slack]``. An event is never its own
    cause. A tie goes to the lower id.
    """

    effects: Sequence[bool]
    """By kind: is it an effect? Kind 0 must be neither an effect nor a cause."""
    priors: Sequence[int]
    """By kind: what it costs as a cause, or `NO_CAUSE`."""
    window: int
    slack: int
    hop_cost: int
    hops: int = 3
    first_hop: int = 0
    """1 to leave out causes on the effect's own entity."""
    keep: int = 5


@dataclass(frozen=True, slots=True)
class Pairs:
    """Columns of shape (pairs,), by effect in order of time, then cheapest first."""

    effect: npt.NDArray[np.int32]
    cause: npt.NDArray[np.int32]
    cost: npt.NDArray[np.int64]
    hops: npt.NDArray[np.int8]
    scored: int
    """How many pairs had to be scored to find these."""
    cut: npt.NDArray[np.int32]
    """Entities that are near to more than `MOST_NEAR` others: only so many were looked at."""


def cheapest(
    time: npt.NDArray[np.int64],
    entity: npt.NDArray[np.int32],
    kind: npt.NDArray[np.int8],
    graph: Adjacency,
    costs: Costs,
    *,
    ids: npt.NDArray[np.int32] | None = None,
    within: tuple[int, int] | None = None,
    prune: bool = True,
    threads: int | None = None,
    most_near: int = MOST_NEAR,
) -> Pairs:
    """Find the cheapest causes of each effect.

    Args:
        time: us, ascending, shape (n,); other rows are of the same shape.
        entity: codes of the graph.
        kind: codes of ``costs``.
        graph: from an entity to those that it depends on.
        costs: what a pair costs.
        ids: what a tie is decided by, each once, below 2**27; the row's number where not given.
        within: answer only effects in ``[first, stop)``, us.
        prune: leave out pairs that cannot be among the cheapest; the answer is the same without.
        threads: how many; all that this process may use where not given.
        most_near: see `MOST_NEAR`.

    Returns:
        The kept pairs, by ids.

    Raises:
        ValueError: there are too many rows for one call, or a cost can be too large.
    """
    _check(len(time), costs)
    import numpy as np

    from . import _window_kernel as kernel

    events = _events(time, entity, kind, ids)
    workers = threads or len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as pool:
        selecting = workers if len(time) > _FEW_EVENTS else 1
        effects, causes = _select(pool, selecting, events, costs, within)
        if within:
            effects = _part(effects, *effects.time.searchsorted(within).tolist())
        terms = kernel.Terms(
            np.array(_priors(costs), np.int64),
            *(costs.window, costs.slack, costs.hop_cost, costs.hops, costs.first_hop),
            prune=prune,
            most=most_near,
        )
        sweep = _Sweep(effects, causes, graph, terms, costs.keep)
        return sweep.run(pool, workers if len(effects.time) > _FEW_EFFECTS else 1)


def _check(rows: int, costs: Costs) -> None:
    """Refuse what does not fit into the 63 bits of a pair, and kinds that would be misread."""
    from . import _window_kernel as kernel

    if rows > 1 << kernel.ID_BITS:
        msg = (
            f"{rows:,} events at once, of at most {1 << kernel.ID_BITS:,}: cut them into slabs of "
            "time and give each with the window before it"
        )
        raise ValueError(msg)
    if costs.effects[0] or costs.priors[0] != NO_CAUSE:
        msg = "kind 0 is an effect or a cause; it must be neither: number the kinds from 1"
        raise ValueError(msg)
    if costs.hops >= 1 << kernel.HOP_BITS:
        msg = f"{costs.hops} hops, of at most {(1 << kernel.HOP_BITS) - 1}"
        raise ValueError(msg)
    largest = max(costs.window, costs.slack) + max(costs.priors) + costs.hops * costs.hop_cost
    if largest >= 1 << kernel.COST_BITS:
        msg = (
            f"a pair can cost {largest:,} us, of less than {1 << kernel.COST_BITS:,}: "
            "narrow the window, or lower the priors"
        )
        raise ValueError(msg)


def _events(
    time: npt.NDArray[np.int64],
    entity: npt.NDArray[np.int32],
    kind: npt.NDArray[np.int8],
    ids: npt.NDArray[np.int32] | None,
) -> _window_kernel.Events:
    """Return read-only views; copies only where a type or a layout is another.

    A kernel is compiled for each type of its arguments, and read-only is a part of the type:
    Arrow's buffers and Ray's objects are read-only, NumPy's own arrays are not.
    """
    import numpy as np

    from . import _window_kernel as kernel

    if kind.ctypes.data % 8:
        kind = kind.copy()
    eights = kind[: len(kind) // 8 * 8].view(np.uint64)
    row_numbers = np.empty(0, np.int32)
    given = (time, entity, kind, eights, row_numbers if ids is None else ids)
    views = [
        np.require(column, wanted, ["C", "A"]).view()
        for column, wanted in zip(given, ("i8", "i4", "i1", "u8", "i4"), strict=True)
    ]
    for view in views:
        view.flags.writeable = False
    return kernel.Events(*views)


def _select(
    pool: ThreadPoolExecutor,
    workers: int,
    events: _window_kernel.Events,
    costs: Costs,
    within: tuple[int, int] | None,
) -> tuple[_window_kernel.Points, _window_kernel.Points]:
    """Copy the effects and the causes, where ``within`` is given only of it and around it."""
    import numpy as np

    from . import _window_kernel as kernel

    first, stop = 0, len(events.time)
    if within:
        around = (within[0] - costs.window, within[1] + costs.slack)
        first, stop = events.time.searchsorted(around).tolist()
    kinds, is_cause = len(costs.priors), np.array(costs.priors) != NO_CAUSE
    roles, chain = np.zeros(256, np.uint8), np.zeros(256, np.int8)
    roles[:kinds] = np.array(costs.effects, np.uint8) + 2 * is_cause.astype(np.uint8)
    chain[:kinds] = np.searchsorted(_priors(costs), costs.priors)
    eights = _ranges(first // 8, -(-stop // 8), workers)

    def count(part: tuple[int, int]) -> tuple[int, int]:
        return kernel.count(events, roles, *part)

    counts = list(pool.map(count, eights))
    ends = np.cumsum([(0, 0), *counts], axis=0).tolist()
    rows = [np.empty(total, np.int32) for total in ends[-1]]
    both = [_points(total) for total in ends[-1]]

    def fill(part: int) -> None:
        spans = list(zip(ends[part], ends[part + 1], strict=True))
        places = (some[a:b] for some, (a, b) in zip(rows, spans, strict=True))
        kernel.select(events, roles, *eights[part], *places)
        for some, points, span in zip(rows, both, spans, strict=True):
            kernel.gather(events, some, chain, points, *span)

    list(pool.map(fill, range(workers)))
    return both[0], both[1]


def _ranges(first: int, stop: int, parts: int) -> list[tuple[int, int]]:
    """Cut [first, stop) into so many ranges of about one length."""
    cuts = [first + (stop - first) * part // parts for part in range(parts + 1)]
    return list(pairwise(cuts))


def _points(count: int) -> _window_kernel.Points:
    import numpy as np

    from . import _window_kernel as kernel

    return kernel.Points(
        np.empty(count, np.int64),
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.int8),
    )


def _part(points: _window_kernel.Points, first: int, stop: int) -> _window_kernel.Points:
    from . import _window_kernel as kernel

    rows = slice(first, stop)
    return kernel.Points(
        points.time[rows], points.entity[rows], points.ids[rows], points.chain[rows]
    )


def _priors(costs: Costs) -> list[int]:
    """List the distinct priors: each has a chain of its own."""
    return sorted(set(costs.priors) - {NO_CAUSE}) or [0]


@dataclass(slots=True)
class _Sweep:
    """One join, cut into ranges of its effects."""

    effects: _window_kernel.Points
    causes: _window_kernel.Points
    graph: Adjacency
    terms: _window_kernel.Terms
    keep: int

    def run(self, pool: ThreadPoolExecutor, workers: int) -> Pairs:
        """Sweep all ranges and put their pairs together."""
        import numpy as np

        from . import _window_kernel as kernel

        chunks = workers * _CHUNKS if workers > 1 else 1
        ranges = [_part(self.effects, *r) for r in _ranges(0, len(self.effects.time), chunks)]
        worked = list(pool.map(self._work, [ranges[w::workers] for w in range(workers)]))
        parts = [worked[i % workers][0][i // workers] for i in range(chunks)]
        ends = np.cumsum([0, *(kept for _, kept, _ in parts)]).tolist()
        total = int(ends[-1])
        effect, cause = np.empty(total, np.int32), np.empty(total, np.int32)
        cost, hops = np.empty(total, np.int64), np.empty(total, np.int8)

        def write(i: int) -> None:
            place = slice(ends[i], ends[i + 1])
            columns = (effect[place], cause[place], cost[place], hops[place])
            kernel.unpack(ranges[i], parts[i][0], *columns)

        list(pool.map(write, range(chunks)))
        cut = np.flatnonzero(np.any([cut for _, cut in worked], axis=0)).astype(np.int32)
        return Pairs(effect, cause, cost, hops, sum(scored for *_, scored in parts), cut)

    def _work(
        self, ranges: Sequence[_window_kernel.Points]
    ) -> tuple[list[tuple[npt.NDArray[np.int64], int, int]], npt.NDArray[np.uint8]]:
        """Sweep some ranges on this thread; return the pairs of each, and whose reach was cut."""
        import numpy as np

        from . import _reach_kernel
        from . import _window_kernel as kernel

        entities = len(self.graph.starts) - 1
        graph = _reach_kernel.Graph(
            np.require(self.graph.starts, "i8", "W"), np.require(self.graph.targets, "i4", "W")
        )
        newest = np.empty((entities, len(self.terms.prior)), np.int32)
        bound = np.empty(entities, np.int64)
        reach = _reach_kernel.empty(entities, self.terms.hops + 1, self.terms.most, _POOL)
        found: list[tuple[npt.NDArray[np.int64], int, int]] = []
        for effects in ranges:
            best = np.full((len(effects.time), self.keep), kernel.NONE, np.int64)
            causes = self._near(effects)
            chains = kernel.Chains(newest, bound, np.empty(len(causes.time), np.int32))
            told = kernel.sweep(effects, causes, graph, self.terms, chains, reach, best)
            found.append((best, *told))
        return found, reach.cut

    def _near(self, effects: _window_kernel.Points) -> _window_kernel.Points:
        """Return the causes that can be in the window of one of these effects."""
        import numpy as np

        if not len(effects.time):
            return _part(self.causes, 0, 0)
        oldest = int(effects.time[0]) - self.terms.window
        newest = int(effects.time[-1]) + self.terms.slack
        first = int(np.searchsorted(self.causes.time, oldest))
        stop = int(np.searchsorted(self.causes.time, newest, side="right"))
        return _part(self.causes, first, stop)
