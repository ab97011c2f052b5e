"""Traps of Cloud Monitoring: integers as text, empty distributions, two rows an incident."""

import json
from pathlib import Path
from typing import Any

from nova_timeline.connectors.gcp_monitoring import CloudMonitoring
from tests.connectors import plain

MINUTE = {"startTime": "2026-03-03T14:00:00Z", "endTime": "2026-03-03T14:01:00Z"}
RESOURCE = {"type": "cloud_run_revision", "labels": {"service_name": "checkout"}}
AT_14 = 1_772_546_400_000_000_000
AT_14_01 = AT_14 + 60_000_000_000


def read(tmp_path: Path, content: Any) -> tuple[list[dict[str, Any]], list[str]]:
    return plain.read(CloudMonitoring(), tmp_path / "page.json", content)


def series(*values: dict[str, Any], kind: str = "GAUGE", **labels: str) -> dict[str, Any]:
    return {
        "timeSeries": [
            {
                "metric": {"type": "m", "labels": labels},
                "resource": RESOURCE,
                "metricKind": kind,
                "points": [{"interval": MINUTE, "value": v} for v in values],
            }
        ]
    }


def short(rows: list[dict[str, Any]]) -> list[tuple[str, float]]:
    return [(row["metric.name"], row["value"]) for row in rows]


def test_integers_are_text_and_truth_is_a_number(tmp_path: Path) -> None:
    page = series({"int64Value": "9007199254740991"}, {"doubleValue": 0}, {"boolValue": True})
    rows, gaps = read(tmp_path, page)
    assert short(rows) == [("m", 9007199254740991.0), ("m", 0.0), ("m", 1.0)]
    assert gaps == []


def test_a_distribution_is_its_mean_and_its_count(tmp_path: Path) -> None:
    full = {"distributionValue": {"count": "4", "mean": 2.5}}
    rows, gaps = read(tmp_path, series(full, {"distributionValue": {}}))
    assert short(rows) == [("m.mean", 2.5), ("m.count", 4.0), ("m.count", 0.0)]
    assert gaps == []


def test_a_value_that_is_no_number_is_reported(tmp_path: Path) -> None:
    rows, gaps = read(tmp_path, series({"stringValue": "up"}, {"doubleValue": "NaN"}, {}))
    assert rows == []
    assert gaps == ["3 of 3 points hold no number"]


def test_a_running_total_has_the_time_it_was_read(tmp_path: Path) -> None:
    [total], _ = read(tmp_path, series({"int64Value": "1"}, kind="CUMULATIVE"))
    [delta], _ = read(tmp_path, series({"int64Value": "1"}, kind="DELTA"))
    assert (total["timestamp"], delta["timestamp"]) == (AT_14_01, AT_14)


def test_labels_keep_series_apart(tmp_path: Path) -> None:
    [row], _ = read(tmp_path, series({"int64Value": "1"}, code="5xx", api="pay"))
    assert row["metric.name"] == "m{api=pay,code=5xx}"
    assert row["entity"] == "checkout"


def test_an_incident_opens_and_closes(tmp_path: Path) -> None:
    alert = {"name": "projects/p/alerts/0.a", "state": "CLOSED", "resource": RESOURCE}
    times = {"openTime": MINUTE["startTime"], "closeTime": MINUTE["endTime"]}
    rows, _ = read(tmp_path, {"alerts": [alert | times]})
    assert [(r["role"], r["timestamp"]) for r in rows] == [
        ("alert_firing", AT_14),
        ("alert_resolved", AT_14_01),
    ]
    assert rows[0]["event_id"] != rows[1]["event_id"]
    assert rows[0]["evidence.sha256"] == rows[1]["evidence.sha256"]


def test_a_webhook_and_the_list_tell_of_one_incident(tmp_path: Path) -> None:
    listed = {
        "name": "projects/p/alerts/0.a",
        "state": "OPEN",
        "openTime": "2026-03-03T14:00:00.5Z",
    }
    told = {"incident_id": "0.a", "scoping_project_id": "p", "state": "open", "ended_at": 0}
    incident = {"incident": told | {"started_at": AT_14 // 10**9}}
    rows, _ = read(tmp_path, "\n".join(json.dumps(r) for r in (listed, incident)))
    assert [r["role"] for r in rows] == ["alert_firing", "alert_firing"]
    assert rows[0]["event_id"] == rows[1]["event_id"]
    assert [r["timestamp"] for r in rows] == [AT_14 + 500_000_000, AT_14]


def test_what_is_neither_is_reported(tmp_path: Path) -> None:
    rows, gaps = read(tmp_path, [{"a": 1}, {"points": "none"}])
    assert rows == []
    assert len(gaps) == 1


def test_an_empty_page_has_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path, {"timeSeries": []}) == ([], [])
