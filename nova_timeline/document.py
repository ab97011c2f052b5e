"""``timeline.json``: the findings as one document, and back again, byte for byte.

The shape is described in ``docs/timeline-json.md`` and by ``timeline.schema.json`` beside this
file. Keys are written in a fixed order and scores with six decimals, so that the same findings are
the same bytes. How the sources were configured is not part of it; the run's manifest says that.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nova_timeline.clock import Window, nanoseconds, rfc3339
from nova_timeline.errors import RunFolderError
from nova_timeline.model import (
    PHASES,
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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = "nova-timeline/1"
"""What the ``schema`` key says: the name of the shape, and its version."""

_SECOND = 1_000_000_000
_DECIMALS = 6

Document = dict[str, Any]


def dumps(findings: Findings) -> bytes:
    """Write the findings as UTF-8 JSON that ends in a newline."""
    text = json.dumps(to_document(findings), ensure_ascii=False, indent=1, allow_nan=False)
    # Only a lone surrogate has no UTF-8; Python's escape for it is JSON's own.
    return (text + "\n").encode(errors="backslashreplace")


def loads(data: bytes | str) -> Findings:
    """Read what `dumps` wrote.

    Raises:
        RunFolderError: it is not JSON, or not of this shape.
    """
    try:
        document: Any = json.loads(data)
    except ValueError as error:
        msg = f"timeline.json is not JSON: {error}"
        raise RunFolderError(msg) from error
    return from_document(document)


def to_document(findings: Findings) -> Document:
    """Return the findings as plain dicts, lists, texts and numbers."""
    precision = {moment.id: moment.precision_ns for moment in findings.moments}
    return {
        "schema": SCHEMA,
        "incident": _incident(findings.incident),
        "verdict": findings.verdict,
        "coverage": [_coverage(coverage) for coverage in findings.coverage],
        "clocks": [_clock(clock) for clock in findings.clocks],
        "phases": {
            name: _phase(findings.phases[name], precision)
            for name in PHASES
            if name in findings.phases
        },
        "moments": [_moment(moment) for moment in findings.moments],
        "cascades": [_cascade(cascade) for cascade in findings.cascades],
        "root_causes": [_root_cause(cause) for cause in findings.root_causes],
        "ruled_out": [
            {"moment": one.moment, "reasons": _reasons(one.reasons)} for one in findings.ruled_out
        ],
        "impact": _impact(findings.impact),
        "evidence": {key: _citation(findings.evidence[key]) for key in sorted(findings.evidence)},
    }


def from_document(document: Mapping[str, Any]) -> Findings:
    """Return the findings a document holds; the incident comes back without its sources.

    Raises:
        RunFolderError: it is not of this shape.
    """
    try:
        version = document["schema"]
        if version == SCHEMA:
            return _findings(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        msg = f"timeline.json is not of the shape {SCHEMA}: {type(error).__name__} {error}"
        raise RunFolderError(msg) from error
    msg = f"timeline.json says it is {version!r}; this version reads {SCHEMA!r}"
    raise RunFolderError(msg)


def _rounded(value: float) -> float:
    # Adding zero turns -0.0 into 0.0.
    return round(float(value), _DECIMALS) + 0.0


def _seconds(value: float | None) -> float | None:
    return None if value is None else _rounded(value)


def _whole(time: int) -> str:
    """Write a time whose precision nobody recorded: with the digits that are there."""
    return rfc3339(time, _SECOND)


def _incident(incident: Incident) -> Document:
    return {
        "id": incident.id,
        "title": incident.title,
        "severity": incident.severity,
        "start": _whole(incident.window.start),
        "end": _whole(incident.window.end),
        "affected": list(incident.affected),
    }


def _coverage(coverage: Coverage) -> Document:
    return {
        "source": coverage.source,
        "use": coverage.use,
        "asked": [_whole(coverage.asked.start), _whole(coverage.asked.end)],
        "seen": None if coverage.seen is None else [_whole(time) for time in coverage.seen],
        "read": coverage.read,
        "rows": coverage.rows,
        "undated": coverage.undated,
        "duplicates": coverage.duplicates,
        "state": coverage.state,
        "reason": coverage.reason,
        "files": [
            {"uri": file.uri, "rows": file.rows, "state": file.state, "reason": file.reason}
            for file in coverage.files
        ],
    }


def _clock(clock: ClockEstimate) -> Document:
    return {
        "clock": clock.clock,
        "offset_ns": clock.offset_ns,
        "uncertainty_ns": clock.uncertainty_ns,
        "constraints": clock.constraints,
    }


def _phase(phase: Phase, precision: Mapping[str, int]) -> Document:
    return {
        "time": rfc3339(phase.time, precision.get(phase.moment, _SECOND)),
        "moment": phase.moment,
    }


def _moment(moment: Moment) -> Document:
    end = moment.end_time
    return {
        "id": moment.id,
        "time": rfc3339(moment.time, moment.precision_ns),
        "end_time": None if end is None else rfc3339(end, moment.precision_ns),
        "precision_ns": moment.precision_ns,
        "uncertainty_ns": moment.uncertainty_ns,
        "order": moment.order,
        "kind": moment.kind,
        "role": moment.role,
        "category": moment.category,
        "rule": moment.rule,
        "phase": moment.phase,
        "entity": moment.entity,
        "title": moment.title,
        "severity": moment.severity,
        "count": moment.count,
        "actor": moment.actor,
        "change_id": moment.change_id,
        "evidence": list(moment.evidence),
        "caused_by": [
            {"moment": c.moment, "score": _rounded(c.score), "reasons": list(c.reasons)}
            for c in moment.caused_by
        ],
        "cascade": moment.cascade,
    }


def _cascade(cascade: Cascade) -> Document:
    return {
        "id": cascade.id,
        "root_entity": cascade.root_entity,
        "root_moment": cascade.root_moment,
        "moments": list(cascade.moments),
        "entities": list(cascade.entities),
    }


def _root_cause(cause: RootCause) -> Document:
    return {
        "rank": cause.rank,
        "moment": cause.moment,
        "entity": cause.entity,
        "category": cause.category,
        "change_id": cause.change_id,
        "title": cause.title,
        "score": _rounded(cause.score),
        "confidence": _rounded(cause.confidence),
        "reasons": _reasons(cause.reasons),
        "contributing": list(cause.contributing),
        "behind": _reasons(cause.behind),
    }


def _reasons(reasons: Sequence[Reason]) -> list[Document]:
    return [
        {"text": r.text, "weight": _rounded(r.weight), "evidence": list(r.evidence)}
        for r in reasons
    ]


def _impact(impact: Impact) -> Document:
    return {
        "duration_s": _seconds(impact.duration_s),
        "time_to_detect_s": _seconds(impact.time_to_detect_s),
        "time_to_recover_s": _seconds(impact.time_to_recover_s),
        "entities": list(impact.entities),
        "errors": impact.errors,
    }


def _citation(citation: Citation) -> Document:
    return {
        "source": citation.source,
        "uri": citation.uri,
        "locator": citation.locator,
        "sha256": citation.sha256,
        "url": citation.url,
        "excerpt": citation.excerpt,
    }


def _findings(document: Mapping[str, Any]) -> Findings:
    return Findings(
        incident=_read_incident(document["incident"]),
        verdict=document["verdict"],
        coverage=tuple(_read_coverage(item) for item in document["coverage"]),
        clocks=tuple(ClockEstimate(**item) for item in document["clocks"]),
        phases={
            name: Phase(_time(item["time"]), item["moment"])
            for name, item in document["phases"].items()
        },
        moments=tuple(_read_moment(item) for item in document["moments"]),
        cascades=tuple(Cascade(**_tuples(item)) for item in document["cascades"]),
        root_causes=tuple(_read_root_cause(item) for item in document["root_causes"]),
        ruled_out=tuple(
            RuledOut(item["moment"], _read_reasons(item["reasons"]))
            for item in document.get("ruled_out", ())
        ),
        impact=Impact(**_tuples(document["impact"])),
        evidence={key: Citation(id=key, **item) for key, item in document["evidence"].items()},
    )


def _time(text: str) -> int:
    """Read one RFC 3339 UTC time exactly; a column of them is `nova_timeline.clock.parse`'s job."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return nanoseconds(datetime.fromisoformat(whole + "+00:00")) + int(fraction.ljust(9, "0"))


def _tuples(item: Mapping[str, Any]) -> Document:
    lists: dict[str, list[Any]] = {k: v for k, v in item.items() if isinstance(v, list)}
    return {**item, **{key: tuple(value) for key, value in lists.items()}}


def _read_incident(item: Mapping[str, Any]) -> Incident:
    return Incident(
        id=item["id"],
        title=item["title"],
        window=Window(_time(item["start"]), _time(item["end"])),
        severity=item["severity"],
        affected=tuple(item["affected"]),
    )


def _read_coverage(item: Mapping[str, Any]) -> Coverage:
    asked, seen = item["asked"], item["seen"]
    read: Document = {
        "asked": Window(_time(asked[0]), _time(asked[1])),
        "seen": None if seen is None else (_time(seen[0]), _time(seen[1])),
        "files": tuple(FileCoverage(**file) for file in item["files"]),
    }
    return Coverage(**{**item, **read})


def _read_moment(item: Mapping[str, Any]) -> Moment:
    end = item["end_time"]
    read: Document = {
        "time": _time(item["time"]),
        "end_time": None if end is None else _time(end),
        "evidence": tuple(item["evidence"]),
        "caused_by": tuple(Cause(**_tuples(cause)) for cause in item["caused_by"]),
    }
    return Moment(**{**item, **read})


def _read_root_cause(item: Mapping[str, Any]) -> RootCause:
    read: Document = {
        "reasons": _read_reasons(item["reasons"]),
        "contributing": tuple(item["contributing"]),
        "behind": _read_reasons(item.get("behind", ())),
    }
    return RootCause(**{**item, **read})


def _read_reasons(items: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(**_tuples(item)) for item in items)
