"""What others tell of trouble of theirs is held against what our own records show of it."""

import pytest

from nova_timeline.correlate import judgements, merged, triggers

from .changes import record
from .scenes import at
from .test_triggers import ONSET, scene

SPAN = {"title": "POST api.llmhost.com/v1/messages: status 529"}
NAMED = {"title": 'llmhost: 529 {"type": "overloaded_error"}'}
PASSED = {"title": "thread aborted: 529 overloaded_error after 2 retries"}
OTHER = {"title": "thread aborted: unknown tool"}
NOTICE = {
    "title": "cloud: a provider tells of trouble: cloud status: degraded: packet loss in one zone",
    "entity": "cloud", "time": at(ONSET), "count": 1, "severity": 13,
    "rule": "cloud_health.status-page", "category": "external_provider",
}  # fmt: skip
METRIC = {"kind": "metric_change", "severity": 13, "count": 1}


def test_errors_that_name_who_has_the_host_or_pass_on_its_status_are_the_provider_s() -> None:
    [found] = triggers.found(scene(SPAN, NAMED, PASSED))
    assert "100%" in found.terms[1].text
    assert "api.llmhost.com" in found.terms[0].text
    assert triggers.found(scene(SPAN, OTHER, OTHER)) == []


@pytest.mark.parametrize(
    ("metric", "shown"),
    [
        ("broker_2_network_retransmit_ratio rose from 0.001 to 0.4", True),
        ("queue_depth rose from 1 to 40", False),
    ],
)
def test_a_metric_of_the_kind_that_a_provider_tells_of_bears_it_out(
    metric: str, shown: bool
) -> None:
    moved = METRIC | {"title": metric}
    known = {"title": "produce failed: loss of a broker"}
    [found] = [c for c in triggers.found(scene(known, moved, NOTICE)) if c.place == "cloud"]
    assert any("shows it too" in t.text for t in found.terms) == shown


@pytest.mark.parametrize(
    ("used", "is_same"),
    [("PX-20260303", True), ("px-20260303", True), ("PX-20260302", False), ("20260303", False)],
)
def test_what_works_on_the_delivery_that_a_provider_tells_of_fails_with_it(
    used: str, *, is_same: bool
) -> None:
    """The notice came long before, and what works on the data does its work without an error."""
    told = NOTICE | {"title": "Price Data status: identified: units missing in PX-20260303",
                     "time": at(ONSET - 15)}  # fmt: skip
    works = {"title": f"priced 4 of 90 by list={used}", "severity": 13}
    [found] = [c for c in triggers.found(scene(works, told)) if c.place == "cloud"]
    assert any("the very thing" in t.text for t in found.terms) is is_same
    assert (found.score > triggers.STRONG) is is_same


def test_the_words_of_a_notice_are_not_what_a_change_breaks_like() -> None:
    lost = record(0, 39, "shop", "b", diff="-route: packet\n+route: loss\n")
    told = scene({"title": "no answer"}, NOTICE, changes=(lost,))
    [one] = merged.one_each(told)
    found = judgements.of_change(one, told)
    assert found is not None
    assert [t.weight < 0 for t in found.terms if t.about == "words"] == [True]
