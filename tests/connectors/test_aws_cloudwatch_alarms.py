"""CloudWatch alarms: transitions, what each alarm watches, and what an edit is."""

import json
from pathlib import Path
from typing import Any

import pytest

from nova_timeline.connector import Batch, Gap, Partition, load
from nova_timeline.errors import UnreadableSourceError


def read(
    folder: Path, *documents: object, **options: Any
) -> tuple[list[dict[str, Any]], list[str]]:
    path = folder / "alarms.json"
    path.write_text("\n".join(json.dumps(d) for d in documents))
    items = list(load("aws_cloudwatch_alarms")(options).read(Partition("alarms", path)))
    rows = [r for i in items if isinstance(i, Batch) for r in plain(i)]
    return rows, [i.reason for i in items if isinstance(i, Gap)]


def plain(item: Batch) -> list[dict[str, Any]]:
    rows = item.table.drop_columns(["timestamp"]).to_pylist()
    times = [t.value for t in item.table["timestamp"]]
    return [
        r | {"timestamp": t, "attributes": dict(r["attributes"])}
        for r, t in zip(rows, times, strict=True)
    ]


def moved(state: str, name: str = "cart-5xx", **reason: Any) -> dict[str, Any]:
    new = {"stateValue": state, "stateReason": "because", "stateReasonData": reason}
    return {
        "AlarmName": name,
        "AlarmType": "MetricAlarm",
        "Timestamp": "2026-03-03T15:02:11.123456+01:00",
        "HistoryItemType": "StateUpdate",
        "HistorySummary": f"Alarm updated to {state}",
        "HistoryData": json.dumps({"oldState": {"stateValue": "OK"}, "newState": new}),
    }


@pytest.mark.parametrize(
    ("state", "role", "name", "severity"),
    [
        ("ALARM", "alert_firing", "alert.firing", 17),
        ("OK", "alert_resolved", "alert.resolved", 9),
        ("INSUFFICIENT_DATA", "notice", "alert.insufficient_data", 13),
    ],
)
def test_a_transition_says_its_role(
    tmp_path: Path, state: str, role: str, name: str, severity: int
) -> None:
    [row], _ = read(tmp_path, {"AlarmHistoryItems": [moved(state)]})
    assert (row["kind"], row["role"], row["event_name"]) == ("alert", role, name)
    assert (row["severity_number"], row["severity_text"]) == (severity, state)
    assert row["timestamp"] == 1_772_546_531_123_456_000
    assert row["timestamp_precision"] == 1_000


def test_when_the_cause_began_is_kept(tmp_path: Path) -> None:
    item = moved("ALARM", startDate="2026-03-03T13:59:00.000+0000", period=60, threshold=5.0)
    [row], _ = read(tmp_path, {"AlarmHistoryItems": [item]})
    assert row["attributes"]["aws.alarm.start_date"] == "2026-03-03T13:59:00.000+0000"
    assert row["attributes"]["aws.alarm.period"] == "60"
    assert row["attributes"]["aws.alarm.old_state"] == "OK"


def edited(**alarm: Any) -> dict[str, Any]:
    data = json.dumps({"type": "Update", "updatedAlarm": alarm})
    return moved("ALARM") | {"HistoryItemType": "ConfigurationUpdate", "HistoryData": data}


def acted(trigger: dict[str, Any]) -> dict[str, Any]:
    message = json.dumps({"default": json.dumps({"Trigger": trigger})})
    data = json.dumps({"actionState": "Succeeded", "publishedMessage": message})
    return moved("ALARM") | {"HistoryItemType": "Action", "HistoryData": data}


WATCHED: list[tuple[list[dict[str, str]], str]] = [
    ([{"name": "TargetGroup", "value": "targetgroup/cart/0a1b"}], "cart"),
    ([{"name": "LoadBalancer", "value": "app/web/0a1b"}], "web"),
    ([{"name": "ClusterName", "value": "shop"}, {"name": "ServiceName", "value": "cart"}], "cart"),
    ([{"name": "DBInstanceIdentifier", "value": "orders-db"}], "orders-db"),
    ([{"name": "StateMachineArn", "value": "arn:aws:states:eu-west-1:1:stateMachine:pay"}], "pay"),
    ([{"name": "Queue", "value": "orders"}], "orders"),
    ([], "cart-5xx"),
]


@pytest.mark.parametrize(("dimensions", "entity"), WATCHED)
def test_an_alarm_is_about_what_it_watches(
    tmp_path: Path, dimensions: list[dict[str, str]], entity: str
) -> None:
    for told in (edited(dimensions=dimensions), acted({"Dimensions": dimensions})):
        rows, _ = read(tmp_path, {"AlarmHistoryItems": [moved("ALARM"), told]})
        assert rows[0]["entity"] == entity


def test_metric_math_is_about_the_metric_it_is_made_of(tmp_path: Path) -> None:
    metrics = [
        {"id": "e", "expression": "a/b"},
        {
            "id": "a",
            "metricStat": {"metric": {"dimensions": [{"name": "TableName", "value": "t"}]}},
        },
    ]
    rows, _ = read(tmp_path, {"AlarmHistoryItems": [moved("ALARM"), edited(metrics=metrics)]})
    assert rows[0]["entity"] == "t"


def test_the_incident_file_has_the_last_word_on_the_entity(tmp_path: Path) -> None:
    told = edited(dimensions=[{"name": "ServiceName", "value": "cart"}])
    items = {"AlarmHistoryItems": [moved("ALARM"), told]}
    rows, _ = read(tmp_path, items, entities={"cart-5xx": "basket"})
    assert rows[0]["entity"] == "basket"


def test_an_edit_changes_the_alarm_not_what_it_watches(tmp_path: Path) -> None:
    told = edited(dimensions=[{"name": "ServiceName", "value": "cart"}])
    [row], _ = read(tmp_path, {"AlarmHistoryItems": [told]})
    assert (row["kind"], row["role"], row["entity"]) == ("config_change", "change", "cart-5xx")


def test_every_kind_of_alarm_is_read_and_the_region_is_in_the_link(tmp_path: Path) -> None:
    one = {"AlarmName": "a", "StateValue": "OK", "StateUpdatedTimestamp": "2026-03-03T14:00:00Z"}
    one["AlarmArn"] = "arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:a"
    two = one | {"AlarmName": "b", "StateValue": "ALARM"}
    rows, said = read(tmp_path, {"MetricAlarms": [one], "CompositeAlarms": [two]})
    assert [(r["attributes"]["alert.name"], r["role"]) for r in rows] == [
        ("a", "alert_resolved"),
        ("b", "alert_firing"),
    ]
    assert rows[0]["evidence.url"] == (
        "https://cn-north-1.console.amazonaws.cn/cloudwatch/home?region=cn-north-1#alarmsV2:alarm/a"
    )
    assert (rows[0]["cloud.account.id"], said) == ("123456789012", [])


def test_lines_pages_and_strangers(tmp_path: Path) -> None:
    rows, said = read(tmp_path, moved("ALARM"), moved("OK"))
    assert (len(rows), said) == (2, [])
    page = {"AlarmHistoryItems": [moved("ALARM")], "NextToken": "x"}
    assert "more follow" in read(tmp_path, page)[1][0]
    assert read(tmp_path, {"AlarmHistoryItems": []}) == ([], [])
    assert read(tmp_path, {"MetricAlarms": [], "CompositeAlarms": []}) == ([], [])
    rows, [reason] = read(tmp_path, {"AlarmHistoryItems": [moved("OK"), {"x": 1}]})
    assert (len(rows), reason[:16]) == (1, "1 of 2 records a")
    with pytest.raises(UnreadableSourceError, match="no CloudWatch alarms"):
        read(tmp_path, {"hello": 1})


def test_history_that_is_no_json_loses_nothing_else(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, {"AlarmHistoryItems": [moved("OK") | {"HistoryData": "{broken"}]})
    assert rows[0]["body"] == "cart-5xx: Alarm updated to OK"
    assert rows[0]["role"] is None
