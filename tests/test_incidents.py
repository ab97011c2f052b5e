"""The bundled incidents, held against what is known to have happened: ``truth.json``."""

import json
from datetime import datetime
from typing import Any

import pytest

from nova_timeline import clock
from nova_timeline.model import Moment
from nova_timeline.timeline import Timeline
from tests import runs

TRUTH: dict[str, Any] = json.loads((runs.BUNDLED / "truth.json").read_text())
QUIET: dict[str, Any] = json.loads((runs.QUIET / "truth.json").read_text())
STEPS = ("onset", "detected", "acknowledged", "mitigated", "recovered")
SECOND = 1_000_000_000
every_step = pytest.mark.parametrize("step", STEPS)


def time_of(text: str) -> int:
    return clock.nanoseconds(datetime.fromisoformat(text))


@pytest.fixture(scope="module")
def moments(bundled: Timeline) -> dict[str, Moment]:
    return {m.id: m for m in bundled.moments}


def test_there_is_an_incident(bundled: Timeline) -> None:
    assert bundled.verdict == "incident"


@every_step
def test_each_step_is_dated_right(step: str, bundled: Timeline) -> None:
    told = TRUTH[step]
    off = (bundled.phases[step].time - time_of(told["time"])) / SECOND
    assert abs(off) <= told["tolerance_s"], f"{step} is {off:+.1f} s off"


@every_step
def test_each_step_is_shown_by_the_right_entity(
    step: str, bundled: Timeline, moments: dict[str, Moment]
) -> None:
    assert moments[bundled.phases[step].moment].entity == TRUTH[step]["entity"]


def test_the_best_cause_is_the_guilty_change(bundled: Timeline) -> None:
    told, best = TRUTH["root_cause"], bundled.root_causes[0]
    assert best.rank == 1
    assert (best.entity, best.category) == (told["entity"], told["category"])
    assert best.change_id in {told["change_id"], *told["also"]}


def test_the_best_cause_happened_when_the_change_was_made(
    bundled: Timeline, moments: dict[str, Moment]
) -> None:
    moment = bundled.root_causes[0].moment
    assert moment is not None
    assert abs(moments[moment].time - time_of(TRUTH["root_cause"]["time"])) < SECOND


def test_no_decoy_is_the_best_cause(bundled: Timeline, moments: dict[str, Moment]) -> None:
    best = bundled.root_causes[0]
    moment = moments[best.moment or ""]
    told = {best.change_id, moment.change_id} | {
        word for text in (best.title, moment.title) for word in text.split()
    }
    assert not told & set(TRUTH["decoys"])


def test_the_guilty_change_leads_by_far(bundled: Timeline) -> None:
    first, second = bundled.root_causes[:2]
    assert first.confidence > 0.5
    assert first.score > second.score + 0.1


def test_the_fix_that_did_not_work_is_not_the_mitigation(bundled: Timeline) -> None:
    for failed in TRUTH["failed_mitigations"]:
        assert abs(bundled.phases["mitigated"].time - time_of(failed["time"])) > 60 * SECOND


def test_one_cascade_begins_at_the_root_and_reaches_every_alert(
    bundled: Timeline, moments: dict[str, Moment]
) -> None:
    told = TRUTH["cascade"]
    largest = max(bundled.cascades, key=lambda c: len(c.moments))
    assert largest.root_entity == told["root_entity"]
    assert moments[largest.root_moment].entity == told["root_entity"]
    alerts = [moments[m] for m in largest.moments if moments[m].role == "alert_firing"]
    assert len(alerts) >= 6
    cited = [bundled.findings.evidence[e].excerpt for m in alerts for e in m.evidence]
    said = " ".join(cited).replace("-", " ")
    assert [a for a in told["alerts"] if a.replace("-", " ") not in said] == []


def test_the_cascade_stays_inside_the_blast_radius(bundled: Timeline) -> None:
    reached = {e for c in bundled.cascades for e in c.entities}
    told = set(TRUTH["cascade"]["entities"])
    assert {"orders-db", "payments", "checkout", "web", "order-worker"} <= reached
    assert reached <= told


@pytest.mark.parametrize(("effect", "cause"), TRUTH["links"])
def test_each_effect_is_led_back_to_its_cause(
    effect: str, cause: str, bundled: Timeline, moments: dict[str, Moment]
) -> None:
    starts = [m for m in bundled.moments if m.entity == effect and m.role != "change"]
    assert any(cause in ancestry(m, moments) for m in starts)


def ancestry(moment: Moment, moments: dict[str, Moment]) -> set[str]:
    """Return the entities of all that led to a moment, however many links away."""
    seen, waiting = set[str](), [moment.id]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += [c.moment for c in moments[one].caused_by]
    return {moments[one].entity for one in seen - {moment.id}}


@pytest.mark.parametrize("pair", TRUTH["order"], ids=lambda pair: pair[1]["what"])
def test_records_stand_in_the_order_that_is_certain(
    pair: list[dict[str, str]], bundled: Timeline, row_of: dict[str, int]
) -> None:
    del bundled
    first, second = (row_of[one["record"]] for one in pair)
    assert first < second


@pytest.fixture(scope="module")
def row_of(bundled: Timeline) -> dict[str, int]:
    """Map each record the truth names by its own id to its row in the event table."""
    import polars as pl

    place = ["evidence.uri", "evidence.locator"]
    held = bundled.to_polars("evidence").select(*place, pl.col("raw"))
    rows = bundled.to_polars("event").select(place).with_row_index("row")
    found = dict[str, int]()
    for record in {one["record"] for pair in TRUTH["order"] for one in pair}:
        bearing = held.filter(pl.col("raw").bin.contains(record.encode()))
        [row] = rows.join(bearing, on=place, how="semi")["row"].to_list()
        found[record] = row
    return found


@pytest.mark.parametrize("host", TRUTH["skew_ns"])
def test_each_wrong_clock_is_found_out(host: str, bundled: Timeline) -> None:
    [found] = [c for c in bundled.clocks if c.clock == host]
    off = (found.offset_ns - TRUTH["skew_ns"][host]) / SECOND
    assert abs(off) < 0.5, f"{host} is {off:+.3f} s off"
    assert abs(found.offset_ns - TRUTH["skew_ns"][host]) <= found.uncertainty_ns


def test_no_other_clock_is_called_wrong(bundled: Timeline) -> None:
    others = [c for c in bundled.clocks if c.clock not in TRUTH["skew_ns"]]
    assert [c for c in others if abs(c.offset_ns) - c.uncertainty_ns > SECOND // 2] == []


def test_the_damaged_files_are_told_and_no_others(bundled: Timeline) -> None:
    told = {f.uri: f.state for c in bundled.coverage for f in c.files if f.state == "partial"}
    lacking = {uri for uri in told if uri.startswith("aws/cloudtrail")}
    assert lacking == set(TRUTH["files_damaged"])
    states = {c.use: c.state for c in bundled.coverage}
    assert states["aws_cloudtrail"] == "partial"
    assert states["journald"] == states["windows_event_log"] == "complete"


def test_records_without_a_time_are_counted(bundled: Timeline) -> None:
    assert sum(c.undated for c in bundled.coverage) == TRUTH["undated"]


@pytest.mark.parametrize("use", TRUTH["duplicates"])
def test_records_exported_twice_are_counted(use: str, bundled: Timeline) -> None:
    assert sum(c.duplicates for c in bundled.coverage if c.use == use) == TRUTH["duplicates"][use]


def test_the_quiet_night_is_no_incident(quiet: Timeline) -> None:
    assert quiet.verdict == "no incident found"
    assert quiet.root_causes == ()
    assert quiet.cascades == ()
    assert quiet.phases == {}
    assert quiet.impact.duration_s is None


def test_the_quiet_night_was_seen_whole(quiet: Timeline) -> None:
    assert {c.state for c in quiet.coverage} == {"complete"}
    assert sum(c.undated for c in quiet.coverage) == QUIET["undated"]
    for use, count in QUIET["duplicates"].items():
        assert sum(c.duplicates for c in quiet.coverage if c.use == use) == count


def test_the_quiet_night_still_tells_what_was_changed(quiet: Timeline) -> None:
    assert {m.role for m in quiet.moments} >= {"change"}
    assert all(m.role == "change" for m in quiet.moments if m.kind == "deploy")
