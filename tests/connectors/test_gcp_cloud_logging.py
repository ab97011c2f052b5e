"""Traps of Cloud Logging's entries."""

import json
from pathlib import Path
from typing import Any

import pytest

from nova_timeline.connector import Batch
from nova_timeline.connectors.gcp_cloud_logging import CloudLogging
from nova_timeline.errors import UnreadableSourceError
from tests.connectors import plain

AUDIT = "type.googleapis.com/google.cloud.audit.AuditLog"


def read(path: Path, **options: str) -> tuple[list[dict[str, Any]], list[str]]:
    return plain.read(CloudLogging(options), path)


def written(tmp_path: Path, *entries: Any) -> Path:
    path = tmp_path / "entries.json"
    path.write_text(json.dumps(list(entries)))
    return path


def audit(method: str, log: str = "activity", **more: Any) -> dict[str, Any]:
    return {
        "logName": f"projects/p/logs/cloudaudit.googleapis.com%2F{log}",
        "timestamp": "2026-03-03T14:00:00Z",
        "protoPayload": {"@type": AUDIT, "methodName": method, **more},
    }


def test_keeps_nine_digits(tmp_path: Path) -> None:
    entry = {"timestamp": "2026-03-03T14:00:00.123456789Z", "textPayload": "x"}
    [row], _ = read(written(tmp_path, entry))
    assert row["timestamp"] == 1_772_546_400_123_456_789
    assert row["timestamp_precision"] == 1


def test_an_entry_without_a_time_has_the_time_it_was_received(tmp_path: Path) -> None:
    given = {"receiveTimestamp": "2026-03-03T14:00:00Z", "textPayload": "x"}
    wrong = given | {"timestamp": "noon"}
    [late, unreadable], _ = read(written(tmp_path, given, wrong))
    assert late["timestamp"] == late["observed_timestamp"] == 1_772_546_400_000_000_000
    assert late["clock"] == "service:cloud-logging"
    assert unreadable["timestamp"] is None
    assert unreadable["observed_timestamp"] == 1_772_546_400_000_000_000


@pytest.mark.parametrize(
    ("entry", "role"),
    [
        (audit("google.cloud.run.v2.Services.UpdateService"), "change"),
        (audit("google.cloud.run.v2.Services.UpdateService", status={"code": 7}), None),
        (audit("v1.compute.instances.get"), None),
        (audit("storage.objects.create", "data_access"), None),
        (audit("io.k8s.coordination.v1.leases.update"), None),
        (audit("io.k8s.core.v1.pods.status.patch"), None),
        (audit("io.k8s.apps.v1.deployments.patch"), "change"),
        (audit("compute.instances.hostError", "system_event"), None),
    ],
)
def test_only_what_succeeded_and_mutates_is_a_change(
    tmp_path: Path, entry: dict[str, Any], role: str | None
) -> None:
    [row], _ = read(written(tmp_path, entry))
    assert row["role"] == role


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("DEFAULT", None),
        ("INFO", 9),
        ("warning", 13),
        ("CRITICAL", 18),
        (500, 17),
        ("EMERGENCY", 21),
    ],
)
def test_severities(tmp_path: Path, word: str | int, number: int | None) -> None:
    [row], _ = read(written(tmp_path, {"severity": word, "textPayload": "x"}))
    assert row["severity_number"] == number


def test_an_event_of_gke_has_its_own_time(tmp_path: Path) -> None:
    payload = {
        "kind": "Event",
        "reason": "FailedScheduling",
        "type": "Warning",
        "eventTime": "2026-03-03T13:59:59.000001Z",
        "involvedObject": {"kind": "Pod", "name": "cart-6c8f7d9b54-x2x4z", "namespace": "shop"},
    }
    [row], _ = read(
        written(tmp_path, {"timestamp": "2026-03-03T14:00:05Z", "jsonPayload": payload})
    )
    assert row["timestamp"] == 1_772_546_399_000_001_000
    assert row["event_name"] == "k8s.event/FailedScheduling"
    assert (row["entity"], row["k8s.pod.name"]) == ("cart", "cart-6c8f7d9b54-x2x4z")
    assert row["severity_number"] == 13


def test_the_same_entry_is_one_event(tmp_path: Path) -> None:
    entry = {"logName": "projects/p/logs/l", "insertId": "a", "timestamp": "2026-03-03T14:00:00Z"}
    one, other, third = read(
        written(tmp_path, entry, entry | {"severity": "INFO"}, entry | {"insertId": "b"})
    )[0]
    assert one["event_id"] == other["event_id"] != third["event_id"]


def test_a_payload_of_the_wrong_type_breaks_nothing(tmp_path: Path) -> None:
    odd = {
        "timestamp": "2026-03-03T14:00:00Z",
        "jsonPayload": "{oops",
        "resource": 3,
        "labels": ["a"],
    }
    [row], gaps = read(written(tmp_path, odd))
    assert row["body"] == "{oops"
    assert gaps == []


def test_what_is_no_entry_is_reported(tmp_path: Path) -> None:
    rows, gaps = read(written(tmp_path, {"hello": 1}, {"textPayload": "x"}, "text", 4))
    assert len(rows) == 1
    assert [g.partition(" are not ")[0] for g in gaps] == ["2 of 4 records", "1 of 2 records"]


def test_an_array_cut_off_keeps_what_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path, {"textPayload": "one"}, {"textPayload": "two"})
    path.write_text(path.read_text()[:-8])
    rows, gaps = read(path)
    assert [r["body"] for r in rows] == ["one"]
    assert len(gaps) == 1


def test_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("Listed 0 items.")
    with pytest.raises(UnreadableSourceError):
        read(path)


def operation(number: str, **which: bool) -> dict[str, Any]:
    return {
        "logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
        "timestamp": "2026-03-03T14:00:00Z",
        "insertId": number + "".join(which),
        "operation": {"id": number} | which,
        "protoPayload": {
            "@type": AUDIT,
            "methodName": "google.cloud.run.v2.Services.UpdateService",
            "resourceName": "projects/p/locations/l/services/checkout",
        },
    }


def test_a_long_operation_is_one_change(tmp_path: Path) -> None:
    begun, ended = operation("a", first=True), operation("a", last=True)
    rows, _ = read(written(tmp_path, begun, ended, operation("b", last=True)))
    assert [r["role"] for r in rows] == ["change", None, "change"]
    assert {r["kind"] for r in rows} == {"operator_action"}


def test_a_long_operation_is_one_change_however_the_file_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    entries = [operation("a", first=True), operation("a", last=True), operation("b", last=True)]
    path.write_text("".join(json.dumps(e) + "\n" for e in entries))
    reader = CloudLogging()
    parts = list(reader.partitions("a.jsonl", path, 10))
    assert len(parts) > 3
    items = [i for p in parts for i in reader.read(p)]
    roles = [r["role"] for i in items if isinstance(i, Batch) for r in plain.rows_of(i)]
    assert roles == ["change", None, "change"]


def test_a_change_of_names_is_about_the_name_else_the_zone(tmp_path: Path) -> None:
    entry = operation("", first=True) | {"resource": {"type": "dns_managed_zone"}}
    payload = {
        "@type": AUDIT,
        "methodName": "dns.changes.create",
        "resourceName": "projects/p/managedZones/shop-zone/changes/17",
    }
    request: dict[str, Any] = {"managedZone": "shop-zone"}
    asked = payload | {"resourceName": "changes/17", "request": request}
    added = [{"name": "cart.example.com.", "type": "A", "ttl": 60, "rrdatas": ["10.0.0.7"]}]
    told = payload | {"request": request | {"change": {"additions": added}}}
    rows, _ = read(
        written(tmp_path, *(entry | {"protoPayload": p} for p in (payload, asked, told)))
    )
    assert [r["entity"] for r in rows] == ["shop-zone", "shop-zone", "cart.example.com"]


def test_a_page_that_is_not_the_last_is_said(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"entries": [operation("a")], "nextPageToken": "x"}))
    assert read(path)[1] == ["the export stops at a page; more follow (nextPageToken)"]


@pytest.mark.parametrize(
    ("time", "cursor"),
    [
        ("2026-03-03T14:00:00Z", ";cursorTimestamp=2026-03-03T14:00:00Z"),
        ("2026-03-03 14:00:00Z", ";cursorTimestamp=2026-03-03T14:00:00Z"),
        ("2026-03-03 14:00:00 UTC", ""),
        ("yesterday", ""),
        (None, ""),
    ],
)
def test_a_link_goes_to_the_time_of_its_entry_where_that_can_be_read(
    time: str | None, cursor: str, tmp_path: Path
) -> None:
    entry = {"logName": "projects/p/logs/a", "insertId": "i", "textPayload": "x", "timestamp": time}
    [row], _ = read(written(tmp_path, entry))
    assert row["evidence.url"] == (
        "https://console.cloud.google.com/logs/query;query=insertId%3D%22i%22%20"
        f"logName%3D%22projects%2Fp%2Flogs%2Fa%22{cursor}?project=p"
    )


def test_an_entry_without_a_log_is_in_the_project_of_its_subject(tmp_path: Path) -> None:
    entry = audit("v1.compute.instances.stop")
    entry["protoPayload"]["resourceName"] = "projects/other/zones/z/instances/i"
    named = written(tmp_path, entry, {**entry, "logName": None})
    rows, _ = read(named)
    assert [row["cloud.account.id"] for row in rows] == ["p", "other"]
