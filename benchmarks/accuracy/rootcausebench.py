"""RootCauseBench (Edge Delta, Apache-2.0): which commit did it, or none, among decoys.

A case is a folder with ``environment/data``: an alert, log lines, metrics, spans, sometimes a
provider's status feed, and what was changed: commits with diffs, deploys, flags. The truth is
``tests/ground_truth.json``.

The answer is read from timeline.json alone: the change of the first root cause, ``none`` where it
is no change; the service where the cascade begins or, without one, where harm first showed; what
else was reached; and the remedy that goes with the kind of cause (`_REMEDIES`). It is graded as its
authors do: 1 for the right commit (or the right none), 0 for a decoy, else half of what the other
three are worth.

``patterns.json`` is left out: it counts the same log lines, without times.
"""

from __future__ import annotations

import json
import shutil
import statistics
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.accuracy import _incident_file, _otlp, _status_feed
from benchmarks.accuracy._statistics import mean, worst_rank
from benchmarks.accuracy._suite import Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.accuracy._suite import Row, Timeline

NONE = "none"
_TRUTH = Path("tests") / "ground_truth.json"
_DATA = Path("environment") / "data"
_CHANGES = ("commits", "deploys", "flags")
_LOG_FIELDS = ("timestamp", "service", "severity_text", "msg", "trace_id")
_SPAN_FIELDS = (
    *("trace_id", "span_id", "parent_id", "service", "name", "start", "duration_ms", "status"),
    *("error", "attributes"),
)
_SAME = "same"
_REMEDIES = {
    "certificate": "rotate-cert",
    "external_provider": "failover",
    "hardware": "failover",
    "infrastructure_change": "failover",
    "network": "failover",
    "dependency": "failover",
    "resource_exhaustion": "scale",
    "scaling": "scale",
    "traffic": "scale",
    "data": "roll-forward",
}
"""What one does about a cause that is no change; a change is rolled back."""


class RootCauseBench:
    """The suite; see the module."""

    name = "rootcausebench"
    place = "rootcausebench"

    def cases(self, data: Path) -> list[Case]:
        """List the folders that hold a truth."""
        folders = sorted(file.parents[1] for file in data.glob(f"*/{_TRUTH.as_posix()}"))
        return [Case(f.name, f, json.loads((f / _TRUTH).read_bytes())) for f in folders]

    def write(self, case: Case, folder: Path, without: frozenset[str]) -> Path:
        """Write a case as ordinary sources; see `Suite.write`."""
        data = case.folder / _DATA
        sources = list(_sources(data, folder, without))
        times = sorted(_times(data))
        second = timedelta(seconds=1)
        head = {
            "id": case.name,
            "title": "an alert fired",
            "start": times[0].isoformat(),
            "end": (times[-1] + second).isoformat(),
        }
        return _incident_file.write(folder, head, sources)

    def score(self, case: Case, timeline: Timeline) -> Row:
        """Grade an answer; see `Suite.score`."""
        truth, given = case.truth, answer(timeline)
        commit, right = given["root_cause_commit"], truth["root_cause_commit"]
        ranked = [(_commit(cause), cause["score"]) for cause in timeline["root_causes"]]
        service = given["first_failing_service"] == truth["first_failing_service"]
        blast = jaccard(given["blast_radius"], truth["blast_radius"])
        decoy = commit in truth["decoy_deploy_commits"]
        rest = 0.5 * service + 0.3 * blast + 0.2 * (given["remediation"] == truth["remediation"])
        return {
            "case": case.name,
            "answer": commit,
            "truth": right,
            "rank": worst_rank(ranked or [(NONE, 0.0)], {right}),
            "score": 1.0 if commit == right else 0.0 if decoy else 0.5 * rest,
            "decoy": decoy,
            "candidates": 1 + len(_read(case.folder / _DATA / "context" / "commits.json")),
            "first_failing_service": given["first_failing_service"],
            "first_failing_right": service,
            "blast_jaccard": round(blast, 4),
            "remediation_right": given["remediation"] == truth["remediation"],
            "form": {"scenario": case.name, **given},
        }

    def summary(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        """Return the figures of this benchmark."""
        none = [row for row in rows if row["truth"] == NONE]
        return {
            "mean_graded_reward": mean([row["score"] for row in rows]),
            "sha_right": sum(row["answer"] == row["truth"] for row in rows),
            "decoys": sum(row["decoy"] for row in rows),
            "none_right": sum(row["answer"] == NONE for row in none),
            "none_cases": len(none),
            "false_none": sum(row["answer"] == NONE != row["truth"] for row in rows),
            "first_failing_right": sum(row["first_failing_right"] for row in rows),
            "blast_jaccard": round(statistics.fmean(row["blast_jaccard"] for row in rows), 4),
            "remediation_right": sum(row["remediation_right"] for row in rows),
        }


SUITE = RootCauseBench()


def answer(timeline: Timeline) -> dict[str, Any]:
    """Put a timeline in the words of this benchmark."""
    causes, cascades = timeline["root_causes"], timeline["cascades"]
    first = causes[0] if causes else None
    onset = timeline["phases"].get("onset", {}).get("moment")
    places = [
        *(c["root_entity"] for c in cascades[:1]),
        *(m["entity"] for m in timeline["moments"] if m["id"] == onset),
        *(c["entity"] for c in causes[:1]),
    ]
    begins = next((place for place in places if place), None)
    reached = {e for c in cascades for e in c["entities"]} | set(timeline["impact"]["entities"])
    return {
        "root_cause_commit": _commit(first) if first else NONE,
        "first_failing_service": begins,
        "blast_radius": sorted(reached - {begins, None, ""}),
        "remediation": _remedy(first) if first else "none",
    }


def jaccard(one: Sequence[str], other: Sequence[str]) -> float:
    """Return how far two sets are the same: the share of what either has that both have."""
    both = set(one) | set(other)
    return len(set(one) & set(other)) / len(both) if both else 1.0


def _commit(cause: Mapping[str, Any]) -> str:
    return cause["change_id"] or NONE


def _remedy(cause: Mapping[str, Any]) -> str:
    if cause["change_id"]:
        return "rollback"
    return _REMEDIES.get(cause["category"], "escalate")


def _read(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_bytes()) if file.is_file() else []
    return found


def _sources(data: Path, folder: Path, without: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Write the files of each source and give its table of the incident file."""
    yield from _alert(data, folder)
    if "logs" not in without:
        yield from _logs(data, folder)
        yield from _status_feed.write(data / "status_feed.json", folder)
    if "metrics" not in without and (data / "metrics.csv").is_file():
        shutil.copyfile(data / "metrics.csv", folder / "metrics.csv")
        yield {"use": "csv", "path": "metrics.csv", "table": "metrics"}
    if "spans" not in without:
        yield from _spans(data, folder, calls="topology" not in without)
    if "changes" not in without:
        for name in _CHANGES:
            if _read(data / "context" / f"{name}.json"):
                shutil.copyfile(data / "context" / f"{name}.json", folder / f"{name}.json")
                yield {"use": "changes", "path": f"{name}.json"}


def _alert(data: Path, folder: Path) -> Iterator[dict[str, Any]]:
    shutil.copyfile(data / "alert.json", folder / "alerts.json")
    others = ("metric", "monitor", "threshold", "observed", "detail")
    yield {
        "use": "jsonl",
        "path": "alerts.json",
        "kind": "alert",
        "fields": {"timestamp": "fired_at", "body": "summary", "entity": "service"}
        | {f"attributes.{name}": name for name in others},
        "constants": {"role": "alert_firing", "event_name": "alert.firing"},
    }


def _logs(data: Path, folder: Path) -> Iterator[dict[str, Any]]:
    place = data / "logs.ndjson"
    if not place.is_file() or not place.stat().st_size:
        return
    shutil.copyfile(place, folder / "logs.ndjson")
    records = map(json.loads, place.read_text().splitlines())
    others = sorted({key for record in records for key in record} - set(_LOG_FIELDS))
    names = {key: "exception.stacktrace" if key == "stack" else key for key in others}
    fields = {f"attributes.{name}": key for key, name in names.items()}
    yield {"use": "jsonl", "path": "logs.ndjson", "fields": fields or None}


def _spans(data: Path, folder: Path, *, calls: bool) -> Iterator[dict[str, Any]]:
    records = _traced(_read(data / "traces.json"))
    spans = [_span(record) for record in records]
    if spans:
        _otlp.write(folder / "traces.jsonl", spans, calls=calls)
        yield {"use": "otlp_json", "path": "traces.jsonl"}


def _traced(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each span its trace: these files write ``same`` for that of the span before."""
    traced: list[dict[str, Any]] = []
    for record in records:
        trace = record["trace_id"]
        if trace == _SAME and traced:
            trace = traced[-1]["trace_id"]
        traced.append({**record, "trace_id": trace})
    return traced


def _span(record: Mapping[str, Any]) -> _otlp.Span:
    start = _nanoseconds(record["start"])
    others = {key: value for key, value in record.items() if key not in _SPAN_FIELDS}
    return _otlp.Span(
        trace=record["trace_id"],
        span=record["span_id"],
        parent=record["parent_id"] or "",
        service=record["service"],
        name=record["name"],
        start=start,
        end=start + round(record["duration_ms"] * 1e6),
        status=record.get("status") or "",
        message=record.get("error") or "",
        attributes=others | (record.get("attributes") or {}),
    )


def _nanoseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


def _times(data: Path) -> Iterator[datetime]:
    """Give the time of every record, so that the window holds them all."""
    yield datetime.fromisoformat(json.loads((data / "alert.json").read_bytes())["fired_at"])
    for name in _CHANGES:
        records = _read(data / "context" / f"{name}.json")
        yield from (datetime.fromisoformat(record["timestamp"]) for record in records)
    for record in _read(data / "traces.json"):
        yield datetime.fromisoformat(record["start"])
    if (data / "logs.ndjson").is_file():
        for line in (data / "logs.ndjson").read_text().splitlines():
            yield datetime.fromisoformat(json.loads(line)["timestamp"])
    if (data / "metrics.csv").is_file():
        for line in (data / "metrics.csv").read_text().splitlines()[1:]:
            yield datetime.fromisoformat(line.partition(",")[0])
