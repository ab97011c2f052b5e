"""The sweep equals its brute force, however it is cut, threaded, pruned or fed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline import arrow
from nova_timeline.correlate import _reach_kernel, _window_kernel, candidates
from nova_timeline.correlate.candidates import NO_CAUSE, Costs, Pairs, cheapest
from nova_timeline.topology import Adjacency

ENTITIES = 7
COSTS = Costs(
    effects=(False, True, False, True, False),
    priors=(NO_CAUSE, NO_CAUSE, 0, 3, 3),
    window=20,
    slack=4,
    hop_cost=5,
    keep=3,
)
Rows = list[tuple[int, int, int]]
"""Time, entity, kind."""

rows = st.lists(
    # few times and few kinds: most pairs tie with another
    st.tuples(st.integers(0, 60), st.integers(-1, ENTITIES), st.integers(0, 4)),
    max_size=60,
).map(lambda drawn: sorted(drawn, key=lambda row: row[0]))
edges = st.one_of(
    st.sets(st.tuples(st.integers(0, ENTITIES - 1), st.integers(0, ENTITIES - 1)), max_size=20),
    # a hub, in both directions
    st.just({(e, 3) for e in range(ENTITIES)} | {(3, e) for e in range(ENTITIES)}),
)


def graph_of(pairs: set[tuple[int, int]], entities: int = ENTITIES) -> Adjacency:
    ordered = sorted(p for p in pairs if p[0] != p[1])
    starts = np.searchsorted([a for a, _ in ordered], range(entities + 1)).astype(np.int64)
    return Adjacency(starts, np.array([b for _, b in ordered], np.int32))


def columns(table: Rows) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    time, entity, kind = zip(*table, strict=True) if table else ((), (), ())
    return np.array(time, np.int64), np.array(entity, np.int32), np.array(kind, np.int8)


def listed(found: Pairs) -> list[tuple[int, ...]]:
    named = (found.effect, found.cause, found.cost, found.hops)
    return list(zip(*(c.tolist() for c in named), strict=True))


def far(pairs: set[tuple[int, int]], entity: int, costs: Costs) -> dict[int, int]:
    """Return hops by entity."""
    hops, level = {entity: 0}, {entity}
    for number in range(1, costs.hops + 1):
        level = {b for a, b in pairs if a in level} - set(hops)
        hops |= dict.fromkeys(level, number)
    return {e: h for e, h in hops.items() if h >= costs.first_hop}


def brute(
    table: Rows, pairs: set[tuple[int, int]], costs: Costs, ids: list[int]
) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for e, (t, entity, kind) in enumerate(table):
        if not costs.effects[kind] or not 0 <= entity < ENTITIES:
            continue
        hops = far(pairs, entity, costs)
        scored = [
            (abs(t - when) + costs.priors[k] + hops[near] * costs.hop_cost, ids[c], hops[near])
            for c, (when, near, k) in enumerate(table)
            if c != e and near in hops and costs.priors[k] != NO_CAUSE
            if t - costs.window <= when <= t + costs.slack
        ]
        found += [(ids[e], c, cost, h) for cost, c, h in sorted(scored)[: costs.keep]]
    return found


@settings(max_examples=200, deadline=None)
@given(rows, edges, st.randoms(use_true_random=False), st.integers(0, 1), st.booleans())
def test_the_cheapest_are_those_of_all_pairs(
    table: Rows, pairs: set[tuple[int, int]], chance: Any, first_hop: int, prune: bool
) -> None:
    ids = list(range(len(table)))
    chance.shuffle(ids)
    costs = replace(COSTS, first_hop=first_hop)
    found = cheapest(
        *columns(table), graph_of(pairs), costs, ids=np.array(ids, np.int32), prune=prune
    )
    assert listed(found) == brute(table, pairs, costs, ids)
    assert not len(found.cut)


@settings(max_examples=60, deadline=None)
@given(rows, edges, st.lists(st.integers(-5, 65), max_size=4), st.integers(1, 3))
def test_slabs_of_time_find_what_the_whole_finds(
    table: Rows, pairs: set[tuple[int, int]], cuts: list[int], threads: int
) -> None:
    time, entity, kind = columns(table)
    graph = graph_of(pairs)
    whole = listed(cheapest(time, entity, kind, graph, COSTS))
    found: list[tuple[int, ...]] = []
    for first, stop in pairwise([-100, *sorted(cuts), 100]):
        halo = (time >= first - COSTS.window) & (time < stop + COSTS.slack)
        own = np.flatnonzero(halo).astype(np.int32)
        some = cheapest(
            *(time[halo], entity[halo], kind[halo], graph, COSTS),
            ids=own, within=(first, stop), threads=threads,
        )  # fmt: skip
        found += listed(some)
        uncut = cheapest(time, entity, kind, graph, COSTS, within=(first, stop))
        assert listed(uncut) == listed(some)
    assert found == whole


def many(count: int = 60_000) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    draw = np.random.default_rng(5)
    time = np.sort(draw.integers(0, count // 4, count))
    return (
        time.astype(np.int64),
        draw.integers(0, 300, count).astype(np.int32),
        draw.choice(5, count, p=(0.3, 0.3, 0.1, 0.2, 0.1)).astype(np.int8),
    )


def hub(entities: int = 300) -> Adjacency:
    spokes = {(e, 0) for e in range(1, entities)} | {(0, e) for e in range(1, entities)}
    return graph_of(spokes | {(e, e % 17) for e in range(entities)}, entities)


def test_threads_and_pruning_change_nothing() -> None:
    given = (*many(), hub(), COSTS)
    expected = cheapest(*given, threads=1, prune=False)
    assert len(set(expected.effect.tolist())) > 20_000  # or there is but one range
    for threads in (1, 2, 5):
        found = cheapest(*given, threads=threads)
        assert listed(found) == listed(expected)
        assert found.scored < expected.scored / 2


def test_a_pool_that_is_full_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    given = (*many(6_000), hub(), COSTS)
    expected = listed(cheapest(*given))
    monkeypatch.setattr(candidates, "_POOL", 1)
    assert listed(cheapest(*given)) == expected


def test_a_reach_that_is_cut_is_reported_and_the_same_for_any_cut_of_time() -> None:
    time, entity, kind = many(6_000)
    given = (time, entity, kind, hub(), COSTS)
    found = cheapest(*given, most_near=40, prune=False)
    assert len(found.cut) > 200
    assert listed(cheapest(*given, most_near=40)) == listed(found) != listed(cheapest(*given))
    half = int(time[3_000])
    parts = [
        cheapest(*given, within=w, most_near=40) for w in ((-1, half), (half, int(time[-1]) + 1))
    ]
    assert [row for part in parts for row in listed(part)] == listed(found)


def kernels() -> list[Any]:
    """Return what numba compiles once for each type of its arguments."""
    named = ("select", "gather", "sweep", "unpack")
    return [*(getattr(_window_kernel, name) for name in named), _reach_kernel.expand]


def test_read_only_columns_are_not_compiled_for_anew() -> None:
    time, entity, kind = many(5_000)
    graph = hub()
    expected = listed(cheapest(time, entity, kind, graph, COSTS))
    compiled = [len(k.signatures) for k in kernels()]
    table = arrow.core().table({"time": time, "entity": entity, "kind": kind})
    frozen: list[npt.NDArray[Any]] = [column.chunk(0).to_numpy() for column in table.columns]
    assert not any(column.flags.writeable for column in frozen)
    starts = np.frombuffer(graph.starts.tobytes(), np.int64)
    targets = np.frombuffer(graph.targets.tobytes(), np.int32)
    assert not starts.flags.writeable
    assert (
        listed(cheapest(frozen[0], frozen[1], frozen[2], Adjacency(starts, targets), COSTS))
        == expected
    )
    odd = [np.frombuffer(b"x" + c.tobytes(), np.uint8)[1:].view(c.dtype) for c in frozen]
    assert listed(cheapest(odd[0], odd[1], odd[2], graph, COSTS)) == expected
    assert [len(k.signatures) for k in kernels()] == compiled
    assert set(compiled[:-1]) == {1}


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    given = (*columns([(0, 0, 1)]), graph_of(set()))
    with pytest.raises(ValueError, match="narrow the window"):
        cheapest(*given, replace(COSTS, window=5 * 3_600_000_000))
    with pytest.raises(ValueError, match="4 hops, of at most 3"):
        cheapest(*given, replace(COSTS, hops=4))
    with pytest.raises(ValueError, match="number the kinds from 1"):
        cheapest(*given, replace(COSTS, effects=(True,) * 5))
    monkeypatch.setattr(_window_kernel, "ID_BITS", 0)
    with pytest.raises(ValueError, match="slabs of time"):
        cheapest(*columns([(0, 0, 1)] * 2), graph_of(set()), COSTS)
    with pytest.raises(ValueError, match="8 ids at once, of at most 1"):
        cheapest(*given, COSTS, ids=np.array([7], np.int32))
