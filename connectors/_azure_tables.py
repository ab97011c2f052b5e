"""The columns of Log Analytics' tables, by what they mean here.

Azure Monitor Logs reference, "Tables": App* (Application Insights), ContainerLogV2, KubeEvents,
Syslog, Event, AzureActivity, AzureDiagnostics, App Service and Container Apps; ``_s`` ends the
columns of custom tables. The first column that holds something counts.
"""

from __future__ import annotations

COLUMNS: dict[str, tuple[str, ...]] = {
    "time": ("TimeGenerated", "TimeGenerated [UTC]", "timestamp", "time"),
    "received": ("_TimeReceived", "_ingest", "IngestionTime", "ingestion_time"),
    "table": ("Type", "TableName", "$table", "itemType"),
    "id": ("_ItemId", "EventDataId", "itemId"),
    "computer": ("Computer", "HostName", "Hostname", "Host_s", "host_s"),
    "resource": ("_ResourceId", "ResourceId", "resourceId"),
    "subscription": ("_SubscriptionId", "SubscriptionId"),
    "role": ("AppRoleName", "cloud_RoleName", "ContainerAppName", "ContainerAppName_s"),
    "instance": ("AppRoleInstance", "cloud_RoleInstance"),
    "pod": ("PodName", "pod_name_s", "PodName_s"),
    "container": ("ContainerName", "container_name_s"),
    "namespace": ("PodNamespace", "Namespace", "namespace_s"),
    "cluster": ("ClusterName", "cluster_s"),
    "object_kind": ("ObjectKind",),
    "object": ("Name", "name"),
    "reason": ("Reason",),
    "nature": ("KubeEventType",),
    "count": ("Count", "ItemCount", "itemCount"),
    "first_seen": ("FirstSeen",),
    "last_seen": ("LastSeen",),
    "level_name": (
        "EventLevelName",
        "LogLevel",
        "Level",
        "level_s",
        "Severity",
        "severity_s",
        "ErrorLevel",
        "errorLevel_s",
    ),
    "level": ("SeverityLevel", "severityLevel"),
    "message": (
        "Message",
        "LogMessage",
        "SyslogMessage",
        "RenderedDescription",
        "OuterMessage",
        "ResultDescription",
        "msg_s",
        "Msg_s",
        "LogEntry",
        "Log",
        "Log_s",
        "log_s",
        "message",
        "outerMessage",
        "InnermostMessage",
        "innermostMessage",
        "Description",
        "RawData",
    ),
    "source": ("Source",),
    "event_number": ("EventID",),
    "operation": ("OperationNameValue", "OperationName", "operationName"),
    "activity": ("ActivityStatusValue", "ActivityStatus"),
    "category": ("CategoryValue", "Category"),
    "caller": ("Caller",),
    "correlation": ("CorrelationId", "correlationId_g"),
    "exception": ("ExceptionType", "ProblemId", "type"),
    "success": ("Success", "success"),
    "result": ("ResultCode", "resultCode", "ResultType", "ScStatus", "httpStatusCode_d"),
    "url": ("Url", "url", "CsUriStem", "requestUri_s"),
    "target": ("Target", "target"),
    "duration": ("DurationMs", "duration", "TimeTaken"),
    "trace": ("OperationId", "operation_Id", "TraceId"),
    "span": ("Id", "id", "SpanId"),
    "parent": ("ParentId", "operation_ParentId"),
    "facility": ("Facility",),
    "process": ("ProcessName",),
    "region": ("ResourceLocation", "Region", "Location"),
    "properties": ("Properties", "customDimensions", "Properties_d"),
}


def object_fields() -> dict[str, str]:
    """Declare the columns as members of an object."""
    return {n: " | ".join(f'$."{c}"' for c in columns) for n, columns in COLUMNS.items()}


def array_fields(names: tuple[str, ...]) -> dict[str, str]:
    """Declare the columns as places in an array whose columns have these names."""
    place = {name: i for i, name in enumerate(names)}
    return {
        # A place no row reaches stands for a column that was not asked for.
        n: " | ".join(f"$[{place[c]}]" for c in columns if c in place) or f"$[{len(names)}]"
        for n, columns in COLUMNS.items()
    }
