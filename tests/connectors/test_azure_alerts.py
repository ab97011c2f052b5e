"""Traps of Azure's alerts: two forms of one alert, its moments, what it is about."""

from pathlib import Path
from typing import Any

from nova_timeline.connectors.azure_alerts import AzureAlerts
from tests.connectors import plain

GUID = "a0000000-0000-4000-8000-000000000001"
TARGET = "/subscriptions/S/resourcegroups/g/providers/microsoft.web/sites/Checkout"
AT_14 = 1_772_546_400_000_000_000


def read(tmp_path: Path, content: Any) -> tuple[list[dict[str, Any]], list[str]]:
    return plain.read(AzureAlerts(), tmp_path / "alerts.json", content)


def payload(*dimensions: tuple[str, str], **more: str) -> dict[str, Any]:
    essentials = {
        "alertId": f"/subscriptions/S/providers/Microsoft.AlertsManagement/alerts/{GUID}",
        "alertRule": "Checkout 5xx",
        "severity": "Sev1",
        "monitorCondition": "Fired",
        "alertTargetIDs": [TARGET],
        "firedDateTime": "2026-03-03T14:00:00.1234567Z",
    } | more
    named = [{"name": n, "value": v} for n, v in dimensions]
    context = {"condition": {"allOf": [{"dimensions": named}]}}
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {"essentials": essentials, "alertContext": context},
    }


def listed(**more: str) -> dict[str, Any]:
    essentials = {
        "severity": "Sev1",
        "alertState": "New",
        "monitorCondition": "Fired",
        "targetResource": TARGET,
        "alertRule": f"{TARGET}/providers/microsoft.insights/metricAlerts/Checkout 5xx",
        "startDateTime": "2026-03-03T14:00:00.1234567Z",
    } | more
    place = f"{TARGET}/providers/Microsoft.AlertsManagement/alerts/{GUID.upper()}"
    return {"id": place, "properties": {"essentials": essentials}}


def test_a_payload_that_fired(tmp_path: Path) -> None:
    [row], _ = read(tmp_path, payload())
    assert (row["role"], row["event_name"]) == ("alert_firing", "alert.firing")
    assert row["timestamp"] == AT_14 + 123_456_700
    assert (row["severity_number"], row["severity_text"]) == (17, "Sev1")
    assert row["entity"] == "checkout"


def test_a_resolved_payload_tells_both_moments(tmp_path: Path) -> None:
    end = payload(monitorCondition="Resolved", resolvedDateTime="2026-03-03T14:00:01Z")
    fired, again, resolved = read(tmp_path, [payload(), end])[0]
    assert fired["event_id"] == again["event_id"] != resolved["event_id"]
    assert (resolved["role"], resolved["timestamp"]) == ("alert_resolved", AT_14 + 10**9)
    assert resolved["severity_number"] == 9


def test_the_list_and_a_payload_tell_of_one_alert(tmp_path: Path) -> None:
    one, other = read(tmp_path, {"value": [listed(), payload()]})[0]
    assert one["event_id"] == other["event_id"]
    assert one["body"] == other["body"] == "Checkout 5xx"


def test_an_acknowledgement_has_its_time_and_its_actor(tmp_path: Path) -> None:
    seen = listed(
        alertState="Acknowledged",
        lastModifiedDateTime="2026-03-03T14:00:02Z",
        lastModifiedUserName="ada@example.com",
    )
    fired, acknowledged = read(tmp_path, {"value": [seen]})[0]
    assert fired["actor"] is None
    assert acknowledged["role"] == "acknowledgement"
    assert acknowledged["event_name"] == "alert.acknowledged"
    assert (acknowledged["timestamp"], acknowledged["actor"]) == (
        AT_14 + 2 * 10**9,
        "ada@example.com",
    )


def test_a_log_alert_is_about_what_its_dimension_names(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, [payload(("Region", "x"), ("AppRoleName", "cart")), payload()])
    assert [row["entity"] for row in rows] == ["cart", "checkout"]


def test_a_resolution_without_a_time_keeps_none(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, payload(monitorCondition="Resolved"))
    assert [(r["role"], r["timestamp"] is None) for r in rows] == [
        ("alert_firing", False),
        ("alert_resolved", True),
    ]


def test_what_is_no_alert_is_reported(tmp_path: Path) -> None:
    rows, gaps = read(tmp_path, {"value": [{"id": "x"}, {"data": {"essentials": "y"}}, 3]})
    assert rows == []
    assert len(gaps) == 2
