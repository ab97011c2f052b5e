"""AWS CloudTrail: API calls, as delivered to S3 or printed by ``aws cloudtrail lookup-events``.

Event record contents: AWS CloudTrail User Guide, "CloudTrail record contents". Times are the
service's clock in whole seconds. A record's identity is its ``eventID``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline import arrow, schema
from nova_timeline.connector import Batch, Gap, Partition, batch

from . import _aws, _deeplinks, _envelope, _json
from ._json_export import JsonExport

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from nova_timeline.clock import Window

_ENVELOPES = ("Records", "Events", "events")
# lookup-events and CloudWatch Logs hold the record as text inside a record of their own.
_WRAPPERS = {"lookup": "$.CloudTrailEvent", "logged": "$.message"}
_PATHS = {
    "id": "$.eventID",
    "time": "$.eventTime",
    "source": "$.eventSource",
    "name": "$.eventName",
    "region": "$.awsRegion",
    "account": "$.recipientAccountId",
    "caller_account": "$.userIdentity.accountId",
    "actor": "$.userIdentity.arn",
    "service_actor": "$.userIdentity.invokedBy",
    "principal": "$.userIdentity.principalId",
    "identity": "$.userIdentity.type",
    "read_only": "$.readOnly",
    "error": "$.errorCode",
    "message": "$.errorMessage",
    "request": "$.requestParameters",
    "response": "$.responseElements",
    "parameters": "$.requestParameters.path",
    "agent": "$.userAgent",
    "type": "$.eventType",
    "category": "$.eventCategory",
    "management": "$.managementEvent",
    "insight": "$.insightDetails.insightType",
    "insight_state": "$.insightDetails.state",
    "insight_source": "$.insightDetails.eventSource",
    "insight_name": "$.insightDetails.eventName",
}
# The lookup's own columns, for the fields its record does not give.
_LOOKUP = {
    "id": "$.EventId",
    "time": "$.EventTime",
    "source": "$.EventSource",
    "name": "$.EventName",
    "read_only": "$.ReadOnly",
    "actor": "$.Username",
    "resource": "$.Resources[0].ResourceName",
}
# What a call was about, by the names services give it; the first that is there counts, so what
# people name a system by stands before what it is made of.
_SUBJECTS = (
    "service",
    "serviceName",
    "services[0]",
    "family",
    "taskDefinition",
    "functionName",
    "dBInstanceIdentifier",
    "dBClusterIdentifier",
    "autoScalingGroupName",
    "replicationGroupId",
    "cacheClusterId",
    "tableName",
    "targetGroupArn",
    "ruleArn",
    "listenerArn",
    "loadBalancerArn",
    "loadBalancerName",
    "stackName",
    "resourceId",
    "stateMachineArn",
    "queueUrl",
    "queueName",
    "topicArn",
    "streamName",
    "bucketName",
    "secretId",
    "alarmName",
    "applicationName",
    "applicationId",
    "changeBatch.changes[0].resourceRecordSet.name",
    "hostedZoneId",
    "restApiId",
    "apiId",
    "dBParameterGroupName",
    "dBClusterParameterGroupName",
    "cacheParameterGroupName",
    "certificateArn",
    "webACLArn",
    "pipelineName",
    "projectName",
    "repositoryName",
    "domainName",
    "roleName",
    "roleArn",
    "userName",
    "policyArn",
    "keyId",
    "logGroupName",
    "instanceId",
    "instanceIds[0]",
    "instancesSet.items[0].instanceId",
    "resourceArn",
    "resourceARN",
    "resourceName",
    "name",
    "names[0]",
    "rule",
    "instanceProfileName",
    "policyName",
    "dBSnapshotIdentifier",
    "clusterName",
    "cluster",
)
# What things are made of: only where nothing else is named.
_PARTS = (
    "groupId",
    "groupName",
    "imageId",
    "volumeId",
    "natGatewayId",
    "routeTableId",
    "networkAclId",
    "subnetId",
    "vpcId",
)
# Where the request does not tell, or tells less: ECS says which service a task was for.
_TASK_GROUPS = (
    "$.requestParameters.group",
    "$.responseElements.task.group",
    "$.responseElements.tasks[0].group",
    "$.requestParameters.startedBy",
    "$.responseElements.task.startedBy",
    "$.responseElements.tasks[0].startedBy",
)
_ANSWERS = (
    "$.responseElements.functionArn",
    "$.responseElements.instancesSet.items[0].instanceId",
    "$.resources[0].ARN",
)
_READS = r"^(Get|Describe|List|Head|Lookup|Search|Query|Scan|BatchGet|Select|Check|Test|Validate)"
# Lambda and CloudFront carry their API's date in the name: UpdateFunctionCode20150331v2.
_API_DATE = r"20\d\d_?\d\d_?\d\d(v\d+)?$"
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_SIGN_INS = ("signin", "sts", "sso")
_EXCERPT = 2000


class CloudTrail(JsonExport):
    """AWS CloudTrail: API calls, as delivered to S3 or printed by ``lookup-events``."""

    summary = "AWS API calls: S3-delivered JSON (plain or gzip) and lookup-events output"

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode the records, unpacking the text that lookup-events wraps them in."""
        del window
        found = self.records(partition, _ENVELOPES)
        if len(found) == 0:
            yield from found.gaps
            return
        yield from _envelope.last_page(partition, found)
        outer = _json.decode(partition, found, _outer_paths())
        calls = _calls(outer)
        named = calls.select(is_call=_is_call()).to_series()
        outer = _aws.only(outer, named, partition, "CloudTrail records (no eventName)")
        yield from outer.gaps
        if len(outer) == 0:
            return
        calls = calls.filter(named)
        times = _aws.times(calls["time"])
        yield batch(
            "event",
            partition,
            raw=outer.raw,
            locators=outer.locators,
            # Hand-made records repeat an id; a record delivered twice repeats its time as well.
            native=arrow.column(calls["id"] + "|" + calls["time"]),
            scope="aws_cloudtrail",
            columns=_columns(calls)
            | {"timestamp": times.timestamp, "timestamp_precision": times.precision},
        )


def _record_paths() -> dict[str, str]:
    subjects = {f"subject.{s}": f"$.requestParameters.{s}" for s in (*_SUBJECTS, *_PARTS)}
    groups = {f"group.{i}": path for i, path in enumerate(_TASK_GROUPS)}
    answers = {f"answer.{i}": path for i, path in enumerate(_ANSWERS)}
    return _PATHS | subjects | groups | answers


def _outer_paths() -> dict[str, str]:
    return _record_paths() | _WRAPPERS | {f"lookup.{k}": path for k, path in _LOOKUP.items()}


def _is_call() -> pl.Expr:
    import polars as pl

    return pl.col("name").is_not_null() | pl.col("insight").is_not_null()


def _calls(outer: _json.Decoded) -> pl.DataFrame:
    """Take each record from its own text, or from the text inside the wrapper it came in."""
    import polars as pl

    calls = outer.table
    given = _given(calls)
    if not given.isdisjoint(_WRAPPERS):
        wrapped = calls.select(pl.coalesce(*_WRAPPERS)).to_series()
        inner = _envelope.inside(wrapped, _record_paths())
        unpacked = inner.select(_is_call()).to_series()
        calls = calls.with_columns(
            pl.when(unpacked).then(inner[name]).otherwise(pl.col(name)).alias(name)
            for name in _record_paths()
        )
    return calls.with_columns(
        pl.coalesce(name, f"lookup.{name}").alias(name)
        for name in _LOOKUP
        if name in _PATHS and f"lookup.{name}" in given
    )


def _given(calls: pl.DataFrame) -> set[str]:
    """Name the columns that some call has; of all that services may name, most are empty."""
    return {name for name in calls.columns if calls[name].null_count() < len(calls)}


def _entities(calls: pl.DataFrame) -> pl.DataFrame:
    """Name what each call touched, from its request, its answer or its resources.

    Returns:
        ``entity``, null where nothing tells, and ``is_service``, for calls on a service's own code.
    """
    import polars as pl

    shortened = {
        "subject.taskDefinition": r"^([^:/]+)(?::\d+)?$",
        "subject.functionName": r"^([^:]+)(?::[^:]+)?$",
        "subject.queueUrl": r"([^/]+)/?$",
        "subject.resourceId": r"([^/]+)$",
    }
    given = _given(calls)
    groups = [g for i in range(len(_TASK_GROUPS)) if (g := f"group.{i}") in given]
    task = [pl.col(g).str.extract(r"^service:(.+)$") for g in groups]
    # Elsewhere a path is where something is filed; to SSM it is what was asked for.
    parameters = pl.when(pl.col("source").str.starts_with("ssm.")).then("parameters")
    needed = [name for name in calls.columns if name in given | {"source", "parameters"}]
    short = calls.select(needed).with_columns(
        pl.coalesce(*task, pl.lit(None, pl.String)).alias("group"),
        parameters.alias("parameters"),
        *(
            pl.coalesce(pl.col(c).str.extract(form), c).alias(c)
            for c, form in shortened.items()
            if c in given
        ),
    )
    order = (
        "group",
        *(f"subject.{s}" for s in _SUBJECTS),
        *(f"answer.{i}" for i in range(len(_ANSWERS))),
        *(f"subject.{p}" for p in _PARTS),
        "parameters",
        "lookup.resource",
    )
    code = ("group", "subject.service", "subject.serviceName", "subject.functionName")
    found = short.select(
        pl.coalesce(c for c in order if c in short.columns).alias("named"),
        pl.coalesce(c for c in code if c in short.columns).is_not_null().alias("is_service"),
    )
    # Calls repeat the names of few things.
    things = found.select(pl.col("named").unique()).drop_nulls().filter(pl.col("named") != _HIDDEN)
    short_names = things.select(_aws.resource_name(pl.col("named"))).to_series()
    entity = found["named"].replace_strict(things["named"], short_names, default=None)
    return found.select(entity.alias("entity"), "is_service")


def _is_read() -> pl.Expr:
    import polars as pl

    return pl.coalesce(
        pl.col("read_only").eq("true"), pl.col("name").str.contains(_READS), pl.lit(value=False)
    )


def _is_data() -> pl.Expr:
    """Tell calls on what a system holds (an object put, a function run) from changes to it."""
    import polars as pl

    management = pl.col("management").eq("true").fill_null(value=True)
    return ~management | pl.col("category").is_in(["Data", "NetworkActivity"]).fill_null(
        value=False
    )


def _columns(calls: pl.DataFrame) -> dict[str, object]:
    import polars as pl

    insight = pl.col("insight").is_not_null()
    # What a service does by itself (ECS stops a sick task) answers something; nobody changed it.
    automatic = pl.col("identity").eq("AWSService").fill_null(value=False)
    failed = pl.col("error").is_not_null()
    plain = _is_read() | _is_data()
    api = pl.coalesce("source", "insight_source").str.replace(r"\.amazonaws\.com$", "")
    verb = pl.coalesce("name", "insight_name").str.replace(_API_DATE, "")
    call = pl.coalesce(pl.concat_str([api, verb], separator=":"), verb)
    change = ~(plain | failed | insight | automatic | api.is_in(_SIGN_INS).fill_null(value=False))
    request = pl.col("request").str.slice(0, _EXCERPT)
    words = [call, request, "insight", "insight_state", "error", "message"]
    said = pl.concat_str(words, separator=" ", ignore_nulls=True)
    made = calls.select(*_PATHS).with_columns(_entities(calls)).select(
        pl.when(insight).then(pl.lit("metric_change")).when(plain).then(pl.lit("log"))
        .otherwise(pl.lit("operator_action")).alias("kind"),
        pl.when(change).then(pl.lit("change")).alias("role"),
        call.alias("event_name"),
        pl.when(failed | insight).then(13).otherwise(9).alias("severity_number"),
        said.alias("body"),
        pl.coalesce("entity", api, pl.lit("cloudtrail")),
        pl.when("is_service").then("entity").alias("service.name"),
        pl.coalesce("account", "caller_account").alias("cloud.account.id"),
        pl.coalesce("actor", "service_actor", "principal").alias("actor"),
        _deeplinks.cloudtrail_event(pl.col("region"), pl.col("id")).alias("evidence.url"),
    )  # fmt: skip
    return {
        **made.to_dict(),
        "severity_text": calls["error"],
        "clock": "service:cloudtrail",
        "cloud.provider": "aws",
        "cloud.region": calls["region"],
        "attributes": schema.attributes(len(calls), _attributes(calls)),
    }


def _attributes(calls: pl.DataFrame) -> dict[str, pl.Series]:
    return {
        "aws.request_parameters": calls["request"],
        "aws.response_elements": calls["response"],
        "aws.error_code": calls["error"],
        "aws.error_message": calls["message"],
        "aws.read_only": calls["read_only"],
        "aws.event_type": calls["type"],
        "aws.identity_type": calls["identity"],
        "aws.invoked_by": calls["service_actor"],
        "aws.insight_type": calls["insight"],
        "aws.insight_state": calls["insight_state"],
        "user_agent.original": calls["agent"],
    }
