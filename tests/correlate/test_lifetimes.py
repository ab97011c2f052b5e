"""What was kept for seconds is not what was missing for an hour."""

from dataclasses import replace

import pytest

from nova_timeline.correlate import lifetimes
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.merged import Change
from nova_timeline.correlate.scene import Scene
from nova_timeline.correlate.symptoms import Symptom

from .changes import change, record
from .scenes import at, calls, signal

MISSING = Symptom("get item 7 404 cache hit", "shop", True, 1, 50, is_error=True)


def lasting(until: float | None) -> Scene:
    end = None if until is None else at(until)
    fault = signal(
        9, 40, "shop", "fault", kind="metric_change", end=end, title="n rose from 1 to 9"
    )
    cascade = Cascade("shop", ("shop",), (fault,), {"shop": 0})
    return Scene(cascade, at(40), calls("web>shop"), {}, (), ())


@pytest.mark.parametrize(
    ("diff", "until", "over"),
    [
        ("-  ttl = 0s;\n+  ttl = 20s;\n", None, True),
        ("-  max_age: 5\n+  max_age: 30\n", 60, True),
        ("-  ttl = 0s;\n+  ttl = 20s;\n", 42, False),
        ("-  ttl = 0s;\n+  ttl = 2h;\n", None, False),
        ("-  ttl = 0s;\n+  ttl = 20s;\n+  drop(req.cookies);\n", None, False),
        ("-  port = 1\n+  port = 20\n", None, False),
    ],
)
def test_it_lasted_far_longer(diff: str, until: float | None, over: bool) -> None:
    assert lifetimes.is_over(change(diff=diff), MISSING, lasting(until)) is over


def test_what_is_handed_to_the_wrong_one_goes_on_however_short_it_is_kept() -> None:
    mixed = replace(MISSING, raw="the page of another user")
    diff = "-  ttl = 0s;\n+  ttl = 20s;\n"
    assert not lifetimes.is_over(change(diff=diff), mixed, lasting(None))


@pytest.mark.parametrize(
    ("diff", "since", "is_passed"),
    [
        ("-expiry_interval = 0s\n+expiry_interval = 30m\n", 8, True),
        ("-expiry_interval = 0s\n+expiry_interval = 30m\n", 1, False),
        ("-expiry_interval = 0s\n+expiry_interval = 30m\n", 13, False),
        ("-upload_window = 10s\n+upload_window = 30m\n", 8, False),
    ],
)
def test_it_began_when_the_time_had_passed(diff: str, since: float, is_passed: bool) -> None:
    one, held = record(0, since, "shop", "x", diff=diff)
    change_ = Change(one, (), ("x",), (held,))
    assert (lifetimes.passed(change_, at(since), lasting(None)) is not None) is is_passed
    beside = Change({**one, "entity": "other"}, (), ("x",), (held,))
    assert lifetimes.passed(beside, at(since), lasting(None)) is None
