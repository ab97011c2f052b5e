"""When a schedule first asks for a run is read off its five fields."""

import pytest

from nova_timeline import clock
from nova_timeline.correlate import deadlines, schedules
from nova_timeline.correlate.settings import Setting


@pytest.mark.parametrize(
    ("schedule", "run"),
    [
        ('"* 2 * * *"', "2026-07-16T02:00"),
        ("*/15 * * * *", "2026-07-15T17:15"),
        ("0 3 * * 0", "2026-07-19T03:00"),  # a Sunday
        ("30 4 * * 7", "2026-07-19T04:30"),
        ("0 9-17/4 20 7 *", "2026-07-20T09:00"),
        ("0 0 17 * 0", "2026-07-17T00:00"),  # either day
        ("0 0 1 1 *", None),
        ("0 0 0 * *", None),
        ("a b c d e", None),
        ("5 minutes", None),
    ],
)
def test_a_run_is_due_at_the_first_minute_that_all_fields_name(
    schedule: str, run: str | None
) -> None:
    since, until = (deadlines.moment(f"2026-07-{d}T17:05:00Z") for d in (15, 22))
    assert since is not None
    assert until is not None
    found = schedules.first_run([Setting("schedule", "", schedule)], since, until)
    assert (None if found is None else clock.rfc3339(found)[:16]) == run
