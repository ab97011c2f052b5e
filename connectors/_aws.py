"""What AWS's exports share: records of another kind, times, ARNs, dimensions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, clock
from nova_timeline.connector import Gap, Partition
from nova_timeline.errors import UnreadableSourceError

from . import _shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    import pyarrow as pa

    from nova_timeline.clock import Times

    from . import _json


_DIMENSIONS = (
    "ServiceName",
    "FunctionName",
    "DBInstanceIdentifier",
    "DBClusterIdentifier",
    "TargetGroup",
    "LoadBalancer",
    "LoadBalancerName",
    "AutoScalingGroupName",
    "TableName",
    "QueueName",
    "ReplicationGroupId",
    "CacheClusterId",
    "StateMachineArn",
    "DeliveryStreamName",
    "StreamName",
    "TopicName",
    "BucketName",
    "ApiName",
    "ApiId",
    "DistributionId",
    "PodName",
    "TaskDefinitionFamily",
    "ClusterName",
    "Cluster Name",
    "InstanceId",
    "NodeName",
)
"""CloudWatch dimensions that name what a metric is about, the most telling first."""
_TYPED_ID = ("app", "net", "gwy", "targetgroup")


def only(
    decoded: _json.Decoded, known: pl.Series, partition: Partition, what: str
) -> _json.Decoded:
    """Leave out the records that are of another kind, and report them.

    Raises:
        UnreadableSourceError: no record of a whole file is of the kind.
    """
    import numpy as np

    mask = known.fill_null(value=False)
    if mask.all():
        return decoded
    if not mask.any() and not partition.start and partition.stop is None:
        msg = f"{partition.uri} holds no {what}: {_excerpt(decoded.raw)}"
        raise UnreadableSourceError(msg)
    kept: Any = arrow.column(mask)
    first = decoded.locators[int(np.flatnonzero(~mask.to_numpy())[0])].as_py()
    reason = f"{(~mask).sum()} of {len(decoded)} records are no {what}; the first is at {first}"
    return replace(
        decoded,
        table=decoded.table.filter(mask),
        raw=decoded.raw.filter(kept),
        locators=decoded.locators.filter(kept),
        gaps=(*decoded.gaps, Gap(partition.uri, reason)),
    )


def _excerpt(raw: pa.Array[Any]) -> str:
    return f"its first record begins with {raw[0].as_py()[:60]!r}"


def times(text: pl.Series) -> Times:
    """Read times as the AWS CLI and SDKs write them: RFC 3339, or seconds since 1970 (CLI v1)."""
    written = clock.parse(arrow.column(text), naive_is_utc=True)
    if written.timestamp.null_count == text.null_count():
        return written
    counted = clock.epoch(arrow.column(text), "s")
    return first(written, counted)


def first(one: Times, other: Times) -> Times:
    """Take each row's time from the first reading that has one."""
    import pyarrow.compute as pc

    timestamp: Any = pc.coalesce(one.timestamp, other.timestamp)
    precision: Any = pc.coalesce(one.precision, other.precision)
    return clock.Times(timestamp, precision)


def resource_name(text: pl.Expr) -> pl.Expr:
    """Shorten an ARN to the name people use; anything else stays as it is.

    Forms: each service's page of the AWS Service Authorization Reference, "Resource types".
    """
    import polars as pl

    resource = text.str.extract(r"^arn:[^:]*:[^:]*:[^:]*:[^:]*:(.+)$")
    forms = (
        r"^targetgroup/([^/]+)/",
        r"^(?:loadbalancer|listener|listener-rule)/(?:app|net|gwy)/([^/]+)",
        r"^stack/([^/]+)",
        r"^service/([^/]+)/[0-9a-f]{32}$",
        r"^table/([^/]+)",
        r"^task-definition/([^:]+)",
        r"^(?:function|stateMachine|log-group):([^:]+)",
        r"^secret:(.+)-[A-Za-z0-9]{6}$",
        r"^parameter(/.+)$",
        r"([^:/]+)$",
    )
    bucket = text.str.extract(r"^arn:[^:]*:s3:::([^/]+)")
    return pl.coalesce(bucket, *(resource.str.extract(form) for form in forms), text)


def entity_of(dimensions: Mapping[str, str]) -> str | None:
    """Name the topology node that CloudWatch dimensions point at.

    >>> entity_of({"LoadBalancer": "app/web/50dc6c495c0c9188", "AvailabilityZone": "us-east-1a"})
    'web'
    """
    for name in _DIMENSIONS:
        if value := dimensions.get(name):
            parts = value.split("/")
            if parts[0] in _TYPED_ID and len(parts) > 1:
                return parts[1]
            return value.rpartition(":")[2] if value.startswith("arn:") else value
    return next(iter(dimensions.values()), None)


def dimensions_of(listed: Any) -> dict[str, str]:
    """Read dimensions in any spelling of AWS: ``{Name, Value}``, ``{name, value}`` or a mapping."""
    if hasattr(listed, "items"):
        return {str(k): str(v) for k, v in listed.items()}
    folded = [{k.lower(): str(v) for k, v in p.items()} for p in _shapes.objects(listed)]
    return {p["name"]: p["value"] for p in folded if "name" in p and "value" in p}


def entities(dimensions: pl.Series) -> pl.Series:
    """Name the nodes that texts of JSON dimensions point at; each distinct text is read once."""
    import polars as pl

    known = dimensions.drop_nulls().unique()
    named = [entity_of(dimensions_of(_shapes.value(text))) for text in known]
    return dimensions.replace_strict(known, pl.Series(named, dtype=pl.String), default=None)
