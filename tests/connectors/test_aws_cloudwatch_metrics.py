"""CloudWatch metrics: pages, names, statistics, and results that are not all there."""

import json
from pathlib import Path
from typing import Any

import pytest

from nova_timeline.connector import Batch, Gap, Partition, load
from nova_timeline.errors import OptionError, UnreadableSourceError

MINUTE = 60_000_000_000
START = 1_772_546_160_000_000_000  # 2026-03-03T13:56:00Z


def read(folder: Path, *documents: object, **options: Any) -> tuple[list[Any], list[Gap]]:
    path = folder / "metrics.json"
    path.write_text("\n".join(json.dumps(d) for d in documents))
    items = list(load("aws_cloudwatch_metrics")(options).read(Partition("metrics", path)))
    rows = [r for i in items if isinstance(i, Batch) for r in plain(i)]
    return rows, [i for i in items if isinstance(i, Gap)]


def plain(item: Batch) -> list[Any]:
    times = [t.value if t.is_valid else None for t in item.table["timestamp"]]
    names = ("entity", "metric.name", "value", "unit")
    return list(zip(times, *(item.table[n].to_pylist() for n in names), strict=True))


def result(
    times: list[Any], values: list[Any], number: str = "m1", status: str = "Complete"
) -> dict[str, Any]:
    given = {"Id": number, "Label": f"label {number}", "StatusCode": status}
    return given | {"Timestamps": times, "Values": values}


def page(*results: object, **more: Any) -> dict[str, Any]:
    return {"MetricDataResults": list(results), "Messages": [], **more}


def at(minute: int) -> str:
    return f"2026-03-03T13:{56 + minute}:00+00:00"


def test_pages_of_one_query_become_one_series_oldest_first(tmp_path: Path) -> None:
    newer = page(result([at(3), at(2)], [4.0, 3.0], status="PartialData"), NextToken="x")
    older = page(result([at(2), at(1), at(0)], [3.0, 2.0, 1.0]))
    rows, gaps = read(tmp_path, newer, older)
    assert rows == [(START + i * MINUTE, None, "label m1", i + 1.0, None) for i in range(4)]
    assert gaps == []


def test_the_incident_file_names_a_series(tmp_path: Path) -> None:
    metrics = {"m1": {"entity": "cart", "name": "RequestCount", "unit": "Count"}}
    rows, _ = read(tmp_path, page(result([at(0)], [7])), metrics=metrics)
    assert rows == [(START, "cart", "RequestCount", 7.0, "Count")]
    with pytest.raises(OptionError, match=r"metrics\.m1 must be a table of entity, name, unit"):
        load("aws_cloudwatch_metrics")({"metrics": {"m1": "cart"}})


def metric(stat: str, dimension: str, value: str) -> dict[str, Any]:
    named = {"MetricName": "Latency", "Dimensions": [{"Name": dimension, "Value": value}]}
    return {"Metric": named, "Stat": stat, "Period": 60, "Unit": "Seconds"}


def test_queries_name_series_and_statistics_only_where_there_are_several(tmp_path: Path) -> None:
    queries = [
        {"Id": "a", "MetricStat": metric("p99", "TargetGroup", "targetgroup/cart/0a1b")},
        {"Id": "b", "MetricStat": metric("p50", "TargetGroup", "targetgroup/cart/0a1b")},
        {"Id": "c", "MetricStat": metric("p99", "FunctionName", "resize")},
        {"Id": "d", "Expression": "MAX([c, b]) * 1000"},
    ]
    folder = tmp_path / "exports" / "eu"
    folder.mkdir(parents=True)
    (tmp_path / "queries.json").write_text(json.dumps(queries))
    asked = page(*(result([at(0)], [1.5], number) for number in "abcd"))
    rows, gaps = read(folder, asked, queries="queries.json")
    assert [r[1:3] + r[4:] for r in rows] == [
        ("cart", "Latency.p99", "Seconds"),
        ("cart", "Latency.p50", "Seconds"),
        ("resize", "Latency", "Seconds"),
        ("resize", "d", None),
    ]
    assert gaps == []


def test_queries_that_are_not_there_or_not_queries_are_said(tmp_path: Path) -> None:
    rows, gaps = read(tmp_path, page(result([at(0)], [1])), queries="q.json")
    assert len(rows) == 1
    assert "no q.json beside it" in gaps[0].reason
    (tmp_path / "q.json").write_text("[1]")
    with pytest.raises(OptionError, match="no list of MetricDataQueries"):
        read(tmp_path, page(result([at(0)], [1])), queries="q.json")


@pytest.mark.parametrize(
    ("status", "state"),
    [("PartialData", "partial"), ("InternalError", "partial"), ("Forbidden", "denied")],
)
def test_a_result_that_is_not_complete_is_a_gap(tmp_path: Path, status: str, state: str) -> None:
    rows, [gap] = read(tmp_path, page(result([at(0)], [1], status=status)))
    assert len(rows) == 1
    assert gap.state == state
    assert status in gap.reason


def test_messages_and_a_missing_next_page_are_gaps(tmp_path: Path) -> None:
    said = [{"Code": "MaxMetricsExceeded", "Value": "500 of 600"}]
    _, gaps = read(tmp_path, page(result([at(0)], [1])) | {"Messages": said, "NextToken": "x"})
    assert [g.reason[:40] for g in gaps] == [
        "the export stops at a page; more follow ",
        "CloudWatch says: MaxMetricsExceeded: 500",
    ]


def test_times_without_values_are_counted_and_unreadable_ones_stay_null(tmp_path: Path) -> None:
    rows, [gap] = read(tmp_path, page(result([at(0), at(1), "noon"], [1.0, None, 3.0])))
    assert rows == [(None, None, "label m1", 3.0, None), (START, None, "label m1", 1.0, None)]
    assert gap.reason.startswith("1 points")


def test_any_offset_and_seconds_since_1970_are_read(tmp_path: Path) -> None:
    times = ["2026-03-03T14:56:00+01:00", 1772546220.0, "2026-03-03T13:58:00Z"]
    rows, _ = read(tmp_path, page(result(times, [0, 1, 2])))
    assert rows == [(START + i * MINUTE, None, "label m1", float(i), None) for i in range(3)]


def test_statistics_become_a_metric_each_where_there_are_several(tmp_path: Path) -> None:
    point = {"Timestamp": at(0), "Average": 1.5, "Unit": "Percent"}
    percentiles = {"ExtendedStatistics": {"p99.9": 9.25}}
    one = {"Label": "CPUUtilization", "Datapoints": [point]}
    two = {"Label": "Latency", "Datapoints": [point | percentiles, {**point, "Timestamp": at(1)}]}
    rows, _ = read(tmp_path, one, two, metrics={"Latency": {"entity": "cart"}})
    assert rows == [
        (START, None, "CPUUtilization", 1.5, "Percent"),
        (START, "cart", "Latency.Average", 1.5, "Percent"),
        (START + MINUTE, "cart", "Latency.Average", 1.5, "Percent"),
        (START, "cart", "Latency.p99.9", 9.25, "Percent"),
    ]


def test_an_answer_without_points_is_no_error_and_other_json_is(tmp_path: Path) -> None:
    assert read(tmp_path, page()) == ([], [])
    assert read(tmp_path, {"Label": "x", "Datapoints": []}) == ([], [])
    with pytest.raises(UnreadableSourceError, match="no CloudWatch metric results"):
        read(tmp_path, {"hello": 1})
