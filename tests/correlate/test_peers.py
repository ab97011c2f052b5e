"""Whom several cannot reach is not what a change to one of them broke."""

from dataclasses import replace
from typing import Any

import pytest

from nova_timeline.correlate import merged, peers, ranking, triggers

from .changes import record
from .test_triggers import scene

AT = "10.1.2.3:5432"
SLOW = {"title": f"dial tcp {AT}: i/o timeout", "severity": 17}
GONE = {"title": f"dial tcp {AT}: no route to host", "severity": 17, "entity": "mail"}
PASSED_ON = {"title": f"shop said: dial tcp {AT}: i/o timeout", "severity": 17, "entity": "web"}
FULL = {"title": f"{AT} says: too many clients", "severity": 17, "entity": "mail"}
SHORTER = record(
    0, 30, "shop", "shop was deployed", diff="-connectTimeout: 10s\n+connectTimeout: 5s\n",
    files=["shop/db.yaml"],
)  # fmt: skip


def test_only_those_who_do_not_call_one_another_share_an_address() -> None:
    assert peers.shared(scene(SLOW, GONE)) == {AT: {"shop", "mail"}}
    assert peers.shared(scene(SLOW, PASSED_ON)) == {}
    assert peers.shared(scene(SLOW, FULL)) == {}


def test_it_speaks_against_a_change_to_one_of_them_that_does_not_name_the_address() -> None:
    found = scene(SLOW, GONE, changes=(SHORTER,))
    [change] = merged.one_each(found)
    assert [t.text for t in peers.others(change, found)] == [
        f"mail cannot reach {AT} either, which it did not touch"
    ]
    assert peers.others(replace(change, texts=(f"-host: {AT}",)), found) == []


@pytest.mark.parametrize(("beside", "is_change"), [((), True), ((GONE,), False)])
def test_a_change_to_one_of_them_gives_way_to_what_lies_between(
    beside: tuple[dict[str, Any], ...], *, is_change: bool
) -> None:
    first, *_ = ranking.rank(scene(SLOW, *beside, changes=(SHORTER,)))
    assert first.is_change is is_change


def test_what_fails_on_the_address_that_is_gone_shows_it_too() -> None:
    [found] = [c for c in triggers.found(scene(SLOW, GONE)) if c.category == "network"]
    assert "100% of what failed at the root shows it" in [t.text for t in found.terms]
