"""Google Cloud Logging: LogEntry records, as gcloud prints them or a sink writes them.

Fields: Cloud Logging API v2, "LogEntry"; audit entries: ``google.cloud.audit.AuditLog``. An entry
without a timestamp has the time Logging received it, as that page says, and then the clock is
Logging's. A long operation is two audit entries with one ``operation.id``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, clock
from nova_timeline.connector import Batch, Gap, Partition, batch

from . import _deeplinks, _envelope, _fields, _gcp, _gcp_entry
from ._json_export import JsonExport

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from nova_timeline.clock import Window

_READS = (
    r"(?i)(?:^|[./])(get|list|aggregated_?list|search|query|lookup|describe|read|test|check|watch|fetch"
    r"|batch_?get|view|count|login|generate(id|access)?token|export|validate|connect|encrypt|decrypt|sign)\w*$"
)
# What the control plane of Kubernetes writes all day long, and what only tells others of it.
_CHATTER = (
    r"^io\.k8s\..*\.(leases|events|endpoints|endpointslices|bindings?|status|approval"
    r"|tokenreviews|(self|local)?subject(access|rules)reviews|token)\.\w+$"
)
_CONTROLLERS = r"^system:(node:|kube-|apiserver|addon-manager|serviceaccount:kube-system:)"
_SUBRESOURCE = (
    r"^(\w[\w./]*/namespaces/[^/]+/\w+/[^/]+)/(?:exec|attach|log|portforward|eviction|scale)$"
)
_AUDIT_LOG = r"cloudaudit\.googleapis\.com(?:%2F|/)(activity|system_event|data_access|policy)"
_ACCOUNT = r"^projects/([^/_]+)"


class CloudLogging(JsonExport):
    """Google Cloud Logging: LogEntry records, from gcloud, the API or a sink."""

    summary = "GCP log entries, audit logs and GKE events: gcloud logging read, sinks to a bucket"

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode log entries of every payload type."""
        import polars as pl

        del window
        found = self.records(partition, _gcp_entry.ENVELOPES)
        yield from _envelope.last_page(partition, found)
        decoded = _fields.decode(partition, found, _gcp_entry.ENTRY)
        told = pl.any_horizontal(
            pl.col("time", "received", "log", "insert", "text", "json", "proto").is_not_null()
        )
        wanted = decoded.table.select(told).to_series()
        decoded = _fields.keep(decoded, wanted, partition, "log entries")
        yield from decoded.gaps
        if len(decoded) == 0:
            return
        entries = _entries(decoded.table)
        entries = entries.with_columns(told=self._told(partition, entries))
        yield batch(
            "event",
            partition,
            raw=decoded.raw,
            locators=decoded.locators,
            native=arrow.column(entries["native"]),
            scope="gcp_cloud_logging",
            columns=_times(entries) | _columns(entries),
        )

    def _told(self, partition: Partition, entries: pl.DataFrame) -> pl.Series:
        """Mark the last entries of long operations whose first entry is in the same file."""
        import polars as pl

        begins = pl.col("first").eq("true").fill_null(value=False)
        ends = pl.col("last").eq("true").fill_null(value=False) & pl.col("operation").is_not_null()
        ended = entries.select(ends & ~begins).to_series()
        if not ended.any():
            return ended
        begun = entries.filter(begins)["operation"]
        if partition.start or partition.stop is not None:
            begun = _gcp_entry.begun(partition, self.settings["unwrap"])
        return ended & entries["operation"].is_in(begun.drop_nulls().to_list())


def _entries(plain: pl.DataFrame) -> pl.DataFrame:
    """Read the payload and the resource of each entry, and say what the entry is."""
    import polars as pl

    parts = {
        "http": _gcp_entry.HTTP,
        "proto": _gcp_entry.AUDIT,
        "json": _gcp_entry.PAYLOAD,
        "resource": _gcp_entry.RESOURCE,
        "labels": _gcp_entry.LABELS,
    }
    frames = [plain]
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(plain))
    for name, fields in parts.items():
        if plain[name].null_count() == len(plain):
            # A payload that no entry here has is not looked into.
            told = _told_of_resource() if name == "resource" else ()
            inner = pl.DataFrame([nothing.alias(field) for field in (*fields, *told)])
        elif name == "resource":
            inner = _fields.extract_repeated(plain[name], fields, _told_of_resource())
        else:
            inner = _fields.extract(plain[name], fields)
        prefix = "" if name == "resource" else f"{name}."
        frames.append(inner.rename({c: prefix + c for c in fields}))
    frames.append(_fields.repeated(plain["log"], _told_of_log()))
    log = pl.col("log.audit")
    whole = pl.concat(frames, how="horizontal").with_columns(
        native=pl.concat_str([pl.col("log", "time").fill_null(""), "insert"], separator="|"),
        audit=pl.col("proto.call").is_not_null(),
        # Only Admin Activity and system events change anything; where a relay dropped the log's
        # name, the method decides.
        changes_log=log.fill_null("activity").is_in(["activity", "system_event"]),
        system=log.eq("system_event"),
        k8s_event=pl.col("json.kind").eq("Event") & pl.col("json.reason").is_not_null(),
    )
    whole = whole.with_columns(pl.col("audit", "k8s_event", "system").fill_null(value=False))
    # A literal is looked at once, and most of what an entry may hold is in none of a log's.
    kinds = {c.name: c.dtype for c in whole if c.null_count() == len(whole)}
    return whole.with_columns(pl.lit(None, kind).alias(name) for name, kind in kinds.items())


def _told_of_resource() -> dict[str, pl.Expr]:
    """Say of a resource what is the same for all that it wrote."""
    return {"resource.entity": _gcp.entity_label(), "resource.region": _gcp.region()}


def _told_of_log() -> dict[str, pl.Expr]:
    """Say of a log's name what is the same for all its entries."""
    import polars as pl

    text = pl.first().str
    return {
        "log.audit": text.extract(_AUDIT_LOG),
        "log.project": text.extract(r"^projects/([^/]+)"),
        "log.account": text.extract(_ACCOUNT),
        "log.short": text.split("/").list.last(),
    }


def _times(entries: pl.DataFrame) -> dict[str, Any]:
    import polars as pl

    chosen = entries.select(
        time=pl.when("k8s_event").then(pl.coalesce("json.seen", "time")).otherwise("time"),
        # The times of an API object are its own; what is left out there is what Logging saw.
        late=pl.col("time").is_null() & ~(pl.col("k8s_event") & pl.col("json.seen").is_not_null()),
    )
    texts = pl.select(pl.when(chosen["late"]).then(entries["received"]).otherwise(chosen["time"]))
    # "Generated output will always be Z-normalized" (LogEntry): a relay's text without zone is UTC.
    times = clock.parse(arrow.column(texts.to_series()), naive_is_utc=True)
    received = clock.parse(arrow.column(entries["received"]), naive_is_utc=True)
    return {
        "timestamp": times.timestamp,
        "timestamp_precision": times.precision,
        "observed_timestamp": received.timestamp,
        "clock": _clocks(entries.with_columns(late=chosen["late"])),
    }


def _clocks(entries: pl.DataFrame) -> pl.Series:
    """Say whose clock: the machine's where a program or an agent on it wrote the entry."""
    import polars as pl

    reporter = pl.when("k8s_event").then("json.reporter")
    machine = pl.coalesce(
        "labels.machine", "label.node_name", "label.pod_name", "label.instance_id"
    )
    on_machine = pl.col("type").is_in(["gce_instance", "k8s_container", "k8s_pod", "k8s_node"])
    return entries.select(
        pl.when("late").then(pl.lit("service:cloud-logging"))
        .when("audit").then(pl.lit("service:cloudaudit"))
        .when("k8s_event").then(pl.coalesce("host:" + reporter, pl.lit("service:kubernetes")))
        .when(on_machine & machine.is_not_null()).then("host:" + machine)
        .otherwise(pl.lit("service:cloud-logging"))
    ).to_series()  # fmt: skip


def _columns(entries: pl.DataFrame) -> dict[str, Any]:
    import polars as pl

    object_path = pl.col("proto.subject")
    entries = entries.with_columns(
        subject=object_path.str.strip_chars_end("/")
        .str.replace(_SUBRESOURCE, "$1")
        .str.split("/")
        .list.last(),
        deployment=_deployment(),
        pod=pl.coalesce(
            "label.pod_name",
            pl.when(pl.col("json.object.kind").eq("Pod")).then("json.object.name"),
            object_path.str.extract(r"/pods/([^/]+)"),
        ),
    ).with_columns(
        machine=pl.when(pl.col("type").eq("gce_instance")).then(
            pl.coalesce("labels.machine", pl.when("audit").then("subject"))
        ),
        node=pl.coalesce(
            "label.node_name",
            pl.when(pl.col("json.object.kind").eq("Node")).then("json.object.name"),
            pl.when(pl.col("type").str.starts_with("k8s_")).then("labels.machine"),
        ),
    )
    link = _deeplinks.gcp_log_entry(
        pl.col("log.project"),
        pl.col("log"),
        pl.col("insert"),
        pl.col("time"),
    )
    made = entries.select(**_meaning(), **_places(), evidence__url=link)
    return {name.replace("__", "."): made[name] for name in made.columns} | {
        "cloud.provider": "gcp",
        "attributes": _attributes(entries),
    }


def _deployment() -> pl.Expr:
    """Name the workload from the labels GKE adds, from an API path, or from a Pod's name."""
    import polars as pl

    involved = pl.col("json.object.kind").is_in(
        ["Deployment", "StatefulSet", "DaemonSet", "HorizontalPodAutoscaler"]
    )
    return pl.coalesce(
        "labels.controller",
        "labels.app",
        pl.when("k8s_event").then(
            pl.when(involved)
            .then("json.object.name")
            .otherwise(_gcp.workload(pl.col("json.object.name")))
        ),
        pl.col("proto.subject").str.extract(r"/(?:deployments|statefulsets|daemonsets)/([^/]+)"),
        _gcp.workload(pl.col("proto.subject").str.extract(r"/(?:pods|replicasets)/([^/]+)")),
        _gcp.workload(pl.col("label.pod_name")),
    )


def _meaning() -> dict[str, Any]:
    """Kind, role, name, severity and body."""
    import polars as pl

    call, code = pl.col("proto.call"), pl.col("proto.code").fill_null("0")
    chatter = call.str.contains(_CHATTER) | (
        call.str.starts_with("io.k8s.")
        & pl.col("proto.actor").str.contains(_CONTROLLERS).fill_null(value=False)
    )
    made = pl.col("audit") & pl.col("changes_log") & ~call.str.contains(_READS) & ~chatter
    # What Google does to a machine (hostError, migrateOnHostMaintenance) is nobody's change.
    hardware = pl.col("system") & call.str.contains(r"^compute\.instances\.")
    word = pl.coalesce("severity", "json.level").str.to_uppercase()
    nature = pl.when("k8s_event").then(
        pl.when(pl.col("json.nature").eq("Warning")).then(13).otherwise(9)
    )
    request = pl.format("{} {} {}", "http.method", "http.url", "http.status")
    audited = pl.concat_str(
        [
            call,
            "proto.subject",
            pl.coalesce("proto.delta", "proto.request").str.slice(0, 2000),
            "proto.problem",
        ],
        separator=" ",
        ignore_nulls=True,
    )
    told = pl.concat_str([request, "json.message"], separator=" ", ignore_nulls=True)
    # What it tells of Google's own trouble is all in its members: since when, where, how it stands.
    whole = pl.col("type").eq("servicehealth.googleapis.com/Event").fill_null(value=False)
    spoken = pl.when((told != "") & ~whole).then(told)
    return {
        "kind": pl.when(made & hardware)
        .then(pl.lit("host"))
        .when(made).then(pl.lit("operator_action"))
        .otherwise(pl.lit("log")),
        "role": pl.when(made & code.eq("0") & ~hardware & ~pl.col("told")).then(pl.lit("change")),
        "event_name": pl.when("k8s_event")
        .then("k8s.event/" + pl.col("json.reason"))
        .otherwise(call),
        "severity_number": pl.coalesce(
            word.replace_strict(_gcp.SEVERITIES, default=None, return_dtype=pl.Int64),
            nature,
            pl.when("audit").then(pl.when(code.eq("0")).then(9).otherwise(17)),
        ),
        "severity_text": pl.coalesce("severity", "json.level"),
        "body": pl.when("audit")
        .then(audited)
        .otherwise(pl.coalesce("text", spoken, "json", "proto")),
        "actor": pl.col("proto.actor"),
    }  # fmt: skip


def _places() -> dict[str, Any]:
    """The entity and where it runs; ``__`` stands for the dot of a column's name."""
    import polars as pl

    service = pl.coalesce("label.service_name", "label.function_name", "json.service", "deployment")
    service = pl.when(~service.str.starts_with("{")).then(service)
    unnamed = pl.when(pl.col("log").is_null()).then(pl.col("proto.subject"))
    entry_project = pl.coalesce("log.account", unnamed.str.extract(_ACCOUNT))
    return {
        "entity": pl.coalesce(
            _zone(),
            pl.when(~pl.col("k8s_event")).then(
                pl.coalesce(
                    "label.service_name", "label.function_name", "deployment", "label.bucket_name"
                )
            ),
            pl.when("k8s_event").then(pl.coalesce("deployment", "json.object.name")),
            service,
            "machine",
            pl.when("audit").then("subject"),
            "resource.entity",
            "subject",
            "labels.machine",
            _gcp.number_label(),
            pl.col("proto.service").str.strip_suffix(".googleapis.com"),
            "log.short",
        ),
        "service__name": service,
        "host__name": pl.coalesce("machine", "node"),
        "cloud__region": pl.coalesce("resource.region", "proto.region"),
        "cloud__account__id": pl.coalesce("label.project_id", entry_project),
        "k8s__cluster__name": pl.col("label.cluster_name"),
        "k8s__namespace__name": pl.coalesce(
            "label.namespace_name",
            "json.object.namespace",
            pl.col("proto.subject").str.extract(r"(?:^|/)namespaces/([^/]+)/\w+s/"),
        ),
        "k8s__deployment__name": pl.when(
            pl.col("type").str.starts_with("k8s_") | pl.col("label.cluster_name").is_not_null()
        ).then("deployment"),
        "k8s__pod__name": pl.col("pod"),
        "k8s__node__name": pl.col("node"),
        "trace_id": pl.coalesce("trace", "json.trace").str.split("/").list.last(),
        "span_id": pl.col("span"),
    }


def _zone() -> pl.Expr:
    """Name what a call to Cloud DNS is about: the name whose records it changes, else the zone.

    Of several names the first. Changes themselves are only numbered.
    """
    import polars as pl

    path = pl.col("proto.subject").str.extract(r"(?:^|/)managedZones/([^/]+)")
    record = pl.col("proto.record").str.strip_suffix(".")
    named = pl.coalesce(record, "proto.zone", path, "label.zone_name")
    return pl.when(pl.col("proto.call").str.contains(r"^(google\.cloud\.)?dns\.")).then(named)


def _attributes(entries: pl.DataFrame) -> Any:
    import polars as pl

    names = {
        "gcp.log_name": "log",
        "gcp.resource.type": "type",
        "gcp.audit.service": "proto.service",
        "gcp.audit.resource_name": "proto.subject",
        "gcp.audit.request": "proto.request",
        "gcp.audit.response": "proto.response",
        "gcp.audit.metadata": "proto.metadata",
        "gcp.audit.policy_delta": "proto.delta",
        "gcp.audit.permission": "proto.permission",
        "gcp.audit.status.code": "proto.code",
        "gcp.audit.status.message": "proto.problem",
        "user_agent.original": "proto.agent",
        "gcp.operation.id": "operation",
        "gcp.operation.first": "first",
        "gcp.operation.last": "last",
        "http.request.method": "http.method",
        "url.full": "http.url",
        "http.response.status_code": "http.status",
        "gcp.http.latency": "http.latency",
    }
    events = {
        "k8s.event.reason": "json.reason",
        "k8s.event.type": "json.nature",
        "k8s.event.count": "json.count",
        "k8s.event.first_timestamp": "json.since",
        "k8s.object.kind": "json.object.kind",
        "k8s.object.name": "json.object.name",
    }
    # The payload of any other entry may use these words for something else.
    hidden = entries.with_columns(
        pl.when("k8s_event").then(pl.col(c)).alias(c) for c in events.values()
    )
    return _fields.attributes(hidden, names | events)
