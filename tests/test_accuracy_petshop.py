"""The suite of PetShop: nothing of the cause is written, what is usual is moved, answers count."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import nova_timeline as nova
from benchmarks.accuracy import _run
from benchmarks.accuracy.petshop import SUITE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.accuracy._suite import Case

_CULPRIT = "zyxroot"
_NODES = ("Front", "Shop_AWS::ECS::Fargate", f"{_CULPRIT}_AWS::DynamoDB::Table")
_COLUMNS = (("latency", "Average"), ("latency", "p99"), ("requests", "Sum"))
_MONTHS = 1_000_000 * 300
_ISSUE = 1_681_857_000
_USUAL_ROWS = 120


def _metrics(path: Path, times: Sequence[int], late: float = 0.0) -> None:
    """Write a file as its authors do: three lines of header, and one that names the index."""
    columns = [(n, m, s) for n in _NODES for m, s in _COLUMNS]
    lines = [
        ",".join(("microservice", *(c[0] for c in columns))),
        ",".join(("metric", *(c[1] for c in columns))),
        ",".join(("statistic", *(c[2] for c in columns))),
        ",".join(("unix_timestamp", *("" for _ in columns))),
    ]
    for i, time in enumerate(times):
        cells = [
            "100.0" if metric == "requests" else f"{0.1 + late + (i % 3) / 1000}"
            for _, metric, _ in columns
        ]
        if i == 1:
            cells[1] = ""  # not every node has every statistic at every time
        lines.append(",".join((f"{time}.0", *cells)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write one scenario with an issue and months before it a time without one."""
    scenario = tmp_path / "data" / "quiet_traffic"
    usual = [_ISSUE - _MONTHS + 300 * i for i in range(_USUAL_ROWS)]
    _metrics(scenario / "noissue" / "metrics.csv", usual)
    issue = scenario / "test" / "issue_7"
    _metrics(issue / "metrics.csv", [_ISSUE + 300 * i for i in range(5)], late=2.0)
    target = {"node": "Front", "metric": "latency", "agg": "Average", "timestamp": _ISSUE + 700}
    told = {"target": target, "root_cause": {"node": _NODES[2], "metric": "plantedmetric"}}
    (issue / "target.json").write_text(json.dumps(told | {"metadata": {"note": "plantednote"}}))
    (issue / "notes.txt").write_text("plantedfile")
    lines = [",".join(("", *_NODES)), f"{_NODES[0]},0.0,1.0,0.0", f"{_NODES[1]},0.0,0.0,1.0"]
    (scenario / "graph.csv").write_text("\n".join([*lines, f"{_NODES[2]},0.0,0.0,0.0"]) + "\n")
    return tmp_path / "data"


def _written(case: Case, tmp_path: Path, *without: str) -> Path:
    folder = tmp_path / "input"
    folder.mkdir()
    file = SUITE.write(replace(case, name="case-01", truth={}), folder, frozenset(without))
    assert file.parent == folder
    return file


def _issue(data: Path) -> Case:
    return next(c for c in SUITE.cases(data) if c.truth["node"])


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_issues_and_windows_of_every_scenario_are_cases(data: Path) -> None:
    """Windows without an issue come every four hours, each with nothing to be found."""
    cases = SUITE.cases(data)
    assert [c.name for c in cases] == [
        "quiet_traffic/noissue/0048",
        "quiet_traffic/noissue/0096",
        "quiet_traffic/test/issue_7",
    ]
    assert [c.truth["node"] for c in cases] == [None, None, _NODES[2]]


def test_what_is_usual_is_moved_to_end_before_the_issue(data: Path, tmp_path: Path) -> None:
    """Months lie between them, and no row of either is lost or out of step."""
    file = _written(_issue(data), tmp_path)
    rows = pl.read_csv(file.parent / "metrics.csv")
    times = rows.filter(entity="Front", metric="requests.Sum")["timestamp"].map_elements(
        _seconds, return_dtype=pl.Int64
    )
    assert times.to_list() == [_ISSUE + 300 * i for i in range(-_USUAL_ROWS, 5)]
    seen = rows.filter(entity="Front", metric="latency.p99")
    assert len(seen) == _USUAL_ROWS + 5 - 2
    assert seen["value"].tail(4).min() == pytest.approx(2.1)
    assert set(seen["unit"]) == {"s"}
    incident = nova.Incident.load(file)
    assert incident.window.start == (_ISSUE - 300 * _USUAL_ROWS) * 1_000_000_000
    assert incident.window.end == (_ISSUE + 300 * 5) * 1_000_000_000


def test_a_window_without_an_issue_keeps_its_time_and_what_came_before(
    data: Path, tmp_path: Path
) -> None:
    """What came after it stands in for more of the past: the whole is as long as it was."""
    window = SUITE.cases(data)[0]
    file = _written(window, tmp_path)
    rows = pl.read_csv(file.parent / "metrics.csv").filter(entity="Front", metric="requests.Sum")
    first = _ISSUE - _MONTHS
    last = first + 300 * (48 + 4)
    assert [_seconds(t) for t in rows["timestamp"]] == list(
        range(last - 300 * (_USUAL_ROWS - 1), last + 1, 300)
    )
    assert (file.parent / "alerts.jsonl").read_text() == ""


def test_nothing_of_the_cause_is_written(data: Path, tmp_path: Path) -> None:
    """The alert is; the cause, what else is told beside it, and the folder's name are not."""
    file = _written(_issue(data), tmp_path)
    texts = {p.name: p.read_text() for p in file.parent.iterdir()}
    alert = json.loads(texts["alerts.jsonl"])
    assert (alert["entity"], _seconds(alert["timestamp"])) == ("Front", _ISSUE + 700)
    for planted in ("planted", "issue_7", "quiet_traffic"):
        assert not [name for name, text in texts.items() if planted in text]
    assert [name for name, text in texts.items() if _CULPRIT in text] == [
        name for name in texts if name in ("metrics.csv", "topology.toml")
    ]


def test_what_is_left_out_is_not_written(data: Path, tmp_path: Path) -> None:
    """Without metrics and topology there is the alert, which can still be reconstructed."""
    file = _written(_issue(data), tmp_path, "metrics", "topology")
    assert {p.name for p in file.parent.iterdir()} == {"alerts.jsonl", "incident.toml"}
    assert [s.use for s in nova.Incident.load(file).sources] == ["jsonl"]


def _timeline(*causes: tuple[str, float]) -> dict[str, Any]:
    return {"root_causes": [{"entity": e, "score": s} for e, s in causes]}


def test_ties_get_the_worst_rank(data: Path) -> None:
    """Entities count once; another with the same score counts as before the right one."""
    issue, root = _issue(data), _NODES[2]
    assert SUITE.score(issue, _timeline((root, 0.9), ("a", 0.4)))["rank"] == 1
    assert SUITE.score(issue, _timeline((root, 0.9), ("a", 0.9)))["rank"] == 2
    row = SUITE.score(issue, _timeline(("a", 0.9), ("a", 0.8), (root, 0.7)))
    assert (row["rank"], row["score"], row["answer"], row["candidates"]) == (2, 0.0, "a", 3)
    assert SUITE.score(issue, _timeline())["rank"] is None


def test_a_window_without_an_issue_is_right_when_nothing_is_said(data: Path) -> None:
    """What is said of one counts against the specificity and not against Top-1."""
    window, issue = SUITE.cases(data)[0], _issue(data)
    quiet, loud = (SUITE.score(window, _timeline(*c)) for c in ((), (("a", 0.9),)))
    assert (quiet["score"], quiet["truth"], quiet["rank"], quiet["decoy"]) == (
        1.0,
        None,
        None,
        False,
    )
    assert (loud["score"], loud["decoy"]) == (0.0, True)
    right = SUITE.score(issue, _timeline((_NODES[2], 0.9)))
    figures = SUITE.summary([quiet, loud, right])
    assert (figures["specificity"], figures["score"]) == (0.5, 1.0)
    assert (figures["issues"], figures["windows"]) == (1, 2)


def test_a_case_is_reconstructed_and_scored(data: Path) -> None:
    """The connectors read all that was written."""
    job = _run.jobs(SUITE, data, only="quiet_traffic/test/issue_7")[0]
    timeline = _run.timeline_of(job)
    assert {c["state"] for c in timeline["coverage"]} == {"complete"}
    assert SUITE.score(job.case, timeline)["truth"] == _NODES[2]
