"""Who depends on whom, through how many others."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from nova_timeline import topology
from nova_timeline.topology import Topology

NAMES = "abcdefgh"
edges = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=20)


def by_hand(
    shape: Topology, entities: list[str], k: int, first: int
) -> list[list[tuple[str, int]]]:
    """Walk from each entity by itself."""
    below, found = shape.dependencies(), list[list[tuple[str, int]]]()
    for name in entities:
        seen, level, own = {name}, [name], list[tuple[str, int]]()
        for hops in range(k + 1):
            own += [(n, hops) for n in level if n in entities and hops >= first]
            level = sorted({c for n in level for c in below.get(n, ())} - seen)
            seen |= set(level)
        found.append(own)
    return found


@given(edges, st.lists(st.sampled_from(NAMES), unique=True), st.integers(0, 4), st.integers(0, 2))
@example([], [], 3, 1)
@example([("a", "b")], ["a"], 3, 5)
def test_what_is_reached_is_what_one_walks_to(
    pairs: list[tuple[str, str]], entities: list[str], k: int, first: int
) -> None:
    shape = Topology(dict.fromkeys(NAMES, "")).with_edges((a, b, "calls") for a, b in pairs)
    found = topology.reach(shape, entities, k, first)
    kinds = [column.dtype.name for column in (found.starts, found.entities, found.hops)]
    assert kinds == ["int64", "int32", "int8"]
    codes: list[int] = found.entities.tolist()
    told: list[list[tuple[str, int]]] = [
        [(entities[i], int(found.hops[at])) for at, i in enumerate(codes[a:b], a)]
        for a, b in pairwise(found.starts.tolist())
    ]
    assert told == by_hand(shape, entities, k, first)


def test_a_replica_set_is_its_deployment_unless_the_file_draws_it() -> None:
    drawn = {"edge": [{"caller": "web", "callee": "checkout"}]}
    shape = topology.parse(drawn, "topology.toml")
    assert shape.name("checkout-6d5f7c9b8") == "checkout"
    for other in ("basket-6d5f7c9b8", "checkout-v2", "checkout-20260303", "checkout"):
        assert shape.name(other) == other
    assert shape.with_edges([("checkout-6d5f7c9b8", "db", "calls")]).edges[-1].caller == "checkout"
    both = {"edge": [*drawn["edge"], {"caller": "checkout", "callee": "checkout-6d5f7c9b8"}]}
    assert topology.parse(both, "topology.toml").name("checkout-6d5f7c9b8") == "checkout-6d5f7c9b8"


def test_a_replica_set_has_the_one_name_of_its_deployment() -> None:
    entity = {"name": "Checkout", "aliases": ["ecs:checkout"]}
    shape = topology.parse(
        {"entity": [entity], "edge": [{"caller": "ecs:checkout", "callee": "db"}]}, ""
    )
    assert shape.name("ecs:checkout-6d5f7c9b8") == "Checkout"
