"""Links say why each effect, best first, and few of them."""

import pytest

from nova_timeline.correlate import causes

from .scenes import MINUTE, calls, signal, table

SHAPE = calls("web>shop", "shop>db")


def test_an_effect_follows_the_change_on_its_own_entity() -> None:
    signals = table(signal(0, 10, "db", "change"), signal(1, 14, "db", "fault"))
    [link] = causes.find(signals, SHAPE, {0: 0.9})
    assert (link.effect, link.cause, link.relation) == (1, 0, "preceded_by")
    assert (link.delta, link.hops) == (4 * MINUTE, 0)
    assert link.reasons == (
        "4m00s before it",
        "on the same entity, db",
        "judged 0.90 of 1 as a root cause",
    )


def test_a_fault_further_down_explains_and_its_own_entitys_does_not() -> None:
    signals = table(
        signal(0, 9, "web", "fault"), signal(1, 10, "db", "fault"), signal(2, 11, "web", "fault")
    )
    [link] = [k for k in causes.find(signals, SHAPE, {}) if k.effect == 2]
    assert (link.cause, link.relation, link.hops) == (1, "explained_by", 2)
    assert link.reasons == ("1m00s before it", "on db, 2 dependencies down from web")


def test_a_cause_stamped_just_after_its_effect_says_so() -> None:
    signals = table(signal(0, 10, "web", "fault"), signal(1, 10.5, "db", "fault"))
    [link] = causes.find(signals, SHAPE, {})
    assert link.delta < 0
    assert link.reasons[0] == "stamped 30s after it, within the slack of clocks and intervals"


def test_two_changes_and_one_fault_are_all_that_is_told() -> None:
    changes = [signal(i, 10 + i, "db", "change") for i in range(5)]
    faults = [signal(5 + i, 16 + i / 10, "db", "fault") for i in range(3)]
    effect = signal(9, 18, "web", "fault")
    judged = dict.fromkeys(range(5), 0.9)
    links = [
        k for k in causes.find(table(*changes, *faults, effect), SHAPE, judged) if k.effect == 9
    ]
    assert [k.relation for k in links].count("preceded_by") == 2
    assert [k.relation for k in links].count("explained_by") == 1
    assert [k.score for k in links] == sorted((k.score for k in links), reverse=True)
    assert all(causes.LEAST <= k.score <= 1 for k in links)


def test_what_the_ranking_learned_decides_between_changes() -> None:
    signals = table(
        signal(0, 10, "db", "change"), signal(1, 12, "db", "change"), signal(2, 14, "db", "fault")
    )
    assert [k.cause for k in causes.find(signals, SHAPE, {0: 0.9, 1: 0.3})] == [0, 1]
    assert [k.cause for k in causes.find(signals, SHAPE, {0: 0.3, 1: 0.9})] == [1, 0]
    assert [k.cause for k in causes.find(signals, SHAPE, {0: 0.9, 1: 0.0})] == [0]


@pytest.mark.parametrize("role", ["change", "recovery", "acknowledgement"])
def test_only_effects_have_causes(role: str) -> None:
    signals = table(signal(0, 10, "db", "change"), signal(1, 11, "db", role))
    assert causes.find(signals, SHAPE, {}) == []


def test_no_signals_have_no_links() -> None:
    assert causes.find(table(signal(0, 1, "a", "fault")).clear(), SHAPE, {}) == []
