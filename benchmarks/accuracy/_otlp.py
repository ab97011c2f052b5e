"""Spans of any shape as the OpenTelemetry collector's file exporter writes them (OTLP/JSON)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_CODES = {"OK": 1, "ERROR": 2}
_INTERNAL, _CLIENT = 1, 3
_CLIENT_MARKS = ("peer.service", "server.address", "net.peer.name", "http.url", "db.", "rpc.")


@dataclass(frozen=True)
class Span:
    """One span; times in nanoseconds from 1970."""

    trace: str
    span: str
    parent: str
    service: str
    name: str
    start: int
    end: int
    status: str = ""
    message: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    resource: Mapping[str, Any] = field(default_factory=dict[str, Any])


def write(place: Path, spans: Iterable[Span], *, calls: bool = True) -> None:
    """Write spans, a line for each run of one service.

    Args:
        place: the file.
        spans: in any order.
        calls: keep what tells who called whom: parents and peers.
    """
    by_owner: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        owner = (span.service, json.dumps(span.resource, sort_keys=True))
        by_owner.setdefault(owner, []).append(span)
    with place.open("w") as file:
        for (service, resource), some in by_owner.items():
            about = {"service.name": service, **json.loads(resource)}
            scope = {"spans": [_span(span, calls=calls) for span in some]}
            batch = {"resource": {"attributes": _attributes(about)}, "scopeSpans": [scope]}
            file.write(json.dumps({"resourceSpans": [batch]}) + "\n")


def _span(span: Span, *, calls: bool) -> dict[str, Any]:
    peers = ("peer.service", "server.address", "net.peer.name")
    kept = {k: v for k, v in span.attributes.items() if calls or k not in peers}
    status: dict[str, Any] = {"code": _CODES.get(span.status.upper(), 0)}
    if span.message:
        status["message"] = span.message
    return {
        "traceId": span.trace,
        "spanId": span.span,
        "parentSpanId": span.parent if calls else "",
        "name": span.name,
        "kind": _CLIENT if any(k.startswith(_CLIENT_MARKS) for k in kept) else _INTERNAL,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(kept),
        "status": status,
    }


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: object) -> dict[str, Any]:
    """Write a value as AnyValue (opentelemetry/proto/common/v1/common.proto)."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value if isinstance(value, str) else json.dumps(value)}
