"""The harness of the accuracy suites: ranks, intervals, incident files, and whole runs."""

import itertools
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy import _incident_file, _otlp, _run, _statistics, _status_feed, _suite
from benchmarks.accuracy.__main__ import main
from tests import accuracy_cases

Row = dict[str, Any]
answers = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3).map(float)), max_size=8)


def row(rank: int | None, truth: str | None = "x", score: float = 0.0, **more: Any) -> Row:
    return {"truth": truth, "rank": rank, "score": score, **more}


@pytest.mark.parametrize(
    ("ranked", "rank"),
    [
        ([("a", 3.0), ("b", 2.0)], 1),
        ([("b", 3.0), ("a", 2.0)], 2),
        ([("a", 2.0), ("b", 2.0), ("c", 2.0)], 3),
        ([("b", 2.0), ("b", 1.0), ("a", 0.5)], 2),
        ([("b", 2.0)], None),
        ([], None),
    ],
)
def test_ties_get_the_worst_rank(ranked: list[tuple[str, float]], rank: int | None) -> None:
    assert _statistics.worst_rank(ranked, {"a"}) == rank


def test_other_right_answers_do_not_count_against_the_first() -> None:
    assert _statistics.worst_rank([("a", 1.0), ("b", 1.0), ("c", 1.0)], {"a", "b"}) == 2


@given(answers)
def test_a_rank_is_the_worst_of_all_orders_of_the_ties(ranked: list[tuple[str, float]]) -> None:
    firsts: dict[str, float] = {}
    for answer, score in sorted(ranked, key=lambda pair: -pair[1]):
        firsts.setdefault(answer, score)
    orders = [
        [answer for answer, _ in order]
        for order in itertools.permutations(firsts.items())
        if all(a[1] >= b[1] for a, b in itertools.pairwise(order))
    ]
    worst = max(order.index("a") + 1 for order in orders) if "a" in firsts else None
    assert _statistics.worst_rank(firsts.items(), {"a"}) == worst


def test_figures_count_only_cases_with_something_to_name() -> None:
    rows = [row(1, "x"), row(2, "y"), row(None, "y"), row(None, None, score=1.0)]
    found = _statistics.figures(rows)
    assert (found["top1"], found["top3"]) == (0.3333, 0.6667)
    assert found["avg5"] == round((1 + 0.8 + 0) / 3, 4)
    assert found["constant"] == {"answer": "y", "top1": 0.6667}


def test_chance_is_known_only_where_every_case_says_among_how_many() -> None:
    rows = [row(1, candidates=2), row(1, candidates=4)]
    assert _statistics.figures(rows)["chance"] == {"top1": 0.375}
    assert _statistics.figures([*rows, row(1)])["chance"] == {"top1": None}


def test_figures_of_nothing_are_null() -> None:
    found = _statistics.figures([])
    assert (found["top1"], found["ci95"]["top1"], found["constant"]["top1"]) == (None, None, None)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_an_interval_is_the_same_each_time_and_lies_among_the_values(values: list[float]) -> None:
    low, high = _statistics.interval(values) or (None, None)
    assert [low, high] == _statistics.interval(values)
    assert min(values) - 1e-3 <= (low or 0) <= (high or 0) <= max(values) + 1e-3


def test_an_interval_depends_on_its_seed_alone() -> None:
    values = [0.0, 0.1, 0.35, 0.5, 0.77, 1.0]
    assert _statistics.interval(values, seed=1) != _statistics.interval(values, seed=2)


texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    texts | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_an_incident_file_says_what_it_was_given(options: dict[str, Any]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = _incident_file.write(Path(folder), {"id": "x"}, [options], [("a", "b")])
        read = tomllib.loads(file.read_text())
    assert read == {
        "incident": {"id": "x"},
        "source": [options],
        "topology": {"path": "topology.toml"},
    }


def test_a_trouble_that_is_over_by_now_was_none_when_it_began(tmp_path: Path) -> None:
    update = {"status": "identified", "at": "2026-03-03T12:09:00Z", "body": "we found it"}
    told = {"name": "late mail", "impact": "major", "status": "resolved"}
    incident = told | {"started_at": "2026-03-03T12:00:00Z", "incident_updates": [update]}
    feed = tmp_path / "feed.json"
    feed.write_text(
        json.dumps({"provider": "mailer", "incidents": [incident], "status": ["client hold"]})
    )
    assert [*_status_feed.write(feed, tmp_path)] == [
        {"use": "jsonl", "path": "provider_status.jsonl"}
    ]
    lines = (tmp_path / "provider_status.jsonl").read_text().splitlines()
    assert [(r["timestamp"][11:16], r["message"]) for r in map(json.loads, lines)] == [
        ("12:00", "mailer status: investigating: late mail"),
        ("12:09", "mailer status: identified: we found it"),
    ]


def test_spans_without_calls_name_no_other(tmp_path: Path) -> None:
    inner = _otlp.Span("t", "s2", "s1", "cart", "GET", 2, 3, attributes={"peer.service": "stock"})
    outer = _otlp.Span("t", "s1", "", "shop", "POST", 1, 4, status="ERROR", message="late")
    _otlp.write(tmp_path / "with", [outer, inner])
    _otlp.write(tmp_path / "without", [outer, inner], calls=False)
    told = [json.loads(line) for line in (tmp_path / "with").read_text().splitlines()]
    spans = [line["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for line in told]
    assert [s["parentSpanId"] for s in spans] == ["", "s1"]
    assert [s["status"] for s in spans] == [{"code": 2, "message": "late"}, {"code": 0}]
    assert "stock" in (tmp_path / "with").read_text()
    silent = (tmp_path / "without").read_text()
    assert "stock" not in silent
    assert '"parentSpanId": "s1"' not in silent


def test_every_suite_can_be_loaded() -> None:
    assert "rootcausebench" in _suite.NAMES
    for name in _suite.NAMES:
        assert _suite.load(name).name == name


def test_a_folder_of_several_suites_will_do(tmp_path: Path) -> None:
    accuracy_cases.rootcausebench(tmp_path / "rootcausebench", "one")
    suite = _suite.load("rootcausebench")
    assert [job.case.name for job in _run.jobs(suite, tmp_path)] == ["one"]
    assert _run.jobs(suite, tmp_path) == _run.jobs(suite, tmp_path / "rootcausebench")


@pytest.mark.parametrize("only", [None, "two"])
def test_what_is_not_there_is_told(tmp_path: Path, only: str | None) -> None:
    if only:
        accuracy_cases.rootcausebench(tmp_path, "one")
    with pytest.raises(_run.DataError, match="two" if only else "--data"):
        _run.jobs(_suite.load("rootcausebench"), tmp_path, only=only)


def test_a_suite_is_run_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accuracy_cases.rootcausebench(tmp_path / "data", "one")
    broken = accuracy_cases.rootcausebench(tmp_path / "data", "two")
    (broken / "environment/data/alert.json").write_text("not JSON")
    out = tmp_path / "answers"
    options = {"--data": tmp_path / "data", "--workers": 1, "--answers": out}
    given = itertools.chain.from_iterable(options.items())
    main(["rootcausebench", "--json", *map(str, given)])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["suite"], found["cases"], found["errors"]) == ("rootcausebench", 2, 1)
    one, two = found["per_case"]
    assert one["answer"] == one["truth"] == accuracy_cases.CULPRIT
    assert (one["rank"], one["score"], one["decoy"]) == (1, 1.0, False)
    assert (two["rank"], two["score"]) == (None, 0.0)
    assert "JSON" in two["error"]
    assert (one["confidence"] > 0, two["confidence"]) == (True, None)
    assert [b["right"] for b in found["confidence"]["bins"]] == [1.0]
    assert found["mean_graded_reward"] == found["score"] == 0.5
    form = json.loads((out / "one.json").read_text())
    assert form["root_cause_commit"] == accuracy_cases.CULPRIT
    assert form["first_failing_service"] == "cart"


def test_a_case_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.accuracy.__main__.KEPT", tmp_path / "kept")
    accuracy_cases.rootcausebench(tmp_path / "data", "one")
    main(["rootcausebench", "--data", str(tmp_path / "data"), "--explain", "one"])
    told = capsys.readouterr().out
    kept = tmp_path / "kept" / "rootcausebench" / "case-01" / "run"
    assert accuracy_cases.CULPRIT in told
    assert told.rstrip().endswith(f"run: {kept}")
    assert (kept / "timeline.json").is_file()
