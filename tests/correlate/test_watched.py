"""A metric that an alert names is what harms, whatever its name."""

from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from nova_timeline.correlate import metric_signals, watched

from .scenes import signal, table

LATE = "orders_late_share"


class Kept:
    """Records of alerts: all of them say the same."""

    def __init__(self, body: str | None, **attributes: str) -> None:
        """Say what."""
        self.body, self.attributes = body, [*attributes.items()]

    def take(self, rows: Any, columns: object) -> pa.Table:
        """Give it once a row."""
        del columns
        held = pa.array([self.attributes] * len(rows), pa.map_(pa.string(), pa.string()))
        return pa.table(
            {"body": pa.array([self.body] * len(rows), pa.string()), "attributes": held}
        )


def weight(kept: Kept, alert: float = 12, entity: str = "shop", **moved: Any) -> float:
    given = {"table": "metric", "rule": f"metric:{LATE}", "weight": 0.5, "precision": 1} | moved
    found = table(
        signal(0, 10, "shop", "fault", **given),
        signal(1, alert, entity, "alert_firing", title="too late"),
    )
    said = watched.weighed(found, kept)  # type: ignore[arg-type]
    assert said.filter(pl.col("role") == "alert_firing")["weight"].to_list() == [3.0]
    return float(said.filter(pl.col("role") == "fault")["weight"].item())


@pytest.mark.parametrize(
    ("kept", "harms"),
    [
        (Kept(f"{LATE} is above 0.1"), True),
        (Kept(None, metric=LATE), True),
        (Kept("late", metric="orders_late_share.p99"), False),
        (Kept("late", metric="old_orders_late_share"), False),
        (Kept("late"), False),
        (Kept(f"see {LATE}."), True),
    ],
)
def test_a_metric_harms_where_an_alert_names_it_whole(kept: Kept, harms: bool) -> None:
    assert weight(kept) == (metric_signals.HARM if harms else 0.5)


@pytest.mark.parametrize(("alert", "harms"), [(9, False), (10, True), (35, True), (46, False)])
def test_it_fires_while_the_metric_is_off_its_level(alert: float, harms: bool) -> None:
    moved = signal(0, 30, "shop", "fault")["time"]
    assert weight(Kept(LATE), alert, end=moved) == (metric_signals.HARM if harms else 0.5)


@pytest.mark.parametrize(
    ("rule", "title", "says", "harms"),
    [
        ("missing_rows_share", "rose from 0.01 to 1.0", "0.25 of rows missing", True),
        ("missing_rows_share", "fell from 0.9 to 0.2", "share above 0.8", False),
        ("rows_share", "rose from 0.01 to 1.0", "0.25 of rows missing", False),
    ],
)
def test_a_word_of_its_own_name_does_not_say_that_too_little_of_it_is_meant(
    rule: str, title: str, says: str, *, harms: bool
) -> None:
    found = weight(Kept(f"{rule}: {says}"), rule=f"metric:{rule}", title=f"{rule} {title}")
    assert found == (metric_signals.HARM if harms else 0.5)


def test_the_alert_is_of_the_same_entity() -> None:
    assert weight(Kept(LATE), entity="mail") == 0.5


def test_a_name_as_short_as_a_word_is_not_looked_for() -> None:
    assert weight(Kept("too low: cpu"), rule="metric:cpu") == 0.5


@pytest.mark.parametrize(
    ("metric", "verb", "harms"),
    [
        ("cpu_utilization", "rose", False),
        ("db_connections_used", "fell", True),
        ("free_memory", "fell", False),
        ("http_5xx_ratio", "rose", False),
    ],
)
def test_a_metric_whose_name_tells_what_its_move_means_is_weighed_already(
    metric: str, verb: str, harms: bool
) -> None:
    title = f"{metric} {verb} from 60 to 20"
    given = weight(Kept(metric), rule=f"metric:{metric}", title=title)
    assert given == (metric_signals.HARM if harms else 0.5)


@pytest.mark.parametrize(
    ("says", "moved", "harms"),
    [
        ("is above 0.1", "fell from 0.4 to 0.1", False),
        ("is above 0.1", "rose from 0.1 to 0.4", True),
        ("dropped below 0.1", "fell from 0.4 to 0.05", True),
        ("dropped below 0.1", "rose from 0.1 to 0.4", False),
        ("is odd", "fell from 0.4 to 0.1", True),
        ("is high, where it was low before", "fell from 0.4 to 0.1", True),
    ],
)
def test_what_moved_the_other_way_than_an_alert_says_does_not_harm(
    says: str, moved: str, *, harms: bool
) -> None:
    found = weight(Kept(f"{LATE} {says}"), title=f"{LATE} {moved}")
    assert found == (metric_signals.HARM if harms else 0.5)


FEWER = {
    "table": "metric", "kind": "metric_change", "weight": metric_signals.HARM,
    "rule": "metric:DatabaseConnections", "title": "DatabaseConnections fell from 640 to 80",
}  # fmt: skip
LESS_USED = {
    "table": "metric", "kind": "metric_change", "weight": 0.5, "rule": "metric:CPUUtilization",
    "title": "CPUUtilization fell from 46 to 31",
}  # fmt: skip
LESS_DONE = LESS_USED | {"rule": "metric:CommitThroughput", "title": "CommitThroughput fell"}


@pytest.mark.parametrize(
    ("others", "harms"),
    [
        ([], False),
        ([signal(1, 11, "db", "fault", **LESS_USED)], False),
        ([signal(1, 11, "db", "fault", **LESS_DONE)], True),
        ([signal(1, 11, "shop", "fault", title="cannot connect")], True),
        ([signal(1, 40, "shop", "fault", title="cannot connect")], False),
    ],
)
def test_connections_that_went_away_harm_where_anything_else_is_amiss(
    others: list[Any], *, harms: bool
) -> None:
    found = watched.connected(table(signal(0, 10, "db", "fault", **FEWER), *others))
    assert found["weight"][0] == (metric_signals.HARM if harms else 0.5)


@pytest.mark.parametrize(
    ("alert", "end", "harms"), [(26, None, True), (10, None, False), (26, 60, False)]
)
def test_it_fires_as_what_climbs_for_good_passes_its_threshold(
    alert: float, end: float | None, harms: bool
) -> None:
    moved = signal(0, 30, "shop", "fault")["time"]
    back = None if end is None else signal(0, end, "shop", "fault")["time"]
    assert weight(Kept(LATE), alert, time=moved, end=back) == (
        metric_signals.HARM if harms else 0.5
    )
