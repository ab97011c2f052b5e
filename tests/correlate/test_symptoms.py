"""What failed is told by what its records say, without what they are found by."""

import pytest

from nova_timeline.correlate import symptoms
from nova_timeline.correlate.failures import Line
from nova_timeline.correlate.symptoms import Symptom

from .scenes import at, signal

SIGNS = (signal(3, 40, "shop-api", "fault"), signal(5, 41, "mail-out", "fault"))


def text(raw: str, entity: str = "exporter") -> str:
    return " ".join(Symptom(raw, entity, True, 0, 1, True).text.split())


def test_what_a_record_is_found_by_is_no_sign() -> None:
    assert text("gave up trace_id=98f410e7 after 3 s") == "gave up after 3 s"
    assert "410" not in text('gave up {"request_id": "410"}')


def test_whose_record_it_is_is_no_sign() -> None:
    assert text("exporter: gave up") == text("exporter gave up") == "gave up"
    assert text("exporter-queue is full") == "exporter queue is full"
    assert text("cannot reach exporter") == "cannot reach exporter"


def test_what_others_say_of_one_in_trouble_is_its_trouble() -> None:
    lines = (
        Line("scheduler", 9, 13, ("pod/shop-api-5c9d was preempted",) * 6, (), at(38)),
        Line("scheduler", 2, 17, ("pod/mail-out-77f1 is pending",)),
        Line("scheduler", 4, 13, ("pod/other-api-12ab was preempted",)),
    )
    ours, theirs = symptoms.of_hearsay(lines, SIGNS, {"shop-api"})
    assert (ours.entity, ours.at_root, ours.signal, ours.count) == ("shop-api", True, 3, 9)
    assert (ours.is_error, ours.time, ours.teller) == (False, at(38), "scheduler")
    assert (theirs.entity, theirs.at_root, theirs.is_error) == ("mail-out", False, True)


def test_what_a_proxy_says_of_whom_it_passes_on_to_is_that_ones_trouble() -> None:
    signs = (signal(3, 40, "edge", "fault"),)
    shared = (("http.route", "/quotes"), ("upstream_cluster", "shop-api"))
    lines = (
        Line("edge", 9, 17, ("503 UF delayed connect error: 111",) * 6, shared),
        Line("edge", 2, 17, ("503 UF delayed connect error: 111",) * 6, shared[:1]),
    )
    behind, own = symptoms.of_lines(lines, signs, {"shop-api"})
    assert (behind.entity, behind.at_root, behind.shared) == ("edge", True, shared)
    assert not own.at_root


def test_what_those_say_who_show_nothing_else_is_cited_by_the_root() -> None:
    said = (Line("store", 3, 17, ("shard 2 is full",), (), at(40)),)
    (one,) = symptoms.of_apart(said, (3,), at_root=True)
    assert (one.entity, one.at_root, one.signal, one.raw) == ("store", True, 3, "shard 2 is full")
    assert symptoms.of_apart(said, (), at_root=True) == []


def test_how_a_title_counts_records_is_no_sign() -> None:
    assert text("Burst of 5 log records, never seen before: no such key") == "no such key"
    assert text("Burst of 5 log records: burst credits are gone") == "burst credits are gone"


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Writes fail. The store failed over at 03:02Z.", "Writes fail."),
        ("Writes fail. The store failed over at 13:50:10 UTC.", None),
        ("Writes fail since 03:02Z. Reads do not.", None),
        ("Writes fail. Keys were made anew at 03:02.", None),
        ("Renewed at 02:00Z and read at 13:50Z. Writes fail.", None),
    ],
)
def test_what_an_alert_says_of_long_before_is_no_sign(told: str, kept: str | None) -> None:
    alert = signal(3, 40, "shop-api", "alert_firing")  # at 14:10
    assert symptoms.of_sign(alert, told, ()).raw == (kept or told)
    fault = signal(3, 40, "shop-api", "fault")
    assert symptoms.of_sign(fault, told, ()).raw == told


def test_whose_alert_it_is_is_no_sign_in_any_line() -> None:
    raw = "name-lookup: an alert fires: name-lookup: 9 calls fail\nname-lookup: 9 calls fail"
    assert text(raw, "name-lookup") == "an alert fires 9 calls fail 9 calls fail"
