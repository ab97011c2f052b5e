"""Amazon CloudWatch Logs: what the API, Insights, subscriptions and exports to S3 give.

Shapes: Amazon CloudWatch Logs API Reference, FilterLogEvents, GetLogEvents, GetQueryResults; User
Guide, "Log group-level subscription filters" and "Exporting log data to Amazon S3". ``timestamp``
is the producer's clock, ``ingestionTime`` the service's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nova_timeline import arrow, clock, evidence, schema
from nova_timeline.connector import PIECE, Batch, Connector, Gap, Option, Partition, batch

from . import (
    _aws,
    _deeplinks,
    _duck,
    _envelope,
    _fields,
    _json,
    _levels,
    _lines,
    _log_export,
    _rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from nova_timeline.clock import Times, Window

    from ._lines import Records

_ENVELOPES = ("events", "results")
_EVENT = {
    "id": "$.eventId | $.id",
    "time": "$.timestamp",
    "ingested": "$.ingestionTime",
    "message": "$.message",
    "stream": "$.logStreamName | $.logStream",
    "group": "$.logGroupName | $.logGroupIdentifier | $.logGroup",
    "account": "$.owner",
    "bundle": "$.logEvents",
    "type": "$.messageType",
}
_INSIGHTS = {
    "id": "@ptr",
    "time": "@timestamp",
    "ingested": "@ingestionTime",
    "message": "@message",
    "stream": "@logStream",
    "group": "@log",
}
# What a structured message says, by the names its libraries use.
_SAID = {
    "level": '$.level | $.severity | $."log.level" | $.log.level | $.levelname | $.lvl '
    "| $.loglevel | $.severity_text | $.severityText",
    "body": "$.message | $.msg | $.body | $.log | $.record.message | $.errorMessage",
    "trace": '$.trace_id | $.traceId | $.traceID | $."trace.id" | $."dd.trace_id" '
    "| $.xray_trace_id | $.xrayTraceId | $.otelTraceID",
    "span": '$.span_id | $.spanId | $.spanID | $."span.id" | $."dd.span_id" | $.otelSpanID',
    "service": '$."service.name" | $.service.name | $.service | $.service_name '
    '| $.resource."service.name" | $."dd.service"',
    "request": "$.request_id | $.requestId | $.AWSRequestId | $.function_request_id "
    "| $.aws_request_id | $.record.requestId",
    "exception": '$."exception.type" | $.error.type | $.errorType | $.exception_name',
    "stack": '$."exception.stacktrace" | $.error.stack | $.stack_trace | $.stack | $.stackTrace '
    "| $.exception",
    "status": '$."http.response.status_code" | $.http.status_code | $.status_code | $.statusCode',
    "route": '$."http.route" | $.http.route | $."url.path" | $.path',
    "pod": "$.kubernetes.pod_name",
    "namespace": "$.kubernetes.namespace_name",
    "node": "$.kubernetes.host",
    "app": '$.kubernetes.labels."app.kubernetes.io/name" | $.kubernetes.labels.app',
}
# Lambda's Node.js runtime writes time, request id and level, with tabs between, before the text.
_JSON_PART = r"(?s)^(?:[^{\n]{0,160}\t)?(\{.*\})\s*$"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_REQUEST = rf"(?:RequestId: |[\t ])({_UUID})\b"
_XRAY = r"\b1-([0-9a-f]{8})-([0-9a-f]{24})\b"
# The agent for EKS names streams after the container's log file: POD_NAMESPACE_CONTAINER-ID.log.
_CONTAINER_LOG = r"containers\.([^_]+)_([^_]+)_(.+)-[0-9a-f]{64}\.log"
_ACCOUNT = r"^(\d{12}):"
_EXPORTED = r"([^/]+)/\d{6}(?:\.gz)?$"


class CloudWatchLogs(Connector):
    """Amazon CloudWatch Logs, as printed by the command line or exported to S3."""

    summary = "CloudWatch Logs: filter-log-events, Insights results, subscriptions, S3 exports"
    globs = ("*.json", "*.json.gz", "*.jsonl", "*.jsonl.gz", "*.ndjson", "*.gz", "*.log", "*.txt")
    options: ClassVar = {
        "log_group": Option("the log group, where the export does not say it"),
        "region": Option("the AWS region, for links into the console"),
        "service": Option("the service that writes these logs, where neither group nor line tells"),
    }

    def partitions(self, uri: str, path: Path, piece: int = PIECE) -> Iterator[Partition]:
        """Split JSON lines and export text; any other document is one piece."""
        with path.open("rb") as file:
            head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
        split = _json.partitions if head[:1] in (b"{", b"[", b"") else _lines.partitions
        yield from split(uri, path, piece)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode the events of any of the forms."""
        del window
        if not _is_json(partition):
            yield from self._read_text(partition)
            return
        found = _json.records(partition, _ENVELOPES)
        if len(found) == 0:
            yield from found.gaps
            return
        yield from _unfinished(partition, found)
        if found.data[int(found.starts[0])] == 0x5B:
            decoded = _decode_insights(found)
        else:
            decoded = _fields.decode(partition, found, _EVENT)
        yield from self._events(partition, decoded)

    def _read_text(self, partition: Partition) -> Iterator[Batch | Gap]:
        import polars as pl

        found = _log_export.records(partition)
        yield from found.gaps
        if len(found) == 0:
            return
        raw, locators = found.raw(), found.locators()
        text = pl.DataFrame({"text": pl.Series(values=_json.text_of(raw), dtype=pl.String)})
        stream = pl.Series([partition.uri]).str.extract(_EXPORTED)[0]
        head = pl.col("text").str.extract(r"^(\d{4}-\d\d-\d\dT\S+)(?: |$)")
        rows = text.select(
            time=head,
            message=pl.when(head.is_null()).then("text").otherwise(
                pl.col("text").str.replace(r"^\S+ ?", "")
            ),
            stream=pl.lit(stream, pl.String),
        )  # fmt: skip
        yield self._batch(partition, _json.Decoded(rows, raw, locators, ()), rows)

    def _events(self, partition: Partition, decoded: _json.Decoded) -> Iterator[Batch | Gap]:
        """Tell events from strangers, and take the events of a subscription out of their bundle."""
        rows = _filled(decoded.table)
        bundled = rows["bundle"].is_not_null()
        native = rows["id"].is_not_null() | rows["stream"].is_not_null()
        known = rows["time"].is_not_null() | (rows["message"].is_not_null() & native) | bundled
        decoded = _aws.only(decoded, known, partition, "log events (no timestamp, no message)")
        yield from decoded.gaps
        rows, bundled = rows.filter(known), bundled.filter(known)
        if bundled.any():
            # A control message only asks whether the destination is there.
            data = rows["type"].ne_missing("CONTROL_MESSAGE")
            unfolded = _fields.unfold(rows["bundle"].set(~data, None).fill_null("[]"), "$")
            yield from self._bundles(partition, decoded, rows, unfolded)
        if not bundled.all():
            kept = arrow.column(~bundled)
            plain = _json.Decoded(
                decoded.table, decoded.raw.filter(kept), decoded.locators.filter(kept), ()
            )
            yield self._batch(partition, plain, rows.filter(~bundled))

    def _bundles(
        self,
        partition: Partition,
        decoded: _json.Decoded,
        rows: pl.DataFrame,
        unfolded: pl.DataFrame,
    ) -> Iterator[Batch]:
        outer = rows.select("stream", "group", "account")[unfolded["record"]]
        inner = _fields.extract(unfolded["text"], _EVENT).drop("stream", "group", "account")
        if len(inner):
            whole = inner.hstack(outer)
            yield self._batch(partition, decoded, whole, arrow.column(unfolded["record"]))

    def _batch(
        self,
        partition: Partition,
        decoded: _json.Decoded,
        rows: pl.DataFrame,
        record: Any = None,
    ) -> Batch:
        import polars as pl

        whole = _filled(rows).with_columns(
            pl.coalesce("group", pl.lit(self.settings["log_group"], pl.String)).alias("group"),
            pl.col("message").fill_null(""),
        )
        # Two tasks may write the same line in the same millisecond: what tells them apart is where
        # they wrote it, and an export says that only in the file's name.
        stream = pl.Series([partition.uri]).str.extract(_EXPORTED)[0] or ""
        return batch(
            "event",
            partition,
            raw=decoded.raw,
            locators=decoded.locators,
            record=record,
            native=arrow.column(whole["id"]),
            scope=f"aws_cloudwatch_logs/{self.settings['log_group'] or ''}/{stream}",
            columns=_columns(whole, self.settings),
        )


def _is_json(partition: Partition) -> bool:
    whole = evidence.content(partition.path)
    head = bytes(whole.data[whole.first : whole.first + 4096]).lstrip()
    return head[:1] in (b"{", b"[", b"")


def _filled(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the columns that a form does not have."""
    import polars as pl

    missing = [c for c in _EVENT if c not in rows.columns]
    return rows.with_columns(pl.lit(None, pl.String).alias(c) for c in missing)


def _unfinished(partition: Partition, found: Records) -> Iterator[Gap]:
    """Report a page that names a next one, and a query that had not run to its end."""
    around, _ = _envelope.around(partition, found, _envelope.MORE | {"status": "$.status"})
    yield from _envelope.unfinished(partition, around)
    for status in around["status"].drop_nulls().unique(maintain_order=True):
        if status != "Complete":
            yield Gap(
                partition.uri, f"the query's status is {status}: its results are not all there"
            )


def _decode_insights(found: Records) -> _json.Decoded:
    """Read rows of ``[{"field": ..., "value": ...}]`` by the names of their fields."""
    import polars as pl

    raw, locators = found.raw(), found.locators()
    texts = pl.DataFrame({"t": pl.Series(values=_json.text_of(raw), dtype=pl.String)})
    picked = ", ".join(
        f"list_extract(list_filter(m, lambda x: x.field = '{field}'), 1).value AS \"{name}\""
        for name, field in _INSIGHTS.items()
    )
    shape = '[{"field": "VARCHAR", "value": "VARCHAR"}]'
    pairs = f"from_json(CASE WHEN json_valid(t) THEN t ELSE '[]' END, '{shape}')"
    query = f"SELECT {picked} FROM (SELECT {pairs} AS m FROM texts)"  # noqa: S608
    rows = pl.DataFrame(_duck.run(query, texts.to_arrow()))
    rows = rows.with_columns(pl.lit(None, pl.String).alias("account"))
    return _json.Decoded(rows, raw, locators, found.gaps)


def _times(column: pl.Series) -> Times:
    """Read milliseconds since 1970, or RFC 3339; Insights leaves out the zone and means UTC."""
    counted = clock.epoch(arrow.column(column), "ms")
    if counted.timestamp.null_count == column.null_count():
        return counted
    return _aws.first(counted, clock.parse(arrow.column(column), naive_is_utc=True))


def _columns(rows: pl.DataFrame, settings: dict[str, Any]) -> dict[str, Any]:
    import polars as pl
    import pyarrow as pa

    times, observed = _times(rows["time"]), _times(rows["ingested"])
    said = _fields.extract(rows["message"].str.extract(_JSON_PART), _SAID)
    level = said["level"].fill_null(_levels.of_text(rows["message"]))
    milliseconds = pl.Series(values=times.timestamp.cast(pa.int64())) // 1_000_000
    facts = rows.with_columns(*said, milliseconds.alias("ms")).with_columns(_places(rows, said))
    region = pl.coalesce(
        pl.lit(settings["region"], pl.String),
        pl.col("group").str.extract(r"^arn:[^:]+:logs:([^:]+)"),
    )
    # Insights and Live Tail put the account before the group's name.
    named = pl.col("group").str.replace(_ACCOUNT, "").str.strip_suffix(":*")
    account = pl.coalesce("account", pl.col("group").str.extract(_ACCOUNT))
    facts = facts.with_columns(region=region, group=_aws.resource_name(named), account=account)
    link = _deeplinks.cloudwatch_log_events(*map(pl.col, ("region", "group", "stream", "ms")))
    made = facts.with_columns(_names(settings["service"])).select(
        pl.coalesce("body", pl.col("message").str.strip_chars_end()).alias("body"),
        pl.coalesce("owner", "place").alias("entity"),
        pl.col("owner").alias("service.name"),
        pl.col("host").alias("host.name"),
        pl.format(
            "host:{}", pl.coalesce("host", "pod", "stream", "owner", "place", pl.lit("unknown"))
        ).alias("clock"),
        pl.col("namespace").alias("k8s.namespace.name"),
        pl.col("pod").alias("k8s.pod.name"),
        pl.col("node").alias("k8s.node.name"),
        pl.col("region").alias("cloud.region"),
        pl.col("account").alias("cloud.account.id"),
        _trace_id().alias("trace_id"),
        pl.col("span").alias("span_id"),
        link.alias("evidence.url"),
    )
    return {
        **made.to_dict(),
        "timestamp": times.timestamp,
        "timestamp_precision": times.precision,
        "observed_timestamp": observed.timestamp,
        "kind": "log",
        "cloud.provider": "aws",
        "severity_text": level,
        "severity_number": _rows.severity_number(_levels.named(level)),
        "attributes": _attributes(facts),
    }


def _places(rows: pl.DataFrame, said: pl.DataFrame) -> list[pl.Series]:
    """Read pod, namespace and container out of the names of streams that carry them."""
    named = rows["stream"].str.extract_groups(_CONTAINER_LOG).struct.unnest()
    pod, namespace, container = (named.to_series(i) for i in range(3))
    return [
        said["pod"].fill_null(pod).alias("pod"),
        said["namespace"].fill_null(namespace).alias("namespace"),
        container.alias("container"),
    ]


def _names(service: str | None) -> list[pl.Expr]:
    """Name the service that wrote a line, the host it ran on, and the place it wrote to."""
    import polars as pl

    group, stream = pl.col("group"), pl.col("stream")
    owner = pl.coalesce(
        pl.lit(service, pl.String),
        "service",
        "app",
        "container",
        # A log group shared by functions: 2026/03/03/FUNCTION[VERSION]ENVIRONMENT.
        stream.str.extract(r"^\d{4}/\d\d/\d\d/([^\[/]+)\["),
        group.str.extract(r"^/aws/lambda/(?:[a-z]{2}(?:-[a-z]+)+-\d\.)?([^/]+)$"),
        group.str.extract(r"^/?(?:aws/)?(?:ecs|apprunner|apps?|services?)/([^/]+)$"),
        group.str.extract(r"^/aws/apprunner/([^/]+)/"),
        # ECS: PREFIX/CONTAINER/TASK; an export writes dashes for the slashes.
        pl.when(group.is_null()).then(stream.str.extract(r"^[^/]+/([^/]+)/[0-9a-f-]{32,36}$")),
        pl.when(group.is_null()).then(stream.str.extract(r"^(?:ecs|app)-(.+)-[0-9a-f]{32}$")),
    )
    place = pl.coalesce(
        group.str.extract(r"^/aws/rds/(?:instance|cluster|proxy)/([^/]+)"),
        group.str.extract(r"^/aws/(?:vendedlogs|ecs)/[^/]+/([^/]+)"),
        group.str.extract(r"^/aws/[^/]+/([^/]+)"),
        group.str.extract(r"([^/]+)/?$"),
        "stream",
    )
    host = pl.coalesce(stream.str.extract(r"(?:^|[/_.])(i-[0-9a-f]{8,17})\b"), "node")
    return [owner.alias("owner"), place.alias("place"), host.alias("host")]


def _trace_id() -> pl.Expr:
    """Write X-Ray's ``1-TIME-ID`` as OpenTelemetry does: 32 hexadecimal digits."""
    import polars as pl

    given = pl.coalesce("trace", pl.col("message").str.extract(r"XRAY TraceId: (\S+)"))
    time, rest = given.str.extract(_XRAY, 1), given.str.extract(_XRAY, 2)
    return pl.coalesce(pl.concat_str(time, rest), given)


def _attributes(facts: pl.DataFrame) -> Any:
    request = facts["request"].fill_null(facts["message"].str.extract(_REQUEST))
    return schema.attributes(
        len(facts),
        {
            "aws.log.group.names": facts["group"],
            "aws.log.stream.names": facts["stream"],
            "request_id": request,
            "exception.type": facts["exception"],
            "exception.stacktrace": facts["stack"],
            "http.response.status_code": facts["status"],
            "http.route": facts["route"],
        },
    )
