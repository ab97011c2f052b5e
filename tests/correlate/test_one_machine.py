"""Where all that fails names one machine, which ails itself, it is no change to all of them."""

from typing import Any

import pytest

from nova_timeline.correlate import failures, notable, one_machine, ranking, slabs
from nova_timeline.correlate.departures import Departure
from nova_timeline.correlate.failures import Line

from .changes import record
from .scenes import WINDOW, at, calls, cells, events, spooled
from .test_timing import MINUTE, ONSET, PLAIN, scene

DRIFT = Departure("node/n-17", "clock_offset_seconds", at(20), MINUTE, climbs=True)
ISSUED = (("token.issued_on", "n-17"),)


def said(count: int = 60, shared: tuple[tuple[str, str], ...] = ISSUED) -> Line:
    return Line("shop", count, 13, ("token rejected",) * 6, shared)


def test_the_machine_that_all_records_name_goes_before_a_change_to_all_machines() -> None:
    change = record(0, 55, "shop", "a", diff=PLAIN)
    where = scene(change, lines=(said(), said(2, ())), departures=(DRIFT,))
    first, *others = ranking.rank(where)
    assert first.place == "node/n-17"
    assert first.terms[0].text == "60 of 62 records that fail name node/n-17, and no other machine"
    assert "its clock_offset_seconds left its level 40m00s before" in [t.text for t in first.terms]
    assert any(c.is_change for c in others)


@pytest.mark.parametrize(
    "over",
    [
        {"departures": ()},  # it ails nothing
        {"lines": (said(4),)},  # a few records
        {"lines": (said(60), said(90, ()))},  # most say nothing of it
        {"lines": (said(60, (("token.issued_on", "n-18"),)),)},
        {"lines": (said(60, (("host.name", "n-17"),)),)},  # where all of it may run
        {"departures": (Departure("node/n-17", "clock", at(ONSET), MINUTE, climbs=True),)},
        {"topology": calls("shop>node/n-17")},  # what is called is judged by its calls
    ],
)
def test_what_shows_no_machine_is_no_candidate(over: dict[str, Any]) -> None:
    known: dict[str, Any] = {"lines": (said(),), "departures": (DRIFT,)}
    assert one_machine.candidates(scene(**known))
    assert one_machine.candidates(scene(**known | over)) == []


def test_lines_tell_which_attributes_all_of_them_share() -> None:
    given = [
        {"timestamp": 40 + i, "entity": "shop", "body": "token rejected", "severity_number": 13,
         "kind": "log", "attributes": {"token.issued_on": "n-17", "user": f"u{i}"}}
        for i in range(5)
    ]  # fmt: skip
    kept = spooled(notable.rows(events(*given, given[0] | {"body": "gone", "timestamp": 41})))
    cut = slabs.cut(kept, cells(kept, WINDOW), (), WINDOW, 3)
    counts = failures.count(cut, [at(30)], at(60), WINDOW, slabs.one_by_one)
    found = failures.lines(cut, counts[at(30)], ["shop"])
    assert [(line.count, line.shared) for line in found] == [(5, ISSUED), (1, ())]
