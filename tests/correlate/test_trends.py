"""What ran out at one pace did so whatever was changed on the way."""

from collections.abc import Callable

import numpy as np
import pytest

from nova_timeline.correlate import notable, slabs, trends, triggers
from nova_timeline.correlate.trends import Trend

from .changes import record
from .scenes import at, metrics, signal
from .test_timing import MINUTE, ONSET, PLAIN, judged, scene, weights

SEQUENCE = Trend("db", "last_value", at(0), MINUTE, 2147483647.0)
DISK = Trend("db", "disk_used_percent", at(0), MINUTE, 99.4)


def series(value: Callable[[int], float], stop: int = ONSET) -> list[float]:
    """Run by a rule until a minute, and stand still after it."""
    return [value(min(i, stop)) for i in range(90)]


def noisy(minute: int) -> float:
    return 40 + 0.9 * minute + 0.1 * float(np.sin(minute * 7.0))


CASES = [
    ("a count", series(lambda i: 2e9 + 138_000 * i), True),
    ("a share with some noise", series(noisy), True),
    ("what is left", series(lambda i: 60.0 - i), True),
    ("one that goes on", series(lambda i: 5.0 * i, stop=90), False),
    ("one that began on the way", series(lambda i: float(max(0, i - 30))), False),
    ("one that a change made faster", series(lambda i: i + 3.0 * max(0, i - 45)), False),
    ("one that stands", series(lambda _: 7.0), False),
    ("one that comes and goes", series(lambda i: 50 + 30 * float(np.sin(i / 5))), False),
]


@pytest.mark.parametrize(("name", "values", "runs"), CASES, ids=[c[0] for c in CASES])
def test_what_runs_at_one_pace_and_stops_is_found(
    name: str, values: list[float], runs: bool
) -> None:
    points = notable.points(metrics(("db", name, values), ("web", name, values)))
    found = trends.find([points], {"db"}, at(ONSET), slabs.one_by_one)
    assert [(t.entity, t.metric, t.limit) for t in found] == [("db", name, values[-1])] * runs


@pytest.mark.parametrize(
    ("metric", "passes", "limit"),
    [
        ("token_seconds_until_max_lifetime", ONSET, [0.0]),
        ("credential_seconds_until_expiry", ONSET - 30, []),
        ("stock_left", ONSET, []),
    ],
)
def test_a_gauge_of_validity_goes_on_below_its_end(
    metric: str, passes: int, limit: list[float]
) -> None:
    values = [60.0 * (passes - i) for i in range(90)]
    points = notable.points(metrics(("db", metric, values)))
    found = trends.find([points], {"db"}, at(ONSET), slabs.one_by_one)
    assert [t.limit for t in found] == limit


def test_a_few_points_show_no_pace() -> None:
    time = np.array([at(i) for i in range(90)])
    value = np.array(series(lambda i: 5.0 * i))
    short = slice(50, None)
    assert trends.trend("db", "m", time, value, at(ONSET)) is not None
    assert trends.trend("db", "m", time[short], value[short], at(ONSET)) is None


@pytest.mark.parametrize(
    ("trend", "said", "held"),
    [
        (SEQUENCE, 'reached maximum value of sequence "a_id_seq" (2147483647)', True),
        (SEQUENCE, "order 21474 failed", False),
        (DISK, "could not extend file", True),
        (Trend("db", "requests_total", at(0), MINUTE, 81_250.0), "no answer", False),
    ],
)
def test_a_change_on_the_way_did_not_bring_it_to_its_limit(
    trend: Trend, said: str, held: bool
) -> None:
    fault = signal(90, ONSET, "shop", "fault", title=said, count=30)
    changes = record(0, 1, "shop", "a", diff=PLAIN), record(1, 40, "shop", "b", diff=PLAIN)
    first, second = judged(scene(*changes, faults=(fault,), trends=(trend,)))
    assert weights(first, "began") == []
    assert weights(second, "began") == [-trends.AGAINST] * held


def test_what_ran_out_by_itself_is_told_with_where_it_ran_to() -> None:
    said = 'nextval: reached maximum value of sequence "a_id_seq" (2147483647)'
    fault = signal(90, ONSET, "shop", "fault", title=said, count=30)
    [found] = triggers.found(scene(faults=(fault,), trends=(SEQUENCE,)))
    [text] = [t.text for t in found.terms if "pace" in t.text]
    assert text == "last_value of db ran to 2147483647 at one pace for 1h00m"
