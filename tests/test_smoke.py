"""The judging of benchmarks that are run small: bounds, answers, and floors that fit."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import _programs, smoke

FOUND: dict[str, Any] = {
    "benchmark": "window_join",
    "cpu_ratio": {"duckdb": 12.5, "polars": 30.0},
    "to_plain": 2.5,
    "equal": True,
    "differ": [],
}
RUN = smoke.Run("window_join", ["--events", "9"], {"cpu_ratio.duckdb": 4}, {"to_plain": 8})


def failures(run: smoke.Run, **found: Any) -> list[str]:
    return [str(v) for v in smoke.judge(run, FOUND | found) if not v.holds]


def test_what_is_within_its_bounds_holds() -> None:
    assert failures(RUN) == []


def test_a_floor_that_is_not_reached_fails() -> None:
    [told] = failures(RUN, cpu_ratio={"duckdb": 3.9})
    assert told == "FAILS: window_join: cpu_ratio.duckdb is 3.9; it must be at least 4"


def test_a_ceiling_that_is_passed_fails() -> None:
    [told] = failures(RUN, to_plain=8.1)
    assert told == "FAILS: window_join: to_plain is 8.1; it must be at most 8"


@pytest.mark.parametrize("answer", ["equal", "identical", "killed_identical"])
def test_answers_that_differ_fail(answer: str) -> None:
    [told] = failures(RUN, **{answer: False})
    assert told == f"FAILS: window_join: {answer} is False; it must be true"


def test_the_method_that_differs_is_named() -> None:
    [told] = failures(RUN, equal=False, differ=["polars"])
    assert "equal (against polars) is False" in told


def test_an_answer_that_could_not_be_asked_holds() -> None:
    assert failures(RUN, killed_identical=None) == []


def test_a_figure_that_is_not_there_is_an_error() -> None:
    run = smoke.Run("window_join", at_least={"cpu_ratio.duckbd": 4})
    with pytest.raises(smoke.FloorsError, match="no 'duckbd' in duckdb, polars"):
        smoke.judge(run, FOUND)


def test_a_benchmark_that_compares_no_answers_is_an_error() -> None:
    with pytest.raises(smoke.FloorsError, match="does not tell whether answers agree"):
        smoke.judge(RUN, {"cpu_ratio": {"duckdb": 9.0}, "to_plain": 1.0})


def test_every_benchmark_has_a_floor() -> None:
    runs = smoke.read(smoke.FLOORS.read_text(), _programs.names())
    assert sorted({run.benchmark for run in runs}) == _programs.names()
    assert "window_join --hub" in [run.name for run in runs]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[run]]\nbenchmark = "joins"\nat_most = { a = 1 }', "names 'joins'; .* are join, order"),
        ('[[run]]\nbenchmark = "join"', "no bound for 'join'"),
        ('[[run]]\nbenchmark = "join"\nat_most = { a = 1 }', "says nothing of order; add a"),
        ('[[run]]\nbenchmark = "join"\nfloor = 2', "floor"),
    ],
)
def test_floors_that_do_not_fit_are_refused(text: str, message: str) -> None:
    with pytest.raises(smoke.FloorsError, match=message):
        smoke.read(text, ["order", "join"])


def test_benchmarks_are_found_by_their_files(tmp_path: Path) -> None:
    for name in ("order", "bursts", "_rounds", "smoke"):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "__main__.py").touch()
    (tmp_path / "__pycache__").mkdir()
    assert _programs.names(tmp_path) == ["bursts", "order", "packed"]
    assert "simulate" not in _programs.timed()


def test_a_benchmark_that_fails_to_run_is_a_verdict() -> None:
    run = smoke.Run("evidence_join", ["--peers", "duck"], at_least={"cpu_ratio.duck": 1})
    found, [verdict] = smoke.tried(run)
    assert found == {}
    assert not verdict.holds
    assert "no peers are called duck; there are duckdb" in str(verdict)
