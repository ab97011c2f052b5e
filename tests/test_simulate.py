"""The simulator: seeded bytes, truth kept apart, every fault there and back, and its scoring."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.simulate import (
    case,
    faults,
    observed,
    physics,
    render,
    scoring,
    sweep,
    trial,
    world,
)
from benchmarks.simulate.case import Settings

ONSET = "2026-03-03T14:00:00Z"
SECOND = 1_000_000_000


def contents(folder: Path) -> dict[str, bytes]:
    files = (f for f in folder.rglob("*") if f.is_file())
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


def written(seed: int, folder: Path, **settings: Any) -> render.Rendered:
    return render.render(case.draw(seed, Settings(**settings)), folder)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again = written(3, tmp_path / "a"), written(3, tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert first.truth == again.truth
    written(4, tmp_path / "c")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_truth_stands_in_no_input(tmp_path: Path) -> None:
    rendered = written(3, tmp_path, missing=0.0)
    assert rendered.truth["kind"]
    assert not any("truth" in name for name in contents(tmp_path))
    telling = (b"decoy", b"root_cause", b"culprit", b"harmful", b"by_change", b"skew_ns")
    for name, data in contents(tmp_path).items():
        assert not [word for word in telling if word in data], name


RECONSTRUCTED = {*list(faults.KINDS)[::5], "quiet"}
"""Kinds that are reconstructed here, too; the benchmark itself does so with all."""


@pytest.mark.parametrize("kind", list(faults.KINDS))
def test_every_kind_of_fault_is_rendered_and_some_reconstructed(kind: str, tmp_path: Path) -> None:
    drawn = case.draw(2, Settings(kind=kind, missing=0.0))
    rendered = render.render(drawn, tmp_path)
    truth = rendered.truth
    assert truth["kind"] == kind
    assert truth["incident"] == (kind != "quiet")
    if drawn.fault.change is not None:
        assert truth["cause_records"]
        assert drawn.fault.change.time <= (drawn.onset - drawn.start) / SECOND
    if kind != "quiet":
        assert truth["struck"]
        assert drawn.start < drawn.onset < drawn.end
    if kind not in RECONSTRUCTED:
        return
    made: dict[str, Any] = json.loads(trial.reconstructed(rendered.incident))
    score = scoring.score(truth, made)
    assert score["case"] == drawn.id
    assert score["pairs_right"] <= score["pairs"]


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    rendered = written(1, tmp_path_factory.mktemp("simulated"), missing=0.0)
    made: dict[str, Any] = json.loads(trial.reconstructed(rendered.incident))
    return rendered.truth, made


def test_every_source_is_read_whole(timeline: tuple[dict[str, Any], dict[str, Any]]) -> None:
    _, made = timeline
    assert {c["source"]: c["reason"] for c in made["coverage"] if c["state"] != "complete"} == {}
    assert all(c["read"] for c in made["coverage"])


def test_citations_of_events_are_known_to_the_truth(
    timeline: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    truth, made = timeline
    events = [m for m in made["moments"] if m["kind"] not in ("metric_change", "alert")]
    cited = {e for m in events for e in m["evidence"]}
    unknown = [e for e in cited if made["evidence"][e]["sha256"] not in truth["records"]]
    assert len(cited) > 5
    assert unknown == []


def test_the_entities_of_moments_are_those_of_the_topology(
    timeline: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    _, made = timeline
    known = {*world.draw(1).entities, *world.draw(1).hosts}
    strange = {m["entity"] for m in made["moments"]} - known
    assert strange <= {""}


def test_a_calm_day_is_calm() -> None:
    for seed in range(4):
        drawn = world.draw(seed)
        state = physics.run(drawn, physics.Effects(np.ones(600)), 2)
        assert max(float(e.max()) for e in state.errors.values()) < 0.01
        assert all(f.busy.max() < 0.75 for f in state.flows.values())


def test_an_overload_makes_callers_wait_and_fail() -> None:
    drawn = world.draw(0)
    effects = physics.Effects(np.ones(600))
    [front, *_] = [e.callee for e in drawn.out("edge")]
    effects.work[front] = np.where(np.arange(600) > 200, 30.0, 1.0)
    state, calm = physics.run(drawn, effects), physics.run(drawn, physics.Effects(np.ones(600)), 2)
    assert state.flows[front].latency[500] > 5 * calm.flows[front].latency[500]
    assert state.errors["edge"][500] > 0.05
    assert state.errors["edge"][100] == pytest.approx(calm.errors["edge"][100], abs=1e-3)


def record(time: int, clock: str = "", coarse: int = 0) -> dict[str, Any]:
    return {"time": time * SECOND, "clock": clock, "coarse": coarse}


TRUTH: dict[str, Any] = {
    "case": "SIM-1", "kind": "bug", "incident": True, "by_change": True, "onset": ONSET,
    "categories": ["code_change"], "entities": ["orders"], "roots": ["orders"],
    "struck": ["orders", "edge"], "change_ids": ["abc"], "cause_records": ["d0"],
    "told_records": [], "looks": [],
    "decoys": [{"ids": ["zzz"], "records": ["d9"]}], "tied": ["h1"], "most_skew_ns": 5 * SECOND,
    "skew_ns": {"h1": 2 * SECOND, "h2": -4 * SECOND},
    "records": {"d0": record(0), "d1": record(10), "d2": record(20, "h1"), "d3": record(22, "h2")},
}  # fmt: skip


def moment(name: str, digest: str, role: str = "fault") -> dict[str, Any]:
    return {"id": name, "evidence": [f"e-{digest}"], "role": role, "entity": "orders"}


def cause(name: str | None, change: str | None, **other: Any) -> dict[str, Any]:
    return {"moment": name, "change_id": change, "entity": "orders", "category": "code_change",
            "title": "", "score": 0.75, "confidence": 0.5, **other}  # fmt: skip


def document(*causes: dict[str, Any], order: str = "0123") -> dict[str, Any]:
    return {
        "verdict": "incident",
        "moments": [moment(f"m{n}", f"d{n}", "change" if n == "0" else "fault") for n in order],
        "evidence": {f"e-d{n}": {"sha256": f"d{n}"} for n in range(10)},
        "root_causes": list(causes),
        "phases": {"onset": {"time": "2026-03-03T14:00:07.5Z", "moment": "m1"}},
        "cascades": [{"root_entity": "orders"}],
        "clocks": [{"clock": "host:h1", "offset_ns": 1_700_000_000},
                   {"clock": "host:h2", "offset_ns": 0}],
    }  # fmt: skip


def test_a_change_is_right_by_its_id_or_by_its_record() -> None:
    assert scoring.score(TRUTH, document(cause(None, "abc")))["top1"]
    assert scoring.score(TRUTH, document(cause("m0", None)))["top1"]
    late = scoring.score(TRUTH, document(cause("m9", "zzz"), cause("m8", "y"), cause("m7", "abc")))
    assert (late["top1"], late["top3"], late["rank"], late["decoy"]) == (False, True, 3, True)


def test_without_a_change_the_place_and_the_category_count() -> None:
    truth = TRUTH | {"by_change": False, "cause_records": [], "categories": ["data"]}
    right = cause("m1", None, category="data")
    assert scoring.score(truth, document(right))["top1"]
    assert not scoring.score(truth, document(cause("m1", None)))["top1"]
    assert not scoring.score(truth, document(right | {"entity": "edge"}))["top1"]
    assert not scoring.score(truth, document(right | {"moment": "m0"}))["top1"]


def test_where_no_word_of_the_cause_was_kept_it_is_what_it_looks_like() -> None:
    truth = TRUTH | {"cause_records": [], "categories": ["scaling"], "looks": ["data"]}
    looks = cause("m1", None, category="data")
    assert scoring.score(truth, document(looks))["top1"]
    assert scoring.score(truth, document(looks | {"category": "scaling"}))["top1"]
    assert not scoring.score(truth, document(looks | {"category": "unknown"}))["top1"]
    assert not scoring.score(truth | {"told_records": ["d7"]}, document(looks))["top1"]
    assert not scoring.score(truth, document(looks | {"moment": "m0"}))["top1"]


def test_what_only_words_tell_is_not_known_where_all_of_them_were_lost(tmp_path: Path) -> None:
    drawn = case.draw(5, Settings(kind="resolver"))
    kept = render.render(drawn, tmp_path / "a").truth
    worded = {line.body for line in drawn.lines if line.family == "dns"}
    silent = replace(drawn, lines=tuple(x for x in drawn.lines if x.body not in worded))
    lost = render.render(silent, tmp_path / "b").truth
    assert worded
    assert (kept["looks"], lost["looks"]) == ([], ["unknown"])


def test_monitoring_counts_the_instances_that_somebody_takes_away() -> None:
    drawn = next(
        c for c in (case.draw(s, case.Settings(kind="scale_down")) for s in range(9))
        if len({d.entity for d in c.changes if d.how == "scale"}) > 1
    )  # fmt: skip
    for entity in {c.entity for c in drawn.changes if c.how == "scale"}:
        steps = [c for c in drawn.changes if c.how == "scale" and c.entity == entity]
        told = next(
            g.series.points for g in drawn.gauges
            if (g.entity, g.gauge) == (entity, observed.INSTANCES)
        )  # fmt: skip
        assert told[0][1] == float(steps[0].old) == drawn.world.instances(entity)
        assert told[-1][1] == float(steps[-1].new)
        assert [c.new for c in steps[:-1]] == [c.old for c in steps[1:]]


def test_onset_skew_and_root_are_measured() -> None:
    found = scoring.score(TRUTH, document(cause("m0", "abc")))
    assert found["onset_error_s"] == pytest.approx(7.5)
    assert (found["clocks"], found["clocks_right"]) == (1, 1)
    assert found["cascade_root"] is True


def test_only_separable_pairs_count() -> None:
    # d2 and d3 are two seconds apart, and nothing ties the clock of the second.
    good = scoring.score(TRUTH, document(order="0123"))
    assert (good["pairs"], good["pairs_right"]) == (5, 5)
    swapped = scoring.score(TRUTH, document(order="0132"))
    assert (swapped["pairs"], swapped["pairs_right"]) == (5, 5)
    wrong = scoring.score(TRUTH, document(order="1023"))
    assert (wrong["pairs"], wrong["pairs_right"]) == (5, 4)


def test_a_summary_counts_what_it_says() -> None:
    right = scoring.score(TRUTH, document(cause("m0", "abc")))
    none = scoring.score(TRUTH, document(cause("m1", None)))
    quiet = scoring.score(TRUTH | {"incident": False}, document())
    found = scoring.summary([right, none, quiet], 0)
    assert found["top1"] == 0.5
    assert (found["change_cases"], found["false_none"]) == (2, 1)
    assert (found["quiet_cases"], found["quiet_called_incident"]) == (1, 1)
    assert found["pairwise_order"] == 1.0
    assert found["confidence"]["answers"] == 2
    assert [b["right"] for b in found["confidence"]["bins"]] == [0.5]


def test_an_onset_that_is_not_found_counts_as_far_off() -> None:
    lost: dict[str, Any] = {**document(cause("m0", "abc")), "phases": dict[str, Any]()}
    scores = [scoring.score(TRUTH, lost), scoring.score(TRUTH, document(cause("m0", "abc")))]
    assert scoring.summary(scores, 0)["onset_error_p90_s"] is None


@pytest.mark.parametrize("parameter", sorted(sweep.LEVELS))
def test_a_sweep_turns_one_thing(parameter: str) -> None:
    turned = sweep.settings(parameter, sweep.LEVELS[parameter][-1], Settings())
    assert turned != Settings()
    assert sweep.settings(parameter, getattr(Settings(), parameter), turned) == Settings()


def test_losses_take_records_away(tmp_path: Path) -> None:
    whole = written(3, tmp_path / "whole", missing=0.0)
    less = written(3, tmp_path / "less", missing=0.6)
    assert less.records < whole.records
    assert len(contents(tmp_path / "less")) < len(contents(tmp_path / "whole"))
