"""What announced work sets off inside its window is no incident; all else is."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from nova_timeline.correlate import episode, planned
from nova_timeline.correlate.episode import Signal
from nova_timeline.model import PLANNED

from .scenes import MINUTE, at, calls, signal, table

TUESDAY = "tue:13:30-tue:14:00"  # the first half hour of these scenes
SHAPE = calls("shop>orders-db")
WORK = signal(
    0, 5, "orders-db", "change", kind="operator_action", rule=planned.WORK, title="patching"
)
MOVED = {"kind": "metric_change", "table": "metric", "precision": MINUTE}
DROP = signal(1, 5, "orders-db", "fault", end=at(9), **MOVED)
ALERT = signal(2, 12, "orders-db", "alert_firing")


@dataclass(frozen=True)
class Kept:
    """Records of which the alert quotes a window."""

    said: str

    def take(self, rows: Any, columns: list[str]) -> pa.Table:
        """Read the records behind some rows."""
        assert columns == ["body", "attributes"]
        told = [self.said if row == ALERT["row"] else None for row in np.asarray(rows).tolist()]
        kind = pa.map_(pa.string(), pa.string())
        held = [[("PreferredMaintenanceWindow", text)] if text else None for text in told]
        return pa.table(
            {"body": pa.nulls(len(told), pa.string()), "attributes": pa.array(held, kind)}
        )


def told(*signs: Signal, window: str = TUESDAY) -> tuple[pl.DataFrame, episode.Episode | None]:
    find = partial(episode.find, topology=SHAPE)
    return planned.set_apart(table(*signs), Kept(window), find)  # type: ignore[arg-type]


def test_what_announced_work_sets_off_is_no_incident_and_is_said_to_be_planned() -> None:
    found, trouble = told(WORK, DROP, ALERT)
    assert trouble is None
    [notice] = found.filter(rule=PLANNED).to_dicts()
    assert notice["title"] == f"orders-db: planned maintenance, within its window {TUESDAY}"
    assert (notice["role"], notice["time"]) == ("notice", WORK["time"])
    assert (notice["row"], notice["rows"]) == (WORK["row"], [ALERT["row"]])


@pytest.mark.parametrize(
    "window", ["mon:13:30-mon:14:00", "tue:13:36-tue:14:00", "tue:13:30-tue:13:40", "on Tuesdays"]
)
def test_work_outside_its_window_or_without_one_is_an_incident(window: str) -> None:
    found, trouble = told(WORK, DROP, ALERT, window=window)
    assert trouble is not None
    assert found.filter(rule=PLANNED).is_empty()


def test_a_window_may_go_over_midnight_and_the_end_of_the_week() -> None:
    assert told(WORK, DROP, ALERT, window="sun:23:30-tue:13:50")[1] is None
    assert told(WORK, DROP, ALERT, window="fri:23:30-mon:00:30")[1] is not None


@pytest.mark.parametrize(
    "sign",
    [
        signal(3, 20, "orders-db", "fault", severity=13, end=at(35)),  # beyond the window
        signal(3, 1, "orders-db", "fault", severity=13),  # before the work
        signal(3, 6, "orders-db", "fault", severity=17),  # an error of its own
        signal(3, 6, "shop", "fault", severity=13),  # somebody who calls it
        signal(3, 6, "orders-db", "fault", **MOVED),  # never came back
    ],
)
def test_what_maintenance_does_not_explain_keeps_it_an_incident(sign: Signal) -> None:
    assert told(WORK, DROP, ALERT, sign)[1] is not None


def test_without_work_a_window_explains_nothing() -> None:
    assert told(DROP, ALERT)[1] is not None


def test_another_incident_is_found_behind_planned_work() -> None:
    later = [signal(3, 60, "shop", "fault"), signal(4, 61, "shop", "alert_firing")]
    found, trouble = told(WORK, DROP, ALERT, *later)
    assert trouble is not None
    assert trouble.entities == ("shop",)
    assert len(found.filter(rule=PLANNED)) == 1
