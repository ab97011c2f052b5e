"""What a metric's value says by itself: its end, a standing one too, and what harms nobody."""

from typing import Any

import polars as pl
import pytest

from nova_timeline import arrow, knowledge
from nova_timeline.correlate import change_points, limits, metric_signals
from nova_timeline.errors import KnowledgeError
from nova_timeline.knowledge import Limit

from .scenes import START, at, metric_rows

every_limit = pytest.mark.parametrize("limit", knowledge.limits(), ids=lambda k: k.id)


def faults(*series: tuple[str, str, list[float]]) -> list[dict[str, Any]]:
    """Draw the faults of series as the analysis does."""
    points = arrow.table(metric_rows(*series).drop("unit"))
    found = metric_signals.excursions([points], map)
    return metric_signals.of(found).filter(pl.col("role") == "fault").to_dicts()


@every_limit
def test_its_sample_is_at_its_end(limit: Limit) -> None:
    metric, value = limit.sample["metric"], float(limit.sample["value"])
    first = next(k for k in knowledge.limits() if k.fits(metric))
    assert first.id == limit.id
    [found] = faults(("a", metric, [value] * 12))
    assert found["title"].startswith(f"{metric} stands at")
    assert (found["category"], found["weight"], found["time"]) == (limit.category, 1.0, START)


@every_limit
def test_what_is_fine_is_not_yet_at_its_end(limit: Limit) -> None:
    if limit.fine is not None:
        assert (limit.fine < limit.off) is limit.up


@pytest.mark.parametrize(
    "metric",
    ["cpu_requests", "request_count", "certificate_requests_total", "disk_reads", "cpu_seconds"],
)
def test_other_metrics_have_no_limit(metric: str) -> None:
    assert limits.of([metric, None]).is_empty()


def test_a_metric_in_another_unit_stands_nowhere() -> None:
    assert faults(("a", "cpu_percent", [390.0] * 12)) == []  # of four processors


def test_a_limit_that_was_left_again_does_not_stand() -> None:
    assert not [s for s in faults(("a", "CPUUtilization", [97.0] * 3 + [95.0, 89.0, 88.0] * 3))
                if "stands" in s["title"]]  # fmt: skip


def test_one_normal_point_is_enough_to_tell_a_rise() -> None:
    [found] = faults(("a", "CPUUtilization", [31.0] + [96.0] * 11))
    assert found["title"] == "CPUUtilization rose from 31.0 to 96.0"


def test_a_series_that_began_well_and_stayed_bad_rose() -> None:
    told = faults(("a", "errors", [1.0, 1.1] + [96.0, 95.0] * 6))
    [found] = told
    assert (found["time"], found["end"]) == (at(2), None)
    assert found["title"].startswith("errors rose from 1.0")


def test_a_series_that_began_badly_fell() -> None:
    told = faults(("a", "errors", [96.0, 95.0] + [1.0, 1.1] * 6))
    assert [s["end"] for s in told] == [at(2)]


@pytest.mark.parametrize(
    ("metric", "before", "after", "category", "weight"),
    [
        ("CPUUtilization", 70.0, 20.0, None, 0.5),  # used less
        ("FreeStorageSpace", 6e10, 2e10, "resource_exhaustion", 1.0),
        ("ReplicaLag", 1.0, 5.0, None, 0.5),  # seconds harm nobody
        ("ReplicaLag", 1.0, 900.0, "resource_exhaustion", 2.0),
        ("certificate_days_left", 20.0, -1.0, "certificate", 0.5),
    ],
)
def test_what_an_excursion_is_worth(
    metric: str, before: float, after: float, category: str | None, weight: float
) -> None:
    [found] = faults(("a", metric, [before] * 20 + [after] * 20))
    assert (found["category"], found["weight"]) == (category, weight)


def test_a_resource_of_which_more_is_left_is_in_no_trouble() -> None:
    assert faults(("a", "FreeStorageSpace", [2e10] * 20 + [6e10] * 20)) == []


def test_a_slight_excursion_that_ended_is_only_odd() -> None:
    series = [100.0] * 20 + [150.0] * 10 + [100.0] * 20
    [found] = faults(("a", "latency", series))
    assert found["weight"] == 0.5


def test_excursions_without_points_are_none() -> None:
    none = metric_rows().drop("unit")
    assert limits.standing(none, change_points.find(none)).is_empty()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('worse = "up"', 'worse = "upp"', "unknown way to get worse 'upp'"),
        ('category = "data"', 'category = "dta"', "unknown category 'dta'"),
        ("off = 1.0", "of = 1.0", "unknown key 'of'"),
        ("off = 1.0", "", "off is missing"),
        ("'x'", "'('", "a pattern cannot be read"),
        ("[[limit]]", "[[limit", "limits.toml is not TOML"),
    ],
)
def test_says_what_is_wrong_with_a_limit(old: str, new: str, says: str) -> None:
    text = """
[[limit]]
id = "one"
says = "one"
category = "data"
metric = ['x']
worse = "up"
off = 1.0
sample = { metric = "x", value = 2.0 }
"""
    assert knowledge.read_limits(text)
    with pytest.raises(KnowledgeError, match=says.replace("(", r"\(")):
        knowledge.read_limits(text.replace(old, new))
    with pytest.raises(KnowledgeError, match="there twice"):
        knowledge.read_limits(text * 2)


def test_a_disk_that_answers_in_a_few_milliseconds_harms_nobody() -> None:
    def weight(slow: float) -> float:
        values = [0.002, 0.0021] * 10 + [slow] * 10
        [found] = faults(("db", "WriteLatency", values))
        return float(found["weight"])

    assert weight(0.008) == 0.5
    assert weight(0.4) == metric_signals.HARM


@pytest.mark.parametrize(("lag", "weight"), [(12.0, 0.5), (90.0, metric_signals.HARM)])
def test_a_replica_seconds_behind_harms_nobody(lag: float, weight: float) -> None:
    [found] = faults(("db", "ReplicaLag", [1.0, 1.1] * 10 + [lag] * 10))
    assert found["weight"] == weight


@pytest.mark.parametrize(
    ("lag", "minutes", "weight"),
    [(34.0, 7, 0.5), (34.0, 25, metric_signals.HARM), (200.0, 7, metric_signals.HARM)],
)
def test_a_short_lag_that_was_caught_up_harmed_nobody(
    lag: float, minutes: int, weight: float
) -> None:
    values = [1.2, 1.3] * 15 + [lag] * minutes + [1.2, 1.3] * 15
    [found] = faults(("db", "ReplicaLag", values))
    assert found["end"] is not None
    assert found["weight"] == weight


def test_a_disk_that_has_done_its_work_harmed_nobody() -> None:
    [done] = faults(("db", "WriteIOPS", [900.0, 960.0] * 10 + [3900.0] * 5 + [900.0, 960.0] * 10))
    [still] = faults(("db", "WriteIOPS", [900.0, 960.0] * 10 + [3900.0] * 15))
    assert (done["weight"], still["weight"]) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("metric", "values", "weight"),
    [
        ("DatabaseConnections", [3.0] * 15, metric_signals.HARM),
        ("DatabaseConnections", [60.0] * 15, 0.5),
        ("DatabaseConnections", [3.0] * 5 + [120.0, 124.0] * 10, 0.5),
        ("CPUUtilization", [3.0] * 15, 0.5),
    ],
)
def test_all_who_are_connected_leave_what_is_down(
    metric: str, values: list[float], weight: float
) -> None:
    [found] = faults(("db", metric, [120.0, 124.0] * 10 + values))
    assert found["weight"] == weight
