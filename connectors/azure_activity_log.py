"""Azure activity log: what was done to resources, from az or from diagnostic settings.

Fields: Azure Monitor, "Activity log event schema" (``eventTimestamp`` ...) and "Resource log and
activity log common schema" (``time``, ``resourceId``, ``operationName`` ...); both in UTC. An
operation is several records of one correlation id (accepted, started, succeeded); the last says
what came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, clock
from nova_timeline.connector import Batch, Gap, Partition, batch

from . import _azure, _deeplinks, _envelope, _fields
from ._json_export import JsonExport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from nova_timeline.clock import Window

_CLAIMS = "$.identity.claims"
_UPN = '"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"'
_FIELDS = {
    "time": "$.eventTimestamp | $.event_timestamp | $.time | $.timeStamp | $.timestamp",
    "submitted": "$.submissionTimestamp | $.submission_timestamp",
    "operation": "$.operationName.value | $.operation_name.value | $.operationName"
    " | $.operation_name | $.operationname",
    "operation_text": "$.operationName.localizedValue | $.operation_name.localized_value",
    "status": "$.status.value | $.status | $.resultType | $.result_type | $.resulttype"
    " | $.properties.status | $.properties.result",
    "substatus": "$.subStatus.value | $.sub_status.value | $.resultSignature | $.resultsignature",
    "category": "$.category.value | $.category | $.properties.eventCategory",
    "resource": "$.resourceId | $.resource_id | $.resourceid | $.resourceUri",
    "caller": f"$.caller | {_CLAIMS}.{_UPN} | {_CLAIMS}.name | {_CLAIMS}.appid"
    " | $.identity.authorization.evidence.principalId | $.properties.userPrincipalName"
    " | $.properties.initiatedBy.user.userPrincipalName",
    "correlation": "$.correlationId | $.correlation_id | $.correlationid",
    "id": "$.eventDataId | $.event_data_id",
    "level": "$.level | $.Level",
    "description": "$.description | $.resultDescription | $.properties.statusMessage"
    " | $.properties.communication | $.properties.details | $.properties.message",
    "title": "$.properties.title",
    "region": "$.location | $.resourceLocation | $.properties.region",
    "subscription": "$.subscriptionId | $.subscription_id",
    "tenant": "$.tenantId | $.tenant_id",
    "event": "$.eventName.value | $.event_name.value",
    "address": "$.callerIpAddress | $.httpRequest.clientIpAddress"
    " | $.http_request.client_ip_address",
    "request": "$.properties.requestbody | $.properties.requestBody",
    "response": "$.properties.responseBody",
    "properties": "$.properties",
    "service": "$.properties.service | $.properties.impactedServices",
    "tracking": "$.properties.trackingId",
    "health": "$.properties.currentHealthStatus",
    "health_before": "$.properties.previousHealthStatus",
    "cause": "$.properties.cause",
    "scaled": "$.properties.ResourceName | $.properties.resourceName",
    "instances": "$.properties.NewInstancesCount | $.properties.newInstancesCount",
    "instances_before": "$.properties.OldInstancesCount | $.properties.oldInstancesCount",
}


class ActivityLog(JsonExport):
    """Azure activity log: az monitor activity-log list, Event Hub and storage account exports."""

    summary = "Azure control-plane operations, health, autoscale: az output and diagnostic records"

    def partitions(self, uri: str, path: Path, piece: int = 32 << 20) -> Iterator[Partition]:
        """Keep a file whole: what a started operation came to is said by another of its records."""
        del piece
        yield Partition(uri, path)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode the records and tell finished operations from begun ones."""
        import polars as pl

        del window
        found = self.records(partition, ("records", "value"))
        yield from _envelope.last_page(partition, found)
        decoded = _fields.decode(partition, found, _FIELDS)
        told = pl.any_horizontal(pl.col("operation", "category", "id", "resource").is_not_null())
        wanted = decoded.table.select(told).to_series()
        decoded = _fields.keep(decoded, wanted, partition, "activity records")
        yield from decoded.gaps
        if len(decoded) == 0:
            return
        records = _sorted_out(decoded.table)
        times = clock.parse(arrow.column(records["time"]), naive_is_utc=True)
        submitted = clock.parse(arrow.column(records["submitted"]), naive_is_utc=True)
        yield batch(
            "event",
            partition,
            raw=decoded.raw,
            locators=decoded.locators,
            native=arrow.column(records["id"]),
            scope="azure_activity_log",
            columns=_columns(records)
            | {
                "timestamp": times.timestamp,
                "timestamp_precision": times.precision,
                "observed_timestamp": submitted.timestamp,
            },
        )


def _sorted_out(plain: pl.DataFrame) -> pl.DataFrame:
    """Add what each record's operation came to, and whether it is the one to count.

    Of one operation on one resource under one correlation id, what succeeded counts; where no
    record says how it ended, the first does.
    """
    import polars as pl

    alone = pl.format("row {}", pl.int_range(pl.len()))
    records = plain.with_columns(
        outcome=_azure.outcome(pl.col("status")).fill_null(""),
        mutates=_azure.mutates(pl.col("operation")).fill_null(value=False),
        area=pl.col("category").str.to_lowercase().str.replace_all(" ", ""),
        group=pl.struct(
            pl.coalesce("correlation", alone).str.to_lowercase(),
            pl.col("operation").str.to_lowercase().alias("of"),
            _azure.folded(pl.col("resource")),
        ),
    )
    ended = pl.col("outcome").is_in(["succeeded", "failed"]).any().over("group")
    first = pl.int_range(pl.len()).over("group", order_by="time") == 0
    unknown = ~pl.col("outcome").is_in(["succeeded", "failed"])
    return records.with_columns(
        counts=(pl.col("outcome") == "succeeded") | (unknown & ~ended & first)
    )


def _columns(records: pl.DataFrame) -> dict[str, object]:
    import polars as pl

    resource, area = pl.col("resource"), pl.col("area").fill_null("")
    scaled = pl.when(area == "autoscale").then("scaled")
    named = pl.coalesce(scaled, "resource")
    service = pl.when(area == "servicehealth").then("service")
    made = records.select(
        kind=_kind(),
        role=_role(),
        event_name=pl.col("operation"),
        severity_number=pl.max_horizontal(
            pl.coalesce(
                _azure.severity(pl.col("level")),
                pl.col("level").replace_strict(
                    _azure.EVENT_LEVELS, default=None, return_dtype=pl.Int64
                ),
            ),
            pl.when(pl.col("outcome") == "failed").then(17),
        ),
        severity_text=pl.col("level"),
        body=_body(),
        entity=pl.coalesce(service, _azure.name(named), "subscription", "tenant"),
        account=pl.coalesce(_azure.subscription(resource), pl.col("subscription")),
        link=_deeplinks.azure_resource(resource, "/eventlogs"),
    )
    return {
        "kind": made["kind"],
        "role": made["role"],
        "event_name": made["event_name"],
        "severity_number": made["severity_number"],
        "severity_text": made["severity_text"],
        "body": made["body"],
        "entity": made["entity"],
        "clock": "service:azure-resource-manager",
        "cloud.provider": "azure",
        "cloud.region": records["region"],
        "cloud.account.id": made["account"],
        "actor": records["caller"],
        "evidence.url": made["link"],
        "attributes": _attributes(records),
    }


def _kind() -> pl.Expr:
    import polars as pl

    by_area = pl.col("area").replace_strict(_azure.KINDS, default=None, return_dtype=pl.String)
    # Some exports leave the category out, and policy writes have one of their own.
    by_operation = pl.when(
        pl.col("mutates") & pl.col("area").is_in(["policy", "security"]).fill_null(value=True)
    )
    reads = (pl.col("area") == "administrative") & ~pl.col("mutates")
    return pl.when(reads).then(pl.lit("log")).otherwise(
        pl.coalesce(by_area, by_operation.then(pl.lit("operator_action")), pl.lit("log"))
    )  # fmt: skip


def _role() -> pl.Expr:
    import polars as pl

    word = pl.col("status").str.to_lowercase()
    alert = (
        pl.when(word.is_in(["activated", "fired", "active"])).then(pl.lit("alert_firing"))
        .when(word.is_in(["resolved", "deactivated"])).then(pl.lit("alert_resolved"))
    )  # fmt: skip
    acts = pl.col("mutates") & pl.col("area").fill_null("administrative").is_in(
        ["administrative", "autoscale", "policy", "security"]
    )
    return (
        pl.when(pl.col("area") == "alert").then(alert)
        .when(acts & pl.col("counts")).then(pl.lit("change"))
        .when(acts & (pl.col("outcome") == "begun")).then(pl.lit("notice"))
    )  # fmt: skip


def _body() -> pl.Expr:
    import polars as pl

    text = [
        pl.coalesce("title", "operation"),
        pl.when(pl.col("title").is_null()).then("resource"),
        "status",
        pl.col("request").str.slice(0, 2000),
        pl.col("description").str.slice(0, 2000),
        pl.when(pl.col("area") == "resourcehealth").then(
            pl.format("{} -> {}", pl.col("health_before").fill_null("?"), "health")
        ),
    ]
    told = pl.concat_str(text, separator=" ", ignore_nulls=True)
    return pl.when(told != "").then(told).otherwise("properties")


def _attributes(records: pl.DataFrame) -> Any:
    import polars as pl

    names = {
        "azure.category": "category",
        "azure.operation": "operation_text",
        "azure.status": "status",
        "azure.substatus": "substatus",
        "azure.event": "event",
        "azure.correlation_id": "correlation",
        "azure.resource_id": "resource",
        "azure.properties": "properties",
        "azure.request": "request",
        "azure.response": "response",
        "azure.health.current": "health",
        "azure.health.previous": "health_before",
        "azure.health.cause": "cause",
        "azure.health.tracking_id": "tracking",
        "azure.scaling.old_instances": "instances_before",
        "azure.scaling.new_instances": "instances",
        "client.address": "address",
        "azure.resource_group.name": "group_name",
        "azure.resource_type": "type",
        "azure.child_resource": "child",
    }
    derived = records.with_columns(
        group_name=_azure.group(pl.col("resource")),
        type=_azure.type_of(pl.col("resource")),
        child=_azure.child(pl.col("resource")),
        # The request is what there is in the properties of a write.
        properties=pl.when(pl.col("request").is_null()).then("properties"),
    )
    return _fields.attributes(derived, names)
