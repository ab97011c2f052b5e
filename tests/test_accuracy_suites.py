"""What the suites of known incidents write, that it leaks no truth, and how they score."""

import json
from pathlib import Path
from typing import Any

import pytest

import nova_timeline as nova
from benchmarks.accuracy import _run, _suite, opensre, rootcausebench
from benchmarks.accuracy._suite import Case
from tests import accuracy_cases
from tests.accuracy_cases import CULPRIT, DECOY, LEAK

NOTHING = frozenset[str]()
EVERYTHING = {
    "rootcausebench": {"changes", "logs", "metrics", "spans"},
    "eks": {"logs", "topology"},
    "rds": {"logs", "metrics"},
}
"""What leaving a modality out changes, by kind of case."""


def made(kind: str, data: Path) -> tuple[_suite.Suite, Case]:
    """Write a case of a kind and return it as `write` is given it: without name or truth."""
    if kind == "rootcausebench":
        suite: _suite.Suite = rootcausebench.SUITE
        accuracy_cases.rootcausebench(data)
    else:
        suite = opensre.SUITE
        accuracy_cases.opensre(data, kind)
    (case,) = suite.cases(data)
    return suite, Case("case-01", case.folder)


def contents(folder: Path) -> dict[str, str]:
    files = (f for f in folder.rglob("*") if f.is_file())
    return {f.relative_to(folder).as_posix(): f.read_text() for f in files}


@pytest.mark.parametrize("kind", EVERYTHING)
@pytest.mark.parametrize("without", [None, *_suite.MODALITIES])
def test_what_is_written_loads_and_tells_nothing_of_the_truth(
    kind: str, without: str | None, tmp_path: Path
) -> None:
    suite, case = made(kind, tmp_path / "data")
    folder = tmp_path / "written"
    folder.mkdir()
    file = suite.write(case, folder, frozenset({without} if without else ()))
    written = contents(folder)
    assert not [name for name, text in written.items() if LEAK in name + text]
    assert nova.Incident.load(file).id == "case-01"


@pytest.mark.parametrize("kind", EVERYTHING)
def test_leaving_a_modality_out_leaves_the_others(kind: str, tmp_path: Path) -> None:
    suite, case = made(kind, tmp_path / "data")
    whole: dict[str, dict[str, str]] = {}
    for without in (None, *_suite.MODALITIES):
        folder = tmp_path / f"without-{without}"
        folder.mkdir()
        suite.write(case, folder, frozenset({without} if without else ()))
        whole[str(without)] = contents(folder)
    everything = whole.pop("None")
    changed = {name for name, written in whole.items() if written != everything}
    spans = {"topology"} if kind == "rootcausebench" else set[str]()
    assert changed == EVERYTHING[kind] | spans
    assert all("alerts" in " ".join(written) for written in whole.values())


@pytest.mark.parametrize("kind", EVERYTHING)
def test_every_record_that_is_written_is_read(kind: str, tmp_path: Path) -> None:
    suite, case = made(kind, tmp_path / "data")
    timeline = _run.timeline_of(_run.Job(suite.name, case, 1))
    assert {c["state"] for c in timeline["coverage"]} == {"complete"}
    assert not [c for c in timeline["coverage"] if c["undated"] or c["read"] != c["rows"]]
    assert len(timeline["coverage"]) == {"rootcausebench": 9, "eks": 2, "rds": 4}[kind]


def test_a_span_of_the_same_trace_is_called_by_its_parent(tmp_path: Path) -> None:
    suite, case = made("rootcausebench", tmp_path / "data")
    place = case.folder / "environment" / "data" / "traces.json"
    first, second = json.loads(place.read_text())
    accuracy_cases.put(place, [first, second | {"trace_id": "same"}])
    (tmp_path / "written").mkdir()
    suite.write(case, tmp_path / "written", NOTHING)
    lines = (tmp_path / "written" / "traces.jsonl").read_text().splitlines()
    spans = [json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for line in lines]
    assert {span["traceId"] for span in spans} == {"t1"}


def cause(
    change: str | None, score: float = 1.0, category: str = "code_change", entity: str = "cart"
) -> dict[str, Any]:
    return {"change_id": change, "score": score, "category": category, "entity": entity}


def timeline(*causes: dict[str, Any], reached: tuple[str, ...] = ("cart",)) -> dict[str, Any]:
    cascade = {"root_entity": reached[0], "entities": list(reached)} if reached else None
    return {
        **_run.NOTHING,
        "verdict": "incident",
        "root_causes": list(causes),
        "cascades": [cascade] if cascade else [],
    }


def graded(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    accuracy_cases.rootcausebench(folder, "one")
    (case,) = rootcausebench.SUITE.cases(folder)
    return rootcausebench.SUITE.score(case, found)


@pytest.mark.parametrize(
    ("found", "answer", "rank", "score"),
    [
        (timeline(cause(CULPRIT)), CULPRIT, 1, 1.0),
        (timeline(cause(DECOY, 2), cause(CULPRIT)), DECOY, 2, 0.0),
        (timeline(cause(None), reached=("cart", "shop")), "none", None, 0.4),
        (timeline(cause("other"), reached=("cart", "shop")), "other", None, 0.5),
        (timeline(cause("other"), reached=("web",)), "other", None, 0.1),
        (_run.NOTHING, "none", None, 0.0),
    ],
)
def test_rewards_are_graded(
    found: dict[str, Any], answer: str, rank: int | None, score: float, tmp_path: Path
) -> None:
    row = graded(found, tmp_path)
    assert (row["answer"], row["rank"], row["score"]) == (answer, rank, pytest.approx(score))
    assert row["decoy"] is (answer == DECOY)
    assert row["candidates"] == 3


def test_a_deploy_and_its_commit_are_one_answer(tmp_path: Path) -> None:
    found = timeline(cause(DECOY, 3), cause(DECOY, 2), cause(CULPRIT, 1))
    assert graded(found, tmp_path)["rank"] == 2


def test_a_cause_without_a_change_is_none_and_has_its_remedy(tmp_path: Path) -> None:
    row = graded(timeline(cause(None, category="certificate")), tmp_path)
    assert row["form"]["root_cause_commit"] == "none"
    assert row["form"]["remediation"] == "rotate-cert"


def test_the_summary_tells_abstentions_apart(tmp_path: Path) -> None:
    row = graded(timeline(cause(None)), tmp_path)
    wrong, right = row, row | {"truth": "none", "score": 1.0}
    found = rootcausebench.SUITE.summary([wrong, right])
    assert (found["false_none"], found["none_right"], found["none_cases"]) == (1, 1, 1)
    assert found["mean_graded_reward"] == pytest.approx((row["score"] + 1) / 2)


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [([], [], 1.0), (["a"], [], 0.0), (["a", "b"], ["b", "c"], 1 / 3)],
)
def test_jaccard(one: list[str], other: list[str], share: float) -> None:
    assert rootcausebench.jaccard(one, other) == pytest.approx(share)


@pytest.mark.parametrize(
    ("found", "answer", "rank", "decoy"),
    [
        (timeline(cause(None, category="traffic")), "resource_exhaustion", 1, False),
        (
            timeline(cause(None, category="network"), cause(None, 0.5, "resource_exhaustion")),
            "infrastructure",
            2,
            False,
        ),
        (timeline(), "unknown", None, False),
        (_run.NOTHING, "healthy", None, True),
    ],
)
def test_categories_are_compared(
    found: dict[str, Any], answer: str, rank: int | None, *, decoy: bool, tmp_path: Path
) -> None:
    accuracy_cases.opensre(tmp_path, "rds", "one")
    (case,) = opensre.SUITE.cases(tmp_path)
    row = opensre.SUITE.score(case, found)
    assert (row["answer"], row["rank"], row["decoy"]) == (answer, rank, decoy)
    assert (row["case"], row["score"]) == ("rds/one", float(rank == 1))


def test_every_category_of_ours_has_a_word_of_theirs(tmp_path: Path) -> None:
    from nova_timeline import schema

    accuracy_cases.opensre(tmp_path, "rds", "one")
    (case,) = opensre.SUITE.cases(tmp_path)
    for category in schema.CATEGORIES:
        assert opensre.SUITE.score(case, timeline(cause(None, category=category)))["answer"]


def test_a_healthy_case_that_is_called_an_incident_is_counted() -> None:
    rows = [
        {"answer": "healthy", "truth": "healthy", "decoy": False},
        {"answer": "unknown", "truth": "healthy", "decoy": True},
    ]
    found = opensre.SUITE.summary(rows)
    assert (found["category_right"], found["healthy_called_incident"]) == (1, 1)


def test_states_are_dated_when_they_were_looked_at(tmp_path: Path) -> None:
    suite, case = made("eks", tmp_path / "data")
    (tmp_path / "written").mkdir()
    suite.write(case, tmp_path / "written", NOTHING)
    lines = (tmp_path / "written" / "logs.jsonl").read_text().splitlines()
    said = {r["message"]: r["timestamp"] for r in map(json.loads, lines)}
    looked = "2026-03-03T10:09:00+00:00"
    assert said["container orders is waiting: CrashLoopBackOff (exit code 137)"] == looked
    assert said["node condition Ready is Unknown"] == looked
    assert said["heap is full"] == said["[container ended]"] == "2026-03-03T10:05:00Z"
