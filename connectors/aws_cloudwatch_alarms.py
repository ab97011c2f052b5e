"""Amazon CloudWatch alarms: their history, and the state they are in.

Shapes: Amazon CloudWatch API Reference, DescribeAlarmHistory (``HistoryData`` is JSON in a text)
and DescribeAlarms. An alarm is late by design: what it saw began at ``stateReasonData.startDate``,
which is kept as an attribute.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from nova_timeline import schema
from nova_timeline.connector import Batch, Connector, Gap, Option, Partition, batch

from . import _aws, _deeplinks, _envelope, _fields, _json, _json_export
from ._lines import Records

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from nova_timeline.clock import Window

_ENVELOPES = ("AlarmHistoryItems", "MetricAlarms", "CompositeAlarms", "LogAlarms")
_ITEM = {
    "name": "$.AlarmName",
    "time": "$.Timestamp | $.StateTransitionedTimestamp | $.StateUpdatedTimestamp",
    "item": "$.HistoryItemType",
    "summary": "$.HistorySummary",
    "data": "$.HistoryData",
    "type": "$.AlarmType",
    "contributor": "$.AlarmContributorAttributes",
    # describe-alarms
    "arn": "$.AlarmArn",
    "state": "$.StateValue",
    "reason": "$.StateReason",
    "reason_data": "$.StateReasonData",
    "dimensions": "$.Dimensions | $.Metrics[0].MetricStat.Metric.Dimensions "
    "| $.Metrics[1].MetricStat.Metric.Dimensions",
    "metric": "$.MetricName | $.Metrics[0].MetricStat.Metric.MetricName",
    "namespace": "$.Namespace | $.Metrics[0].MetricStat.Metric.Namespace",
}
_ALARMS = ("updatedAlarm", "createdAlarm", "deletedAlarm")
_CONFIGURED = ("dimensions", *(f"metrics[{i}].metricStat.metric.dimensions" for i in range(3)))
_HISTORY = {
    "change": "$.type",
    "old_state": "$.oldState.stateValue",
    "state": "$.newState.stateValue",
    "reason": "$.newState.stateReason",
    "reason_data": "$.newState.stateReasonData",
    "action": "$.actionState",
    "target": "$.notificationResource",
    "failure": "$.error",
    "published": "$.publishedMessage",
    "dimensions": " | ".join(f"$.{a}.{c}" for a in _ALARMS for c in _CONFIGURED),
    "metric": " | ".join(f"$.{a}.metricName" for a in _ALARMS),
    "namespace": " | ".join(f"$.{a}.namespace" for a in _ALARMS),
    "arn": " | ".join(f"$.{a}.alarmArn" for a in _ALARMS),
}
_REASON = {
    "start": "$.startDate",
    "query": "$.queryDate",
    "period": "$.period",
    "statistic": "$.statistic",
    "threshold": "$.threshold",
    "recent": "$.recentDatapoints",
    "triggering": "$.triggeringAlarms",
}
# What an action sent to SNS: the message by protocol, and the alarm's trigger inside it.
_PUBLISHED = {"default": "$.default"}
_MESSAGE = {
    "dimensions": "$.Trigger.Dimensions | $.Trigger.Metrics[0].MetricStat.Metric.Dimensions",
    "metric": "$.Trigger.MetricName",
    "namespace": "$.Trigger.Namespace",
    "arn": "$.AlarmArn",
}
_ABOUT = ("dimensions", "metric", "namespace", "arn")
_STATES = {
    "ALARM": ("alert_firing", "alert.firing", 17),
    "OK": ("alert_resolved", "alert.resolved", 9),
    "INSUFFICIENT_DATA": ("notice", "alert.insufficient_data", 13),
}


class CloudWatchAlarms(Connector):
    """Amazon CloudWatch alarms: ``describe-alarm-history`` and ``describe-alarms``."""

    summary = "CloudWatch alarm history (state changes, actions, edits) and current alarm states"
    globs = _json_export.GLOBS
    options: ClassVar = {
        "entities": Option("alarm name -> the entity it watches, where no dimension tells", dict),
        "region": Option("the AWS region, for links, where no ARN tells"),
    }

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode history items and alarms, a file at a time: its items tell of each other."""
        import polars as pl

        del window
        found = _records(partition)
        yield from _envelope.last_page(partition, found)
        decoded = _fields.decode(partition, found, _ITEM)
        rows = decoded.table
        decoded = _aws.only(decoded, rows["name"].is_not_null(), partition, "CloudWatch alarms")
        yield from decoded.gaps
        if len(decoded) == 0:
            return
        rows = _unpacked(rows.filter(pl.col("name").is_not_null()))
        times = _aws.times(rows["time"])
        yield batch(
            "event",
            partition,
            raw=decoded.raw,
            locators=decoded.locators,
            scope="aws_cloudwatch_alarms",
            columns=_columns(rows, self.settings)
            | {"timestamp": times.timestamp, "timestamp_precision": times.precision},
        )


def _records(partition: Partition) -> Records:
    """Find the items of every envelope: describe-alarms has an array for each kind of alarm."""
    import numpy as np

    each = [_json.records(partition, (name,)) for name in _ENVELOPES]
    spans = {
        (int(a), -int(b)) for r in each for a, b in zip(r.starts, r.stops, strict=True)
    }  # a document is its own only record for the envelopes it does not have
    pairs = np.array(sorted(spans), np.int64).reshape(-1, 2)
    starts, stops = pairs[:, 0].copy(), -pairs[:, 1]
    around = np.append(starts[1:] < stops[:-1], np.zeros(min(len(starts), 1), np.bool_))
    for i in np.flatnonzero(~around):
        head = bytes(each[0].data[int(starts[i]) : int(starts[i]) + 200])
        around[i] = any(re.match(rb'\{\s*"%s"\s*:' % name.encode(), head) for name in _ENVELOPES)
    gaps = dict.fromkeys(gap for r in each for gap in r.gaps)
    return Records(each[0].data, starts[~around], stops[~around], tuple(gaps))


def _unpacked(rows: pl.DataFrame) -> pl.DataFrame:
    """Read the texts of JSON inside the items: history, reason, and the message an action sent."""
    import polars as pl

    history = _fields.extract(rows["data"], _HISTORY)
    shared = [c for c in _HISTORY if c in rows.columns]
    whole = rows.with_columns(pl.coalesce(pl.col(c), history[c]).alias(c) for c in shared)
    whole = whole.hstack(history.drop(shared))
    published = _fields.extract(whole["published"], _PUBLISHED)["default"]
    message = _fields.extract(published, _MESSAGE)
    whole = whole.with_columns(pl.coalesce(pl.col(c), message[c]).alias(c) for c in _ABOUT)
    # Only edits and actions say what an alarm watches; they say it for its other items too.
    whole = whole.with_columns(
        pl.coalesce(c, pl.col(c).drop_nulls().first().over("name")).alias(c) for c in _ABOUT
    )
    return whole.hstack(_fields.extract(whole["reason_data"], _REASON))


def _entities(rows: pl.DataFrame, given: dict[str, str]) -> pl.Series:
    """Name what each alarm watches: as the incident file says, else by any of its dimensions.

    An edit of an alarm touches the alarm and nothing else.
    """
    import polars as pl

    told = pl.col("name").replace_strict(given, default=None, return_dtype=pl.String)
    names = rows.select(
        pl.when(pl.col("item") == "ConfigurationUpdate")
        .then("name")
        .otherwise(pl.coalesce(told, _aws.entities(rows["dimensions"]), "name"))
    )
    return names.to_series()


def _columns(rows: pl.DataFrame, settings: dict[str, Any]) -> dict[str, Any]:
    import polars as pl

    state, item = pl.col("state"), pl.col("item")
    moved = item.is_null() | (item == "StateUpdate")
    edited = item == "ConfigurationUpdate"
    arn = pl.col("arn").str.extract_groups(r"^arn:[^:]+:cloudwatch:([^:]*):(\d*):")
    region = pl.coalesce(arn.struct.field("1"), pl.lit(settings["region"], pl.String))
    roles, names, levels = (
        state.replace_strict({k: v[i] for k, v in _STATES.items()}, default=None) for i in range(3)
    )
    summary = pl.coalesce("summary", pl.format("Alarm is in {}", "state"))
    made = rows.with_columns(region=region).select(
        pl.when(edited).then(pl.lit("config_change")).otherwise(pl.lit("alert")).alias("kind"),
        pl.when(edited).then(pl.lit("change")).when(moved).then(roles)
        .otherwise(pl.lit("notice")).alias("role"),
        pl.when(edited).then(pl.lit("config_change")).when(moved).then(names)
        .otherwise(pl.lit("alert.action")).alias("event_name"),
        pl.when(moved).then(levels).otherwise(9).alias("severity_number"),
        pl.when(moved).then(state).alias("severity_text"),
        pl.concat_str(
            [pl.format("{}: {}", "name", summary), "reason", "failure"],
            separator=". ", ignore_nulls=True,
        ).alias("body"),
        pl.col("region").alias("cloud.region"),
        arn.struct.field("2").alias("cloud.account.id"),
        _deeplinks.cloudwatch_alarm(pl.col("region"), pl.col("name")).alias("evidence.url"),
    )  # fmt: skip
    return {
        **made.to_dict(),
        "entity": _entities(rows, settings["entities"] or {}),
        "clock": "service:cloudwatch",
        "cloud.provider": "aws",
        "attributes": _attributes(rows),
    }


def _attributes(rows: pl.DataFrame) -> Any:
    return schema.attributes(
        len(rows),
        {
            "alert.name": rows["name"],
            "aws.alarm.type": rows["type"],
            "aws.alarm.old_state": rows["old_state"],
            "aws.alarm.new_state": rows["state"],
            "aws.alarm.reason": rows["reason"],
            "aws.alarm.start_date": rows["start"],
            "aws.alarm.query_date": rows["query"],
            "aws.alarm.period": rows["period"],
            "aws.alarm.statistic": rows["statistic"],
            "aws.alarm.threshold": rows["threshold"],
            "aws.alarm.recent_datapoints": rows["recent"],
            "aws.alarm.triggering_alarms": rows["triggering"],
            "aws.alarm.contributor": rows["contributor"],
            "aws.alarm.change": rows["change"],
            "aws.alarm.action_state": rows["action"],
            "aws.alarm.action_target": rows["target"],
            "aws.metric.name": rows["metric"],
            "aws.metric.namespace": rows["namespace"],
            "aws.metric.dimensions": rows["dimensions"],
        },
    )
