"""Azure Monitor alerts: the common alert schema, and the list of the Alerts Management API.

Fields: Azure Monitor, "Common alert schema" (what action groups send: one payload when an alert
fires and one when it is resolved), and Alerts Management REST API, "Alerts - Get All". Whichever
form tells of an alert, its firing and its resolution each have one identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, clock
from nova_timeline.connector import Batch, Gap, Partition, batch

from . import _azure, _deeplinks, _envelope, _fields
from ._json_export import JsonExport

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from nova_timeline.clock import Window

_AT = ("$.data.essentials", "$.properties.essentials", "$.essentials")


def _essential(*names: str) -> str:
    """Spell a field of the essentials in every place they stand."""
    return " | ".join(f"{at}.{name}" for name in names for at in _AT)


_RECORD = {
    "essentials": " | ".join(_AT),
    "id": f"{_essential('alertId')} | $.id",
    "rule": f"{_essential('alertRule')} | $.name",
    "severity": _essential("severity"),
    "signal": _essential("signalType"),
    "condition": _essential("monitorCondition"),
    "state": _essential("alertState"),
    "service": _essential("monitoringService", "monitorService"),
    "fired": _essential("firedDateTime", "startDateTime"),
    "resolved": _essential("resolvedDateTime", "monitorConditionResolvedDateTime"),
    "modified": _essential("lastModifiedDateTime"),
    "modifier": _essential("lastModifiedUserName"),
    "target": _essential("alertTargetIDs[0]", "targetResource", "targetResourceName"),
    "item": _essential("configurationItems[0]"),
    "description": _essential("description"),
    "context": "$.data.alertContext | $.properties.context.context | $.properties.context",
    "metric": "$.data.alertContext.condition.allOf[0].metricName",
    "value": "$.data.alertContext.condition.allOf[0].metricValue",
    "threshold": "$.data.alertContext.condition.allOf[0].threshold",
    "dimensions": "$.data.alertContext.condition.allOf[0].dimensions",
}
_DIMENSION = {"name": "$.name", "value": "$.value"}
# Dimensions of a log alert that say which of the workspace's sources it is about.
_NAMING = r"(?i)^(cloud_RoleName|AppRoleName|cloud/roleName|service|ServiceName|Computer|PodName)$"
_SEVERITIES = {"sev0": 21, "sev1": 17, "sev2": 13, "sev3": 9, "sev4": 5}
_ROLES = {"open": "alert_firing", "close": "alert_resolved", "acknowledged": "acknowledgement"}
_NAMES = {"open": "alert.firing", "close": "alert.resolved", "acknowledged": "alert.acknowledged"}


class AzureAlerts(JsonExport):
    """Azure Monitor alerts: common alert schema payloads and Alerts Management lists."""

    summary = "Azure alerts: common alert schema notifications, Alerts Management API lists"

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Give each alert's firing, its resolution and its acknowledgement, as far as told."""
        import polars as pl

        del window
        found = self.records(partition, ("value",))
        yield from _envelope.last_page(partition, found)
        decoded = _fields.decode(partition, found, _RECORD)
        wanted = decoded.table["essentials"].str.starts_with("{")
        decoded = _fields.keep(decoded, wanted.fill_null(value=False), partition, "alerts")
        yield from decoded.gaps
        if len(decoded) == 0:
            return
        rows = _moments(decoded.table)
        times = clock.parse(arrow.column(rows["time"]), naive_is_utc=True)
        yield batch(
            "event",
            partition,
            raw=decoded.raw,
            locators=decoded.locators,
            record=arrow.column(rows["record"]),
            native=arrow.column(rows.select(pl.format("{}/{}", "key", "moment")).to_series()),
            scope="azure_alerts",
            columns=_columns(rows)
            | {"timestamp": times.timestamp, "timestamp_precision": times.precision},
        )


def _moments(plain: pl.DataFrame) -> pl.DataFrame:
    """Give a row to each thing a record tells: it fired, someone saw it, it was resolved."""
    import polars as pl

    alerts = plain.with_columns(
        _named(plain["dimensions"]),
        record=pl.int_range(pl.len()),
        rule=pl.col("rule").str.split("/").list.last(),
        # The list puts the target before the alert's own id, a payload does not.
        key=pl.coalesce(
            pl.col("id").str.to_lowercase().str.split("/").list.last(),
            pl.concat_str("rule", "fired", ignore_nulls=True),
        ),
    )
    over = (pl.col("condition").str.to_lowercase() == "resolved") | pl.col("resolved").is_not_null()
    seen = pl.col("state").str.to_lowercase() == "acknowledged"
    return pl.concat(
        [
            alerts.with_columns(moment=pl.lit("open"), time="fired"),
            alerts.filter(seen).with_columns(moment=pl.lit("acknowledged"), time="modified"),
            alerts.filter(over).with_columns(moment=pl.lit("close"), time="resolved"),
        ]
    ).sort("record", maintain_order=True)


def _named(dimensions: pl.Series) -> pl.Series:
    """Take, from each alert's dimensions, the value that names what it is about."""
    import polars as pl

    pairs = _fields.unfold(dimensions, "$")
    read = _fields.extract(pairs["text"], _DIMENSION).with_columns(pairs["record"])
    told = (
        read.filter(pl.col("name").str.contains(_NAMING))
        .unique("record", keep="first", maintain_order=True)
        .select("record", "value")
    )
    numbered = pl.DataFrame({"record": pl.int_range(len(dimensions), eager=True)})
    return numbered.join(told, on="record", how="left", maintain_order="left")["value"].alias(
        "named"
    )


def _columns(rows: pl.DataFrame) -> dict[str, Any]:
    import polars as pl

    moment, target = pl.col("moment"), pl.col("target")
    severity = pl.col("severity").str.to_lowercase().str.replace_all(" ", "")
    number = severity.replace_strict(_SEVERITIES, default=None, return_dtype=pl.Int64)
    made = rows.select(
        role=moment.replace_strict(_ROLES),
        name=moment.replace_strict(_NAMES),
        number=pl.when(moment == "open").then(number).otherwise(9),
        body=pl.concat_str("rule", "description", separator=": ", ignore_nulls=True),
        entity=pl.coalesce("named", _azure.name(target), pl.col("item").str.to_lowercase(), "rule"),
        account=pl.coalesce(_azure.subscription(target), _azure.subscription(pl.col("id"))),
        actor=pl.when(moment == "acknowledged").then("modifier"),
        link=_deeplinks.azure_alert(pl.col("id")),
    )
    named = {
        "alert.rule": "rule",
        "alert.id": "id",
        "alert.state": "state",
        "alert.condition": "condition",
        "alert.value": "value",
        "alert.threshold": "threshold",
        "alert.signal": "signal",
        "alert.service": "service",
        "alert.dimensions": "dimensions",
        "alert.context": "context",
        "metric.name": "metric",
        "azure.resource_id": "target",
    }
    return {
        "kind": "alert",
        "role": made["role"],
        "event_name": made["name"],
        "severity_number": made["number"],
        "severity_text": rows["severity"],
        "body": made["body"],
        "entity": made["entity"],
        "clock": "service:azure-monitor",
        "cloud.provider": "azure",
        "cloud.account.id": made["account"],
        "actor": made["actor"],
        "evidence.url": made["link"],
        "attributes": _fields.attributes(rows, named),
    }
