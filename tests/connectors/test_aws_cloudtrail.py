"""CloudTrail: whatever form the records come in, and what each call was about."""

import json
from pathlib import Path
from typing import Any

import pytest

from nova_timeline.connector import Batch, Gap, Partition, load
from nova_timeline.errors import UnreadableSourceError

CALL = {
    "eventTime": "2026-03-03T13:52:14Z",
    "eventSource": "ecs.amazonaws.com",
    "eventName": "UpdateService",
    "awsRegion": "us-east-1",
    "eventID": "5b1e6f0a-1111-4c5e-9a43-0f2d3c4b5a69",
    "readOnly": False,
    "requestParameters": {"service": "checkout"},
}


def read(folder: Path, content: object, **options: Any) -> tuple[list[dict[str, Any]], list[str]]:
    path = folder / "trail.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    items = list(load("aws_cloudtrail")(options).read(Partition("trail", path)))
    rows = [r for i in items if isinstance(i, Batch) for r in plain(i)]
    return rows, [i.reason for i in items if isinstance(i, Gap)]


def plain(item: Batch) -> list[dict[str, Any]]:
    kept = [c for c in item.table.column_names if c != "timestamp"]
    times = [t.value for t in item.table["timestamp"]]
    rows = item.table.select(kept).to_pylist()
    return [r | {"timestamp": t} for r, t in zip(rows, times, strict=True)]


def call(source: str, name: str, request: object, **more: Any) -> dict[str, Any]:
    event = {"eventSource": f"{source}.amazonaws.com", "eventName": name}
    return CALL | event | {"requestParameters": request} | more


ARN = "arn:aws:{}:us-east-1:123456789012:{}"
TOUCHED = [
    (call("ecs", "CreateService", {"serviceName": "cart", "cluster": "shop"}), "cart"),
    (call("ecs", "UpdateService", {"service": ARN.format("ecs", "service/shop/cart")}), "cart"),
    (call("ecs", "UpdateCluster", {"cluster": ARN.format("ecs", "cluster/shop")}), "shop"),
    (call("ecs", "RunTask", {"taskDefinition": "migrate-db:4", "cluster": "shop"}), "migrate-db"),
    (call("lambda", "Invoke", {"functionName": "resize:live"}), "resize"),
    (call("lambda", "X", {"functionName": ARN.format("lambda", "function:resize:7")}), "resize"),
    (call("rds", "RebootDBInstance", {"dBInstanceIdentifier": "orders-db"}), "orders-db"),
    (call("rds", "AddTagsToResource", {"resourceName": ARN.format("rds", "db:orders")}), "orders"),
    (call("autoscaling", "SetDesiredCapacity", {"autoScalingGroupName": "web"}), "web"),
    (call("ssm", "PutParameter", {"name": "/shop/prod/limit"}), "/shop/prod/limit"),
    (call("elasticloadbalancing", "ModifyListener",
          {"listenerArn": ARN.format("elasticloadbalancing", "listener/app/web/1f/9a")}), "web"),
    (call("apprunner", "UpdateService",
          {"service": ARN.format("apprunner", f"service/web/{'8f' * 16}")}), "web"),
    (call("s3", "PutBucketPolicy", {"bucketName": "receipts"}), "receipts"),
    (call("ec2", "ModifyVpcAttribute", {"vpcId": "vpc-1"}), "vpc-1"),
    (call("iam", "CreateUser", None, resources=[{"ARN": "arn:aws:iam::1:user/team/ana"}]), "ana"),
    (call("ssm", "PutParameter", {"name": "HIDDEN_DUE_TO_SECURITY_REASONS"}), "ssm"),
    (call("ec2", "DisableEbsEncryptionByDefault", "text, not an object"), "ec2"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "entity"), TOUCHED)
def test_names_what_was_touched(tmp_path: Path, record: dict[str, Any], entity: str) -> None:
    [row], _ = read(tmp_path, {"Records": [record]})
    assert row["entity"] == entity


ROLES = [
    (CALL, "operator_action", "change"),
    (CALL | {"readOnly": True}, "log", None),
    (CALL | {"errorCode": "AccessDenied"}, "operator_action", None),
    (call("s3", "PutObject", {}, managementEvent=False), "log", None),
    (call("s3", "PutObject", {}, eventCategory="Data"), "log", None),
    (call("signin", "ConsoleLogin", None), "operator_action", None),
    (CALL | {"userIdentity": {"type": "AWSService", "invokedBy": "ecs"}}, "operator_action", None),
    ({k: v for k, v in CALL.items() if k != "readOnly"}, "operator_action", "change"),
    (call("ec2", "DescribeVpcs", {}, readOnly=None), "log", None),
]


@pytest.mark.parametrize(("record", "kind", "role"), ROLES)
def test_tells_changes_from_the_rest(
    tmp_path: Path, record: dict[str, Any], kind: str, role: str | None
) -> None:
    [row], _ = read(tmp_path, {"Records": [record]})
    assert (row["kind"], row["role"]) == (kind, role)


def test_the_date_of_an_api_is_no_part_of_its_name(tmp_path: Path) -> None:
    names = ["UpdateFunctionCode20150331v2", "UpdateDistribution2020_05_31", "PutMetricAlarm"]
    rows, _ = read(tmp_path, {"Records": [call("x", n, {}) for n in names]})
    assert [r["event_name"] for r in rows] == [
        "x:UpdateFunctionCode",
        "x:UpdateDistribution",
        "x:PutMetricAlarm",
    ]


def test_a_record_is_the_same_event_in_every_form(tmp_path: Path) -> None:
    text = json.dumps(CALL)
    forms: list[object] = [
        {"Records": [CALL]},
        {"Events": [{"EventId": CALL["eventID"], "CloudTrailEvent": text}]},
        {"events": [{"eventId": "371", "timestamp": 1, "message": text}]},
        text + "\n",
        json.dumps({"EventName": "UpdateService", "CloudTrailEvent": text}) + "\n",
    ]
    found = [read(tmp_path, form)[0][0] for form in forms]
    found.append(read(tmp_path, {"detail": CALL}, unwrap="detail")[0][0])
    for column in ("event_id", "timestamp", "entity", "event_name"):
        assert len({row[column] for row in found}) == 1
    assert found[0]["timestamp"] == 1_772_545_934_000_000_000


@pytest.mark.parametrize("inner", ["{broken", "[]", "", None])
def test_a_lookup_without_its_record_keeps_its_own_columns(
    tmp_path: Path, inner: str | None
) -> None:
    outer = {
        "EventId": "e-1",
        "EventName": "StopInstances",
        "EventSource": "ec2.amazonaws.com",
        "EventTime": 1772545934.0,
        "Resources": [{"ResourceType": "AWS::EC2::Instance", "ResourceName": "i-0a"}],
        "CloudTrailEvent": inner,
    }
    [row], said = read(tmp_path, {"Events": [outer]})
    assert (row["entity"], row["event_name"]) == ("i-0a", "ec2:StopInstances")
    assert row["timestamp"] == 1_772_545_934_000_000_000
    assert not said


def test_a_page_that_is_not_the_last_is_said(tmp_path: Path) -> None:
    _, said = read(tmp_path, {"Events": [CALL], "NextToken": "abc"})
    assert "more follow (NextToken)" in said[0]
    pages = [{"Events": [CALL], "NextToken": "abc"}, {"Events": [CALL | {"eventID": "2"}]}]
    rows, said = read(tmp_path, "\n".join(json.dumps(p) for p in pages))
    assert (len(rows), said) == (2, [])


def test_a_record_without_a_time_borrows_none(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, {"Records": [CALL, CALL | {"eventTime": "yesterday", "eventID": "2"}]})
    assert [r["timestamp"] for r in rows] == [1_772_545_934_000_000_000, None]


def test_other_json_is_refused_and_strangers_are_counted(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSourceError, match="no CloudTrail records"):
        read(tmp_path, {"digestStartTime": "2026-03-03T13:00:00Z", "logFiles": []})
    rows, said = read(tmp_path, {"Records": [CALL, {"hello": 1}]})
    assert len(rows) == 1
    assert said == [
        "1 of 2 records are no CloudTrail records (no eventName); the first is at "
        f"bytes={len(json.dumps({'Records': [CALL]})[:-2]) + 2}+12"
    ]


def test_an_insight_is_an_observation(tmp_path: Path) -> None:
    record = {
        "eventTime": "2026-03-03T14:03:00Z",
        "eventID": "9",
        "insightDetails": {
            "state": "Start",
            "eventSource": "ssm.amazonaws.com",
            "eventName": "GetParameter",
            "insightType": "ApiCallRateInsight",
        },
    }
    [row], _ = read(tmp_path, {"Records": [record]})
    assert (row["kind"], row["role"]) == ("metric_change", None)
    assert row["body"] == "ssm:GetParameter ApiCallRateInsight Start"


@pytest.mark.parametrize(
    ("event", "entity"),
    [
        (call("ssm", "GetParametersByPath", {"path": "/shop/checkout"}), "/shop/checkout"),
        (call("ssm", "GetParameters", {"names": ["/shop/a", "/shop/b"]}), "/shop/a"),
        (call("iam", "CreateRole", {"path": "/", "roleName": "runner"}), "runner"),
        (call("ecs", "StopTask", {"cluster": "shop", "startedBy": "service:checkout"}), "checkout"),
        (
            call("ecs", "StopTask", {"cluster": "shop"})
            | {"responseElements": {"task": {"group": "family:x", "startedBy": "service:cart"}}},
            "cart",
        ),
    ],
)
def test_what_was_asked_for_is_named(tmp_path: Path, event: dict[str, Any], entity: str) -> None:
    [row], _ = read(tmp_path, {"Records": [event]})
    assert row["entity"] == entity
