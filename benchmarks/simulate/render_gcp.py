"""Google Cloud's records of a case: log entries, audit logs, time series and incidents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures import render_gcp
from fixtures.scenario import MS, SECOND, Line, hexid, iso
from fixtures.scenario_changes import PROJECT

from . import calls, notices, resources
from .ledger import LINES, Record, compact, inside
from .wording import Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.scenario import Call, Json

    from .case import Case
    from .ledger import Ledger
    from .plan import Notice

_SEVERITY = {"WARN": "WARNING", "LOG": "INFO", "FATAL": "CRITICAL"}


def write(case: Case, ledger: Ledger) -> None:
    """Put Google Cloud's records into the ledger."""
    entries = sorted((*_logs(case), *_audits(case), *_of_notices(case)), key=lambda r: r.time or 0)
    ledger.add("gcp/entries.jsonl", LINES, entries)
    watched = [g for g in case.gauges if g.series.system == "gcp"]
    named = [(g.series, resources.gcp_resource(g.entity, g.platform)) for g in watched]
    series = [Record(compact(render_gcp.time_series(s, where))) for s, where in named]
    ledger.add("gcp/time-series.json", inside("timeSeries"), series)
    ledger.add("gcp/alerts.json", inside("alerts"), list(_alerts(case)))


def _logs(case: Case) -> Iterator[Record]:
    for line in case.lines:
        platform = case.world.entities[line.entity].platform
        if platform == "run":
            yield _run(line)
        elif platform == "cloudsql":
            yield _sql(line.time, line.entity, line.level, line.body)


def _run(line: Written) -> Record:
    fields = {"request_id": f"req-{line.trace_id[:12]}"} if line.trace_id else {}
    if line.trace_id:
        fields["trace_id"] = line.trace_id
    lag = (90 + line.time // MS % 810) * MS
    told = Line(line.time, f"run/{line.entity}", line.level, line.body, fields, lag)
    entry = render_gcp.entry(told, resources.gcp_resource(line.entity, "run"))
    return Record(compact(entry), line.time, "", 1)


def _sql(time: int, name: str, level: str, body: str) -> Record:
    entry: Json = {
        "insertId": hexid(20, time, name, body),
        "logName": f"projects/{PROJECT}/logs/cloudsql.googleapis.com%2Fpostgres.log",
        "resource": resources.gcp_resource(name, "cloudsql"),
        "timestamp": iso(time, 6),
        "receiveTimestamp": iso(time + 900 * MS, 9),
        "severity": _SEVERITY.get(level, level),
        "textPayload": f"[4312]: [1-1] db=app,user=app {level}:  {body}",
    }
    return Record(compact(entry), time, "", 1000)


def _audits(case: Case) -> Iterator[Record]:
    for change in case.changes:
        for call in calls.of(case.world, change, case.start):
            if call.system == "gcp_audit":
                entry = render_gcp.audit(call, *_audited(case, call, change.entity))
                yield Record(compact(entry), call.time, "", 1, change.ident)


def _audited(case: Case, call: Call, name: str) -> tuple[Json, str]:
    """Say on which resource a call was made, and to which API."""
    if "run" in call.name:
        return resources.gcp_resource(name, "run"), "run.googleapis.com"
    if "cloudsql" in call.name:
        return resources.gcp_resource(name, "cloudsql"), "cloudsql.googleapis.com"
    labels = {"project_id": PROJECT}
    if "firewalls" in call.name:
        kind = {"type": "gce_firewall_rule", "labels": labels}
        return kind, "compute.googleapis.com"
    if call.name.startswith("dns."):
        zone = labels | {"zone_name": "internal", "location": "global"}
        return {"type": "dns_managed_zone", "labels": zone}, "dns.googleapis.com"
    del case
    return {"type": "audited_resource", "labels": labels}, "secretmanager.googleapis.com"


def _of_notices(case: Case) -> Iterator[Record]:
    for notice in case.fault.notices:
        time = case.start + int(notice.time * 1e6) * 1000
        entity = case.world.entities.get(notice.where)
        if entity and entity.platform == "cloudsql":
            lasting = float(notice.about.get("back", "0"))
            for after, level, body in notices.database(notice.what, lasting):
                yield _sql(time + int(after * SECOND), entity.name, level, body)
        elif entity and entity.platform == "run" and notice.what == "oom":
            level, body = notices.memory(entity.name, "run")
            yield _run(Written(time, entity.name, "", level, body))
        elif notice.about.get("cloud") == "gcp":
            yield _health(case, time, notice)


def _health(case: Case, time: int, notice: Notice) -> Record:
    """Write an entry of Personalized Service Health."""
    closed = notice.what == "cloud_healthy"
    entry: Json = {
        "insertId": hexid(16, case.id, "health", closed),
        "logName": f"projects/{PROJECT}/logs/servicehealth.googleapis.com%2Factivity",
        "resource": {
            "type": "servicehealth.googleapis.com/Event",
            "labels": {"location": "global", "event_id": case.id, "resource_container": PROJECT},
        },
        "timestamp": iso(time, 6),
        "receiveTimestamp": iso(time + SECOND, 6),
        "severity": "NOTICE",
        "jsonPayload": {
            "@type": "type.googleapis.com/google.cloud.servicehealth.logging.v1.EventLog",
            "title": f"Elevated errors in {case.world.zones['gcp']}",
            "description": f"Some resources in {case.world.zones['gcp']} cannot be reached.",
            "category": "INCIDENT",
            "state": "CLOSED" if closed else "ACTIVE",
            "detailedState": "RESOLVED" if closed else "CONFIRMED",
            "startTime": iso(notices.since(case, notice)),
            "impactedLocations": f"['{case.world.zones['gcp']}']",
        },
    }
    return Record(compact(entry), time, "", 1000, notices.PROVIDER)


def _alerts(case: Case) -> Iterator[Record]:
    for alert in case.alerts:
        if alert.system != "gcp":
            continue
        platform = case.world.entities[alert.entity].platform
        made = render_gcp.incident(alert)
        made["resource"] = resources.gcp_resource(alert.entity, platform)
        made["metadata"] = {"systemLabels": {}, "userLabels": {}}
        made["policy"]["userLabels"] = {}
        made["metric"] = {"type": alert.metric, "labels": {}}
        if not alert.resolved:
            made["state"] = "OPEN"
            del made["closeTime"]
        # It tells of two moments, so none of them is the record's.
        yield Record(compact(made), alert.fired if not alert.resolved else None, "", 1000)
