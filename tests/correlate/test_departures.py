"""When a metric began to move is found, however slowly it moves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import departures, notable, slabs

from .scenes import MINUTE, at, metrics

NOISE = np.array([0.0, 0.4, -0.3, 0.1, -0.5, 0.3, -0.1, 0.5])


def series(values: list[float], onset: float) -> departures.Departure | None:
    noisy = np.array(values, float) + np.resize(NOISE, len(values))
    time = np.array([at(i) for i in range(len(values))], np.int64)
    return departures.departure("shop", "heap", time, noisy, at(onset))


def test_the_foot_of_a_climb_is_found_long_before_its_top() -> None:
    found = series([200.0] * 25 + [200 + 4.0 * i for i in range(60)], 84)
    assert found is not None
    assert abs(found.time - at(25)) <= 2 * MINUTE
    assert found.climbs
    assert found.step == MINUTE


def test_what_is_cut_off_at_its_top_had_climbed_until_then() -> None:
    """The process is killed for its memory, a moment before the first failure is logged."""
    found = series(
        [600.0] * 25 + [600 + 14.0 * i for i in range(60)] + [290.0, 350, 400, 450], 84.1
    )
    assert found is not None
    assert abs(found.time - at(25)) <= 2 * MINUTE
    assert found.climbs


@given(st.integers(8, 50), st.floats(20, 1e6))
def test_a_step_is_found_to_the_point(start: int, size: float) -> None:
    found = series([100.0] * start + [100.0 + size] * 30, start)
    assert found is not None
    assert found.time == at(start)


@pytest.mark.parametrize(
    "values",
    [
        [100.0] * 60,
        [100.0 + 3 * i for i in range(60)],  # it always climbed
        [100.0] * 20 + [300.0] * 5 + [100.0] * 35,  # it was back before the failure
        [100.0] * 5,
    ],
)
def test_what_did_not_move_is_not_told(values: list[float]) -> None:
    assert series(values, 55) is None


def test_only_the_series_asked_for_are_looked_at() -> None:
    both = metrics(
        ("shop", "heap", [1.0] * 20 + [9.0] * 20), ("shop", "rps", [1.0] * 20 + [9.0] * 20)
    )
    parts = [notable.points(both)]
    found = departures.find(parts, [("shop", "heap")], at(20), slabs.one_by_one)
    assert [(d.entity, d.metric, d.time) for d in found] == [("shop", "heap", at(20))]
    assert departures.find(parts, [], at(20), slabs.one_by_one) == ()


def test_a_short_calm_before_hours_of_a_noisy_climb_is_seen() -> None:
    """One line fits nearly all of it; that it lay flat where the line does not go, tells."""
    climb = [100 + 20.0 * i * (1 + 0.03 * (-1) ** i) for i in range(75)]
    found = series([100.0] * 9 + climb, 83)
    assert found is not None
    assert abs(found.time - at(9)) <= 2 * MINUTE
    uneven = [20.0 * i * (1 + 0.03 * (-1) ** i) for i in range(84)]
    assert series(uneven, 83) is None


@pytest.mark.parametrize(
    ("early", "before"),
    [
        ([5.0] * 20 + [60.0] * 40, 20),
        ([5.0] * 56 + [60.0] * 4, None),  # it is all one
        ([5.0] * 60, None),
        ([60.0] * 20 + [5.0] * 40, None),  # it went the other way
        ([5.0] * 20 + [60.0] * 5 + [5.0] * 35, None),  # it did not stay there
    ],
)
def test_a_small_step_ahead_of_a_large_one_is_found(early: list[float], before: int | None) -> None:
    found = series(early + [900.0] * 20, 60)
    assert found is not None
    assert found.time == at(60)
    assert found.before == (None if before is None else at(before))


def test_a_step_that_has_only_just_come_is_found_to_the_point() -> None:
    """The last of its points before all else failed is the first that is off."""
    found = series([0.0] * 40 + [400.0] * 20, 40.5)
    assert found is not None
    assert found.time == at(40)


def rising(name: str, top: float, foot: int = 40) -> tuple[str, str, list[float]]:
    flat = [200.0 + v for v in np.resize(NOISE, foot)]
    climb = [200.0 + (top - 200.0) * i / (80 - foot) for i in range(80 - foot)]
    return ("shop", name, flat + climb)


def moved(*given: tuple[str, str, list[float]]) -> set[str]:
    points = [notable.points(metrics(*given))]
    wanted = [(entity, name) for entity, name, _ in given]
    return {d.metric for d in departures.find(points, wanted, at(79), slabs.one_by_one)}


@pytest.mark.parametrize("other", ["rps_offset_1d", "rps_7d_ago", "rps_yesterday", "rps_last_week"])
def test_what_rises_as_it_did_another_day_is_no_departure(other: str) -> None:
    assert moved(rising("rps", 600), rising(other, 580, 42)) == set()


def test_what_rises_sooner_or_farther_than_it_did_is_one() -> None:
    assert moved(rising("rps", 600), rising("rps_offset_1d", 300)) == {"rps"}
    assert moved(rising("rps", 600), rising("rps_offset_1d", 600, 65)) == {"rps"}
    assert moved(rising("rps", 600), rising("rps_4xx", 600)) == {"rps", "rps_4xx"}
