"""A shop whose requests change: what is held against whom, and that every word of it is cited."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from nova_timeline import verify
from nova_timeline.config import Incident
from nova_timeline.correlate import charged
from nova_timeline.correlate.charged import Found
from nova_timeline.pipeline import reconstruct
from nova_timeline.timeline import Timeline

if TYPE_CHECKING:
    from pathlib import Path

T = 1772545320_000_000_000  # 2026-03-03T13:42:00Z
SECOND, MS = 1_000_000_000, 1_000_000
EVERY = 100 * MS
REQUESTS, BREAKS = 5990, 3000
INCIDENT = """
[incident]
id = "INC-1"
title = "Orders are not priced"
start = 2026-03-03T13:42:00Z
end = 2026-03-03T13:52:00Z

[[source]]
use = "otlp_json"
path = "otlp.jsonl"
"""


def resource(service: str, **records: list[dict[str, Any]]) -> str:
    owner = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    if "spans" in records:
        return json.dumps({"resourceSpans": [{"resource": owner, "scopeSpans": [records]}]})
    return json.dumps({"resourceLogs": [{"resource": owner, "scopeLogs": [records]}]})


def ids(request: int, number: int) -> dict[str, Any]:
    return {"traceId": f"{request:032x}", "spanId": f"{request:08x}{number:08x}"}


def span(request: int, number: int, at: int, lasted: int, parent: int = 0) -> dict[str, Any]:
    above = {"parentSpanId": ids(request, parent)["spanId"]} if parent else {}
    times = {"startTimeUnixNano": str(at), "endTimeUnixNano": str(at + lasted)}
    return {**ids(request, number), **above, **times, "name": "call", "kind": 2}


def line(request: int, number: int, at: int, text: str) -> dict[str, Any]:
    said = {"severityText": "INFO", "body": {"stringValue": text}}
    return {**ids(request, number), **said, "timeUnixNano": str(at)}


def shop() -> str:
    """Have ``orders`` call ``prices``, ten times a second; later prices are not read."""
    lines: list[str] = []
    for request in range(1, REQUESTS):
        at, healthy = T + request * EVERY, request < BREAKS
        priced = [line(request, 2, at + 2 * MS, f"reading the price of item {request}")]
        told = [line(request, 1, at + 9 * MS, f"order {request} is priced")]
        lines += [
            resource("orders", spans=[span(request, 1, at, 10 * MS)]),
            resource("prices", spans=[span(request, 2, at + MS, 5 * MS, parent=1)]),
        ]
        if healthy:
            lines += [resource("prices", logRecords=priced), resource("orders", logRecords=told)]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Incident:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "otlp.jsonl").write_text(shop())
    (folder / "incident.toml").write_text(INCIDENT)
    return Incident.load(folder / "incident.toml")


@pytest.fixture(scope="module")
def run(incident: Incident, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop-run") / "run"
    reconstruct(incident).save(folder)
    return folder


def test_a_line_that_stays_away_is_a_fault_though_nothing_logs_an_error(run: Path) -> None:
    found = [m for m in Timeline.open(run).moments if m.rule == "steps:log-order"]
    assert [m.entity for m in found] == ["prices"]
    assert found[0].time == T + BREAKS * EVERY + MS
    assert "reading the price of item" in found[0].title


def test_what_requests_do_as_a_rule_is_cited_and_holds(incident: Incident, run: Path) -> None:
    timeline = Timeline.open(run)
    (moment,) = (m for m in timeline.moments if m.rule == "steps:log-order")
    said = [timeline.evidence(cite).raw.decode() for cite in moment.evidence]
    assert any("reading the price of item" in text for text in said)
    assert verify.verify(run, incident.base).holds


def test_what_fits_into_memory_changes_nothing(
    incident: Incident, run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    # The steps of so many requests do not fit into the least that a spool may hold.
    reconstruct(incident, memory_limit=1 << 20).save(folder)
    same = [(place / "timeline.json").read_bytes() for place in (run, folder)]
    assert same[0] == same[1]


def found(entity: str, score: float, first: int, end: int) -> Found:
    return Found(entity, "self time", score, first * SECOND, end * SECOND, (0,), {})


def test_what_went_on_at_another_time_than_the_main_trouble_counts_for_half() -> None:
    main, same, before = (
        found("a", 0.9, 600, 900),
        found("b", 0.5, 850, 990),
        found("c", 0.8, 0, 99),
    )
    kept = charged.together([before, main, same])
    assert [f.score for f in kept] == [0.4, 0.9, 0.5]
    assert charged.together([]) == []


def test_certainty_is_flat_at_both_ends() -> None:
    assert charged.certainty(8.0, 8.0) == 0.5
    assert charged.certainty(1.0, 8.0) < 0.02
    assert charged.certainty(80.0, 8.0) > 0.98
