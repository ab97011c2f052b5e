"""Azure Monitor Logs: what Log Analytics answers, in the forms of its API, of az and of exports.

The API gives tables of rows, az an array of flat objects, data export JSON lines. TimeGenerated is
UTC with seven digits. Which table a row is from is told by its columns where no column says it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, clock
from nova_timeline.connector import Batch, Gap, Partition, batch

from . import _azure, _azure_tables, _deeplinks, _envelope, _fields, _gcp, _json, _log_analytics
from ._json_export import JsonExport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl
    import pyarrow as pa

    from nova_timeline.clock import Window

_INSIDE = {
    "message": "$.message | $.msg | $.log | $.error",
    "level": "$.level | $.severity | $.lvl",
}
# SeverityLevel of Application Insights: verbose, information, warning, error, critical.
_APP_LEVELS = {"0": 5, "1": 9, "2": 13, "3": 17, "4": 21}
_HEX_TRACE = r"^([0-9a-fA-F]{32})$"
_HEX_SPAN = r"^([0-9a-fA-F]{16})$"


class MonitorLogs(JsonExport):
    """Azure Monitor Logs: Log Analytics query results and data exports."""

    summary = "Log Analytics: query API tables, az monitor log-analytics query, data export"

    def partitions(self, uri: str, path: Path, piece: int = 32 << 20) -> Iterator[Partition]:
        """Split JSON lines; an answer of the API, or an array, is one piece."""
        if _log_analytics.is_answer(path):
            yield Partition(uri, path)
        else:
            yield from super().partitions(uri, path, piece)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode rows of any table into events."""
        del window
        in_lines = partition.start or partition.stop is not None
        if not in_lines and _log_analytics.is_answer(partition.path):
            for item in _log_analytics.tables(partition):
                yield from [item] if isinstance(item, Gap) else _rows(partition, item)
            return
        found = self.records(partition, ("records", "value"))
        yield from _envelope.last_page(partition, found)
        fields = _azure_tables.object_fields()
        # az writes a null as None.
        decoded = _fields.decode(partition, found, fields, ("", "None"))
        yield from _events(partition, decoded)


def _rows(partition: Partition, table: _log_analytics.Table) -> Iterator[Batch | Gap]:
    """Decode the rows of one table by their columns' places."""
    import polars as pl

    raw = table.rows.raw()
    texts = pl.Series(_json.text_of(raw), dtype=pl.String)
    fields = _azure_tables.array_fields(table.columns)
    read = _fields.extract(texts, fields).with_columns(
        table=pl.coalesce("table", pl.lit(None if table.name == "PrimaryResult" else table.name))
    )
    made = _json.Decoded(read, raw, table.rows.locators(), ())
    whole = texts.str.starts_with("[") & texts.str.ends_with("]")
    yield from _events(partition, _fields.keep(made, whole, partition, "rows"))


def _events(partition: Partition, found: _json.Decoded) -> Iterator[Batch | Gap]:
    import polars as pl

    plain = found.table
    told = pl.any_horizontal(
        pl.col("time", "table", "message", "computer", "resource", "role", "pod").is_not_null()
    )
    found = _fields.keep(found, plain.select(told).to_series(), partition, "rows of a log table")
    yield from found.gaps
    if len(found) == 0:
        return
    rows = _understood(plain.filter(told), found.raw)
    times = clock.parse(arrow.column(rows["moment"]), naive_is_utc=True)
    received = clock.parse(arrow.column(rows["received"]), naive_is_utc=True)
    yield batch(
        "event",
        partition,
        raw=found.raw,
        locators=found.locators,
        native=arrow.column(rows["id"]),
        scope="azure_monitor_logs",
        columns=_columns(rows)
        | {
            "timestamp": times.timestamp,
            "timestamp_precision": times.precision,
            "observed_timestamp": received.timestamp,
        },
    )


def _understood(plain: pl.DataFrame, raw: pa.Array[Any]) -> pl.DataFrame:
    """Look into messages that are JSON themselves, and say what each row is."""
    import polars as pl

    structured = plain["message"].str.starts_with("{").fill_null(value=False)
    inside = _fields.extract(plain["message"].set(~structured, None), _INSIDE)
    raw_text = pl.Series(_json.text_of(raw), dtype=pl.String)
    resource = pl.col("resource")
    return plain.with_columns(
        inside["message"].alias("inner_message"),
        inside["level"].alias("inner_level"),
        raw_text.alias("raw"),
        child=_azure.child(resource),
        k8s_event=pl.all_horizontal(pl.col("reason", "object_kind", "object").is_not_null()),
        activity_row=pl.col("activity").is_not_null() & pl.col("operation").is_not_null(),
        outcome=_azure.outcome(pl.col("activity")),
        deployment=_gcp.workload(pl.col("pod")),
        short=pl.col("computer").str.split(".").list.first().str.to_lowercase(),
        aks=pl.when(_azure.type_of(resource) == "microsoft.containerservice/managedclusters").then(
            _azure.name(resource)
        ),
    ).with_columns(
        deployment=pl.coalesce(
            "deployment",
            pl.when("k8s_event").then(_gcp.workload(pl.col("object"))),
            pl.when(pl.col("k8s_event") & (pl.col("object_kind") == "Deployment")).then("object"),
        ),
        moment=pl.when("k8s_event").then(pl.coalesce("last_seen", "time")).otherwise("time"),
    )


def _columns(rows: pl.DataFrame) -> dict[str, Any]:
    import polars as pl

    in_k8s = pl.col("pod").is_not_null() | pl.col("k8s_event")
    made = rows.select(
        **_meaning(),
        clock=_clock(),
        entity=pl.coalesce(
            "role",
            "deployment",
            pl.when("k8s_event").then("object"),
            "pod",
            "short",
            _azure.name(pl.col("resource")),
            "subscription",
        ),
        service=pl.coalesce("role", "deployment"),
        account=pl.coalesce(_azure.subscription(pl.col("resource")), "subscription"),
        node=pl.when(in_k8s).then("computer"),
        pod=pl.coalesce(
            "pod", pl.when(pl.col("k8s_event") & (pl.col("object_kind") == "Pod")).then("object")
        ),
        cluster=pl.when(in_k8s).then(pl.coalesce("cluster", "aks")),
        space=pl.when(in_k8s).then("namespace"),
        trace=pl.col("trace").str.extract(_HEX_TRACE).str.to_lowercase(),
        span=pl.coalesce(pl.col("span", "parent").str.extract(_HEX_SPAN)),
        link=_deeplinks.azure_resource(pl.col("resource"), "/logs"),
    )
    return {
        "kind": made["kind"],
        "role": made["role"],
        "event_name": made["event_name"],
        "severity_number": made["number"],
        "severity_text": made["word"],
        "body": made["body"],
        "entity": made["entity"],
        "service.name": made["service"],
        "host.name": rows["computer"],
        "clock": made["clock"],
        "cloud.provider": "azure",
        "cloud.region": rows["region"],
        "cloud.account.id": made["account"],
        "k8s.cluster.name": made["cluster"],
        "k8s.namespace.name": made["space"],
        "k8s.deployment.name": rows["deployment"],
        "k8s.pod.name": made["pod"],
        "k8s.node.name": made["node"],
        "trace_id": made["trace"],
        "span_id": made["span"],
        "actor": rows["caller"],
        "evidence.url": made["link"],
        "attributes": _attributes(rows),
    }


def _meaning() -> dict[str, Any]:
    """Kind, role, name, severity and body."""
    import polars as pl

    area = pl.col("category").str.to_lowercase().str.replace_all(" ", "")
    acts = pl.col("activity_row") & _azure.mutates(pl.col("operation"))
    kind = area.replace_strict(_azure.KINDS, default=None, return_dtype=pl.String)
    reads = (kind == "operator_action") & ~_azure.mutates(pl.col("operation"))
    changes = acts & kind.is_in(["operator_action", "scaling"]).fill_null(value=True)
    word = pl.coalesce("level_name", "level", "inner_level", "nature")
    failed = (pl.col("success").str.to_lowercase() == "false") | (pl.col("outcome") == "failed")
    request = pl.concat_str("object", "target", "url", "result", separator=" ", ignore_nulls=True)
    told = pl.col("properties").str.slice(0, 2000)
    activity = pl.concat_str(
        "operation", "resource", "activity", told, separator=" ", ignore_nulls=True
    )
    return {
        "kind": pl.when(pl.col("activity_row") & ~reads).then(kind).fill_null("log"),
        "role": pl.when(changes & (pl.col("outcome") == "succeeded")).then(pl.lit("change"))
        .when(changes & (pl.col("outcome") == "begun")).then(pl.lit("notice")),
        "event_name": pl.when("k8s_event").then("k8s.event/" + pl.col("reason"))
        .when(pl.col("event_number").is_not_null())
        .then(pl.concat_str("source", "event_number", separator="/"))
        .otherwise(pl.coalesce("operation", "exception")),
        "number": pl.coalesce(
            pl.when(failed & pl.col("level").is_null() & pl.col("message").is_null()).then(17),
            _azure.severity(word),
            pl.col("level").replace_strict(_APP_LEVELS, default=None, return_dtype=pl.Int64),
            pl.col("level_name").replace_strict(
                _azure.EVENT_LEVELS, default=None, return_dtype=pl.Int64
            ),
            pl.when(pl.col("nature") == "Normal").then(9),
            pl.when(failed).then(17),
        ),
        "word": word,
        "body": pl.when("activity_row").then(activity).otherwise(
            pl.coalesce("inner_message", "message", pl.when(request != "").then(request), "raw")
        ),
    }  # fmt: skip


def _clock() -> pl.Expr:
    """Say whose clock: the machine's, the role instance's, or a service's."""
    import polars as pl

    host = pl.coalesce("short", "instance", "pod")
    return (
        pl.when("k8s_event").then(pl.lit("service:kubernetes"))
        .when(pl.col("activity_row")).then(pl.lit("service:azure-resource-manager"))
        .when(host.is_not_null()).then("host:" + host)
        .otherwise(pl.lit("service:azure-monitor"))
    )  # fmt: skip


def _attributes(rows: pl.DataFrame) -> Any:
    names = {
        "azure.table": "table",
        "azure.resource_id": "resource",
        "azure.child_resource": "child",
        "azure.category": "category",
        "azure.operation": "operation",
        "azure.status": "activity",
        "azure.correlation_id": "correlation",
        "azure.properties": "properties",
        "azure.result": "result",
        "exception.type": "exception",
        "url.full": "url",
        "peer.service": "target",
        "azure.duration_ms": "duration",
        "azure.success": "success",
        "k8s.container.name": "container",
        "k8s.event.reason": "reason",
        "k8s.event.count": "count",
        "k8s.event.first_timestamp": "first_seen",
        "k8s.object.kind": "object_kind",
        "syslog.facility": "facility",
        "process.executable.name": "process",
        "service.instance.id": "instance",
    }
    return _fields.attributes(rows, names)
