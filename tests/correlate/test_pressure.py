"""What runs full since more is asked of it was on its way when more began to be asked."""

from typing import Any

import pytest

from nova_timeline.correlate.departures import Departure

from .changes import record
from .scenes import at, signal
from .test_timing import MINUTE, ONSET, PLAIN, judged, scene, weights

CLIMB = Departure("shop", "requests_per_sec", at(40), MINUTE, climbs=True)


def faults(times: float, category: str = "resource_exhaustion") -> dict[str, Any]:
    more = signal(88, 42, "shop", "fault", kind="metric_change", category="traffic",
                  rule="metric:requests_per_sec", table="metric",
                  title=f"requests_per_sec rose from 100 to {100 * times:g}")  # fmt: skip
    full = signal(90, ONSET, "shop", "fault", title="no free worker", count=30, category=category)
    return {"faults": (more, full), "departures": (CLIMB,)}


def test_a_change_that_came_while_requests_multiplied_already_did_not_begin_it() -> None:
    early, late = record(0, 39, "shop", "a", diff=PLAIN), record(1, 58, "shop", "b", diff=PLAIN)
    first, second = judged(scene(early, late, **faults(7)))
    assert weights(first, "began") == [0.2]
    assert weights(second, "began") == [-0.3]
    [text] = [t.text for t in second.terms if t.about == "began"]
    assert text == "requests_per_sec had been on its way for 18m00s when it came"


@pytest.mark.parametrize(("times", "category"), [(1.4, "resource_exhaustion"), (7, "data")])
def test_a_few_more_requests_or_a_failure_of_another_kind_excuse_no_change(
    times: float, category: str
) -> None:
    [found] = judged(scene(record(0, 58, "shop", "b", diff=PLAIN), **faults(times, category)))
    assert weights(found, "began") == []
