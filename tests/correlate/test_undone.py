"""What became of the failure when a change was taken back speaks for it, or clears it."""

import json
from dataclasses import replace

import pytest

from nova_timeline.correlate import ranking

from .scenes import at, signal
from .test_ranking import GUILTY, about, change, of_change, ranked, scene


def test_taking_a_change_back_with_a_recovery_speaks_for_it() -> None:
    back = change(1, 60, "db", "db: set pooler size", kind="config_change",
                  text="- pool_size: 4\n+ pool_size: 40")  # fmt: skip
    well = signal(95, 62, "web", "recovery")
    found = ranked(GUILTY, back, recoveries=(well,))[0]
    assert about(found, "undone") == [pytest.approx(0.35)]
    [term] = [t for t in found.terms if t.about == "undone"]
    assert term.text == "taken back 20m00s after the onset, and recovery began 2m00s later"
    assert term.signals == (1, 95)


def test_what_recovers_long_after_a_change_was_taken_back_speaks_less_for_it() -> None:
    back = change(1, 60, "db", "db: set pooler size", kind="config_change",
                  text="- pool_size: 4\n+ pool_size: 40")  # fmt: skip
    weights = [
        about(ranked(GUILTY, back, recoveries=(signal(95, at, "web", "recovery"),))[0], "undone")[0]
        for at in (64.5, 70, 74.5)
    ]
    assert weights == [pytest.approx(0.2 * left / 11) for left in (10.5, 5, 0.5)]


def test_what_is_seen_to_recover_in_the_minute_in_which_a_change_was_taken_back_counts() -> None:
    back = change(1, 60, "db", "db: set pooler size", kind="config_change",
                  text="- pool_size: 4\n+ pool_size: 40")  # fmt: skip
    coarse = signal(95, 59.5, "web", "recovery")
    assert about(ranked(GUILTY, back, recoveries=(coarse,))[0], "undone") == [pytest.approx(0.35)]


def test_what_takes_a_change_back_is_a_remedy_and_not_a_cause() -> None:
    first = change(0, 39, "db", "Commit 1: db: smaller pages", kind="commit")
    back = change(1, 40.5, "db", 'Commit 2: Revert "db: smaller pages"', kind="commit")
    assert about(of_change(back, scene(first, back)), "remedy") == [-0.3]  # type: ignore[arg-type]
    assert about(of_change(first, scene(first, back)), "remedy") == []  # type: ignore[arg-type]


def test_a_revert_takes_back_only_the_change_that_it_quotes() -> None:
    bad = change(0, 39, "db", "Commit 1: db: smaller pages", kind="commit")
    other = change(1, 38, "db", "Commit 2: db: larger pages", kind="commit")
    back = change(2, 60, "db", 'Commit 3: Revert "db: smaller pages"', kind="commit")
    well = signal(95, 61, "web", "recovery")
    where = scene(bad, other, back, recoveries=(well,))
    found = {c.signal["signal"]: c for c in ranking.rank(where) if c.is_change}
    assert about(found[0], "undone") == [pytest.approx(0.35)]
    assert about(found[1], "undone") == []


def test_taking_a_change_back_without_effect_clears_it() -> None:
    deploy = change(2, 38, "db", "db was deployed: pooler slot")
    again = change(1, 50, "db", "db was deployed: pooler slot")
    late = signal(95, 80, "web", "recovery")
    found = of_change(deploy, scene(deploy, again, recoveries=(late,)))
    assert found is not None
    assert about(found, "undone") == [-0.35]
    guilty, *_ = ranked(GUILTY, deploy, again, recoveries=(late,))
    assert guilty.signal is GUILTY


def test_where_no_recovery_tells_the_faults_say_whether_taking_back_helped() -> None:
    back = change(1, 50, "db", GUILTY["title"], kind="config_change",
                  text="- pool_size: 4\n+ pool_size: 40")  # fmt: skip
    until = signal(96, 41, "db", "fault", end=at(49))
    on = signal(96, 41, "db", "fault", end=at(70))
    many = [until] * 6
    for faults, weights in (
        ([until], [0.2]), ([on], [-0.35]), ([*many, on], []), ([*many, on, on], [-0.35])
    ):  # fmt: skip
        where = scene(GUILTY, back)
        ended = replace(where, cascade=replace(where.cascade, signals=tuple(faults)))
        found = of_change(GUILTY, ended)
        assert found is not None
        assert about(found, "undone") == weights


def test_a_call_that_sets_something_else_takes_nothing_back() -> None:
    asked = [{"env": [{"name": n, "value": "4"}]} for n in ("TIMEOUT", "SCALE")]
    first, other, again = (
        change(i, m, "db", "db was deployed", kind="deploy") for i, m in enumerate((30, 50, 51))
    )
    held = {s["signal"]: {"gcp.audit.request": json.dumps(asked[k])}
            for s, k in ((first, 0), (other, 1), (again, 0))}  # fmt: skip
    well = (signal(95, 50, "db", "recovery"),)
    for later, terms in ((other, 0), (again, 1)):
        where = replace(scene(first, later, recoveries=well), attributes=held)
        found = of_change(first, where)
        assert found is not None
        assert len(about(found, "undone")) == terms


def test_a_deploy_of_another_entity_takes_nothing_back() -> None:
    other = change(1, 50, "shop", GUILTY["title"], kind="config_change")
    assert about(ranked(GUILTY, other)[0], "undone") == []
