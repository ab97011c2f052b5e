"""Signals are the records that speak of an incident, each told once."""

import json
from typing import Any

import pytest

from nova_timeline.correlate import notable, signals, slabs

from . import scenes
from .scenes import MINUTE, START, WINDOW, at, metric_rows, no_metrics, rows


def gathered(*given: dict[str, Any]) -> list[dict[str, Any]]:
    return scenes.gathered(rows(*given), no_metrics()).to_dicts()


def fault(minutes: float, entity: str | None = "a", **over: Any) -> dict[str, Any]:
    return {"time": minutes, "entity": entity, "role": "fault", "rule": "r.x", "title": "x"} | over


def every(step: float, since: float = 0.5, until: float = 90) -> list[float]:
    return [since + i * step for i in range(int((until - since) / step))]


def test_repeats_are_one_signal_with_a_count_and_a_few_of_its_rows() -> None:
    [found] = gathered(*(fault(40 + i / 10) for i in range(30)))
    assert (found["time"], found["end"], found["count"]) == (at(40), at(42.9), 30)
    assert (found["row"], found["rows"]) == (0, [1, 2, 3, 4, 5])
    assert (found["role"], found["weight"], found["is_effect"]) == ("fault", 1.5, True)


def test_a_quiet_of_more_than_two_minutes_makes_two_signals() -> None:
    assert [s["count"] for s in gathered(fault(40), fault(42), fault(44.1))] == [2, 1]


def test_changes_that_say_different_things_are_not_one() -> None:
    change: dict[str, Any] = {"entity": "a", "role": "change", "kind": "deploy", "rule": "d"}
    told = [change | {"time": 10 + i, "title": t} for i, t in enumerate(["v1", "v1", "v2"])]
    assert [(s["title"], s["count"]) for s in gathered(*told)] == [("v1", 2), ("v2", 1)]


def sets(*requests: dict[str, Any]) -> list[int]:
    """Say how many records there are of each signal of calls that a minute lies between."""
    made = scenes.events(
        *(
            {
                "timestamp": 40 + i, "entity": "a", "role": "change", "kind": "config_change",
                "rule": "c", "title": "a was changed by rds:Modify", "severity_number": 9,
                "attributes": {"aws.request_parameters": json.dumps(request), "id": str(i)},
            }
            for i, request in enumerate(requests)
        )
    )  # fmt: skip
    kept = scenes.spooled(notable.rows(made))
    cut = slabs.cut(kept, scenes.cells(kept, WINDOW), (), WINDOW, 1 << 30)
    none = scenes.excursions(no_metrics())
    return signals.gather(signals.of_events(cut, WINDOW), none)["count"].to_list()


def test_calls_alike_that_set_different_things_are_not_one() -> None:
    assert sets({"desiredCount": 4}, {"desiredCount": 4}) == [2]
    assert sets({"desiredCount": 4}, {"desiredCount": 0}) == [1, 1]
    assert sets({"taskDefinition": "a:7"}, {"taskDefinition": "a:8"}, {}) == [1, 1, 1]


def test_alerts_by_one_rule_that_say_different_things_are_not_one() -> None:
    alert: dict[str, Any] = {
        "entity": "a",
        "role": "alert_firing",
        "kind": "alert",
        "rule": "alarm",
    }
    told = [alert | {"time": 10, "title": t} for t in ("5xx", "latency")]
    assert sorted(s["title"] for s in gathered(*told)) == ["5xx", "latency"]


def test_faults_that_go_on_all_night_are_no_signal() -> None:
    assert gathered(*(fault(m) for m in every(2))) == []


def test_a_flood_on_one_entity_over_the_same_background_is_kept() -> None:
    usual = [fault(m, e) for m in every(2) for e in ("a", "b")]
    found = gathered(*usual, *(fault(50 + i / 20, "b") for i in range(60)))
    assert {s["entity"] for s in found} == {"b"}
    assert sum(s["count"] for s in found) >= 60


@pytest.mark.parametrize(("since", "until"), [(1, 45), (45, 90)])
def test_an_incident_that_begins_early_or_never_ends_is_not_background(
    since: float, until: float
) -> None:
    assert sum(s["count"] for s in gathered(*(fault(m) for m in every(0.5, since, until)))) > 80


def test_a_recovery_without_trouble_is_left_out() -> None:
    recovery: dict[str, Any] = {"role": "recovery", "rule": "r.ok", "title": "ok"}
    found = gathered(
        recovery | {"time": 5, "entity": "a"},  # before its trouble
        fault(10, "a"),
        recovery | {"time": 20, "entity": "a"},
        recovery | {"time": 20, "entity": "b"},  # never in trouble
    )
    assert [(s["role"], s["entity"], s["time"]) for s in found] == [
        ("fault", "a", at(10)),
        ("recovery", "a", at(20)),
    ]


def test_what_a_rule_knows_is_not_told_again_as_a_burst() -> None:
    body: dict[str, Any] = {"body": "pool exhausted", "template": 5}
    assert len(gathered(*(fault(40 + i / 100, **body) for i in range(60)))) == 1


def test_plain_errors_become_a_burst_that_quotes_their_template() -> None:
    line: dict[str, Any] = {"entity": "a", "template": 5, "severity": 17}
    told = [line | {"time": 40 + i / 100, "body": f"order {i} lost"} for i in range(60)]
    [found] = gathered(*told)
    assert found["title"] == "Burst of 60 log records, never seen before: order <*> lost"
    assert (found["role"], found["weight"], found["row"]) == ("fault", 2.0, 0)


def test_few_of_the_bursts_that_begin_together_are_told_the_largest_first() -> None:
    told = [
        {"time": 40 + i / 100, "entity": "a", "template": t, "severity": 17, "body": f"line {t}x"}
        for t in range(9)
        for i in range(10 + t)
    ]
    assert sorted(s["count"] for s in gathered(*told)) == [15, 16, 17, 18]


def test_a_metric_is_a_fault_when_it_leaves_and_a_recovery_when_it_is_back() -> None:
    series = [1.0] * 40 + [50.0] * 15 + [1.0] * 35
    found = scenes.gathered(rows(), metric_rows(("a", "errors", series))).to_dicts()
    assert [(s["role"], s["time"], s["title"]) for s in found] == [
        ("fault", START + 40 * MINUTE, "errors rose from 1.0 to 50.0"),
        ("recovery", START + 55 * MINUTE, "errors is back at its level of 1.0"),
    ]
    assert (found[0]["end"], found[0]["weight"], found[0]["row"]) == (at(55), 2.0, 40)


def test_a_metric_that_gets_better_is_no_fault() -> None:
    better = [
        ("a", "errors", [50.0] * 45 + [1.0] * 45),
        ("a", "availability", [50.0] * 45 + [99.0] * 45),
    ]
    assert scenes.gathered(rows(), metric_rows(*better)).is_empty()


def test_a_processor_with_less_to_do_is_no_precursor_and_a_disk_that_fills_is() -> None:
    fell = [50.0] * 45 + [20.0] * 45
    told = ("cpu_percent", "FreeStorageSpace")
    found = scenes.gathered(rows(), metric_rows(*(("a", name, fell) for name in told)))
    assert dict(found.select("rule", "weight").iter_rows()) == {
        "metric:cpu_percent": 0.5,
        "metric:FreeStorageSpace": 1.0,
    }


def test_numbers_too_large_for_a_whole_number_are_written() -> None:
    series = ("a", "memory", [1e19] * 40 + [5e19] * 50)
    [found] = scenes.gathered(rows(), metric_rows(series))["title"].to_list()
    assert found == "memory rose from 1e+19 to 5e+19"


def test_nothing_gives_an_empty_table_with_every_column() -> None:
    empty = scenes.gathered(rows(), no_metrics())
    full = scenes.gathered(rows(fault(1)), no_metrics())
    assert empty.is_empty()
    assert empty.schema == full.schema


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    given = rows(
        *(fault(m, e) for m in every(7) for e in ("a", "b", None)),
        *(fault(50 + i / 30, "b", rule="r.y", title=f"y{i % 3}") for i in range(60)),
        *({"time": 60 + i / 99, "entity": "a", "template": 3, "body": "z"} for i in range(40)),
        *({"time": 44 + i, "entity": "a", "role": "change", "title": f"v{i}"} for i in range(4)),
    )
    series = metric_rows(("a", "errors", [1.0] * 40 + [50.0] * 50))
    one, other = (f.sample(fraction=1, shuffle=True, seed=seed) for f in (given, series))
    assert scenes.gathered(one, other).equals(scenes.gathered(given, series))


@pytest.mark.parametrize("slab", [1, 20, 100])
def test_where_time_is_cut_does_not_matter(slab: int) -> None:
    given = rows(
        *(fault(m, e) for m in every(7) for e in ("a", "b", None)),
        *(fault(48 + i / 30, "b", rule="r.y", title=f"y{i % 3}") for i in range(200)),
        *({"time": 59 + i / 99, "entity": "a", "template": i % 3, "body": "z"} for i in range(400)),
        *(
            {"time": 14.5 + i / 4, "entity": "a", "role": "change", "title": f"v{i % 2}"}
            for i in range(9)
        ),
    )
    assert scenes.gathered(given, no_metrics(), slab).equals(scenes.gathered(given, no_metrics()))
