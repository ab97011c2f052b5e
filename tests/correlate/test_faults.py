"""What a fault is that comes of itself, where only other signs tell of it."""

import pytest

from nova_timeline.correlate import faults
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.scene import Scene

from .scenes import at, calls, signal

ONSET = 40
SLOW = "CommitLatency rose from 1.8 to 5.2"


def category(*titles: str) -> str | None:
    """Let metrics of db leave their level, the latency first; say what that is a case of."""
    made = [
        signal(i, ONSET + i, "db", "fault", title=t, kind="metric_change", table="metric")
        for i, t in enumerate((SLOW, *titles))
    ]
    cascade = Cascade("db", ("db",), tuple(made), {"db": 0})
    found = faults.of_trigger(made[0], Scene(cascade, at(ONSET), calls("web>db"), {}, (), ()))
    return found.category


@pytest.mark.parametrize(
    "load",
    ["DBLoad", "node_load1", "system.load.5", "mysql.threads_running", "active_sessions",
     "procs_running"],
)  # fmt: skip
def test_much_more_at_work_at_once_is_a_lack_of_processor_time(load: str) -> None:
    assert category(f"{load} rose from 2.2 to 31.9") == "resource_exhaustion"


def test_a_little_more_is_not() -> None:
    assert category("DBLoad rose from 2.2 to 3.1") is None
    assert category("payload rose from 2.2 to 31.9") is None


@pytest.mark.parametrize("disk", ["ReadIOPS", "WriteLatency", "DiskQueueDepth", "node_iowait"])
def test_nor_is_what_waits_for_a_disk(disk: str) -> None:
    assert category("DBLoad rose from 2.2 to 31.9", f"{disk} rose from 1 to 90") is None
    assert category("DBLoad rose from 2.2 to 31.9", f"{disk} fell from 90 to 1") is not None
