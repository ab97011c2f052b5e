"""The whole of the correlation on small tables, and on odd ones."""

import random
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline import schema
from nova_timeline.clock import Window
from nova_timeline.correlate import analysis
from nova_timeline.correlate.analysis import Analysis
from nova_timeline.topology import Topology

from . import scenes
from .scenes import MINUTE, SECOND, START, WINDOW, at, calls, events, metrics

SHAPE = calls("web>shop", "shop>db")
EMPTY = schema.empty("event"), schema.empty("metric")
DIFF = "- max_pool_size: 40\n+ max_pool_size: 4"
BACK = "- max_pool_size: 4\n+ max_pool_size: 40"


def record(minutes: float | None, entity: str | None, **over: Any) -> dict[str, Any]:
    usual = {"kind": "log", "severity_number": 17, "source": "s", "timestamp_precision": 1}
    return {**usual, "timestamp": minutes, "entity": entity} | over


def change(minutes: float, entity: str | None, title: str, **over: Any) -> dict[str, Any]:
    usual = {"role": "change", "kind": "config_change", "rule": "c", "severity_number": 9}
    return record(minutes, entity, title=title, **usual) | over


def alert(minutes: float, entity: str | None, role: str, title: str) -> dict[str, Any]:
    usual = {"kind": "alert", "rule": "a", "severity_number": 13}
    return record(minutes, entity, role=role, title=title, **usual)


def outage() -> list[dict[str, Any]]:
    """Tell of a pool made too small, of what came of it, and of its end."""
    lines = [
        record(30 + i / 30, "db", body=f"pool exhausted: client {i} waits") for i in range(300)
    ]
    return sorted(
        [
            *lines,
            change(5, "mail", "mail was deployed", kind="deploy"),
            change(28, "db", "db: set max pool size", attributes={"diff": DIFF}),
            change(29.5, "relay", "relay was deployed", kind="deploy"),
            alert(31, "web", "alert_firing", "web 5xx"),
            alert(33, None, "acknowledgement", "on it"),
            change(45, "db", "db: set max pool size", attributes={"diff": BACK}),
            alert(52, "web", "alert_resolved", "web 5xx"),
            record(None, "db", body="when was this?"),
        ],
        key=lambda r: (r["timestamp"] is None, r["timestamp"]),
    )


SERIES = ("web", "errors", [1.0] * 30 + [80.0] * 18 + [1.0] * 42)


def run(found: pa.Table, series: pa.Table, shape: Topology = SHAPE, **over: Any) -> Analysis:
    window = over.get("window", WINDOW)
    return analysis.run(scenes.evidence(found, series, **over), shape, window)


def test_an_outage_is_told_from_its_onset_to_its_recovery() -> None:
    found = run(events(*outage()), metrics(SERIES))
    steps = {name: p.time for name, p in found.phases.items()}
    assert steps == {
        "onset": at(30),
        "detected": at(31),
        "acknowledged": at(33),
        "mitigated": at(45),
        "recovered": at(52),
    }
    assert found.episode is not None
    assert found.episode.entities == ("db", "web")
    assert [(c.root, c.entities) for c in found.cascades] == [("db", ("db", "web"))]
    assert found.errors == 300


def test_the_setting_that_broke_it_is_ranked_first_with_its_reasons() -> None:
    found = run(events(*outage()), metrics(SERIES))
    first = found.candidates[0]
    assert (first.signal["time"], first.signal["entity"]) == (at(28), "db")
    reasons = {t.about: t.text for t in first.terms}
    assert reasons["moved"] == "moves max_pool_size from 40 to 4"
    assert reasons["place"] == "touched db, where the cascade begins"
    assert "pool" in reasons["words"]
    assert reasons["undone"].startswith("taken back 15m00s after the onset, and recovery began")
    assert found.confidence[0] == max(found.confidence) > 0.9


def test_effects_are_linked_to_the_change_and_to_the_fault_below() -> None:
    found = run(events(*outage()), metrics(SERIES))
    rows = {s["signal"]: s for s in found.signals.to_dicts()}
    told = {(rows[k.effect]["entity"], k.relation, rows[k.cause]["entity"]) for k in found.links}
    assert ("db", "preceded_by", "db") in told
    assert ("web", "explained_by", "db") in told


def test_a_change_whose_record_names_no_entity_is_placed_by_its_words() -> None:
    given_events = outage()
    for r in given_events:
        if r["timestamp"] == 28:
            r |= {"entity": None, "title": "db: set max pool size"}
    first = run(events(*given_events), metrics(SERIES)).candidates[0]
    assert (first.signal["time"], first.signal["entity"]) == (at(28), "db")


def test_without_the_change_no_change_is_named() -> None:
    quiet = [r for r in outage() if r.get("role") != "change"]
    found = run(events(*quiet, change(60, "mail", "mail was deployed")), metrics(SERIES))
    assert not found.candidates[0].is_change
    assert found.candidates[0].signal["entity"] == "db"


RANKED = "- name: ranking\n+ priorityClassName: batch-high"
DOWN = ("web-shop", "errors", [1.0] * 40 + [80.0] * 50)


def first_of(found: Analysis) -> tuple[int, str | None]:
    first = found.candidates[0]
    return first.signal["time"], first.signal["entity"]


def first_only_by(
    said: list[dict[str, Any]], made: list[dict[str, Any]], series: Any, shape: Topology
) -> tuple[int, str | None]:
    """Give the first cause, which must be another where some of what is said is missing."""
    first = first_of(run(events(*made), metrics(series), shape))
    without = [r for r in made if r not in said]
    assert first_of(run(events(*without), metrics(series), shape)) != first
    return first


def test_what_a_scheduler_says_of_one_in_trouble_tells_what_did_it() -> None:
    pod = "pod/web-shop-5c9d Preempted by pod ranking-77f1 on node 3"
    said = [record(39 + i / 10, "scheduler", body=pod, severity_number=13) for i in range(12)]
    given_events = [
        change(20, "ranking", "ranking: set its class", attributes={"diff": RANKED}),
        change(37, "web-shop", "web-shop: tidy", attributes={"diff": "- a = 1\n+ b = 1"}),
        *said,
        record(41, "ranking", body="ranking-77f1 began", severity_number=13),
        alert(42, "web-shop", "alert_firing", "web-shop 5xx"),
    ]
    shape = calls("edge>web-shop")
    assert first_only_by(said, given_events, DOWN, shape) == (at(20), "ranking")


def test_what_is_said_from_a_change_on_tells_of_it_though_it_shows_much_later() -> None:
    diff = "+        - name: shipper\n+          image: fluent-bit:3.1"
    text = "hpa/web-shop failed to get cpu utilization: missing request for cpu in web-shop-5c9d"
    said = [record(11 + 10 * i, "controller", body=text, severity_number=13) for i in range(3)]
    long = ("web-shop", "errors", [1.0] * 75 + [80.0] * 15)
    given_events = [
        change(10, "web-shop", "web-shop: ship logs", attributes={"diff": diff}),
        change(50, "web-shop", "web-shop: tidy", attributes={"diff": "- a = 1\n+ b = 1"}),
        *said,
        alert(77, "web-shop", "alert_firing", "web-shop 5xx"),
    ]
    shape = calls("edge>web-shop")
    assert first_only_by(said, given_events, long, shape) == (at(10), "web-shop")


def test_the_errors_of_what_the_root_calls_say_why_it_fails() -> None:
    text = "number of documents in the index cannot exceed 2147483519"
    said = [record(40.5 + 3 * i, "store", body=text) for i in range(12)]
    lost = [record(40.2 + i, "web-shop", body=f"item {i} was not written") for i in range(20)]
    shape = calls("web-shop>store")
    more = [change(38, "web-shop", "web-shop: tidy", attributes={"diff": "- a = 1\n+ b = 1"})]
    found = run(events(*more, *lost, *said), metrics(DOWN), shape)
    assert any("as many of something" in t.text for c in found.candidates for t in c.terms)
    assert not found.candidates[0].is_change


def test_who_got_worse_as_it_was_changed_is_heard_though_nobody_calls_it() -> None:
    diff = "-  keys = (self.key, self.previous_key)\n+  keys = (self.key,)"
    said = [
        record(11 + 8 * i, "tokens", body="refresh token reuse, family revoked") for i in range(7)
    ]
    worse = ("tokens", "token_revocations", [1.0] * 10 + [90.0] * 80)
    late = ("sms-out", "queue_delay", [1.0] * 60 + [90.0] * 30)
    given_events = [
        change(10, "tokens", "tokens: look up once", attributes={"diff": diff}),
        *said,
        alert(62, "sms-out", "alert_firing", "sms-out is late"),
    ]
    shape = calls("edge>tokens", "relay>sms-out")
    found = run(events(*given_events), metrics(worse, late), shape)
    assert first_of(found) == (at(10), "tokens")


def test_a_clock_that_is_off_is_set_right_before_anything_is_compared() -> None:
    late = {"clock": "host:db", "observed_timestamp": None}
    given_events = [
        r | late | {"timestamp": r["timestamp"] + 20, "observed_timestamp": r["timestamp"] + 0.001}
        if r.get("body", "").startswith("pool")
        else r
        for r in outage()
    ]
    ordered = sorted(given_events, key=lambda r: (r["timestamp"] is None, r["timestamp"]))
    found = run(events(*ordered), metrics(SERIES))
    assert [c.offset_ns for c in found.clocks] == [pytest.approx(20 * MINUTE, abs=SECOND)]
    bursts = [s for s in found.signals.to_dicts() if s["title"].startswith("Burst of 300 ")]
    assert [(abs(s["time"] - at(30)) <= SECOND, s["entity"]) for s in bursts] == [(True, "db")]
    by_itself = run(events(*ordered), metrics(SERIES), own_receipt=True)
    assert [c.offset_ns for c in by_itself.clocks] == [0]


def told(found: Analysis, table: pa.Table) -> Any:
    """Write an analysis without the positions of rows, which another order changes."""
    names: list[str | None] = table["evidence.locator"].to_pylist()
    rows = found.signals.drop("row", "rows").to_dicts()
    cited: list[list[Any]] = [
        [names[r] for r in (s["row"], *s["rows"])] if s["table"] == "event" else [s["row"]]
        for s in found.signals.to_dicts()
    ]
    ranks = [(c.signal["signal"], c.terms, c.score, len(c.also)) for c in found.candidates]
    splits = [(c.root, c.entities, [s["signal"] for s in c.signals]) for c in found.cascades]
    return (rows, cited, ranks, splits, found.links, found.phases, found.clocks, found.errors)


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    given_events = [r | {"evidence.locator": str(i)} for i, r in enumerate(outage())]
    ordered = events(*given_events)
    mixed = events(*random.Random(seed).sample(given_events, len(given_events)))
    assert told(run(mixed, metrics(SERIES)), mixed) == told(run(ordered, metrics(SERIES)), ordered)


@pytest.mark.parametrize("slab", [1, 30, 100])
def test_where_time_is_cut_does_not_matter(slab: int) -> None:
    table = events(*(r | {"evidence.locator": str(i)} for i, r in enumerate(outage())))
    assert told(run(table, metrics(SERIES), slab=slab), table) == told(
        run(table, metrics(SERIES)), table
    )


def test_no_evidence_is_no_incident() -> None:
    found = run(*EMPTY)
    assert found.episode is None
    assert found.signals.is_empty()
    assert (found.clocks, list(found.links), found.candidates) == ((), [], ())


def test_metrics_alone_can_be_looked_at() -> None:
    series = [SERIES, ("db", "pool_wait", SERIES[2]), ("shop", "latency", SERIES[2])]
    found = run(EMPTY[0], metrics(*series))
    assert found.cascades[0].root == "db"
    assert found.phases["recovered"].time == at(48)


def test_records_without_a_time_are_no_signals() -> None:
    undated = [record(None, "db", role="fault", body="x")] * 50
    assert run(events(*undated), EMPTY[1]).signals.is_empty()


ROLES = (*schema.ROLES, None)
NAMES = ("", " ", "a\nb", "a\0b", "*?[", "日本", "🙂", "{}", "%s", "a" * 5000, None)


def test_rows_with_nothing_but_a_time_are_survived() -> None:
    for n in (1, 50):
        nothing = schema.conform(
            "event", {"timestamp": pl.Series([START] * n, dtype=pl.Datetime("ns", "UTC"))}, n
        )
        assert run(nothing, schema.conform("metric", {}, n)).episode is None


def test_odd_names_and_missing_ones_are_survived() -> None:
    odd = [
        record(40 + i / 60, NAMES[i % len(NAMES)], role=ROLES[i % len(ROLES)], kind=None,
               title=NAMES[-i % len(NAMES)], body=NAMES[i % 7])
        for i in range(400)
    ]  # fmt: skip
    series = [(n or "", n or "", SERIES[2]) for n in NAMES]
    found = run(events(*odd), metrics(*series))
    assert found.episode is not None
    assert all(0 <= c.score <= 1 for c in found.candidates)


@pytest.mark.parametrize("entity", ["db", None])
def test_trouble_on_one_entity_with_or_without_a_name_is_an_incident(entity: str | None) -> None:
    found = run(
        events(
            record(30, entity, role="fault", title="x"),
            record(31, entity, role="alert_firing", kind="alert", title="y"),
        ),
        EMPTY[1],
    )
    assert [c.signal["title"] for c in found.candidates] == ["x"]
    assert set(found.phases) == {"onset", "detected"}


def test_ten_thousand_records_at_one_instant_are_one_signal_each_kind() -> None:
    same = [record(40, "db", role="fault", rule="r", title="x") for _ in range(10_000)]
    assert run(events(*same), EMPTY[1]).signals["count"].to_list() == [10_000]


INF = float("inf")


@pytest.mark.parametrize(
    "values",
    [
        [float("nan")] * 90,
        [INF, -INF] * 45,
        [5.0] * 90,
        [1e308, -1e308] * 45,
        [1e308] * 45 + [1.0] * 45,
        [1.0, INF, float("nan")] * 30,
        [5e-324] * 45 + [1e-300] * 45,
    ],
)
def test_values_that_measure_nothing_are_no_signal(values: list[float]) -> None:
    assert run(EMPTY[0], metrics(("db", "errors", values))).signals.is_empty()


def test_a_series_that_only_grows_is_cut_without_end_of_stack() -> None:
    grows = [2.0 ** (i / 20) for i in range(5000)]
    window = Window(START, START + 5000 * MINUTE)
    assert len(run(EMPTY[0], metrics(("db", "errors", grows)), window=window).signals) >= 1


@pytest.mark.parametrize("length", [1, SECOND, 30 * 365 * 24 * 60 * MINUTE])
def test_a_window_may_be_of_any_length(length: int) -> None:
    lines = [record(i * length / MINUTE / 500, "db", body="x") for i in range(500)]
    faults = [r | {"role": "fault", "rule": "r", "title": "x"} for r in lines]
    found = run(events(*lines, *faults), EMPTY[1], window=Window(START, START + length))
    assert found.episode is None
