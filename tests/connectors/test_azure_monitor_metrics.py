"""Traps of Azure's metrics: bins without a value, dimensions, metrics that were refused."""

from pathlib import Path
from typing import Any

from nova_timeline.connectors.azure_monitor_metrics import MonitorMetrics
from tests.connectors import plain

SITE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/Checkout"
AT_14 = 1_772_546_400_000_000_000


def read(tmp_path: Path, content: Any) -> tuple[list[dict[str, Any]], list[str]]:
    return plain.read(MonitorMetrics(), tmp_path / "metrics.json", content)


def metric(*points: dict[str, Any], **dimensions: str) -> dict[str, Any]:
    labels = [{"name": {"value": k}, "value": v} for k, v in dimensions.items()]
    return {
        "id": f"{SITE}/providers/Microsoft.Insights/metrics/CpuTime",
        "name": {"value": "CpuTime"},
        "unit": "Seconds",
        "timeseries": [{"metadatavalues": labels, "data": list(points)}],
    }


def short(rows: list[dict[str, Any]]) -> list[tuple[str, float]]:
    return [(row["metric.name"], row["value"]) for row in rows]


def test_a_bin_without_a_value_is_no_row(tmp_path: Path) -> None:
    empty = {"timeStamp": "2026-03-03T14:00:00Z", "average": None}
    zero = {"timeStamp": "2026-03-03T14:01:00Z", "average": 0, "total": 0.0}
    rows, gaps = read(tmp_path, {"value": [metric(empty, zero)]})
    assert short(rows) == [("CpuTime.average", 0.0), ("CpuTime.total", 0.0)]
    assert {row["timestamp"] for row in rows} == {AT_14 + 60_000_000_000}
    assert gaps == []


def test_the_entity_is_the_resource_not_the_metric(tmp_path: Path) -> None:
    point = {"timeStamp": "2026-03-03 14:00:00", "average": 1}
    [row], _ = read(tmp_path, {"value": [metric(point, Instance="i-1", Api="pay")]})
    assert row["entity"] == "checkout"
    assert row["metric.name"] == "CpuTime.average{Api=pay,Instance=i-1}"
    assert row["timestamp"] == AT_14
    assert row["evidence.url"] == f"https://portal.azure.com/#@/resource{SITE}/metrics"


def test_the_resource_of_a_batch_is_known(tmp_path: Path) -> None:
    inside = metric({"timeStamp": "2026-03-03T14:00:00Z", "average": 1})
    del inside["id"]
    rows, _ = read(tmp_path, {"values": [{"resourceid": SITE, "value": [inside, inside]}]})
    assert [row["entity"] for row in rows] == ["checkout", "checkout"]


def test_a_metric_that_was_refused_is_reported(tmp_path: Path) -> None:
    refused = metric() | {"errorCode": "Throttled", "errorMessage": "try later"}
    _, gaps = read(tmp_path, {"value": [refused]})
    assert gaps == ["metric 'CpuTime' could not be had: try later"]


def test_diagnostic_records(tmp_path: Path) -> None:
    record = {"time": "SOON", "metricName": "Http5xx", "total": 3, "resourceId": SITE.upper()}
    [row], _ = read(
        tmp_path,
        {
            "records": [
                record,
            ]
        },
    )
    assert (row["metric.name"], row["value"], row["entity"]) == ("Http5xx.total", 3.0, "checkout")
    assert row["timestamp"] is None


def test_what_is_no_metric_is_reported(tmp_path: Path) -> None:
    rows, gaps = read(tmp_path, {"value": [{"a": 1}, "text"]})
    assert rows == []
    assert len(gaps) == 2
