"""Resources that ran full."""

from __future__ import annotations

import polars as pl
import pytest

from nova_timeline.correlate import saturation

MINUTE = 60_000_000_000


def points(values: list[float], metric: str = "cpu_utilization") -> pl.DataFrame:
    n = len(values)
    return pl.DataFrame(
        {"row": list(range(n)), "time": [i * MINUTE for i in range(n)], "entity": ["shop"] * n,
         "metric": [metric] * n, "value": values}
    )  # fmt: skip


def test_two_full_points_in_a_row_are_saturation() -> None:
    found = saturation.of(points([5.0] * 10 + [90.0, 100.0, 80.0, 5.0])).row(0, named=True)
    assert (found["first"], found["last"], found["row"]) == (10 * MINUTE, 12 * MINUTE, 10)
    assert (found["usual"], found["level"], found["above"]) == (5.0, 90.0, 75.0)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([5.0] * 10 + [90.0] + [5.0] * 5, id="a blip"),
        pytest.param([40.0] * 10 + [60.0] * 3, id="not far above the usual"),
        pytest.param([90.0] * 14, id="always full"),
        pytest.param([90.0] * 3, id="nothing says what is usual"),
        pytest.param([50.0] * 5 + [8.0] * 10, id="it ran empty"),
    ],
)
def test_no_saturation(values: list[float]) -> None:
    assert saturation.of(points(values)).is_empty()


def test_what_was_full_from_the_first_and_is_again_is_saturation() -> None:
    assert len(saturation.of(points([50.0] * 3 + [8.0] * 10 + [60.0] * 3))) == 1


def test_shares_of_one_are_read_as_percent() -> None:
    found = saturation.of(points([0.05] * 10 + [0.9, 0.95]))
    assert found["above"].to_list() == pytest.approx([75.0])


@pytest.mark.parametrize(
    ("metric", "share"),
    [
        ("CPUUtilization", True),
        ("MemoryUsageRate(%)", True),
        ("system.cpu.utilization", True),
        ("db_connections_used_ratio", True),
        ("CpuUsage(m)", False),
        ("error_percent", False),
        ("container_memory_bytes", False),
    ],
)
def test_shares_are_told_by_their_names(metric: str, *, share: bool) -> None:
    assert saturation.is_share(metric) is share
