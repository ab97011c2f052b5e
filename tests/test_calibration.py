"""How sure answers are is held against how often they are right."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import _calibration
from benchmarks.simulate import calibrate


def test_bins_tell_how_sure_and_how_often_right() -> None:
    found = _calibration.reliability([(0.9, True), (0.8, False), (1.0, True), (0.1, False)])
    assert found["answers"] == 4
    assert found["bins"] == [
        {"from": 0.0, "to": 0.2, "answers": 1, "confidence": 0.1, "right": 0.0},
        {"from": 0.8, "to": 1.0, "answers": 3, "confidence": 0.9, "right": 0.6667},
    ]
    assert found["calibration_error"] == pytest.approx((0.1 + 0.7) / 4, abs=1e-3)
    assert found["brier"] == pytest.approx((0.01 + 0.64 + 0 + 0.01) / 4, abs=1e-3)


def test_of_nothing_nothing_is_told() -> None:
    found = _calibration.reliability([])
    assert found == {"answers": 0, "calibration_error": None, "brier": None, "bins": []}


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_every_answer_is_in_one_bin(answers: list[tuple[float, bool]]) -> None:
    found = _calibration.reliability(answers)
    assert sum(b["answers"] for b in found["bins"]) == len(answers)
    right = sum(b["answers"] * b["right"] for b in found["bins"])
    assert right == pytest.approx(sum(r for _, r in answers), abs=1e-3 * len(answers))
    assert 0 <= found["calibration_error"] <= 1


def test_an_answer_is_ahead_of_its_best_rival_or_behind_the_first() -> None:
    made = _calibration.features([{"score": 0.75}, {"score": 0.5}, {"score": 0.25}])
    assert made == [(0.75, 0.25), (0.5, -0.25), (0.25, -0.5)]
    assert _calibration.features([{"score": 0.9}]) == [(0.9, 0.9)]
    assert _calibration.features([]) == []


def test_the_fit_finds_the_weights_that_outcomes_were_drawn_from() -> None:
    draw = np.random.default_rng(1)
    given = draw.uniform(0, 1, (20_000, 2))
    sure = 1 / (1 + np.exp(-(-2 + 3 * given[:, 0] + 1.5 * given[:, 1])))
    found = _calibration.fitted(
        [(a, b) for a, b in given.tolist()], list(draw.random(20_000) < sure)
    )
    assert found == pytest.approx([-2, 3, 1.5], abs=0.2)


def test_a_fit_stays_finite_where_all_are_right() -> None:
    assert all(math.isfinite(w) for w in _calibration.fitted([(0.9, 0.5)] * 9, [True] * 9))


def test_both_ways_of_being_sure_are_held_against_other_answers() -> None:
    def score(*, right: bool, first: float) -> dict[str, object]:
        answer = {"features": [first, first], "confidence": 0.99, "right": right}
        return {"incident": True, "answers": [answer]}

    half = [score(right=True, first=0.9)] * 30 + [score(right=False, first=0.1)] * 30
    quiet = {"incident": False, "answers": [{"features": [1.0, 1.0], "confidence": 1.0}]}
    told = calibrate.answers([*half, quiet])
    found = calibrate.calibrated(told, told)
    assert found["now"]["calibration_error"] == pytest.approx(0.49, abs=1e-3)
    assert found["fitted"]["calibration_error"] < 0.1
    assert found["fitted"]["answers"] == 60
