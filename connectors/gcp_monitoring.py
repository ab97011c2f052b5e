"""Google Cloud Monitoring: time series and incidents, as its API and its webhooks give them.

Fields: Cloud Monitoring API v3, ``projects.timeSeries.list`` (points newest first, 64-bit integers
as text) and ``projects.alerts.list``; "Notification options: webhook payload", schema version 1.2.
A point of a CUMULATIVE series counts since its startTime, so its own time is its endTime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, clock
from nova_timeline.connector import Batch, Gap, Partition, batch

from . import _deeplinks, _envelope, _fields, _gcp, _json, _shapes
from ._json_export import JsonExport

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from nova_timeline.clock import Window

_RECORD = {
    "points": "$.points",
    "type": "$.metric.type | $.incident.metric.type",
    "labels": "$.metric.labels",
    "metric_kind": "$.metricKind | $.metric_kind",
    "unit": "$.unit",
    "resource": "$.resource | $.incident.resource",
    "controller": "$.metadata.systemLabels.top_level_controller_name",
    "machine": "$.metric.labels.instance_name | $.metadata.systemLabels.name"
    " | $.incident.metadata.system_labels.name",
    "incident": "$.incident",
    "name": "$.incident.incident_id | $.name",
    "state": "$.incident.state | $.state",
    "opened": "$.openTime | $.open_time",
    "closed": "$.closeTime | $.close_time",
    "started_at": "$.incident.started_at",
    "ended_at": "$.incident.ended_at",
    "policy": "$.incident.policy_name | $.policy.displayName | $.policy.name",
    "condition": "$.incident.condition_name",
    "severity": "$.incident.severity | $.policy.severity",
    "summary": "$.incident.summary",
    "observed": "$.incident.observed_value",
    "threshold": "$.incident.threshold_value",
    "user_labels": "$.incident.policy_user_labels | $.policy.userLabels",
    "user_service": "$.incident.policy_user_labels.service | $.policy.userLabels.service",
    "url": "$.incident.url",
    "project": "$.incident.scoping_project_id",
}
_POINT = {
    "start": "$.interval.startTime | $.interval.start_time",
    "end": "$.interval.endTime | $.interval.end_time",
    "double": "$.value.doubleValue | $.value.double_value",
    "int64": "$.value.int64Value | $.value.int64_value",
    "bool": "$.value.boolValue | $.value.bool_value",
    "count": "$.value.distributionValue.count | $.value.distribution_value.count",
    "distribution": "$.value.distributionValue | $.value.distribution_value",
    "mean": "$.value.distributionValue.mean | $.value.distribution_value.mean",
}


class CloudMonitoring(JsonExport):
    """Google Cloud Monitoring: timeSeries.list, alerts.list and webhook notifications."""

    summary = "GCP metrics and incidents: Monitoring API v3 output, webhook notifications"

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode time series into metric rows and incidents into events."""
        import polars as pl

        del window
        envelopes = ("timeSeries", "alerts", "incidents")
        found = self.records(partition, envelopes)
        yield from _envelope.last_page(partition, found)
        decoded = _fields.decode(partition, found, _RECORD)
        is_series = pl.col("points").is_not_null()
        is_alert = ~is_series & (pl.col("incident").is_not_null() | pl.col("opened").is_not_null())
        sorts = decoded.table.select(series=is_series, alert=is_alert)
        known = sorts["series"] | sorts["alert"]
        yield from _fields.keep(decoded, known, partition, "time series or incidents").gaps
        if sorts["series"].any():
            yield from _metrics(partition, _fields.only(decoded, sorts["series"]))
        if sorts["alert"].any():
            yield _alerts(partition, _fields.only(decoded, sorts["alert"]))


def _metrics(partition: Partition, found: _json.Decoded) -> Iterator[Batch | Gap]:
    import polars as pl

    series = _series(found.table)
    points = _fields.unfold(series["points"], "$")
    values = _fields.extract(points["text"], _POINT)
    of = points["record"]
    columns = ("name", "entity", "unit", "link", "metric_kind")
    whole = values.with_columns(of, *(series[c].gather(of).alias(c) for c in columns))
    single = pl.coalesce(
        pl.col("double").cast(pl.Float64, strict=False),
        pl.col("int64").cast(pl.Float64, strict=False),
        pl.col("bool").replace_strict(
            {"true": 1.0, "false": 0.0}, default=None, return_dtype=pl.Float64
        ),
    )
    # JSON of protocol buffers leaves out a count or mean of zero; a mean of nothing is none at all.
    samples = pl.when(pl.col("distribution").is_not_null()).then(
        pl.col("count").cast(pl.Float64, strict=False).fill_null(0.0)
    )
    mean = pl.when(samples > 0).then(pl.col("mean").cast(pl.Float64, strict=False).fill_null(0.0))
    parts = [(single, ""), (mean, ".mean"), (samples, ".count")]
    rows = pl.concat(
        whole.with_columns(value=value, suffix=pl.lit(suffix), part=pl.lit(i))
        for i, (value, suffix) in enumerate(parts)
    ).filter(pl.col("value").is_finite()).sort("record", "part", maintain_order=True)  # fmt: skip
    without = len(whole) - whole.select(pl.coalesce(single, samples).is_finite().sum()).item()
    if without:
        yield Gap(partition.uri, f"{without} of {len(whole)} points hold no number")
    if len(rows):
        yield _metric_batch(partition, found, rows)


def _metric_batch(partition: Partition, found: _json.Decoded, rows: pl.DataFrame) -> Batch:
    import polars as pl

    made = rows.select(
        time=pl.when(pl.col("metric_kind") == "CUMULATIVE")
        .then("end")
        .otherwise(pl.coalesce("start", "end")),
        name=pl.col("name").struct.field("type")
        + pl.col("suffix")
        + pl.col("name").struct.field("labels"),
        unit=pl.when(pl.col("suffix") == ".count").then(pl.lit("1")).otherwise("unit"),
    )
    return batch(
        "metric",
        partition,
        raw=found.raw,
        locators=found.locators,
        record=arrow.column(rows["record"]),
        columns={
            "timestamp": clock.parse(arrow.column(made["time"])).timestamp,
            "entity": rows["entity"],
            "metric.name": made["name"],
            "value": rows["value"],
            "unit": made["unit"],
            "evidence.url": rows["link"],
        },
    )


def _series(series: pl.DataFrame) -> pl.DataFrame:
    """Name each series: its metric's type, its labels, and who it is about."""
    import polars as pl

    labels = [_labels(text) for text in series["labels"]]
    resource = _fields.extract(series["resource"], _gcp.resource_fields())
    whole = pl.concat([series, resource], how="horizontal").with_columns(
        shown=pl.Series(labels, dtype=pl.String)
    )
    return whole.select(
        "points",
        "unit",
        "metric_kind",
        name=pl.struct(pl.col("type").fill_null("unknown"), labels="shown"),
        entity=_entity(),
        link=_deeplinks.gcp_metric(pl.col("label.project_id"), pl.col("type")),
    )


def _labels(text: str | None) -> str:
    """Write labels as ``{key=value,...}``: they alone tell apart the series of one metric."""
    labels = _shapes.members(_shapes.value(text))
    inside = ",".join(f"{key}={labels[key]}" for key in sorted(labels))
    return f"{{{inside}}}" if inside else ""


def _entity() -> pl.Expr:
    import polars as pl

    return pl.coalesce(
        "label.service_name",
        "controller",
        _gcp.workload(pl.col("label.pod_name")),
        pl.when(pl.col("label.instance_id").is_not_null()).then("machine"),
        _gcp.entity_label(),
        "user_service",
        _gcp.number_label(),
    )


def _alerts(partition: Partition, found: _json.Decoded) -> Batch:
    """Give each incident's opening, and its closing where it is closed: two rows of one record."""
    import polars as pl

    plain = found.table
    resource = _fields.extract(plain["resource"], _gcp.resource_fields())
    alerts = pl.concat([plain, resource], how="horizontal").with_columns(
        record=pl.int_range(pl.len()),
        opened=_moments(plain["opened"], plain["started_at"]),
        closed=_moments(plain["closed"], plain["ended_at"]),
        project=_project(),
        incident=pl.col("name").str.split("/").list.last(),
    )
    # One name whichever form told of the incident; one without a name is known by its beginning.
    begun = pl.concat_str("policy", plain["opened"], plain["started_at"], ignore_nulls=True)
    alerts = alerts.with_columns(
        id=pl.format(
            "projects/{}/alerts/{}",
            pl.col("project").fill_null("-"),
            pl.coalesce("incident", begun),
        )
    )
    over = (pl.col("state").str.to_lowercase() == "closed") | pl.col("closed").struct.field(
        "time"
    ).is_not_null()
    rows = pl.concat(
        [
            alerts.with_columns(time="opened", end=pl.lit("open")),
            alerts.filter(over).with_columns(time="closed", end=pl.lit("close")),
        ]
    ).sort("record", maintain_order=True)
    return batch(
        "event",
        partition,
        raw=found.raw,
        locators=found.locators,
        record=arrow.column(rows["record"]),
        native=arrow.column(rows.select(pl.format("{}/{}", "id", "end")).to_series()),
        scope="gcp_monitoring",
        columns=_alert_columns(rows),
    )


def _moments(texts: pl.Series, seconds: pl.Series) -> pl.Series:
    """Read RFC 3339 texts, or a webhook's seconds since 1970, into ``time`` and ``precision``."""
    import polars as pl

    # An open incident's ended_at is null, or 0.
    given = seconds.set(seconds.eq("0"), None)
    written, counted = clock.parse(arrow.column(texts)), clock.epoch(arrow.column(given), "s")
    both = pl.DataFrame(
        {
            "time": pl.Series(written.timestamp),
            "precision": pl.Series(written.precision),
            "time_s": pl.Series(counted.timestamp),
            "precision_s": pl.Series(counted.precision),
        }
    )
    return both.select(
        pl.struct(pl.coalesce("time", "time_s"), pl.coalesce("precision", "precision_s"))
    ).to_series()


def _project() -> pl.Expr:
    import polars as pl

    named = pl.col("name").str.extract(r"^projects/([^/]+)/")
    return pl.coalesce("project", named, "label.project_id")


def _alert_columns(rows: pl.DataFrame) -> dict[str, Any]:
    import polars as pl

    firing = pl.col("end") == "open"
    severity = pl.col("severity").str.to_uppercase()
    number = severity.replace_strict(_gcp.SEVERITIES, default=None, return_dtype=pl.Int64)
    made = rows.select(
        role=pl.when(firing).then(pl.lit("alert_firing")).otherwise(pl.lit("alert_resolved")),
        name=pl.when(firing).then(pl.lit("alert.firing")).otherwise(pl.lit("alert.resolved")),
        severity_number=pl.when(firing).then(number).otherwise(9),
        body=pl.concat_str("policy", "condition", "summary", separator=": ", ignore_nulls=True),
        entity=pl.coalesce(_entity(), "policy"),
        account="project",
        region=_gcp.region(),
        link=pl.coalesce("url", _deeplinks.gcp_incident(pl.col("project"), pl.col("incident"))),
        cluster="label.cluster_name",
    )  # fmt: skip
    named = {
        "alert.rule": "policy",
        "alert.condition": "condition",
        "alert.id": "id",
        "alert.state": "state",
        "alert.value": "observed",
        "alert.threshold": "threshold",
        "alert.labels": "user_labels",
        "metric.name": "type",
        "gcp.resource": "resource",
    }
    return {
        "timestamp": rows["time"].struct.field("time"),
        "timestamp_precision": rows["time"].struct.field("precision"),
        "kind": "alert",
        "role": made["role"],
        "event_name": made["name"],
        "severity_number": made["severity_number"],
        "severity_text": rows["severity"],
        "body": made["body"],
        "entity": made["entity"],
        "clock": "service:cloud-monitoring",
        "cloud.provider": "gcp",
        "cloud.account.id": made["account"],
        "cloud.region": made["region"],
        "k8s.cluster.name": made["cluster"],
        "evidence.url": made["link"],
        "attributes": _fields.attributes(rows, named),
    }
