"""Bursts are what stands out of a template's usual rate, to the very record."""

from collections.abc import Iterable

import polars as pl
import pytest

from nova_timeline.correlate import bursts

from .scenes import MINUTE, SECOND, START, WINDOW


def logs(
    *seconds: float, entity: str | None = "a", template: int = 7, severity: int = 17
) -> pl.DataFrame:
    rows = [(START + round(s * SECOND), entity, template, severity) for s in seconds]
    return _frame(rows)


def _frame(rows: Iterable[tuple[int, str | None, int, int]]) -> pl.DataFrame:
    schema = {"time": pl.Int64, "entity": pl.String, "template": pl.UInt64, "severity": pl.Int64}
    return pl.DataFrame(list(rows), schema=schema, orient="row").with_row_index("row")


def every(step: float, since: float = 0, until: float = 5400) -> list[float]:
    return [since + i * step for i in range(int((until - since) / step))]


def test_a_burst_is_told_from_its_first_record_to_its_last() -> None:
    [found] = bursts.find(logs(*every(2, 1801.5, 1981.5)), WINDOW).to_dicts()
    assert (found["first"], found["last"]) == (
        START + 1_801_500_000_000,
        START + 1_979_500_000_000,
    )
    assert (found["count"], found["first_row"], found["severity"]) == (90, 0, 17)
    assert found["novel"]


def test_what_spills_into_the_buckets_on_either_side_belongs_to_it() -> None:
    times = [1797.0, 1799.0, *every(2, 1800, 1830), 1831.0, 1834.5]
    [found] = bursts.find(logs(*times), WINDOW).to_dicts()
    assert found["first"] == START + 1797 * SECOND
    assert found["last"] == START + 1_834_500_000_000
    assert found["count"] == len(times)


@pytest.mark.parametrize("step", [2.0, 5.0, 20.0, 90.0])
def test_a_steady_rate_is_no_burst(step: float) -> None:
    assert bursts.find(logs(*every(step)), WINDOW).is_empty()


def test_a_rate_that_multiplies_is_a_burst_over_its_background() -> None:
    [found] = bursts.find(logs(*every(5), *every(0.25, 3000.1, 3060.1)), WINDOW).to_dicts()
    assert found["count"] == 240 + 12  # the background's share of the same two buckets
    assert found["baseline"] == 6
    assert not found["novel"]


def test_a_template_seen_before_is_not_novel() -> None:
    [found] = bursts.find(logs(10.0, *every(1, 3000, 3030)), WINDOW).to_dicts()
    assert (found["count"], found["novel"]) == (30, False)


def test_a_long_quiet_parts_two_bursts() -> None:
    found = bursts.find(logs(*every(1, 600, 630), *every(1, 1800, 1830)), WINDOW)
    assert found["count"].to_list() == [30, 30]
    assert found["novel"].to_list() == [True, False]


def test_entities_and_templates_are_counted_apart() -> None:
    four = [logs(*every(1, 600, 604), entity=e, template=t) for e in "ab" for t in (1, 2)]
    assert bursts.find(pl.concat(four), WINDOW).is_empty()


def test_plain_lines_and_lines_of_no_entity_are_no_burst() -> None:
    calm = logs(*every(1, 600, 700), severity=9)
    assert bursts.find(calm, WINDOW).is_empty()
    assert bursts.find(logs(*every(1, 600, 700), entity=None), WINDOW).is_empty()


def test_errors_that_come_slowly_are_a_burst_where_there_were_none() -> None:
    slow = every(45, 3000, 3600)
    [found] = bursts.find(logs(*slow), WINDOW).to_dicts()
    assert (found["first"], found["count"]) == (START + 50 * MINUTE, len(slow))
    assert bursts.find(logs(*slow, severity=13), WINDOW).is_empty()


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    parts = [
        logs(*every(1, 600, 640), entity="b"),
        logs(*every(1, 600, 700), 1900.0),
        logs(*every(3, 0, 5400), template=9),
    ]
    rows = pl.concat(parts).with_columns(row=pl.int_range(pl.len()))
    mixed = rows.sample(fraction=1, shuffle=True, seed=seed)
    assert bursts.find(mixed, WINDOW).equals(bursts.find(rows, WINDOW))
