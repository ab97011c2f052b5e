"""What was told to end at a time explains a failure that begins then, and no other."""

from dataclasses import replace

import pytest

from nova_timeline import clock
from nova_timeline.correlate import deadlines, notable, ranking, slabs
from nova_timeline.correlate.deadlines import Deadline
from nova_timeline.correlate.trends import Trend

from .changes import record
from .scenes import WINDOW, at, cells, events, spooled
from .test_triggers import ONSET, scene

TOLD = "oauth client secret of the jira app expires at {}"
NOW = clock.rfc3339(at(ONSET))
ENDS = Deadline("shop", TOLD.format(NOW), at(ONSET))
REFUSED = {"title": "token refresh failed: 401 invalid_client from the jira app"}
ROTATED = record(
    0, 39, "shop", "shop: read the client secret elsewhere",
    diff="-  clientSecret: jira-a\n+  clientSecret: jira-b\n", files=["deploy/secrets.yaml"],
)  # fmt: skip


def found(*given: tuple[float, str, int, str | None]) -> list[tuple[str, int]]:
    made = events(
        *(
            {"timestamp": t, "entity": "shop", "body": b, "severity_number": s, "role": r}
            | {"kind": "log" if r is None else "alert"}
            for t, b, s, r in given
        )
    )
    kept = spooled(notable.rows(made))
    cut = slabs.cut(kept, cells(kept, WINDOW), (), WINDOW, 3)
    read = deadlines.find(cut, at(ONSET), slabs.one_by_one)
    return [(d.entity, d.time) for d in read]


def test_what_a_warning_told_well_ahead_or_an_alert_at_any_time_is_found() -> None:
    assert found((2, TOLD.format(NOW), 13, None)) == [("shop", at(ONSET))]
    assert found((45, TOLD.format(NOW), 17, "alert_firing")) == [("shop", at(ONSET))]


def test_what_is_told_just_before_or_ends_at_another_time_is_not() -> None:
    assert found((35, TOLD.format(NOW), 13, None)) == []
    assert found((2, TOLD.format(clock.rfc3339(at(ONSET + 20))), 13, None)) == []
    assert found((2, TOLD.format("2026-13-45T99:00:00Z"), 13, None)) == []


@pytest.mark.parametrize(
    "text",
    [
        "secret valid_until is 2026-03-03T12:00:00Z",
        "notAfter=Mar  3 12:00:00 2026 GMT",
        "licence ends on Tue, 03 Mar 2026 12:00:00 GMT",
        "v1 is retired 2026-03-03 12:00 UTC",
        "token has expired: issued 2026-02-24, 7d at most (maxTimestamp 2026-03-03T12:00:00Z)",
    ],
)
def test_an_end_is_read_however_it_is_written(text: str) -> None:
    noon = deadlines.moment("2026-03-03T12:00:00Z")
    assert noon is not None
    assert deadlines.told(text, noon) == noon
    assert deadlines.told(text, noon + 2 * deadlines.OFF) is None


def test_even_a_change_that_breaks_like_this_gives_way_to_an_end_that_was_told_of() -> None:
    first, *_ = ranking.rank(scene(REFUSED, changes=(ROTATED,)))
    assert first.is_change
    first, *_ = ranking.rank(scene(REFUSED, changes=(ROTATED,), deadlines=(ENDS,)))
    assert not first.is_change
    assert first.category == "certificate"


def test_an_end_that_has_nothing_to_do_with_what_failed_explains_nothing() -> None:
    other = Deadline("mail", f"licence of the newsletter ends on {NOW}", at(ONSET))
    assert deadlines.candidates(scene(REFUSED, deadlines=(other,))) == []


def test_a_gauge_that_ran_down_to_its_end_dates_the_failure() -> None:
    gauge = Trend("shop", "credential_seconds_until_expiry", at(0), 60_000_000_000, 0.0)
    [found] = deadlines.candidates(scene(REFUSED, trends=(gauge,)))
    assert (found.category, found.place) == ("certificate", "shop")
    assert deadlines.DATED in {t.about for t in found.terms}
    first, *_ = ranking.rank(scene(REFUSED, changes=(ROTATED,), trends=(gauge,)))
    assert not first.is_change
    called = scene(REFUSED, trends=(replace(gauge, entity="db"),))
    assert [c.category for c in deadlines.candidates(called)] == ["certificate"]
    for other in (
        replace(gauge, limit=1800.0), replace(gauge, metric="disk_free_percent"),
        replace(gauge, entity="mail"),
    ):  # fmt: skip
        assert deadlines.candidates(scene(REFUSED, trends=(other,))) == []
