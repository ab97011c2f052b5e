"""A value of another shape than the vendor documents costs at most its own record."""

import gzip
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from nova_timeline import connector
from tests.test_connectors import FIXTURES, SAMPLES, opened, outcome

DEEP = '{"a":[' * 1500 + "1" + "]}" * 1500
_HERE = "put what is deep here"
VALUES: tuple[Any, ...] = (
    "x", "", 7, -1.5, True, None, [], {}, [None], ["x"], [[1]], [300], {"a": 1},
    {"name": [1], "value": {}}, [{"name": 1}], [{}], _HERE,
)  # fmt: skip
_DRAWN = 10
Steps = tuple[str | int, ...]


def documents(sample: Path) -> tuple[list[Any], bool]:
    """Read a sample's JSON, and say whether it is one document a line; none of other formats."""
    data = sample.read_bytes() if sample.is_file() else b""
    try:
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
        try:
            return [json.loads(text)], False
        except ValueError:
            return [json.loads(line) for line in text.splitlines() if line.strip()], True
    except ValueError:
        return [], False


def places(value: Any, before: Steps = ()) -> Iterator[Steps]:
    yield before
    inside: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inside = [*cast("dict[str | int, Any]", value).items()]
    elif isinstance(value, list):
        inside = [*enumerate(cast("Any", value))]
    for step, one in inside:
        yield from places(one, (*before, step))


def changed(value: Any, place: Steps, new: Any) -> Any:
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = changed(value[place[0]], place[1:], new)
    return copy


def read(name: str, sample: str, place: Steps, value: Any, folder: Path) -> None:
    """Read a sample in which the value at a place (a document's number first) is another."""
    whole, lines = documents(FIXTURES / name / sample)
    odd: list[Any] = changed(whole, place, value)
    text = "\n".join(json.dumps(one) for one in odd) if lines else json.dumps(odd[0], indent=1)
    data = text.replace(json.dumps(_HERE), DEEP).encode()
    for beside in (FIXTURES / name).glob("[!g]*.*"):
        if beside.is_file():
            shutil.copy(beside, folder)
    (folder / sample).write_bytes(gzip.compress(data) if sample.endswith("gz") else data)
    reader = opened(name, sample)
    for uri, path in reader.files(folder, sample).found:
        for part in reader.partitions(uri, path, connector.PIECE):
            outcome(reader, part)


@pytest.mark.parametrize(
    ("name", "sample"), [s for s in SAMPLES if documents(FIXTURES / s[0] / s[1])[0]]
)
def test_any_value_may_be_of_any_shape(name: str, sample: str, tmp_path: Path) -> None:
    whole, _ = documents(FIXTURES / name / sample)
    drawn = random.Random(f"{name}/{sample}")
    here = sorted((p for p in places(whole) if p), key=str)
    for _ in range(_DRAWN):
        read(name, sample, drawn.choice(here), drawn.choice(VALUES), tmp_path)


METRICS, AZURE = "aws_cloudwatch_metrics", "azure_monitor_metrics"
META: Steps = (0, "values", 0, "value", 0, "timeseries", 0, "metadatavalues")
POINT: Steps = (0, "resourceMetrics", 0, "scopeMetrics", 0, "metrics", 1, "sum", "dataPoints", 0)
ALARM: Steps = (0, "MetricAlarms", 0, "Dimensions")


@pytest.mark.parametrize(
    ("name", "sample", "place", "value"),
    [
        ("aws_cloudwatch_alarms", "sample-alarms.json", ALARM, -1.5),
        ("aws_cloudwatch_alarms", "sample-alarms.json", ALARM, "x"),
        ("aws_cloudwatch_alarms", "sample-alarms.json", (*ALARM, 0, "Name"), _HERE),
        (METRICS, "sample-data.json", (0, "MetricDataResults", 0, "Timestamps"), "x"),
        (METRICS, "sample-pages.jsonl", (0, "Messages"), [None]),
        (METRICS, "sample-pages.jsonl", (0, "Messages"), [_HERE]),
        (METRICS, "sample-statistics.json", (0, "Datapoints", 0, "ExtendedStatistics"), "x"),
        ("azure_monitor_logs", "sample-query.json", (0, "tables", 0, "columns"), {"name": [1]}),
        ("azure_monitor_logs", "sample-query.json", (0, "tables", 0, "columns"), 7),
        ("azure_monitor_logs", "sample-query.json", (0, "tables", 0, "name"), _HERE),
        (AZURE, "sample-batch.json", META, {"name": [1]}),
        (AZURE, "sample-batch.json", META, "x"),
        (AZURE, "sample-batch.json", META, _HERE),
        ("gcp_monitoring", "sample-timeseries.json", (0, "timeSeries", 0, "metric", "labels"), "x"),
        (
            "gcp_monitoring",
            "sample-timeseries.json",
            (0, "timeSeries", 0, "metric", "labels"),
            _HERE,
        ),
        ("journald", "sample_db.jsonl", (0, "MESSAGE"), [104, None]),
        ("journald", "sample_db.jsonl", (0, "MESSAGE"), [104, 300]),
        ("otlp_json", "sample-metrics.jsonl", (*POINT, "attributes", 0, "key"), 7),
    ],
)
def test_a_value_of_another_shape_is_survived(
    name: str, sample: str, place: Steps, value: Any, tmp_path: Path
) -> None:
    read(name, sample, place, value, tmp_path)
