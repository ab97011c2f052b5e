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
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from nova_timeline.topology import Adjacency

    from . import _reach_kernel, _window_kernel

NO_CAUSE = -1
"""The prior cost of a kind that is no cause."""
MOST_NEAR = 16_384
"""How many others an entity's reach may hold before it is cut, and the cut reported."""
_POOL = 1 << 21
"""Entities that a thread remembers in all reaches together; 8 MiB."""
_FEW_EVENTS, _FEW_EFFECTS = 500_000, 20_000
"""Up to here, another thread costs more than it saves."""
_LINE, _PAGE = 64, 1 << 21
"""A line of the cache, and a large page of memory; bytes."""
_CHUNKS = 2
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
        ValueError: there are too many ids for one call, or a cost can be too large.
    """
    _check(len(time) if ids is None or not len(ids) else int(ids.max()) + 1, costs)
    import numpy as np

    from . import _reach_kernel
    from . import _window_kernel as kernel

    events = _events(time, entity, kind, ids)
    workers = threads or len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(workers) as pool:
        selecting = workers if len(time) > _FEW_EVENTS else 1
        effects, causes = _select(pool, selecting, events, costs, within)
        if within:
            effects = _part(effects, *effects.time.searchsorted(within).tolist())
        sweeping = workers if len(effects.time) > _FEW_EFFECTS else 1
        cuts = _ranges(0, len(effects.time), sweeping * _CHUNKS if sweeping > 1 else 1)
        ranges = [_part(effects, *cut) for cut in cuts]
        near = [_near(causes, some, costs) for some in ranges]
        terms = kernel.Terms(
            np.array(_priors(costs), np.int64),
            *(costs.window, costs.slack, costs.hop_cost, costs.hops, costs.first_hop),
            prune=prune,
            most=most_near,
        )
        edges = _reach_kernel.Graph(_frozen(graph.starts, "i8"), _frozen(graph.targets, "i4"))
        return _Sweep(ranges, near, edges, terms, costs.keep, sweeping).run(pool)


def _check(ids: int, costs: Costs) -> None:
    """Refuse what does not fit into the 63 bits of a pair, and kinds that would be misread."""
    from . import _window_kernel as kernel

    if ids > 1 << kernel.ID_BITS:
        msg = (
            f"{ids:,} ids at once, of at most {1 << kernel.ID_BITS:,}: cut them into slabs of "
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
    """Hand the columns to the kernels, without a copy."""
    import numpy as np

    from . import _window_kernel as kernel

    kinds = _frozen(kind if kind.ctypes.data % 8 == 0 else kind.copy(), "i1")
    return kernel.Events(
        _frozen(time, "i8"),
        _frozen(entity, "i4"),
        kinds,
        _frozen(kinds[: len(kinds) // 8 * 8].view(np.uint64), "u8"),
        _frozen(np.empty(0, np.int32) if ids is None else ids, "i4"),
    )


def _frozen(column: npt.NDArray[Any], kind: str) -> npt.NDArray[Any]:
    """Return a read-only view, or a copy where the type or the layout is another.

    A kernel is compiled for each type of its arguments, and read-only is a part of the type:
    Arrow's buffers and Ray's objects are read-only, NumPy's own arrays are not.
    """
    import numpy as np

    view = np.require(column, kind, ["C", "A"]).view()
    view.flags.writeable = False
    return view


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
    roles, chain = _by_kind(costs)
    eights = _ranges(first // 8, -(-stop // 8), workers)

    def pick(part: tuple[int, int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        most = np.count_nonzero(events.kind[8 * part[0] : 8 * part[1]])
        effects, causes = np.empty(most + 1, np.int32), np.empty(most + 1, np.int32)
        found = kernel.select(events, roles, *part, effects, causes)
        return effects[: found[0]], causes[: found[1]]

    picked = list(pool.map(pick, eights))
    counts = [(len(effects), len(causes)) for effects, causes in picked]
    ends = np.cumsum([(0, 0), *counts], axis=0).tolist()
    effects, causes = _points(*ends[-1])

    def fill(part: int) -> None:
        for points, rows, first, stop in zip(
            (effects, causes), picked[part], ends[part], ends[part + 1], strict=True
        ):
            kernel.gather(events, rows, chain, _part(points, first, stop))

    list(pool.map(fill, range(workers)))
    return effects, causes


def _by_kind(costs: Costs) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.uint8]]:
    """Give the role and the chain of each kind, also of the negative, as a kernel looks them up."""
    import numpy as np

    kinds, is_cause = len(costs.priors), np.array(costs.priors) != NO_CAUSE
    roles, chain = np.zeros(256, np.int8), np.zeros(256, np.uint8)
    roles[:kinds] = np.array(costs.effects, np.int8) + 2 * is_cause.astype(np.int8)
    chain[:kinds] = np.searchsorted(_priors(costs), costs.priors)
    return roles, chain


def _points(effects: int, causes: int) -> tuple[_window_kernel.Points, _window_kernel.Points]:
    """Make room for so many effects and causes."""
    import numpy as np

    from . import _window_kernel as kernel

    columns = _block(
        *((effects, kind) for kind in (np.int64, np.uint32, np.int32)),
        (0, np.uint8),
        *((causes, kind) for kind in (np.int64, np.uint32, np.int32, np.uint8)),
    )
    return kernel.Points(*columns[:4]), kernel.Points(*columns[4:])


def _ranges(first: int, stop: int, parts: int) -> list[tuple[int, int]]:
    """Cut [first, stop) into so many ranges of about one length."""
    cuts = [first + (stop - first) * part // parts for part in range(parts + 1)]
    return list(pairwise(cuts))


def _block(*wanted: tuple[int, type[np.generic]]) -> list[npt.NDArray[Any]]:
    """Make arrays of so many values of a type, all in one piece of memory.

    Memory is given out in pages of 4 KiB, and each costs microseconds when it is first touched:
    together as much as a sweep. For 4 MiB or more, NumPy asks Linux for pages of 2 MiB, which it
    gives where one is needed whole.
    """
    import numpy as np

    sizes = [count * np.dtype(kind).itemsize for count, kind in wanted]
    ends = list(accumulate((-(-size // _LINE) * _LINE for size in sizes), initial=0))
    block = np.empty(ends[-1] + (2 * _PAGE if ends[-1] > _PAGE else 0), np.uint8)
    first = -block.ctypes.data % _PAGE if ends[-1] > _PAGE else 0
    return [
        block[first + start : first + start + size].view(kind)
        for start, size, (_, kind) in zip(ends, sizes, wanted, strict=False)
    ]


def _part(points: _window_kernel.Points, first: int, stop: int) -> _window_kernel.Points:
    from . import _window_kernel as kernel

    rows = slice(first, stop)
    return kernel.Points(
        points.time[rows], points.entity[rows], points.ids[rows], points.chain[rows]
    )


def _near(
    causes: _window_kernel.Points, effects: _window_kernel.Points, costs: Costs
) -> _window_kernel.Points:
    """Return the causes that can be in the window of one of these effects."""
    import numpy as np

    if not len(effects.time):
        return _part(causes, 0, 0)
    first = np.searchsorted(causes.time, int(effects.time[0]) - costs.window)
    stop = np.searchsorted(causes.time, int(effects.time[-1]) + costs.slack, side="right")
    return _part(causes, int(first), int(stop))


def _priors(costs: Costs) -> list[int]:
    """List the distinct priors: each has a chain of its own."""
    return sorted(set(costs.priors) - {NO_CAUSE}) or [0]


@dataclass(slots=True)
class _Sweep:
    """One join, its effects cut into ranges of which each thread takes every so-manieth."""

    ranges: Sequence[_window_kernel.Points]
    near: Sequence[_window_kernel.Points]
    """For each range, the causes that can be in the window of one of its effects."""
    graph: _reach_kernel.Graph
    terms: _window_kernel.Terms
    keep: int
    workers: int

    def run(self, pool: ThreadPoolExecutor) -> Pairs:
        """Sweep all ranges and put their pairs together."""
        import numpy as np

        from . import _window_kernel as kernel

        chunks = range(len(self.ranges))
        longest = max(len(causes.time) for causes in self.near)
        *best, _ = room = _block(
            *((len(effects.time) * self.keep, np.int64) for effects in self.ranges),
            (self.workers * longest, np.uint32),
        )
        packed = [pairs.reshape(-1, self.keep) for pairs in best]
        older = room[-1].reshape(self.workers, -1)

        def work(first: int) -> tuple[list[tuple[int, int]], npt.NDArray[np.uint8]]:
            return self._swept(chunks[first :: self.workers], packed, older[first])

        worked = list(pool.map(work, range(self.workers)))
        told = [worked[i % self.workers][0][i // self.workers] for i in chunks]
        ends = np.cumsum([0, *(kept for kept, _ in told)]).tolist()
        kinds = (np.int32, np.int32, np.int64, np.int8)
        columns = effect, cause, cost, hops = _block(*((int(ends[-1]), kind) for kind in kinds))

        def write(i: int) -> None:
            e, c, price, far = (column[ends[i] : ends[i + 1]] for column in columns)
            kernel.unpack(self.ranges[i], packed[i], e, c, price, far)

        list(pool.map(write, chunks))
        cut = np.flatnonzero(np.any([cut for _, cut in worked], axis=0)).astype(np.int32)
        return Pairs(effect, cause, cost, hops, sum(scored for _, scored in told), cut)

    def _swept(
        self,
        chunks: Sequence[int],
        packed: Sequence[npt.NDArray[np.int64]],
        older: npt.NDArray[np.uint32],
    ) -> tuple[list[tuple[int, int]], npt.NDArray[np.uint8]]:
        """Sweep some ranges on this thread into ``packed``.

        Returns:
            For each range the pairs kept and scored, and whose reach was cut, shape (entities,).
        """
        import numpy as np

        from . import _reach_kernel
        from . import _window_kernel as kernel

        entities = len(self.graph.starts) - 1
        newest = np.empty((entities, len(self.terms.prior)), np.uint32)
        chains = kernel.Chains(newest, np.empty(entities, np.int64), older)
        reach = _reach_kernel.empty(entities, self.terms.hops + 1, self.terms.most, _POOL)
        told = [
            kernel.sweep(
                *(self.ranges[i], self.near[i], self.graph, self.terms, chains, reach, packed[i])
            )
            for i in chunks
        ]
        return told, reach.cut
