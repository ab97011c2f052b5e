"""Charges of several methods add up to suspects, and every suspect is cited."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import cascades, faults, ranking, signals, suspects
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.scene import Scene
from nova_timeline.correlate.suspects import Charge, Sign

from .scenes import at, calls, episode, signal, table

SHAPE = calls("web>shop", "shop>db")
FAULTS = table(
    signal(0, 40, "web", "fault"),
    signal(1, 41, "shop", "fault", weight=0.5),
    signal(2, 42, "web", "alert_firing"),
)


def sign(minutes: float, row: int = 7) -> Sign:
    return Sign(at(minutes), "errors of it rose", "metric", row, "accounting:errors", (8, 9))


def charge(entity: str, score: float, method: str = "a", minutes: float | None = None) -> Charge:
    own = None if minutes is None else sign(minutes)
    return Charge(entity, method, score, f"{entity} by {method}", sign=own)


def scores(*charges: Charge) -> dict[str, float]:
    return {s.entity: s.score for s in suspects.find(charges, FAULTS)}


def test_what_methods_say_of_one_entity_adds_up() -> None:
    found = suspects.find(
        [charge("web", 0.3), charge("web", 0.2, "b"), charge("shop", 0.4)], FAULTS
    )
    assert [(s.entity, s.score) for s in found] == [("web", 0.5), ("shop", 0.4)]
    assert [(t.text, t.weight, t.about) for t in found[0].terms] == [
        ("web by a", 0.3, "a"),
        ("web by b", 0.2, "b"),
    ]


def test_of_two_charges_by_one_method_the_heavier_counts() -> None:
    assert scores(charge("web", 0.3), charge("web", 0.6)) == {"web": 0.6}


def test_no_score_is_above_one_and_the_distances_are_kept() -> None:
    found = scores(charge("web", 1.0), charge("web", 1.0, "b"), charge("shop", 1.0))
    assert found == {"web": 1.0, "shop": 0.5}


def test_an_entity_without_a_fault_to_cite_is_no_suspect() -> None:
    assert scores(charge("db", 1.0)) == {}


def test_a_charge_brings_its_own_fault_where_none_is_shown() -> None:
    charges = [charge("db", 1.0, minutes=39)]
    found = signals.joined(FAULTS, suspects.signs(charges, FAULTS))
    assert found["entity"].to_list() == ["db", "web", "shop", "web"]
    assert found["signal"].to_list() == [0, 1, 2, 3]
    [suspect] = suspects.find(charges, found)
    assert suspect.signal["rows"] == [8, 9]
    assert suspect.terms[0].signals == (0,)


def test_a_charge_brings_no_second_fault() -> None:
    charges = [charge("web", 1.0, minutes=45)]
    assert len(suspects.signs(charges, FAULTS)) == 0
    [suspect] = suspects.find(charges, FAULTS)
    assert suspect.terms[0].signals == (0,)


@pytest.mark.parametrize("entity", ["web", "shop"])
def test_a_fault_long_ago_or_too_light_is_not_enough(entity: str) -> None:
    minutes = 45 if entity == "shop" else 60
    assert len(suspects.signs([charge(entity, 1.0, minutes=minutes)], FAULTS)) == 1


def test_who_only_hands_trouble_on_needs_no_fault_beside_its_alert() -> None:
    alert = table(signal(0, 40, "web", "alert_firing"))
    assert len(suspects.signs([charge("web", 0.0, minutes=39)], alert)) == 0
    assert len(suspects.signs([charge("web", 0.5, minutes=39)], alert)) == 1


def test_only_a_suspect_far_ahead_is_clear() -> None:
    both = [charge("web", 0.9), charge("shop", 0.8)]
    assert suspects.clear(suspects.find(both, FAULTS)) is None
    one = suspects.find([charge("web", 0.9), charge("shop", 0.4)], FAULTS)
    assert suspects.clear(one) is one[0]
    assert suspects.clear(suspects.find([charge("web", 0.4)], FAULTS)) is None
    assert suspects.clear(()) is None


CHARGES = st.lists(
    st.builds(
        charge, st.sampled_from(["web", "shop"]), st.floats(0, 1), st.sampled_from(["a", "b", "c"])
    ),
    max_size=4,
)


@given(CHARGES)
def test_the_order_of_charges_does_not_matter(charges: list[Charge]) -> None:
    found = [suspects.find(some, FAULTS) for some in permutations(charges)]
    assert all(f == found[0] for f in found)
    assert all(0 <= s.score <= 1 + 1e-9 for s in found[0])


def test_the_clear_suspect_is_the_root_whatever_else_is_in_trouble() -> None:
    trouble = episode(*(signal(i, 10, e, "fault") for i, e in enumerate(("web", "shop", "db"))))
    assert [c.root for c in cascades.find(trouble, SHAPE)] == ["db"]
    found = cascades.find(trouble, SHAPE, "shop")
    assert [(c.root, c.entities) for c in found] == [("shop", ("shop", "web")), ("db", ("db",))]


def test_a_suspect_in_no_trouble_changes_no_cascade() -> None:
    trouble = episode(signal(0, 10, "web", "fault"))
    assert cascades.find(trouble, SHAPE, "db") == cascades.find(trouble, SHAPE)


def test_suspects_are_candidates_in_their_order_when_no_change_explains_it() -> None:
    faults = (signal(0, 40, "db", "fault"), signal(1, 40, "shop", "fault"))
    cascade = Cascade("db", ("db", "shop"), faults, {"db": 0, "shop": 1})
    found = suspects.find([charge("db", 0.8), charge("shop", 0.3)], table(*faults))
    scene = Scene(cascade, at(40), SHAPE, {}, (), (), found)
    ranked = ranking.rank(scene)
    assert [c.signal["entity"] for c in ranked] == ["db", "shop"]
    assert not any(c.is_change for c in ranked)
    assert "db by a" in [t.text for t in ranked[0].terms]
    assert ranked[0].score == pytest.approx(0.8 * 0.7 + 0.25)
    assert scene.blame == {"db": 0.8, "shop": 0.3}


def test_a_suspect_adds_to_the_trigger_on_the_same_entity() -> None:
    fault = signal(0, 40, "db", "fault", category="hardware")
    cascade = Cascade("db", ("db",), (fault,), {"db": 0})
    found = suspects.find([charge("db", 0.5)], table(fault))
    [one] = ranking.rank(Scene(cascade, at(40), SHAPE, {}, (), (), found))
    assert one.signal["category"] == "hardware"
    assert one.score == pytest.approx(0.45 + 0.1 + 0.35)  # 0.1: a record says what it is
    assert faults.TRIGGERS["hardware"] in [t.weight for t in one.terms]
