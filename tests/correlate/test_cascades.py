"""A cascade's root is the dependency that failed; everything above it hangs on it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import cascades
from nova_timeline.topology import Topology

from .scenes import MINUTE, calls, episode, signal


def split(shape: Topology, **minutes: float) -> list[tuple[str, tuple[str, ...]]]:
    """Find the cascades of entities that were in trouble from these minutes on."""
    signals = [signal(i, m, e, "fault") for i, (e, m) in enumerate(minutes.items())]
    return [(c.root, c.entities) for c in cascades.find(episode(*signals), shape)]


def test_the_bottom_of_a_chain_is_the_root() -> None:
    chain = calls("web>shop", "shop>db")
    assert split(chain, db=10, shop=11, web=12) == [("db", ("db", "shop", "web"))]


def test_a_dependency_explains_through_one_that_kept_well() -> None:
    assert split(calls("web>shop", "shop>db"), db=10, web=11) == [("db", ("db", "web"))]


def test_a_diamond_has_one_root() -> None:
    diamond = calls("web>cart", "web>shop", "cart>db", "shop>db")
    [(root, members)] = split(diamond, web=11, cart=11, shop=10.5, db=10)
    assert root == "db"
    assert members == ("db", "shop", "cart", "web")


def test_a_dependency_that_shows_later_within_the_slack_is_still_the_root() -> None:
    shape = calls("web>db")
    assert split(shape, web=10, db=12) == [("db", ("db", "web"))]
    assert split(shape, web=10, db=12.1) == [("web", ("web",)), ("db", ("db",))]


def test_what_is_only_odd_in_several_ways_explains_nothing() -> None:
    odd = [signal(i, 10, "db", "fault", kind=k, weight=0.5) for i, k in enumerate(("log", "host"))]
    bad = episode(*odd, signal(2, 10, "web", "fault"))
    assert [c.root for c in cascades.find(bad, calls("web>db"))] == ["web", "db"]


def test_the_stamp_of_a_long_interval_is_no_beginning() -> None:
    shape = calls("web>db")
    long = signal(0, 10, "web", "fault", precision=5 * MINUTE)
    late = signal(1, 14, "db", "fault")
    [found] = cascades.find(episode(long, late), shape)
    assert found.root == "db"


def test_in_a_cycle_the_first_in_trouble_is_the_root() -> None:
    ring = calls("a>b", "b>c", "c>a")
    assert split(ring, a=11, b=10, c=12) == [("b", ("b", "a", "c"))]


def test_two_roots_make_two_cascades_the_wider_first() -> None:
    shape = calls("web>db", "mail>relay", "list>relay")
    assert split(shape, web=10, db=10, mail=20, list=20, relay=20) == [
        ("relay", ("relay", "list", "mail")),
        ("db", ("db", "web")),
    ]


def test_the_callee_of_a_trouble_does_not_follow_from_it() -> None:
    assert split(calls("web>db"), web=10, db=30)[0] == ("web", ("web",))


def test_a_precursor_too_light_explains_nothing() -> None:
    light = signal(0, 9, "db", "fault", weight=0.5)
    found = cascades.find(episode(light, signal(1, 10, "web", "fault")), calls("web>db"))
    assert [c.root for c in found] == ["web", "db"]


def test_of_roots_that_explain_as_much_the_one_an_alert_tells_of_is_first() -> None:
    early, late = signal(0, 9, "batch", "fault"), signal(1, 10, "shop", "fault")
    quiet = cascades.find(episode(early, late), Topology())
    assert [c.root for c in quiet] == ["batch", "shop"]
    told = cascades.find(episode(early, late, signal(2, 11, "shop", "alert_firing")), Topology())
    assert [c.root for c in told] == ["shop", "batch"]


def test_a_chain_longer_than_the_reach_is_one_cascade() -> None:
    names = [f"s{i}" for i in range(9)]
    chain = calls(*(f"{a}>{b}" for a, b in pairwise(names)))
    signals = [signal(i, 10, n, "fault") for i, n in enumerate(names)]
    [found] = cascades.find(episode(*signals), chain)
    assert found.root == "s8"
    assert found.depth == {n: 8 - i for i, n in enumerate(names)}
    assert [s["signal"] for s in found.signals] == list(range(9))


@pytest.mark.parametrize("size", [3, 5, 6, 9, 12])
def test_a_ring_of_any_size_has_a_root(size: int) -> None:
    names = [f"s{i}" for i in range(size)]
    ring = calls(*(f"{a}>{b}" for a, b in pairwise([*names, names[0]])))
    signals = [signal(i, 10, n, "fault") for i, n in enumerate(names)]
    [found] = cascades.find(episode(*signals), ring)
    assert set(found.entities) == set(names)


NAMES = "abcdefgh"
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=14)
ONSETS = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 12), min_size=1)


@given(PAIRS, ONSETS)
def test_every_entity_is_in_one_cascade_and_depends_on_its_root(
    edges: list[tuple[str, str]], onsets: dict[str, int]
) -> None:
    shape = Topology().with_edges((a, b, "calls") for a, b in edges)
    signals = [signal(i, m, e, "fault") for i, (e, m) in enumerate(onsets.items())]
    found = cascades.find(episode(*signals), shape)
    assert sorted(e for c in found for e in c.entities) == sorted(onsets)
    assert sorted(s["signal"] for c in found for s in c.signals) == list(range(len(onsets)))
    for cascade in found:
        assert set(cascade.entities) <= above(cascade.root, edges)
        assert cascade.entities[0] == cascade.root
        assert cascade.depth[cascade.root] == 0


def above(root: str, edges: list[tuple[str, str]]) -> set[str]:
    """List whatever depends on an entity, at any distance, and itself."""
    found = {root}
    while more := {a for a, b in edges if b in found} - found:
        found |= more
    return found


def test_a_guilty_entity_that_nothing_depends_on_presses_on_what_it_calls() -> None:
    shape = calls("edge>shop", "shop>db", "mail>relay")
    minutes = {"edge": 10, "shop": 11, "db": 12, "relay": 12}
    signals = [signal(i, m, e, "fault") for i, (e, m) in enumerate(minutes.items())]
    found = cascades.find(episode(*signals), shape, "edge")
    assert [(c.root, c.entities) for c in found] == [
        ("edge", ("edge", "shop", "db")),
        ("relay", ("relay",)),
    ]


def test_an_alert_on_what_nobody_drew_yields_to_what_failed_well_before() -> None:
    told = [signal(0, 20, "payouts", "fault"), signal(1, 23, "payouts", "alert_firing")]
    first = signal(2, 13, "engine", "fault")
    soon = signal(2, 19, "engine", "fault")
    assert cascades.find(episode(*told, first), Topology())[0].root == "engine"
    assert cascades.find(episode(*told, soon), Topology())[0].root == "payouts"
    drawn = calls("web>payouts")
    assert cascades.find(episode(*told, first), drawn)[0].root == "payouts"
