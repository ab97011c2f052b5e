"""A level shift is found at its exact point; noise is left alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import _change_points_numpy as formulation
from nova_timeline.correlate import change_points

MINUTE = 60_000_000_000


@dataclass(frozen=True)
class Excursion:
    """A stretch off the baseline, by the places of its points."""

    first: int
    last: int | None
    baseline: float
    level: float


def excursions(values: npt.NDArray[np.float64]) -> list[Excursion]:
    """Find the excursions of a single series whose times are 0, 1, 2, ..."""
    n = len(values)
    series = {"row": range(n), "time": range(n), "entity": "a", "metric": "m", "value": values}
    found = change_points.find(pl.DataFrame(series)).to_dicts()
    return [Excursion(x["first"], x["back"], x["baseline"], x["level"]) for x in found]


def noise(seed: int, n: int = 95, level: float = 10.0, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(level, spread, n)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("first", "last"), [(40, 70), (20, 35), (60, 94)])
def test_a_shift_is_found_where_it_begins_and_ends(seed: int, first: int, last: int) -> None:
    values = noise(seed)
    values[first:last] += 40
    [found] = excursions(values)
    assert found.first == first
    assert found.last == (last if last < 93 else found.last)
    assert found.baseline == pytest.approx(10, abs=1)
    assert found.level > 45


def test_noise_is_no_excursion() -> None:
    assert sum(len(excursions(noise(s))) for s in range(300)) == 0


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0, 5.0, 200.0])
def test_counts_at_their_usual_rate_are_no_excursion(rate: float) -> None:
    chance = np.random.default_rng(1)
    found = sum(len(excursions(chance.poisson(rate, 95).astype(float))) for _ in range(200))
    assert found <= 12  # six in a hundred, at rates where a few records are all there is


def test_a_series_that_never_moves_has_a_floor() -> None:
    assert excursions(np.full(60, 7.0)) == []
    [found] = excursions(np.concatenate([np.zeros(30), np.full(20, 3.0), np.zeros(30)]))
    assert (found.first, found.last) == (30, 50)


def test_a_metric_that_stays_off_has_no_return() -> None:
    [found] = excursions(np.concatenate([noise(1, 50), noise(2, 40) + 30]))
    assert found.last is None


def test_an_age_that_is_not_reset_is_off_from_where_it_was_never_so_high() -> None:
    hourly = np.arange(180.0) % 60 * 60
    age = np.concatenate([hourly, np.arange(120.0) * 60])
    late = [x.first for x in excursions(age) if x.first >= 180]
    assert late[0] == 180 + 60


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


KINDS = ("noise", "counts", "few values", "constant", "spikes", "large")


def series(kind: str, chance: np.random.Generator, n: int) -> npt.NDArray[np.float64]:
    """Draw a series of a kind, with up to three stretches lifted or lowered."""
    values = {
        "noise": chance.normal(10, 1, n),
        "counts": chance.poisson(0.3, n).astype(float),
        "few values": chance.integers(0, 3, n).astype(float),
        "constant": np.full(n, 7.0),
        "spikes": np.where(chance.random(n) < 0.05, 100.0, 1.0),
        "large": chance.normal(1e6, 3e5, n),
    }[kind]
    size = max(1.0, float(np.abs(np.median(values))))
    for _ in range(chance.integers(0, 4)):
        first = int(chance.integers(0, n))
        values[first : first + chance.integers(1, 40)] += size * chance.normal(0, 5)
    values[chance.random(n) < 0.01] = np.nan
    return values


def table(kinds: list[tuple[str, int]], chance: np.random.Generator) -> pl.DataFrame:
    """Make one table of some series of so many points, on entities of which one has no name."""
    parts = [
        pl.DataFrame(
            {
                "time": np.sort(chance.integers(0, 4 * n, n)),
                "entity": pl.Series([None if k % 3 else f"e{k}"], dtype=pl.String).new_from_index(
                    0, n
                ),
                "metric": f"m{k % 4}",
                "value": series(kind, chance, n),
            }
        )
        for k, (kind, n) in enumerate(kinds)
    ]
    return pl.concat(parts).with_row_index("row").cast({"row": pl.Int64})


@settings(deadline=None)  # the first call compiles
@given(
    kinds=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 150)), min_size=1, max_size=8),
    seed=st.integers(0, 2**32),
    shuffled=st.booleans(),
)
def test_the_kernels_find_what_numpy_finds_to_the_last_bit(
    kinds: list[tuple[str, int]], seed: int, *, shuffled: bool
) -> None:
    metrics = table(kinds, np.random.default_rng(seed))
    mixed = metrics.sample(fraction=1, shuffle=True, seed=seed) if shuffled else metrics
    assert change_points.find(mixed).equals(formulation.find(metrics))


def test_no_points_have_no_excursion() -> None:
    none = table([("noise", 9)], np.random.default_rng(0)).clear()
    assert change_points.find(none).equals(formulation.find(none))


def test_a_table_from_arrow_is_not_compiled_for_anew() -> None:
    from nova_timeline.correlate import _change_point_kernel as kernel

    metrics = table([("noise", 90), ("spikes", 90)], np.random.default_rng(0))
    for given_as in (metrics, pl.DataFrame(metrics.to_arrow()), metrics.sample(fraction=1)):
        change_points.find(given_as)
    entries: list[Any] = [kernel.excursions, kernel.sorted_by, kernel.disordered, kernel.steps]
    assert [len(entry.signatures) for entry in entries] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("metric", "means"),
    [
        ("HTTPCode_Target_5XX_Count.Sum", "worse"),
        ("TargetResponseTime.p99", "worse"),
        ("availability", "better"),
        ("messages_dead_lettered_per_min", "worse"),
        ("UnHealthyHostCount", "worse"),
        ("HealthyHostCount", "better"),
        ("CPUUtilization", "resource"),
        ("RequestCount.Sum", "traffic"),
        ("DesiredTaskCount.Average", "size"),
        ("Replicas.average", "size"),
        ("active_parts_count", "worse"),
        ("insert_delayed_total", "worse"),
        ("node_cpu_steal_percent", "worse"),
        ("cell_stealth_percent", "unknown"),
        ("http_401_ratio", "worse"),
        ("part_1401_size", "unknown"),
        ("temperature", "unknown"),
        ("refresh_reuse_revocations", "worse"),
        ("account_lockouts_total", "worse"),
        ("NetworkTransmitThroughput", "resource"),
        ("WriteThroughput", "resource"),
        ("CommitThroughput", "better"),
    ],
)
def test_what_a_rise_means(metric: str, means: str) -> None:
    assert change_points.direction(metric) == means
