"""Evidence that no connector knows by its own shape, as JSON lines with a field map.

Records of logs and alerts are objects with ``timestamp`` (RFC 3339), ``message``, ``entity``,
``level``, and whatever else they know, which becomes attributes; points of metrics have
``timestamp``, ``metric``, ``value``, ``entity`` and ``unit``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Record = dict[str, Any]
_LOG = {
    "body": "message",
    "severity_text": "level",
    "entity": "entity",
    "event_name": "event_name",
    "end_timestamp": "end",
    "service.name": "service",
    "host.name": "host",
    "k8s.pod.name": "pod",
    "k8s.namespace.name": "namespace",
}
_ALERT = {**_LOG, "role": "role", "title": "title"}


@dataclass(frozen=True)
class Records:
    """What was seen, by what it is."""

    logs: list[Record] = field(default_factory=list[Record])
    alerts: list[Record] = field(default_factory=list[Record])
    points: list[Record] = field(default_factory=list[Record])
    edges: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(caller, callee) pairs."""
    extra: list[datetime] = field(default_factory=list[datetime])
    """Times of what is written elsewhere and belongs to the same window."""

    @classmethod
    def joined(cls, *several: Records) -> Records:
        """Put records together."""
        return cls(
            [r for one in several for r in one.logs],
            [r for one in several for r in one.alerts],
            [r for one in several for r in one.points],
            [e for one in several for e in one.edges],
            [t for one in several for t in one.extra],
        )

    def times(self) -> Iterator[datetime]:
        """Give every time that is told."""
        for record in (*self.logs, *self.alerts, *self.points):
            yield from (
                datetime.fromisoformat(record[k]) for k in ("timestamp", "end") if record.get(k)
            )
        yield from self.extra

    def at(self, looked: str) -> Records:
        """Date what is only known to have been so when it was looked at."""

        def dated(some: Iterable[Record]) -> list[Record]:
            return [{**r, "timestamp": r.get("timestamp") or looked} for r in some]

        return replace(self, logs=dated(self.logs), alerts=dated(self.alerts))

    def left_out(self, without: frozenset[str]) -> Records:
        """Leave modalities out; alerts stay."""
        return replace(
            self,
            logs=[] if "logs" in without else self.logs,
            points=[] if "metrics" in without else self.points,
            edges=[] if "topology" in without else self.edges,
        )


def write(records: Records, folder: Path) -> Iterator[dict[str, Any]]:
    """Write the files and give the tables of the incident file."""
    if records.alerts:
        yield _source(folder, "alerts.jsonl", records.alerts, _ALERT) | {"kind": "alert"}
    if records.logs:
        yield _source(folder, "logs.jsonl", records.logs, _LOG)
    if records.points:
        lines(folder / "points.jsonl", records.points)
        yield {"use": "jsonl", "path": "points.jsonl", "table": "metrics"}


def lines(place: Path, records: Iterable[Record]) -> None:
    """Write JSON lines, without keys that say nothing."""
    kept = ({k: v for k, v in r.items() if v not in (None, "")} for r in records)
    place.write_text("".join(json.dumps(r) + "\n" for r in kept))


def _source(
    folder: Path, name: str, records: list[Record], known: dict[str, str]
) -> dict[str, Any]:
    """Write records and map their keys; what no column takes is an attribute."""
    lines(folder / name, records)
    keys = {key for record in records for key, value in record.items() if value not in (None, "")}
    fields = {column: key for column, key in known.items() if key in keys}
    others = sorted(keys - {"timestamp", *known.values()})
    fields |= {f"attributes.{key}": key for key in others}
    return {"use": "jsonl", "path": name, "fields": fields}
