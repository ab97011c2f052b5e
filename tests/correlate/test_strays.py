"""One call that failed once is no incident, and one that goes on is."""

from typing import Any

import polars as pl
import pytest

from nova_timeline.correlate import strays
from nova_timeline.topology import Topology

from .scenes import MINUTE, calls, signal, table

SHAPE = calls("web>shop", "shop>db", "mail>relay")
CALL: dict[str, Any] = {"category": "dependency", "weight": 1.5}


def weights(*signals: dict[str, Any], shape: Topology = SHAPE) -> list[float]:
    found = strays.lightened(table(*signals), shape)
    return found["weight"].to_list()


def test_a_call_that_failed_once_is_light_on_all_that_tell_of_it() -> None:
    told = [signal(0, 10, "db", "fault", **CALL), signal(1, 10.01, "shop", "fault", **CALL)]
    assert weights(*told) == [0.5, 0.5]


def test_two_transactions_that_block_each_other_once_are_light() -> None:
    lone = {"category": "data", "weight": 1.5, "rule": "database.deadlock"}
    assert weights(signal(0, 10, "db", "fault", **lone)) == [0.5]


def test_a_database_that_says_once_that_it_is_down_is_no_stray() -> None:
    shape = Topology({"shop": "service", "db": "database"}).with_edges([("shop", "db", "calls")])
    down = CALL | {"rule": "database.unavailable"}
    told = [signal(i, 10 * i, e, "fault", **down) for i, e in ((1, "db"), (2, "shop"))]
    assert weights(*told, shape=shape) == [1.5, 0.5]


def test_what_lasts_is_said_once_and_is_no_stray() -> None:
    down = {"category": "network", "weight": 1.5, "rule": "network_dns.session-down"}
    assert weights(signal(0, 10, "edge", "fault", **down)) == [1.5]


def test_many_records_are_firm() -> None:
    assert weights(signal(0, 10, "db", "fault", **CALL, count=3)) == [1.5]


@pytest.mark.parametrize(
    ("entity", "minutes", "firm"), [("shop", 10.9, True), ("relay", 10.5, False), ("db", 12, False)]
)
def test_company_is_near_in_time_and_place(entity: str, minutes: float, *, firm: bool) -> None:
    lone = signal(0, 10, "db", "fault", **CALL)
    found = weights(lone, signal(1, minutes, entity, "alert_firing"))
    assert found == [1.5 if firm else 0.5, 3.0]


def test_a_coarse_metric_is_no_company() -> None:
    lone = signal(0, 10, "db", "fault", **CALL)
    coarse = signal(1, 9.5, "shop", "fault", table="metric", precision=5 * MINUTE)
    assert weights(coarse, lone) == [2.0, 0.5]


@pytest.mark.parametrize(
    "other", [{"category": "hardware"}, {"rule": None}, {"role": "alert_firing"}]
)
def test_what_luck_does_not_do_stays_firm(other: dict[str, Any]) -> None:
    given = CALL | other
    role = given.pop("role", "fault")
    assert weights(signal(0, 10, "db", role, **given)) == [1.5]


@pytest.mark.parametrize(("minutes", "firm"), [(1.5, False), (9.0, True), (-1.0, True)])
@pytest.mark.parametrize(
    ("lacks", "given"),
    [("scheduling", "scheduled"), ("image-pull", "image-pulled")],
)
def test_a_pod_that_soon_got_what_it_lacked_was_in_no_trouble(
    minutes: float, lacks: str, given: str, *, firm: bool
) -> None:
    pod = {"entity": "shop-7d4b-x2x7q"}
    rule = f"containers.{lacks}"
    waits = signal(0, 10, "", "fault", rule=rule, weight=1.5) | pod
    got = signal(1, 10 + minutes, "", "recovery", rule=f"containers.{given}", weight=0.0) | pod
    other = signal(2, 10, "shop-7d4b-k9k9k", "fault", rule=rule, weight=1.5)
    found = strays.placed(table(waits, got, other)).sort("signal")
    assert found.filter(pl.col("entity") == pod["entity"], rule=rule)["weight"].to_list() == [
        1.5 if firm else strays.LIGHT
    ]
    assert found.filter(entity=other["entity"])["weight"].to_list() == [1.5]


def test_a_pod_with_a_node_still_lacks_its_image() -> None:
    waits = signal(0, 10, "shop-1", "fault", rule="containers.image-pull", weight=1.5)
    got = signal(1, 11, "shop-1", "recovery", rule="containers.scheduled", weight=0.0)
    assert strays.placed(table(waits, got))["weight"].to_list() == [1.5, 0.0]


@pytest.mark.parametrize(("minutes", "firm"), [(2, False), (45, True), (-2, True)])
def test_a_node_that_was_taken_away_is_gone_as_asked(minutes: int, firm: bool) -> None:
    away = signal(0, 10, "node-1", "change", rule="scaling.kubernetes", kind="scaling", weight=0.0)
    gone = signal(1, 10 + minutes, "node-1", "fault", rule="containers.node-not-ready", weight=1.5)
    other = signal(2, 11, "node-2", "fault", rule="containers.node-not-ready", weight=1.5)
    found = strays.placed(table(away, gone, other)).sort("signal")
    assert found["weight"].to_list() == [0.0, 1.5 if firm else strays.LIGHT, 1.5]
