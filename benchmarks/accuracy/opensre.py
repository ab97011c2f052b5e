"""OpenSRE's synthetic incidents (Tracer-Cloud, Apache-2.0): what kind of cause, or none at all.

A case is a folder with an alert, what AWS, Kubernetes and Datadog answered when asked
(`_opensre_aws`, `_opensre_kubernetes`), and the truth in ``answer.yml``: a category, ``healthy``
where nothing was wrong. Its other files (``scenario.yml``, notes) and the alert's own
``*_failure_mode`` tell the answer and are not read.

The answer is the category of the first root cause in this suite's words (`_THEIRS`); ``healthy``
where the timeline finds no incident.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.accuracy import _incident_file, _opensre_aws, _opensre_kubernetes
from benchmarks.accuracy._records import Records, write
from benchmarks.accuracy._statistics import worst_rank
from benchmarks.accuracy._suite import Case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.accuracy._suite import Row, Timeline

HEALTHY = "healthy"
_ANSWER = "answer.yml"
_THEIRS = {
    "code_change": "code_defect",
    "config_change": "configuration_error",
    "feature_flag": "configuration_error",
    "certificate": "configuration_error",
    "infrastructure_change": "infrastructure",
    "hardware": "infrastructure",
    "network": "infrastructure",
    "dependency": "dependency_failure",
    "external_provider": "dependency_failure",
    "resource_exhaustion": "resource_exhaustion",
    "scaling": "resource_exhaustion",
    "traffic": "resource_exhaustion",
    "data": "data_quality",
    "unknown": "unknown",
}
"""Our category -> this suite's."""
_CANDIDATES = len(set(_THEIRS.values()) - {"unknown"} | {HEALTHY})
_LABEL = re.compile(r"^\s*\[[\w-]+\]\s*")  # "[synthetic-rds] " before a title
_LONGEST = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)


class OpenSre:
    """The suite; see the module."""

    name = "opensre"
    place = "opensre"

    def cases(self, data: Path) -> list[Case]:
        """List the folders that hold an answer, one or two levels down."""
        files = {*data.glob(f"*/{_ANSWER}"), *data.glob(f"*/*/{_ANSWER}")}
        found = [
            Case(f.parent.relative_to(data).as_posix(), f.parent, read_answer(f.read_text()))
            for f in files
        ]
        return sorted(found, key=lambda case: case.name)

    def write(self, case: Case, folder: Path, without: frozenset[str]) -> Path:
        """Write a case as ordinary sources; see `Suite.write`."""
        given: dict[str, Any] = json.loads((case.folder / "alert.json").read_bytes())
        subject = _subject(given)
        aws = _opensre_aws.read(case.folder)
        cluster = _opensre_kubernetes.read(case.folder, subject)
        times = sorted({*aws.times(), *cluster.times()})
        end = max(times) + _MINUTE
        start = max(min(times), end - _LONGEST)
        looked = (end - _MINUTE).isoformat()
        records = Records.joined(aws, cluster, _alert(given, subject, looked))
        records = records.at(looked).left_out(without)
        sources = [*write(records, folder), *_opensre_aws.metrics(case.folder, folder, without)]
        head = {
            "id": case.name,
            "title": "an alert fired",
            "start": start.isoformat(),
            "end": end.isoformat(),
        }
        return _incident_file.write(folder, head, sources, records.edges)

    def score(self, case: Case, timeline: Timeline) -> Row:
        """Compare categories; see `Suite.score`."""
        right = case.truth["root_cause_category"]
        ranked = [(_THEIRS[c["category"]], c["score"]) for c in timeline["root_causes"]]
        if timeline["verdict"] != "incident":
            ranked = [(HEALTHY, 0.0)]
        named = ranked[0][0] if ranked else "unknown"
        return {
            "case": case.name,
            "answer": named,
            "truth": right,
            "rank": worst_rank(ranked, {right}),
            "score": float(named == right),
            "decoy": named in case.truth.get("forbidden_categories", ()),
            "candidates": _CANDIDATES,
            "form": {"scenario_id": case.folder.name, "root_cause_category": named},
        }

    def summary(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        """Return the figures of this suite."""
        healthy = [row for row in rows if row["truth"] == HEALTHY]
        return {
            "category_right": sum(row["answer"] == row["truth"] for row in rows),
            "healthy_cases": len(healthy),
            "healthy_called_incident": sum(row["answer"] != HEALTHY for row in healthy),
            "forbidden_named": sum(row["decoy"] for row in rows),
        }


SUITE = OpenSre()


def read_answer(text: str) -> dict[str, Any]:
    """Read the little YAML that answers are written in: texts, and lists of texts."""
    found: dict[str, Any] = {}
    key = ""
    for line in text.splitlines():
        if match := re.fullmatch(r"(\w+):\s*(.*?)\s*", line):
            key = match[1]
            found[key] = match[2].strip("\"'") or []
        elif (item := re.fullmatch(r"\s*-\s+(.*?)\s*", line)) and isinstance(found.get(key), list):
            found[key].append(item[1].strip("\"'"))
    return found


def _subject(alert: Mapping[str, Any]) -> str:
    """Name what the alert is about: a database by its instance, else the service."""
    notes, labels = alert.get("commonAnnotations", {}), alert.get("commonLabels", {})
    named = (notes.get("db_instance_identifier"), labels.get("service"))
    return next((name for name in named if name), "unknown")


def _alert(alert: Mapping[str, Any], subject: str, looked: str) -> Records:
    """Give what the alert itself says, without the words that name the fault to graders."""
    notes, labels = alert.get("commonAnnotations", {}), alert.get("commonLabels", {})
    said = ("summary", "description", "error", "suspected_symptom")
    title = _LABEL.sub("", alert.get("title", ""))
    record = {
        "timestamp": looked,
        "entity": subject,
        "title": title,
        "message": " ".join([title + ".", *(notes[k] for k in said if notes.get(k))]),
        "level": labels.get("severity"),
        "role": "alert_firing" if alert.get("state") == "alerting" else "notice",
        "alertname": labels.get("alertname"),
    }
    return Records(alerts=[record])
