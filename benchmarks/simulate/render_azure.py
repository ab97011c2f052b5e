"""Azure's records of a case: activity log, Log Analytics rows, metrics and alerts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fixtures import render_azure
from fixtures.scenario import MS, SECOND, Call, iso, uid
from fixtures.scenario_changes import SUBSCRIPTION

from . import calls, notices, resources
from .ledger import ARRAY, LINES, Record, compact
from .wording import Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.scenario import Json

    from .case import Case
    from .ledger import Ledger
    from .observed import Gauge

_SEVERITIES = {"INFO": 1, "WARN": 2, "ERROR": 3}
_TRACES = ("TimeGenerated", "Type", "AppRoleName", "SeverityLevel", "Message", "OperationId",
           "_TimeReceived", "_ResourceId", "_ItemId")  # fmt: skip
_SERVER = ("TimeGenerated", "Type", "LogicalServerName", "ErrorLevel", "ProcessId", "Message",
           "_TimeReceived", "_ResourceId", "_ItemId")  # fmt: skip


def write(case: Case, ledger: Ledger) -> None:
    """Put Azure's records into the ledger."""
    activity = sorted((*_activity(case), *_health(case)), key=lambda r: -(r.time or 0))
    ledger.add("azure/activity.json", ARRAY, activity)
    rows = (*_lines(case), *_of_notices(case))
    for table, columns in (("AppTraces", _TRACES), ("PGSQLServerLogs", _SERVER)):
        some = sorted((r for t, r in rows if t == table), key=lambda r: r.time or 0)
        named = [{"name": c, "type": "string"} for c in columns]
        head = b'{"tables":[{"name":"PrimaryResult","columns":' + compact(named) + b',"rows":[\n'
        ledger.add(f"azure/{table}.json", (head, b",\n", b"\n]}]}\n"), some)
    metrics = [Record(compact(m)) for m in _metrics(case)]
    span = f"{iso(case.start)}/{iso(case.end)}"
    head = f'{{"cost":0,"interval":"PT1M","timespan":"{span}","value":[\n'.encode()
    ledger.add("azure/metrics.json", (head, b",\n", b"\n]}\n"), metrics)
    ledger.add("azure/alerts.jsonl", LINES, list(_alerts(case)))


def _activity(case: Case) -> Iterator[Record]:
    for change in case.changes:
        for call in calls.of(case.world, change, case.start):
            if call.system == "azure_activity":
                raw = compact(render_azure.activity(call))
                yield Record(raw, call.time, "", 100, change.ident)


def _health(case: Case) -> Iterator[Record]:
    """Write what Azure's Service Health says of its own trouble."""
    for notice in case.fault.notices:
        if notice.about.get("cloud") != "azure":
            continue
        time = case.start + int(notice.time * 1e6) * 1000
        over = notice.what == "cloud_healthy"
        word = "Resolved" if over else "Active"
        name = f"Microsoft.ServiceHealth/incident/{'resolved' if over else 'activated'}/action"
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop-prod"
        about = f"{group}/providers/Microsoft.ServiceHealth/events/{case.id}"
        call = Call(time, "azure_activity", uid(case.id, word), name, about, "azure@example.com",
                    {}, None, uid(case.id))  # fmt: skip
        made = render_azure.activity(call)
        kind = {"localizedValue": "ServiceHealth", "value": "ServiceHealth"}
        made |= {"category": kind, "level": "Informational" if over else "Error",
                 "status": {"localizedValue": word, "value": word}}  # fmt: skip
        made["properties"] = {
            "title": f"Virtual Machines and databases in {case.world.zones['azure']}",
            "service": "Virtual Machines", "region": "West Europe", "incidentType": "Incident",
            "trackingId": case.id, "stage": word,
            "impactStartTime": iso(notices.since(case, notice)),
            "communication": "A power event in one zone made some resources unavailable.",
        }  # fmt: skip
        yield Record(compact(made), time, "", 100, notices.PROVIDER)


def _lines(case: Case) -> Iterator[tuple[str, Record]]:
    for line in case.lines:
        platform = case.world.entities[line.entity].platform
        if platform == "containerapp":
            yield "AppTraces", _trace(line)
        elif platform == "azpg":
            yield "PGSQLServerLogs", _server(line.time, line.entity, line.level, line.body)


def _trace(line: Written) -> Record:
    received = line.time + (2 + line.time // MS % 38) * SECOND
    row = [
        iso(line.time, 7), "AppTraces", line.entity, _SEVERITIES[line.level], line.body,
        line.trace_id, iso(received, 7),
        resources.azure_id(line.entity, "containerapp").lower(),
        uid(line.time, line.entity, line.body),
    ]  # fmt: skip
    return Record(compact(row), line.time, "", 100)


def _server(time: int, name: str, level: str, body: str) -> Record:
    words = {"WARN": "WARNING", "INFO": "LOG"}
    row = [
        iso(time, 7), "PGSQLServerLogs", name, words.get(level, level), 4471, body,
        iso(time + 30 * SECOND, 7), resources.azure_id(name, "azpg").lower(), uid(time, name, body),
    ]  # fmt: skip
    return Record(compact(row), time, "", 100)


def _of_notices(case: Case) -> Iterator[tuple[str, Record]]:
    for notice in case.fault.notices:
        time = case.start + int(notice.time * 1e6) * 1000
        entity = case.world.entities.get(notice.where)
        if entity and entity.platform == "azpg":
            lasting = float(notice.about.get("back", "0"))
            for after, level, body in notices.database(notice.what, lasting):
                told = _server(time + int(after * SECOND), entity.name, level, body)
                yield "PGSQLServerLogs", told
        elif entity and entity.platform == "containerapp" and notice.what == "oom":
            level, body = notices.memory(entity.name, "containerapp")
            yield "AppTraces", _trace(Written(time, entity.name, "", level, body))


def _metrics(case: Case) -> Iterator[Json]:
    """Write a metric for each name of a resource; a dimension makes several series of it."""
    found: defaultdict[tuple[str, str], list[Gauge]] = defaultdict(list)
    for gauge in case.gauges:
        if gauge.series.system == "azure":
            found[gauge.entity, gauge.series.metric].append(gauge)
    for some in found.values():
        first = some[0]
        resource = resources.azure_id(first.entity, first.platform)
        made = render_azure.metric(first.series, resource)
        made["timeseries"] = [_series(g) for g in some]
        yield made


def _series(gauge: Gauge) -> Json:
    statistic = gauge.series.statistic
    data = [{statistic: v, "timeStamp": iso(t)} for t, v in gauge.series.points]
    named = [{"name": {"value": "statuscodecategory"}, "value": v}
             for v in gauge.series.labels.values()]  # fmt: skip
    return {"data": data, "metadatavalues": named}


def _alerts(case: Case) -> Iterator[Record]:
    for alert in case.alerts:
        if alert.system != "azure":
            continue
        entity = case.world.entities.get(alert.entity)
        platform = entity.platform if entity else "host.windows"
        resource = resources.azure_id(alert.entity, platform)
        for word, time in (("Fired", alert.fired), ("Resolved", alert.resolved)):
            if time:
                raw = compact(render_azure.payload(alert, word, resource))
                # A resolution tells when it was fired as well.
                yield Record(raw, time if word == "Fired" else None, "", 100)
