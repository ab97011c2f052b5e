"""Whose data are stale is tied to who makes them, by the name of the data."""

from typing import Any

import pytest

from nova_timeline.correlate import fed
from nova_timeline.correlate.failures import Line

from .scenes import signal, table


def pairs(*said: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted(set(fed.pairs(table(*said))))


def stale(title: str = "prices of articles are 95 minutes old", **over: Any) -> dict[str, Any]:
    return signal(1, 40, "shop-web", "alert_firing", title=title, **over)


def fails(entity: str = "article-price-job", minutes: float = 35, **over: Any) -> dict[str, Any]:
    return signal(0, minutes, entity, "fault", title="connect timed out", **over)


def test_who_makes_stale_data_and_fails_is_tied_to_who_reads_them() -> None:
    assert pairs(fails(), stale()) == [("shop-web", "article-price-job")]
    moved = stale("article_prices_age_seconds rose from 300 to 9000", kind="metric_change")
    assert pairs(fails(), moved) == [("shop-web", "article-price-job")]


@pytest.mark.parametrize(
    "said",
    [
        (fails("mail-relay"), stale()),
        (fails(weight=0.5), stale()),
        (fails(), stale("prices of articles cannot be read")),
        (fails(), stale("age of the oldest message on article-prices is 95 minutes")),
        (fails(), stale("prices of articles are 95 minutes old", weight=0.5)),
        (fails("shop-web"), stale()),
    ],
)
def test_others_are_not(said: tuple[dict[str, Any], ...]) -> None:
    assert pairs(*said) == []


def test_another_reader_of_the_same_data_makes_none() -> None:
    other = signal(0, 35, "article-board", "fault", title="articles not refreshed since 09:00")
    assert pairs(other, stale()) == []


@pytest.mark.parametrize(
    ("entity", "text", "named"),
    [
        ("daily-stock-job", "table_partitions_daily_stock fell from 90 to 1", True),
        ("etl-daily-stock", "lake/dailyStock is empty", True),
        ("daily-stock-job", "daily_stocktaking fell", False),
        ("stock-job", "stock fell from 90 to 1", False),
    ],
)
def test_data_are_named_for_a_job_by_the_whole_of_its_name(
    entity: str, text: str, *, named: bool
) -> None:
    assert fed.makes(entity, [text]) is named


def test_who_says_that_stale_data_were_not_made_tells_all_that_ails_it() -> None:
    refused = Line("price-batch", 3, 17, ("line 12: invalid date '31.02.'",))
    parked = Line("price-batch", 1, 17, ("run 7 parked; tariffs not published",))
    calm = Line("price-batch", 9, 13, ("tariffs not updated yet",))
    other = Line("stock-batch", 3, 17, ("run 3 parked; stocks not published",))
    beside = [refused, parked, calm, other]
    assert fed.owed(beside, ["tariffs are stale"], ()) == [refused, parked]
    assert fed.owed(beside, ["tariffs are stale"], {"price-batch"}) == []
    assert fed.owed(beside, ["no tariffs for B-12"], ()) == []
