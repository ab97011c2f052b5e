"""The fault of the generated incident: when it was, where, what did it, and who complained.

A shop of forty services. An hour in, somebody shrinks the connection pool of ``payments`` among a
dozen innocent deploys; ``payments`` runs out of connections, ``checkout`` and ``storefront`` fail
with it, alerts fire, the change is put back, and the errors end.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
START = 1_772_544_600 * SECOND
"""2026-03-03T13:30:00Z, in nanoseconds like every time here."""
END = START + 120 * MINUTE
CHANGED = START + 60 * MINUTE + 7 * SECOND
ONSET = CHANGED + 41 * SECOND
REVERTED = START + 94 * MINUTE + 20 * SECOND
RECOVERY = REVERTED + 35 * SECOND

STRICKEN = {"payments": 0.6, "checkout": 0.35, "storefront": 0.2}
"""What part of each service's lines are errors while it lasts."""
SERVICES = (
    *STRICKEN,
    "cart",
    "search",
    "catalog",
    "pricing",
    "inventory",
    *(f"worker-{i:02}" for i in range(1, 33)),
)
CALLS = (
    ("storefront", "checkout"),
    ("storefront", "search"),
    ("storefront", "cart"),
    ("checkout", "payments"),
    ("checkout", "cart"),
    ("checkout", "pricing"),
    ("search", "catalog"),
    ("catalog", "inventory"),
    *((("inventory", "catalog", "pricing", "cart")[i % 4], f"worker-{i:02}") for i in range(1, 33)),
)
_SOURCES = """
[[source]]
use = "jsonl"
name = "app_logs"
path = "logs/*.jsonl"

[[source]]
use = "otlp_json"
name = "otlp_logs"
path = "otlp.jsonl"

[[source]]
use = "gcp_cloud_logging"
name = "gcp_logs"
path = "gcp.jsonl"

[[source]]
use = "aws_cloudtrail"
name = "cloudtrail"
path = "cloudtrail/"

[[source]]
use = "csv"
name = "metrics_csv"
table = "metrics"
path = "metrics.csv"

[[source]]
use = "jsonl"
name = "metrics_jsonl"
table = "metrics"
path = "metrics.jsonl"

[[source]]
use = "changes"
name = "changes"
path = "changes/"

[[source]]
use = "aws_cloudwatch_alarms"
name = "alarms"
path = "alarm-history.json"
"""


def write(place: Path) -> None:
    """Write the incident file, the topology, and the small sources it names."""
    (place / "incident.toml").write_text(
        '[incident]\nid = "INC-2041"\ntitle = "Checkout returns 502s"\nseverity = "SEV1"\n'
        f'start = {iso(START)}\nend = {iso(END)}\naffected = ["storefront"]\n'
        f'{_SOURCES}\n[topology]\npath = "topology.toml"\n'
    )
    entities = (
        f'[[entity]]\nname = "{name}"\nkind = "service"\naliases = ["{name}-*"]\n'
        for name in SERVICES
    )
    edges = (f'[[edge]]\ncaller = "{a}"\ncallee = "{b}"\n' for a, b in CALLS)
    (place / "topology.toml").write_text("\n".join((*entities, *edges)))
    (place / "changes").mkdir()
    _dump(place / "changes" / "commits.json", list(_commits()))
    _dump(place / "changes" / "deploys.json", list(_deploys()))
    _dump(place / "alarm-history.json", {"AlarmHistoryItems": list(_alarms())})


def iso(time: int) -> str:
    """Write whole seconds of a time as RFC 3339."""
    return datetime.fromtimestamp(time // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _dump(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=1))


def _sha(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


CAUSE = _sha("payments pool")
"""The commit that did it."""
_INNOCENT = ("search", "catalog", "cart", "pricing", "inventory", *SERVICES[-7:])


def _rollouts() -> Iterator[tuple[int, str, str, str, str, str]]:
    """Yield time, service, sha, message, file and diff of what was rolled out.

    A dozen innocent changes, one of them minutes before the onset; the culprit; its reversal.
    """
    for number, service in enumerate(_INNOCENT):
        minute = 57 if service == "cart" else 4 + 9 * number
        diff = f"-BANNER = 'Spring {number}'\n+BANNER = 'Summer {number}'"
        text = f"{service}: new banner text"
        yield START + minute * MINUTE, service, _sha(text), text, f"{service}/banner.py", diff
    pool = "payments/config/database.toml"
    shrink = "-pool.max_connections = 64\n+pool.max_connections = 4"
    text = "payments: give back database connections"
    yield CHANGED, "payments", CAUSE, text, pool, shrink
    grow = "-pool.max_connections = 4\n+pool.max_connections = 64"
    text = 'Revert "payments: give back database connections"'
    yield REVERTED, "payments", _sha(text), text, pool, grow


def _commits() -> Iterator[dict[str, Any]]:
    for time, _, sha, message, file, diff in _rollouts():
        yield {
            "sha": sha,
            "author": "ada@example.com",
            "timestamp": iso(time - 4 * MINUTE),
            "message": message,
            "files_changed": [file],
            "diff": f"--- a/{file}\n+++ b/{file}\n@@ -7,1 +7,1 @@\n{diff}",
        }


def _deploys() -> Iterator[dict[str, Any]]:
    for number, (time, service, sha, *_) in enumerate(_rollouts()):
        yield {
            "timestamp": iso(time),
            "service": service,
            "commit_sha": sha,
            "version": f"1.{number}.0",
            "environment": "production",
        }


def _alarms() -> Iterator[dict[str, Any]]:
    """Yield CloudWatch alarm history: each stricken service's alarm goes off and comes back."""
    for number, service in enumerate(STRICKEN):
        for old, new, time in (
            ("OK", "ALARM", ONSET + 3 * MINUTE),
            ("ALARM", "OK", RECOVERY + 4 * MINUTE),
        ):
            state = {"stateValue": new, "stateReason": f"Threshold Crossed: {service} error ratio"}
            yield {
                "AlarmName": f"{service}-error-ratio",
                "AlarmType": "MetricAlarm",
                "Timestamp": iso(time + number * 20 * SECOND),
                "HistoryItemType": "StateUpdate",
                "HistorySummary": f"Alarm updated from {old} to {new}",
                "HistoryData": json.dumps(
                    {"version": "1.0", "oldState": {"stateValue": old}, "newState": state}
                ),
            }
