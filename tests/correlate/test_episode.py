"""An episode is trouble that hangs together, in time and by dependency."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import episode
from nova_timeline.correlate.episode import NEAR, Signal, Trouble
from nova_timeline.topology import Topology

from .scenes import MINUTE, calls, signal, table

SHAPE = calls("web>shop", "shop>db", "mail>relay")


def pair(number: int, minutes: float, entity: str) -> list[Signal]:
    """Make a fault and an alert: enough for an incident."""
    return [
        signal(number, minutes, entity, "fault"),
        signal(number + 1, minutes + 1, entity, "alert_firing"),
    ]


def test_nothing_is_no_incident() -> None:
    assert episode.find(table(signal(0, 1, "a", "change")), Topology()) is None
    assert episode.find(table(signal(0, 1, "a", "change")).clear(), Topology()) is None


def test_one_fault_is_not_enough() -> None:
    assert episode.find(table(signal(0, 1, "a", "fault")), Topology()) is None


def test_the_same_kind_of_evidence_counts_once() -> None:
    many = [signal(i, 1 + i / 10, "a", "fault") for i in range(50)]
    assert episode.find(table(*many), Topology()) is None


def test_what_is_only_odd_does_not_add_up_to_an_incident() -> None:
    odd = [signal(i, 1, e, "fault", weight=0.5) for i, e in enumerate("abcdefgh")]
    assert episode.find(table(*odd, signal(9, 2, "a", "alert_firing")), Topology()) is None


def test_troubles_that_a_topology_keeps_apart_do_not_merge() -> None:
    signals = table(*pair(0, 40, "shop"), *pair(2, 40, "mail"), signal(4, 41, "db", "fault"))
    found = episode.find(signals, SHAPE)
    assert found is not None
    assert found.entities == ("db", "shop")


@pytest.mark.parametrize(("seen_by", "alerted", "found"), [
    ("synthetic-probe", "web", True), ("synthetic-probe", "db", False), ("batch", "web", False),
])  # fmt: skip
def test_what_a_probe_sees_hangs_together_with_the_entry_of_which_an_alert_tells(
    seen_by: str, alerted: str, *, found: bool
) -> None:
    told = table(signal(0, 40, seen_by, "fault"), signal(1, 45, alerted, "alert_firing"))
    assert (episode.find(told, SHAPE) is not None) == found


@pytest.mark.parametrize(
    ("entity", "category", "minutes", "joins"),
    [
        ("kernel", "network", 38, True),
        ("kernel", "network", 30, False),
        ("kernel", "network", 44, False),
        ("kernel", "code_change", 38, False),
        ("mail", "network", 38, False),  # the topology knows it, and draws it elsewhere
    ],
)
def test_what_fails_below_all_just_before_joins_though_no_topology_knows_it(
    entity: str, category: str, minutes: float, joins: bool
) -> None:
    below = signal(9, minutes, entity, "fault", category=category)
    found = episode.find(table(*pair(0, 40, "shop"), below), SHAPE)
    assert found is not None
    assert found.entities == (tuple(sorted((entity, "shop"))) if joins else ("shop",))


def test_what_fails_below_all_joins_what_only_looked_odd_at_first() -> None:
    odd = signal(7, 38, "shop", "fault", weight=0.5)
    below = signal(9, 34, "kernel", "fault", category="network")
    found = episode.find(table(below, odd, *pair(0, 44, "shop")), SHAPE)
    assert found is not None
    assert found.entities == ("kernel", "shop")


def test_without_a_topology_what_happens_together_hangs_together() -> None:
    found = episode.find(table(*pair(0, 40, "shop"), *pair(2, 40, "mail")), Topology())
    assert found is not None
    assert found.entities == ("mail", "shop")


def test_two_dependencies_apart_is_near_and_three_is_not() -> None:
    chain = calls("a>b", "b>c", "c>d")
    near = episode.find(table(*pair(0, 40, "a"), *pair(2, 40, "c")), chain)
    far = episode.find(table(*pair(0, 40, "a"), *pair(2, 40, "d")), chain)
    assert near is not None
    assert near.entities == ("a", "c")
    assert far is not None
    assert far.entities == ("a",)


def test_a_quiet_gap_parts_two_episodes() -> None:
    signals = table(*pair(0, 10, "shop"), *pair(2, 40, "shop"), signal(4, 42, "db", "fault"))
    found = episode.find(signals, SHAPE)
    assert found is not None
    assert [s["signal"] for s in found.signals] == [2, 3, 4]


def test_the_end_of_a_long_signal_bridges_what_looks_quiet() -> None:
    long = signal(0, 10, "shop", "fault", end=signal(0, 35, "shop", "fault")["time"])
    found = episode.find(table(long, *pair(1, 40, "shop")), SHAPE)
    assert found is not None
    assert len(found.signals) == 3


def test_a_long_trouble_holds_together_what_comes_and_goes_beside_it() -> None:
    over = signal(0, 60, "shop", "fault")["time"]
    signals = table(
        signal(0, 10, "shop", "fault", end=over), *pair(1, 15, "db"), *pair(3, 40, "web")
    )
    found = episode.find(signals, SHAPE)
    assert found is not None
    assert found.entities == ("db", "shop", "web")


def test_a_metric_that_never_came_back_holds_together_what_comes_later() -> None:
    off = signal(0, 10, "shop", "fault", kind="metric_change")
    alert = signal(1, 50, "shop", "alert_firing")
    found = episode.find(table(off, alert), SHAPE)
    assert found is not None
    assert len(found.troubles) == 1
    over = off | {"end": off["time"] + MINUTE}
    assert episode.find(table(over, alert), SHAPE) is None


def test_what_hangs_says_so_once_and_hangs_on() -> None:
    stuck = signal(0, 1, "a", "fault") | {"rule": "compute_os.stuck"}
    alert = signal(1, 30, "a", "alert_firing")
    assert episode.find(table(signal(0, 1, "a", "fault"), alert), Topology()) is None
    assert episode.find(table(stuck, alert), Topology()) is not None


def test_the_affected_entity_decides_between_equals() -> None:
    signals = table(*pair(0, 40, "mail"), *pair(2, 41, "shop"))
    found = [episode.find(signals, SHAPE, hint) for hint in ((), ("shop",), ("mail",))]
    assert [f and f.entities for f in found] == [("mail",), ("shop",), ("mail",)]


def test_a_hint_makes_no_incident_of_too_little() -> None:
    assert episode.find(table(signal(0, 1, "shop", "fault")), SHAPE, ["shop"]) is None


def test_harm_begins_with_the_first_firm_sign() -> None:
    weak = signal(0, 30, "a", "fault", weight=1.0)
    firm = signal(1, 35, "a", "fault", weight=2.0)
    assert Trouble("a", weak["time"], firm["time"], (weak, firm)).onset == firm["time"]
    assert Trouble("a", weak["time"], weak["time"], (weak,)).onset == weak["time"]


NAMES = "abcdefg"
EDGES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=9)
STRETCHES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 80), st.integers(0, 9)), max_size=12
)


@given(EDGES, STRETCHES)
def test_episodes_are_what_joining_every_pair_gives(
    edges: list[tuple[str, str]], stretches: list[tuple[str, int, int]]
) -> None:
    shape = Topology().with_edges((a, b, "calls") for a, b in edges)
    signals: list[Signal] = []
    for i, (entity, since, lasts) in enumerate(sorted(stretches, key=lambda s: s[1])):
        end = signal(0, since + lasts, entity, "fault")["time"] if lasts else None
        signals.append(signal(i, since, entity, "alert_firing", end=end, weight=9.0))
    found = episode.find(table(*signals), shape) if signals else None
    if found is None:
        assert not signals
        return
    assert {s["signal"] for s in found.signals} in joined(signals, shape)


def joined(signals: list[Signal], shape: Topology) -> list[set[int]]:
    """Join every pair of signals that may hang together, pair by pair."""
    links = {frozenset((e.caller, e.callee)) for e in shape.edges}

    def near(a: str, b: str) -> bool:
        through = any({frozenset((a, n)), frozenset((n, b))} <= links for n in NAMES)
        return a == b or not links or frozenset((a, b)) in links or through

    groups = [{s["signal"]} for s in signals]
    troubles = stretches_of(signals)
    for (a, first, last, ours), (b, since, until, theirs) in itertools.combinations(troubles, 2):
        if near(a, b) and first <= until + NEAR and since <= last + NEAR:
            groups.append({min(ours), min(theirs)})
    groups += [ours for _, _, _, ours in troubles]
    return merged(groups)


def stretches_of(signals: list[Signal]) -> list[tuple[str, int, int, set[int]]]:
    """List the stretches of trouble: entity, first, last, signals."""
    found: list[tuple[str, int, int, set[int]]] = []
    for entity in sorted({s["entity"] for s in signals}):
        for s in (s for s in signals if s["entity"] == entity):
            stop = s["end"] or s["time"]
            if found and found[-1][0] == entity and s["time"] - found[-1][2] <= 10 * MINUTE:
                _, first, last, held = found.pop()
                found.append((entity, first, max(last, stop), held | {s["signal"]}))
            else:
                found.append((entity, s["time"], stop, {s["signal"]}))
    return found


def merged(groups: list[set[int]]) -> list[set[int]]:
    """Put sets together until no two overlap."""
    done: list[set[int]] = []
    for group in groups:
        touching = [d for d in done if d & group]
        done = [d for d in done if not d & group]
        done.append(group.union(*touching))
    return done
