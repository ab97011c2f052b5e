"""What peaks again and again is told, and what varies at all times is not."""

from typing import Any

import polars as pl
import pytest

from nova_timeline import arrow
from nova_timeline.correlate import metric_signals

from .scenes import START, metric_rows

LOW, HIGH = [0.002, 0.003, 0.004], [0.2, 0.3]
STALLS = [*LOW, *HIGH] * 4


def told(metric: str, values: list[float]) -> list[dict[str, Any]]:
    points = arrow.table(metric_rows(("db", metric, values)).drop("unit"))
    found = metric_signals.of(metric_signals.excursions([points], map))
    return found.filter(pl.col("title").str.contains("again and again")).to_dicts()


def test_peaks_that_come_again_are_one_fault_that_lasts() -> None:
    [found] = told("WriteLatency", STALLS)
    assert found["title"] == "WriteLatency rises again and again from 0.003 to 0.25"
    assert (found["role"], found["end"], found["weight"]) == ("fault", None, 1.0)
    assert found["time"] == START + 3 * 60_000_000_000


def test_at_their_limit_peaks_are_of_its_category() -> None:
    [found] = told("DiskQueueDepth", [2.0, 3.0, 3.0, 70.0, 80.0] * 4)
    assert found["category"] == "resource_exhaustion"


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        pytest.param("WriteLatency", [*LOW, *HIGH, *LOW * 6], id="one peak"),
        pytest.param("WriteLatency", [*LOW, 0.2] * 5, id="single points"),
        pytest.param("WriteLatency", [*LOW[:2], 0.01, 0.02, *HIGH] * 4, id="no clear gap"),
        pytest.param("WriteLatency", [LOW[0], *HIGH] * 6, id="high more often than not"),
        pytest.param("errors", [0.0, 0.0, 0.0, 9.0, 9.0] * 4, id="nothing is usual"),
        pytest.param("request_count", [20.0, 30.0, 20.0, 900.0, 950.0] * 4, id="not for the worse"),
        pytest.param("WriteLatency", STALLS[:10], id="too short"),
    ],
)
def test_other_series_have_none(metric: str, values: list[float]) -> None:
    assert told(metric, values) == []
