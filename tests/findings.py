"""A small incident, made by hand, whose log texts are as hostile as log texts can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nova_timeline.clock import Window
from nova_timeline.model import (
    Cascade,
    Cause,
    Citation,
    ClockEstimate,
    Coverage,
    FileCoverage,
    Findings,
    Impact,
    Incident,
    Moment,
    Phase,
    Reason,
    RootCause,
    RuledOut,
)

SECOND = 1_000_000_000
START = 1_772_544_600 * SECOND  # 2026-03-03T13:30:00Z

SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
ANSI = "\x1b[2J\x1b[31mred\x1b]8;;https://evil.example\x07click\x1b]8;;\x07"
MARKUP = "[bold red]not bold[/] [link=https://evil.example]x[/link]"
MARKDOWN = "| `code` [a](https://evil.example) ![i](x) <b>b</b>\n# heading\n- @alice #12 $x$ &lt;"
REORDERED = "user\u202egnp.exe\u2066"
HOSTILE = (SCRIPT, ANSI, MARKUP, MARKDOWN, REORDERED)


def at(minutes: float) -> int:
    """Return the time that many minutes after the window's start."""
    return START + round(minutes * 60) * SECOND


def citation(number: int, source: str, excerpt: str, **more: Any) -> Citation:
    """Return a citation whose id and digest are made of its number."""
    return Citation(
        id=f"e{number:04x}",
        source=source,
        uri=f"file:///incident/{source}/part-0.jsonl",
        locator=f"bytes={number * 512}+480",
        sha256=f"{number:064x}",
        excerpt=excerpt,
        **more,
    )


def moment(number: int, minutes: float, entity: str, kind: str, title: str, **more: Any) -> Moment:
    """Return a moment with one citation of the same number."""
    given: dict[str, Any] = {"evidence": (f"e{number:04x}",), "precision_ns": 1_000_000, **more}
    return Moment(f"m{number:03d}", at(minutes), entity, kind, title, **given)


MOMENTS = (
    moment(
        1,
        8,
        "feature-service",
        "feature_flag",
        "Feature flag eager_recommendations was turned on for everyone",
        role="change",
        category="feature_flag",
        rule="flag.toggled",
        actor="actor-7f3a",
        change_id="flag-771",
    ),
    moment(
        2,
        12,
        "payments-db",
        "config_change",
        "Connection limit lowered from 400 to 40",
        role="change",
        category="config_change",
        rule="rds.parameter",
        actor="actor-19c2",
        change_id="pg-20260303-1",
        end_time=at(12.5),
        evidence=("e0002", "e000c", "e000d", "e000e", "e000f"),
    ),
    moment(
        3,
        14,
        "payments",
        "metric_change",
        "p99 latency rose from 120 ms to 9.4 s",
        role="fault",
        category="resource_exhaustion",
        phase="onset",
        severity=17,
        uncertainty_ns=30 * SECOND,
        caused_by=(
            Cause("m002", 0.913_456_712, ("same dependency, one hop", "began 2 min later")),
            Cause("m001", 0.2, ("six minutes earlier, no shared dependency",)),
        ),
        cascade="c1",
    ),
    moment(
        4,
        14.05,
        "checkout",
        "log",
        f"FATAL: remaining connection slots are reserved {SCRIPT}",
        role="fault",
        category="resource_exhaustion",
        severity=21,
        count=4_812,
        order="uncertain",
        uncertainty_ns=40 * SECOND,
        caused_by=(Cause("m003", 0.8, ("checkout calls payments",)),),
        cascade="c1",
    ),
    moment(
        5,
        15,
        "web",
        "log",
        f"502 upstream {ANSI}",
        role="fault",
        severity=17,
        cascade="c1",
        count=90,
    ),
    moment(
        6,
        18,
        "checkout",
        "alert",
        f"Alert firing: checkout error rate {MARKUP}",
        role="alert_firing",
        phase="detected",
        severity=19,
        cascade="c1",
        caused_by=(Cause("m004", 0.7, ("the alert watches checkout",)),),
    ),
    moment(
        7,
        21,
        "checkout",
        "operator_action",
        "Alert acknowledged",
        role="acknowledgement",
        phase="acknowledged",
        actor="actor-19c2",
    ),
    moment(8, 25, "web", "log", f"retry storm {MARKDOWN}", role="fault", severity=13),
    moment(
        9,
        35,
        "payments-db",
        "config_change",
        "Connection limit restored to 400",
        role="change",
        category="config_change",
        phase="mitigated",
        actor="actor-19c2",
        change_id="pg-20260303-2",
    ),
    moment(
        10,
        41,
        "checkout",
        "alert",
        "Alert resolved: checkout error rate",
        role="alert_resolved",
        phase="recovered",
    ),
    moment(11, 42, "web-1", "host", f"journal lost entries {REORDERED}", role="gap", severity=13),
)

EVIDENCE = tuple(
    citation(*item)
    for item in (
        (1, "flags", '{"flag":"eager_recommendations","on":true}'),
        (2, "cloudtrail", '{"eventName":"ModifyDBParameterGroup","by":"jo.doe@example.com"}'),
        (3, "metrics", "payments p99 9400"),
        (4, "app-logs", f"FATAL: remaining connection slots {SCRIPT}"),
        (5, "app-logs", ANSI),
        (6, "alerts", MARKUP),
        (7, "alerts", "acknowledged"),
        (8, "app-logs", MARKDOWN),
        (9, "cloudtrail", "restored"),
        (10, "alerts", "resolved"),
        (11, "journal", REORDERED),
        *((n, "cloudtrail", "page") for n in range(12, 16)),
    )
)

WINDOW = Window(START, at(100))

FINDINGS = Findings(
    incident=Incident("INC-2041", f"Checkout returns 502s {SCRIPT}", WINDOW, "SEV1", ("checkout",)),
    verdict="incident",
    coverage=(
        Coverage(
            "cloudtrail", "aws_cloudtrail", WINDOW, (at(1), at(99)), 1_204, "complete", read=1_210
        ),
        Coverage(
            "app-logs",
            "json_lines",
            WINDOW,
            (at(0), at(61)),
            88_123,
            "partial",
            f"1 of 3 files is cut off {SCRIPT}",
            read=90_001,
            undated=17,
            duplicates=1_861,
            files=(FileCoverage(f"web-2.log{ANSI}", 411, "partial", "the gzip stream is cut off"),),
        ),
        Coverage("flags", "json_lines", WINDOW, None, 0, "denied", "403 from flags.example.com"),
    ),
    clocks=(ClockEstimate("host:web-1", -1_250_000_000, 40_000_000, 118),),
    phases={
        "onset": Phase(at(14), "m003"),
        "detected": Phase(at(18), "m006"),
        "acknowledged": Phase(at(21), "m007"),
        "mitigated": Phase(at(35), "m009"),
        "recovered": Phase(at(41), "m010"),
    },
    moments=MOMENTS,
    cascades=(
        Cascade(
            "c1",
            "payments-db",
            "m003",
            ("m003", "m004", "m005", "m006"),
            ("checkout", "payments", "web"),
        ),
    ),
    root_causes=(
        RootCause(
            1,
            "m002",
            "payments-db",
            "config_change",
            "pg-20260303-1",
            3.2,
            0.81,
            "Connection limit lowered from 400 to 40",
            (
                Reason("the limit it changed is the one the errors name", 1.9, ("e0002", "e0004")),
                Reason("the fault began two minutes later, one hop away", 1.5, ("e0003",)),
                Reason(f"another change was nearer in time {MARKUP}", -0.2, ("e0001",)),
            ),
            ("m008",),
        ),
        RootCause(
            2,
            "m001",
            "feature-service",
            "feature_flag",
            "flag-771",
            1.1,
            0.12,
            "Feature flag eager_recommendations was turned on",
            (Reason("six minutes before the onset", 1.1, ("e0001",)),),
            behind=(Reason("touched feature-service, which it does not need", -0.7, ("e0001",)),),
        ),
    ),
    ruled_out=(RuledOut("m001", (Reason(f"changes only text {MARKUP}", -0.25, ("e0001",)),)),),
    impact=Impact(1_620.0, 240.0, 1_620.0, ("checkout", "payments", "web"), 4_902),
    evidence={item.id: item for item in EVIDENCE},
)

ABSTAINED = replace(
    FINDINGS,
    root_causes=(
        RootCause(
            1,
            None,
            "payments-db",
            "hardware",
            None,
            2.0,
            0.4,
            "The host of payments-db restarted",
            (Reason("no change precedes the onset on any entity within reach", 2.0, ("e0003",)),),
        ),
    ),
    phases={name: FINDINGS.phases[name] for name in ("onset", "detected", "acknowledged")},
    impact=Impact(None, 240.0, None, ("checkout",), 4_902),
)
"""The same evidence, in which no change is the answer and two phases were not reached."""

HEALTHY = Findings(
    incident=Incident("INC-2042", "A quiet night", WINDOW),
    verdict="no incident found",
    coverage=(Coverage("cloudtrail", "aws_cloudtrail", WINDOW, (at(1), at(9)), 12, "complete"),),
    clocks=(),
    phases={},
    moments=(MOMENTS[0],),
    cascades=(),
    root_causes=(),
    ruled_out=(),
    impact=Impact(None, None, None),
    evidence={"e0001": EVIDENCE[0]},
)

PLANNED = replace(
    HEALTHY,
    moments=(
        *HEALTHY.moments,
        replace(
            HEALTHY.moments[0],
            id="m-planned",
            entity="orders-db",
            role="notice",
            rule="maintenance.planned",
            title="orders-db: planned maintenance, within its window sun:03:00-sun:03:30",
        ),
    ),
)
"""A night in which what failed was announced work."""

EVERY = (FINDINGS, ABSTAINED, HEALTHY, PLANNED)
