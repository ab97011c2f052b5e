"""The fields of a LogEntry and of its payloads, by every name they go by.

Cloud Logging API v2, "LogEntry"; ``google.cloud.audit.AuditLog``; Kubernetes API, ``Event`` of
core/v1 and events.k8s.io/v1. The spelling in small letters and underscores is that of the client
libraries and of BigQuery sinks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nova_timeline.connector import Partition

from . import _fields, _gcp, _json
from ._lines import Records

if TYPE_CHECKING:
    import polars as pl

_FIRST = re.compile(rb'"first"\s*:\s*true')
ENVELOPES = ("entries",)
ENTRY = {
    "time": "$.timestamp",
    "received": "$.receiveTimestamp | $.receivetimestamp | $.receive_timestamp",
    "severity": "$.severity",
    "log": "$.logName | $.logname | $.log_name",
    "insert": "$.insertId | $.insertid | $.insert_id",
    "text": "$.textPayload | $.textpayload | $.text_payload",
    "json": "$.jsonPayload | $.jsonpayload | $.json_payload",
    # BigQuery sinks name the column after the payload's type.
    "proto": "$.protoPayload | $.protopayload | $.proto_payload | $.protopayload_auditlog",
    "http": "$.httpRequest | $.httprequest | $.http_request",
    "resource": "$.resource",
    "labels": "$.labels",
    "operation": "$.operation.id",
    "first": "$.operation.first",
    "last": "$.operation.last",
    "trace": "$.trace",
    "span": "$.spanId | $.spanid | $.span_id",
}
RESOURCE = {"type": "$.type"} | _gcp.resource_fields()
LABELS = {
    "controller": '$."logging.gke.io/top_level_controller_name"',
    "app": '$."k8s-pod/app_kubernetes_io/name" | $."k8s-pod/app.kubernetes.io/name"'
    ' | $."k8s-pod/app" | $."k8s-pod/k8s-app"',
    "machine": '$."compute.googleapis.com/resource_name"',
}
HTTP = {
    "method": "$.requestMethod | $.request_method",
    "url": "$.requestUrl | $.request_url",
    "status": "$.status",
    "latency": "$.latency",
}
AUDIT = {
    "service": "$.serviceName | $.service_name",
    "call": "$.methodName | $.method_name",
    "subject": "$.resourceName | $.resource_name",
    "actor": "$.authenticationInfo.principalEmail | $.authentication_info.principal_email"
    " | $.authenticationInfo.principalSubject",
    "code": "$.status.code",
    "problem": "$.status.message",
    "request": "$.request | $.requestJson",
    "response": "$.response | $.responseJson",
    "metadata": "$.metadata | $.metadataJson",
    "delta": "$.serviceData.policyDelta",
    "agent": "$.requestMetadata.callerSuppliedUserAgent",
    "permission": "$.authorizationInfo[0].permission",
    "region": "$.resourceLocation.currentLocations[0]",
    "zone": "$.request.managedZone | $.request.managed_zone",
    "record": "$.request.change.additions[0].name | $.request.change.deletions[0].name"
    " | $.request.resourceRecordSet.name",
}
PAYLOAD = {
    "kind": "$.kind",
    "reason": "$.reason",
    "object.kind": "$.involvedObject.kind | $.regarding.kind",
    "object.name": "$.involvedObject.name | $.regarding.name",
    "object.namespace": "$.involvedObject.namespace | $.regarding.namespace",
    "seen": "$.lastTimestamp | $.series.lastObservedTime | $.deprecatedLastTimestamp"
    " | $.eventTime | $.firstTimestamp | $.deprecatedFirstTimestamp",
    "since": "$.firstTimestamp | $.deprecatedFirstTimestamp | $.eventTime",
    "count": "$.count | $.series.count | $.deprecatedCount",
    "reporter": "$.source.host | $.deprecatedSource.host",
    "nature": "$.type",
    "message": "$.message | $.msg | $.MESSAGE | $.log | $.note | $.event | $.statusDetails"
    " | $.description | $.error.message | $.error",
    "level": "$.severity | $.level | $.levelname",
    "trace": '$."logging.googleapis.com/trace" | $.trace_id | $.traceId',
    "service": "$.serviceContext.service | $.service.name | $.service",
}


def begun(partition: Partition, unwrap: str | None) -> pl.Series:
    """Name the long operations that begin anywhere in the file of which a partition is a piece."""
    import numpy as np
    import polars as pl

    found = _json.records(Partition(partition.uri, partition.path), ENVELOPES, unwrap)
    at = np.array([match.start() for match in _FIRST.finditer(found.data)], np.int64)
    places = np.unique(np.searchsorted(found.starts, at, "right") - 1)
    places = places[places >= 0]
    some = Records(found.data, found.starts[places], found.stops[places])
    texts = pl.Series(values=_json.text_of(some.raw()), dtype=pl.String)
    read = _fields.extract(texts, {"operation": ENTRY["operation"], "first": ENTRY["first"]})
    return read.filter(pl.col("first") == "true")["operation"]
