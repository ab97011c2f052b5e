"""Traps of the activity log: capitals, several records an operation, records that are none."""

from pathlib import Path
from typing import Any

import pytest

from nova_timeline.connectors.azure_activity_log import ActivityLog
from nova_timeline.errors import UnreadableSourceError
from tests.connectors import plain

SITE = "/subscriptions/s/resourceGroups/Shop-RG/providers/Microsoft.Web/sites/Checkout"
WRITE = "Microsoft.Web/sites/write"


def read(tmp_path: Path, content: Any) -> tuple[list[dict[str, Any]], list[str]]:
    return plain.read(ActivityLog(), tmp_path / "records.json", content)


def event(status: str, operation: str = WRITE, **more: Any) -> dict[str, Any]:
    return {
        "eventTimestamp": "2026-03-03T14:00:00.1234567Z",
        "correlationId": "c",
        "operationName": {"value": operation},
        "status": {"value": status},
        "category": {"value": "Administrative"},
        "resourceId": SITE,
    } | more


def roles(rows: list[dict[str, Any]]) -> list[str | None]:
    return [row["role"] for row in rows]


def test_keeps_the_seventh_digit(tmp_path: Path) -> None:
    [row], _ = read(tmp_path, [event("Succeeded")])
    assert row["timestamp"] == 1_772_546_400_123_456_700
    assert row["timestamp_precision"] == 100


def test_of_an_operation_what_succeeded_is_the_change(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, [event("Succeeded"), event("Started"), event("Accepted")])
    assert roles(rows) == ["change", "notice", "notice"]


def test_the_only_record_of_an_operation_is_the_change(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, [event("Started"), event("Started", correlationId="d")])
    assert roles(rows) == ["change", "change"]


def test_what_failed_changed_nothing(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, [event("Failed", level="Informational"), event("Started")])
    assert roles(rows) == [None, "notice"]
    assert rows[0]["severity_number"] == 17


def test_ids_are_compared_without_regard_to_case(tmp_path: Path) -> None:
    begun = {
        "time": "2026-03-03T14:00:00Z",
        "resourceId": SITE.upper(),
        "operationName": WRITE.upper(),
        "category": "Administrative",
        "resultType": "Start",
        "correlationId": "C",
    }
    rows, _ = read(tmp_path, {"records": [begun, event("Succeeded")]})
    assert roles(rows) == ["notice", "change"]
    assert {row["entity"] for row in rows} == {"checkout"}


@pytest.mark.parametrize(
    "operation",
    [
        "Microsoft.Storage/storageAccounts/listKeys/action",
        "Microsoft.Web/sites/read",
        "Microsoft.Resources/checkResourceName/action",
    ],
)
def test_asking_is_no_change(tmp_path: Path, operation: str) -> None:
    [row], _ = read(tmp_path, [event("Succeeded", operation)])
    assert (row["role"], row["kind"]) == (None, "log")


@pytest.mark.parametrize(
    ("category", "status", "kind", "role"),
    [
        ("ServiceHealth", "Active", "health", None),
        ("ResourceHealth", "Resolved", "health", None),
        ("Autoscale", "Succeeded", "scaling", "change"),
        ("Alert", "Activated", "alert", "alert_firing"),
        ("Alert", "Resolved", "alert", "alert_resolved"),
        ("Administrative", "Succeeded", "operator_action", "change"),
        ("WorkflowRuntime", "Succeeded", "log", None),
    ],
)
def test_categories(
    tmp_path: Path, category: str, status: str, kind: str, role: str | None
) -> None:
    [row], _ = read(tmp_path, [event(status, category={"value": category})])
    assert (row["kind"], row["role"]) == (kind, role)


@pytest.mark.parametrize("time", [None, "SOME-ERROR-HERE-T08:44:02.8921579Z", "", 5, {}])
def test_a_time_that_is_none_stays_none(tmp_path: Path, time: object) -> None:
    record = {"category": "Administrative", "operationName": WRITE, "time": time}
    [row], _ = read(tmp_path, {"records": [record]})
    assert row["timestamp"] is None


@pytest.mark.parametrize(
    "content",
    [
        {"json": "I am valid json"},
        {"records": "I am valid json"},
        {"records": ["I am valid json", "Me too", {"MyKey": "MyValue"}]},
        '{"records": [{\'single\': \'quotes\', "operationName": "x"}]}',
        '{"records": [{"operationName": "x", "categ',
    ],
)
def test_what_is_no_record_is_reported(tmp_path: Path, content: Any) -> None:
    rows, gaps = read(tmp_path, content)
    assert rows == []
    assert gaps


def test_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSourceError):
        read(tmp_path, 'Message with quotes " `')


RESOURCE = "/subscriptions/s/resourceGroups/g/providers"


@pytest.mark.parametrize(
    ("resource", "entity", "child"),
    [
        ("Microsoft.Web/sites/shop/slots/blue", "shop", "slots/blue"),
        (
            "Microsoft.DBforPostgreSQL/flexibleServers/Orders-DB/configurations/max_connections",
            "orders-db",
            "configurations/max_connections",
        ),
        (
            "Microsoft.Web/sites/shop/providers/Microsoft.Insights/diagnosticSettings/all",
            "shop",
            "providers/Microsoft.Insights/diagnosticSettings/all",
        ),
        ("Microsoft.Compute/virtualMachineScaleSets/pool/virtualMachines/3", "pool", None),
        ("Microsoft.Web/sites/shop", "shop", None),
    ],
)
def test_what_is_inside_a_resource_is_the_resource(
    tmp_path: Path, resource: str, entity: str, child: str | None
) -> None:
    [row], _ = read(tmp_path, [event("Succeeded") | {"resourceId": f"{RESOURCE}/{resource}"}])
    assert row["entity"] == entity
    assert child is None or row["attributes"]["azure.child_resource"] == child


def test_a_page_that_is_not_the_last_is_said(tmp_path: Path) -> None:
    _, [said] = read(tmp_path, {"value": [event("Succeeded")], "nextLink": "https://x"})
    assert said == "the export stops at a page; more follow (nextLink)"
    assert read(tmp_path, {"value": [event("Succeeded")], "nextLink": None})[1] == []
