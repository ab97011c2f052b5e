"""A level shift is found at its exact point; noise is left alone."""

import numpy as np
import polars as pl
import pytest

from nova_timeline.correlate import change_points

MINUTE = 60_000_000_000


def noise(seed: int, n: int = 95, level: float = 10.0, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(level, spread, n)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("first", "last"), [(40, 70), (20, 35), (60, 94)])
def test_a_shift_is_found_where_it_begins_and_ends(seed: int, first: int, last: int) -> None:
    values = noise(seed)
    values[first:last] += 40
    [found] = change_points.excursions(values)
    assert found.first == first
    assert found.last == (last if last < 93 else found.last)
    assert found.baseline == pytest.approx(10, abs=1)
    assert found.level > 45


def test_noise_is_no_excursion() -> None:
    assert sum(len(change_points.excursions(noise(s))) for s in range(300)) == 0


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0, 5.0, 200.0])
def test_counts_at_their_usual_rate_are_no_excursion(rate: float) -> None:
    chance = np.random.default_rng(1)
    found = sum(
        len(change_points.excursions(chance.poisson(rate, 95).astype(float))) for _ in range(200)
    )
    assert found <= 12  # six in a hundred, at rates where a few records are all there is


def test_a_series_that_never_moves_has_a_floor() -> None:
    assert change_points.excursions(np.full(60, 7.0)) == []
    [found] = change_points.excursions(
        np.concatenate([np.zeros(30), np.full(20, 3.0), np.zeros(30)])
    )
    assert (found.first, found.last) == (30, 50)


def test_a_metric_that_stays_off_has_no_return() -> None:
    [found] = change_points.excursions(np.concatenate([noise(1, 50), noise(2, 40) + 30]))
    assert found.last is None


def test_series_are_told_apart_and_in_the_order_of_time() -> None:
    frames = [
        pl.DataFrame(
            {"row": np.arange(60) + 100 * k, "time": np.arange(60) * MINUTE, "entity": e,
             "metric": "errors",
             "value": np.where((np.arange(60) >= at) & (np.arange(60) < at + 15), 50.0, 1.0)}
        )
        for k, (e, at) in enumerate([("b", 20), ("a", 30)])
    ]  # fmt: skip
    found = change_points.find(pl.concat(frames).sample(fraction=1, shuffle=True, seed=1))
    assert found["entity"].to_list() == ["b", "a"]
    assert found["first"].to_list() == [20 * MINUTE, 30 * MINUTE]
    assert found["first_row"].to_list() == [20, 130]
    assert found["back_row"].to_list() == [35, 145]


@pytest.mark.parametrize(
    ("metric", "means"),
    [
        ("HTTPCode_Target_5XX_Count.Sum", "worse"),
        ("TargetResponseTime.p99", "worse"),
        ("availability", "better"),
        ("UnHealthyHostCount", "worse"),
        ("HealthyHostCount", "better"),
        ("CPUUtilization", "resource"),
        ("RequestCount.Sum", "traffic"),
        ("temperature", "unknown"),
    ],
)
def test_what_a_rise_means(metric: str, means: str) -> None:
    assert change_points.direction(metric) == means
