"""The suite of Nezha: when and where the fault is stays unsaid, what is usual is moved."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import nova_timeline as nova
from benchmarks.accuracy import _run
from benchmarks.accuracy.nezha import SUITE

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.accuracy._suite import Case

_SECOND = 1_000_000_000
_FIRST = 1_675_000_000 * _SECOND  # 2023-01-29T13:46:40Z
_EARLIER = _FIRST - 7_200 * _SECOND
_FRONT = "ts-front-service-5b67c48447-mv5hb"
_BACK = "ts-back-service-f5756978c-k8vqf"


def _hex(number: int, digits: int) -> str:
    return f"{number + 1:0{digits}x}"


def _spans(folder: Path, first: int, count: int) -> None:
    """Write a call from the front to the back every second, each span twice."""
    rows: list[dict[str, Any]] = []
    for i in range(count):
        start = first + i * _SECOND
        ids = {"TraceID": _hex(first // _SECOND + i, 32)}
        for pod, own, parent, name in (
            (_FRONT, 2 * i, "root", "/api/front"),
            (_BACK, 2 * i + 1, _hex(first // _SECOND + 2 * i, 16), "/api/back"),
        ):
            span = ids | {"SpanID": _hex(first // _SECOND + own, 16), "ParentID": parent}
            times = {"StartTimeUnixNano": start, "EndTimeUnixNano": start + 1_000_000}
            rows.append(span | {"PodName": pod, "OperationName": name} | times | {"Duration": 1})
    pl.DataFrame([*rows, *rows]).write_parquet(folder / "spans.parquet")


def _logs(folder: Path, first: int, count: int) -> None:
    """Write a line of Logback a second, one that is none, and one with a clock off by a month."""
    rows: list[dict[str, Any]] = []
    for i in range(count):
        ids = {"TraceID": _hex(first // _SECOND + i, 32), "SpanID": _hex(i, 16)}
        said = "[query][Query by id][Id: 7]" if i else "[query][No such id]\nat b.BackImpl"
        level = "INFO " if i else "ERROR"
        line = (
            f"21:46:40.000 {level} b.s.BackImpl#{30 + i} TraceID: {ids['TraceID']} "
            f"SpanID: {ids['SpanID']} {said}\n"
        )
        rows.append(ids | {"TimeUnixNano": first + i * _SECOND, "PodName": _BACK, "Log": line})
    rows.append(rows[-1] | {"TimeUnixNano": first, "Log": "Killed"})
    rows.append(rows[-1] | {"TimeUnixNano": first - 30 * 86_400 * _SECOND})
    wrapped = [r | {"Log": json.dumps({"log": r["Log"], "stream": "stdout"})} for r in rows]
    same = {"Node": "10.0.0.7", "Container": "server"}
    pl.DataFrame([r | same for r in wrapped]).write_parquet(folder / "logs.parquet")


def _metrics(folder: Path) -> None:
    rows = [
        {"TimeStamp": (_FIRST // _SECOND) + 60 * minute, "PodName": pod, "CpuUsageRate(%)": 1.5}
        | {"PodWorkload(Ops)": 4.0, "PodSuccessRate(%)": 0, "NodeCpuUsageRate(%)": 3.0}
        for minute in range(-20, 3)
        for pod in (_FRONT, _BACK)
    ]
    pl.DataFrame(rows).write_parquet(folder / "metrics.parquet")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write one case, and usual minutes of its day and of another."""
    place = tmp_path / "data"
    for day, first in (("2023-01-28", _EARLIER - 86_400 * _SECOND), ("2023-01-29", _EARLIER)):
        (place / "normal" / day).mkdir(parents=True)
        _spans(place / "normal" / day, first, 30)
        _logs(place / "normal" / day, first, 30)
    case = place / "2023-01-29T134801"
    case.mkdir()
    _spans(case, _FIRST, 90)
    _logs(case, _FIRST, 90)
    _metrics(case)
    truth = {"service": "ts-back-service", "pod": _BACK, "fault": "plantedkind"}
    told = truth | {"inject_time": "2023-01-29T13:48:01Z", "inner": "plantedinner"}
    (case / "truth.json").write_text(json.dumps(told))
    (case / "notes.txt").write_text("plantedfile")
    return place


def _written(data: Path, tmp_path: Path, *without: str) -> Path:
    folder = tmp_path / "input"
    folder.mkdir()
    blank = replace(_case(data), name="case-01", truth={})
    return SUITE.write(blank, folder, frozenset(without))


def _case(data: Path) -> Case:
    (case,) = SUITE.cases(data)
    return case


def _spans_of(file: Path) -> list[dict[str, Any]]:
    lines = (file.parent / "spans.jsonl").read_text().splitlines()
    found: list[dict[str, Any]] = []
    for line in lines:
        (resource,) = json.loads(line)["resourceSpans"]
        named = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
        found += [span | named for span in resource["scopeSpans"][0]["spans"]]
    return sorted(found, key=lambda span: int(span["startTimeUnixNano"]))


def test_what_is_usual_is_moved_to_end_before_the_case(data: Path, tmp_path: Path) -> None:
    """Its day's minutes are taken, and their last span begins a second before the first of all."""
    file = _written(data, tmp_path)
    moved = 7_200 - 30
    spans = _spans_of(file)
    starts = sorted({int(s["startTimeUnixNano"]) // _SECOND for s in spans})
    assert starts == list(range(_FIRST // _SECOND - 30, _FIRST // _SECOND + 90))
    assert spans[0]["traceId"] == _hex(_EARLIER // _SECOND, 32)
    logs = pl.read_parquet(file.parent / "logs.parquet")
    assert logs["timestamp"].cast(pl.Int64).min() == _EARLIER + moved * _SECOND


def test_every_record_is_written_once(data: Path, tmp_path: Path) -> None:
    """What two overlapping files both held is one record, and calls are kept."""
    spans = _spans_of(_written(data, tmp_path))
    assert len(spans) == len({s["spanId"] + s["traceId"] for s in spans}) == 2 * (30 + 90)
    assert {s["service.name"] for s in spans} == {"ts-front-service", "ts-back-service"}
    assert {s["k8s.pod.name"] for s in spans} == {_FRONT, _BACK}
    by_id = {s["spanId"]: s for s in spans}
    assert all(by_id[s["parentSpanId"]]["name"] == "/api/front" for s in spans if s["parentSpanId"])


def test_lines_are_parsed_and_those_from_another_month_are_not_of_the_incident(
    data: Path, tmp_path: Path
) -> None:
    """Level, place and message are told apart; what is no line of Logback is all message."""
    logs = pl.read_parquet(_written(data, tmp_path).parent / "logs.parquet")
    assert len(logs) == (30 + 1) + (90 + 1)
    columns = ["level", "logger", "line", "message", "service"]
    assert logs.select(columns).row(0) == (
        "ERROR", "b.s.BackImpl", "30", "[query][No such id]\nat b.BackImpl", "ts-back-service",
    )  # fmt: skip
    assert logs.filter(message="Killed")["level"].to_list() == [None, None]


def test_nothing_of_the_truth_is_written(data: Path, tmp_path: Path) -> None:
    """Neither what stands beside the evidence nor the moment in the folder's name is."""
    file = _written(data, tmp_path)
    assert {p.name for p in file.parent.iterdir()} == {
        "incident.toml", "logs.parquet", "metrics.parquet", "spans.jsonl",
    }  # fmt: skip
    for path in file.parent.iterdir():
        content = path.read_bytes()
        assert not [t for t in (b"planted", b"134801", b"13:48:01") if t in content], path.name
    columns = pl.read_parquet(file.parent / "metrics.parquet").columns
    assert columns == ["timestamp", "service", "pod", "CpuUsageRate(%)", "PodWorkload(Ops)"]


def test_the_window_is_all_that_was_observed(data: Path, tmp_path: Path) -> None:
    """It begins with the first metric and ends after the last."""
    window = nova.Incident.load(_written(data, tmp_path)).window
    assert window.start == _FIRST - 20 * 60 * _SECOND
    assert window.end == _FIRST + (2 * 60 + 1) * _SECOND


def test_what_is_left_out_is_not_written(data: Path, tmp_path: Path) -> None:
    """Without a topology, spans do not tell who called them."""
    file = _written(data, tmp_path, "logs", "metrics", "topology")
    assert {p.name for p in file.parent.iterdir()} == {"incident.toml", "spans.jsonl"}
    assert {s["parentSpanId"] for s in _spans_of(file)} == {""}


def test_a_pod_is_its_service_and_ties_get_the_worst_rank(data: Path) -> None:
    """A service that is named twice counts once."""
    case = _case(data)

    def row(*causes: tuple[str, float]) -> dict[str, Any]:
        named = [{"entity": e, "score": s} for e, s in causes]
        return SUITE.score(case, {"root_causes": named})

    assert row((_BACK, 0.9))["rank"] == 1
    assert row(("ts-back-service", 0.9), ("ts-front-service", 0.9))["rank"] == 2
    assert row((_FRONT, 0.9), ("ts-front-service", 0.8), (_BACK, 0.7))["rank"] == 2
    nothing = row()
    assert (nothing["rank"], nothing["answer"], nothing["score"]) == (None, None, 0.0)
    assert nothing["candidates"] == 2
    figures = SUITE.summary([row((_BACK, 0.9)), nothing])
    assert figures == {"by_fault": {"plantedkind": 0.5}}


def test_a_case_is_reconstructed_and_scored(data: Path) -> None:
    """The connectors read all that was written, and find who calls whom."""
    (job,) = _run.jobs(SUITE, data)
    timeline = _run.timeline_of(job)
    assert {c["state"] for c in timeline["coverage"]} == {"complete"}
    assert SUITE.score(job.case, timeline)["truth"] == "ts-back-service"
