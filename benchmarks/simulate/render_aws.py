"""AWS's records of a case: CloudTrail, CloudWatch logs, metrics and alarms."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from fixtures import render_aws
from fixtures.scenario import MS, SECOND, Line, dice, hexid, iso, uid
from fixtures.scenario_changes import ACCOUNT, REGION

from . import calls, notices, resources
from .ledger import Record, compact, inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fixtures.scenario import Alert, Call, Json

    from .case import Case
    from .ledger import Ledger
    from .plan import Notice
    from .wording import Written

_LEVELS = {"WARN": "WARNING", "INFO": "LOG"}


def write(case: Case, ledger: Ledger) -> None:
    """Put AWS's records into the ledger."""
    trail = [*_trail(case), *_polling(case)]
    ledger.add("aws/cloudtrail.json", inside("Records"), trail)
    events = sorted((*_logs(case), *_of_notices(case)), key=lambda r: r.time or 0)
    ledger.add("aws/logs.json", inside("events", b'],"searchedLogStreams":[]}\n'), events)
    gauges = [g for g in case.gauges if g.series.system == "cloudwatch"]
    results = [Record(compact(render_aws.metric_result(g.series))) for g in gauges]
    end = b'],"Messages":[]}\n'
    ledger.add("aws/metrics.json", inside("MetricDataResults", end), results)
    alarms = [a for a in case.alerts if a.system == "cloudwatch"]
    ledger.add("aws/alarms.json", inside("AlarmHistoryItems"), list(_alarms(alarms)))


def metric_names(case: Case) -> dict[str, dict[str, str]]:
    """Say what each query for a metric asked for, as the incident file does."""
    series = [g.series for g in case.gauges if g.series.system == "cloudwatch"]
    return {
        render_aws.metric_id(s): {"entity": s.entity, "name": f"{s.metric}.{s.statistic}",
                                  "unit": s.unit}
        for s in series
    }  # fmt: skip


def watched(case: Case) -> dict[str, str]:
    """Say which entity each alarm watches."""
    return {a.name: a.entity for a in case.alerts if a.system == "cloudwatch"}


def _trail(case: Case) -> Iterator[Record]:
    for change in case.changes:
        for call in calls.of(case.world, change, case.start):
            if call.system == "cloudtrail":
                yield _record(call, change.ident)


def _record(call: Call, change: str = "") -> Record:
    return Record(compact(render_aws.api_call(call)), call.time, "", SECOND, change)


def _polling(case: Case) -> Iterator[Record]:
    """Add the reads that fill every trail."""
    from fixtures.scenario import Call

    rng = dice("polling", case.seed)
    reads = ("ecs:DescribeServices", "monitoring:DescribeAlarms", "ec2:DescribeInstances")
    actor = f"arn:aws:sts::{ACCOUNT}:assumed-role/monitoring-reader/poller"
    if not any(e.cloud == "aws" for e in case.world.entities.values()):
        return
    time = case.start
    while (time := time + rng.randrange(60, 400) * SECOND) < case.end:
        ident = uid("read", case.seed, time)
        yield _record(Call(time, "cloudtrail", ident, rng.choice(reads), "", actor, {}))


def _logs(case: Case) -> Iterator[Record]:
    for line in case.lines:
        entity = case.world.entities[line.entity]
        if entity.platform == "ecs":
            yield _ecs(case, line)
        elif entity.platform == "rds":
            yield _rds(case, line.time, entity.name, _LEVELS.get(line.level, line.level), line.body)


def _ecs(case: Case, line: Written) -> Record:
    """Write a line of JSON by one of a service's tasks."""
    tick = line.time // MS
    fields = {"task": hexid(32, case.seed, line.entity, tick % 3), "logger": line.entity}
    if line.trace_id:
        fields |= {"trace_id": line.trace_id, "request_id": f"req-{line.trace_id[:12]}"}
    told = Line(line.time, f"ecs/{line.entity}", line.level, line.body, fields,
                (200 + tick % 2300) * MS)  # fmt: skip
    group = resources.log_group(case.world.entities[line.entity])
    event = render_aws.log_event(told) | {"logGroupIdentifier": f"{ACCOUNT}:{group}"}
    return Record(compact(event), line.time, "", MS)


def _rds(case: Case, time: int, name: str, level: str, body: str) -> Record:
    """Write a line of PostgreSQL as RDS exports it."""
    entity = case.world.entities[name]
    stamp = iso(time, 3, " UTC").replace("T", " ")
    event: Json = {
        "logStreamName": f"{name}.0",
        "timestamp": time // MS,
        "message": f"{stamp}:10.0.1.7(51234):app@{name}:[412]:{level}:  {body}",
        "ingestionTime": (time + 2 * SECOND) // MS,
        "eventId": str(int(hexid(38, time, name, body), 16)).zfill(56)[:56],
        "logGroupIdentifier": f"{ACCOUNT}:{resources.log_group(entity)}",
    }
    return Record(compact(event), time, "", MS)


def _of_notices(case: Case) -> Iterator[Record]:
    """Write what stores, containers and AWS itself say once."""
    for notice in case.fault.notices:
        time = case.start + int(notice.time * 1e6) * 1000
        entity = case.world.entities.get(notice.where)
        if entity and entity.platform == "rds":
            lasting = float(notice.about.get("back", "0"))
            for after, level, body in notices.database(notice.what, lasting):
                yield _rds(case, time + int(after * SECOND), entity.name, level, body)
        elif entity and entity.platform == "ecs" and notice.what == "oom":
            level, body = notices.memory(entity.name, "ecs")
            from .wording import Written

            yield _ecs(case, Written(time, entity.name, "", level, body))
        elif notice.about.get("cloud") == "aws":
            yield _health(case, time, notice)


def _health(case: Case, time: int, notice: Notice) -> Record:
    """Write an event of AWS Health, as a rule of EventBridge puts it into a log group."""
    closed = notice.what == "cloud_healthy"
    since = format_datetime(
        datetime.fromtimestamp(notices.since(case, notice) // SECOND, UTC), usegmt=True
    )
    text = "The issue has been resolved." if closed else (
        "We are investigating connectivity issues affecting instances in a single Availability "
        "Zone (euw1-az2) in the EU-WEST-1 Region."
    )  # fmt: skip
    detail: Json = {
        "eventArn": f"arn:aws:health:{REGION}::event/EC2/AWS_EC2_OPERATIONAL_ISSUE/{case.id}",
        "service": "EC2",
        "eventTypeCode": "AWS_EC2_OPERATIONAL_ISSUE",
        "eventTypeCategory": "issue",
        "statusCode": "closed" if closed else "open",
        "startTime": since,
        "eventDescription": [{"language": "en_US", "latestDescription": text}],
        "affectedEntities": [{"entityValue": case.world.zones["aws"]}],
    }
    body: Json = {"source": "aws.health", "detail-type": "AWS Health Event", "region": REGION,
                  "time": iso(time), "detail": detail}  # fmt: skip
    event = {
        "logStreamName": hexid(12, case.id, closed),
        "timestamp": time // MS,
        "message": compact(body).decode(),
        "ingestionTime": time // MS + 900,
        "eventId": str(int(hexid(38, time, "health"), 16)).zfill(56)[:56],
        "logGroupIdentifier": f"{ACCOUNT}:/aws/events/health",
    }
    return Record(compact(event), time, "", MS, notices.PROVIDER)


def _alarms(alarms: Sequence[Alert]) -> Iterator[Record]:
    found: list[tuple[int, Record]] = []
    for alarm in alarms:
        times = (alarm.fired, alarm.resolved)
        for time, item in zip(times, render_aws.history(alarm), strict=True):
            if time:
                found.append((time, Record(compact(item), time, "", MS)))
    for _, record in sorted(found, key=lambda pair: -pair[0]):
        yield record
