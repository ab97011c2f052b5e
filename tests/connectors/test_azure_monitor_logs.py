"""Traps of Log Analytics: rows that are arrays, partial answers, numbers for severities."""

import json
from pathlib import Path
from typing import Any

import pytest

from nova_timeline.connectors.azure_monitor_logs import MonitorLogs
from tests.connectors import plain

AT_14 = 1_772_546_400_000_000_000
SITE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/Checkout"


def read(tmp_path: Path, content: Any) -> tuple[list[dict[str, Any]], list[str]]:
    return plain.read(MonitorLogs(), tmp_path / "logs.json", content)


def answer(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    names = sorted({name for row in rows for name in row})
    columns = [{"name": name, "type": "string"} for name in names]
    table = {
        "name": "PrimaryResult",
        "columns": columns,
        "rows": [[row.get(name) for name in names] for row in rows],
    }
    return {"tables": [table]} | more


TRACE = {
    "TimeGenerated": "2026-03-03T14:00:00.1234567Z",
    "AppRoleName": "checkout",
    "Message": 'a [bracket], a "quote" and {braces}',
    "SeverityLevel": 3,
}


def test_rows_are_read_by_their_columns(tmp_path: Path) -> None:
    other = TRACE | {"TimeGenerated": "2026-03-03T14:00:01Z", "Message": None}
    [row, bare], gaps = read(tmp_path, answer(TRACE, other))
    assert gaps == []
    assert row["timestamp"] == AT_14 + 123_456_700
    assert (row["body"], row["entity"]) == (TRACE["Message"], "checkout")
    assert row["severity_number"] == 17
    assert bare["timestamp"] == AT_14 + 10**9


def test_every_form_tells_the_same(tmp_path: Path) -> None:
    lines = f"{json.dumps(TRACE)}\n{json.dumps(TRACE)}\n"
    told = [
        {k: v for k, v in read(tmp_path, content)[0][0].items() if "evidence" not in k}
        for content in (answer(TRACE), [TRACE], lines)
    ]
    for row in told:
        del row["event_id"]
    assert told[0] == told[1] == told[2]


def test_a_partial_answer_is_reported(tmp_path: Path) -> None:
    error = {"code": "PartialError", "message": "too many rows"}
    rows, gaps = read(tmp_path, answer(TRACE, error=error))
    assert len(rows) == 1
    assert gaps == ["the answer is partial: PartialError too many rows"]


def test_the_answers_of_a_batch(tmp_path: Path) -> None:
    responses = [
        {"id": "1", "status": 200, "body": answer(TRACE)},
        {"id": "2", "body": answer(TRACE)},
    ]
    rows, gaps = read(tmp_path, {"responses": responses})
    assert (len(rows), gaps) == (2, [])


def test_a_batch_in_a_batch_is_not_followed(tmp_path: Path) -> None:
    text = '{"responses":[{"body":' * 3000 + json.dumps(answer(TRACE)) + "}]}" * 3000
    rows, gaps = read(tmp_path, text)
    assert rows == []
    assert [g.partition(" at ")[0] for g in gaps] == ["a batch in the batch"]


def test_an_answer_cut_off_keeps_its_whole_rows(tmp_path: Path) -> None:
    rows, gaps = read(tmp_path, json.dumps(answer(TRACE, TRACE))[:-20])
    assert len(rows) == 1
    assert gaps == ["the file ends before the answer does"]


def test_a_row_that_is_no_array_is_reported(tmp_path: Path) -> None:
    given = answer(TRACE)
    given["tables"][0]["rows"] += [None, {"Message": "x"}]
    rows, gaps = read(tmp_path, given)
    assert len(rows) == 1
    assert [g.partition(";")[0] for g in gaps] == ["2 of 3 records are not rows"]


def test_az_writes_nulls_as_none(tmp_path: Path) -> None:
    row = {"TableName": "PrimaryResult", "Message": "None", "RenderedDescription": "stopped"}
    [event], _ = read(tmp_path, [row | {"Computer": "WEB-1.corp", "Source": "S", "EventID": "7"}])
    assert (event["body"], event["event_name"]) == ("stopped", "S/7")
    assert (event["entity"], event["clock"]) == ("web-1", "host:web-1")


@pytest.mark.parametrize(
    ("row", "number"),
    [
        ({"SeverityLevel": 0}, 5),
        ({"SeverityLevel": 4}, 21),
        ({"SeverityLevel": "err"}, 17),
        ({"EventLevelName": "Warning"}, 13),
        ({"Level": "2"}, 17),
        ({"LogLevel": "critical"}, 21),
        ({"Success": False, "Message": None}, 17),
        ({"Success": True, "Message": None}, None),
    ],
)
def test_severities(tmp_path: Path, row: dict[str, Any], number: int | None) -> None:
    [event], _ = read(tmp_path, [{"Message": "x", "AppRoleName": "a"} | row])
    assert event["severity_number"] == number


@pytest.mark.parametrize(
    ("status", "role"), [("Success", "change"), ("Start", "notice"), ("Failure", None)]
)
def test_activity_rows(tmp_path: Path, status: str, role: str | None) -> None:
    row = {"OperationNameValue": "MICROSOFT.WEB/SITES/WRITE", "ActivityStatusValue": status}
    [event], _ = read(tmp_path, [row | {"_ResourceId": SITE, "CategoryValue": "Administrative"}])
    assert (event["kind"], event["role"]) == ("operator_action", role)
    assert event["entity"] == "checkout"


def test_a_time_that_is_none_stays_none(tmp_path: Path) -> None:
    rows, _ = read(
        tmp_path, [{"TimeGenerated": "3/3/2026, 2:00 PM", "Message": "x"}, {"Message": "y"}]
    )
    assert [row["timestamp"] for row in rows] == [None, None]


@pytest.mark.parametrize(
    ("level", "number"),
    [("LOG", 9), ("WARNING", 13), ("ERROR", 17), ("FATAL", 21), ("PANIC", 21)],
)
def test_postgres_says_how_bad_it_is(tmp_path: Path, level: str, number: int) -> None:
    row = {"TimeGenerated": "2026-03-03T14:00:00Z", "Message": "x", "ErrorLevel": level}
    [made], _ = read(tmp_path, answer(row | {"Type": "PGSQLServerLogs", "_ResourceId": SITE}))
    assert (made["severity_number"], made["severity_text"]) == (number, level)
