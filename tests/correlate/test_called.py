"""What a call to a control plane sets is read from its request, and which way from its like."""

import json

import pytest

from nova_timeline.correlate import called, merged
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.scene import Scene

from .scenes import at, calls, signal


@pytest.mark.parametrize(
    ("attribute", "request_", "sets"),
    [
        ("aws.request_parameters", {"service": "shop", "desiredCount": 4}, {"desiredCount": "4"}),
        ("aws.request_parameters", {"name": "/prod/shop/log.level"}, {"log.level": ""}),
        (
            "aws.request_parameters",
            {"parameters": [{"parameterName": "work_mem", "parameterValue": "512"}]},
            {"work_mem": "512"},
        ),
        ("azure.request", {"properties": {"sku": {"capacity": 5}}}, {"capacity": "5"}),
        ("gcp.audit.request", {"spec": {"env": [{"name": "TTL", "value": "5"}]}}, {"TTL": "5"}),
        ("gcp.audit.request", {"description": "no amount", "enabled": True}, {}),
    ],
)
def test_names_and_values_are_found(
    attribute: str, request_: dict[str, object], sets: dict[str, str]
) -> None:
    assert called.settings({attribute: json.dumps(request_)}) == sets


def test_what_is_no_json_sets_nothing() -> None:
    assert called.settings({"azure.request": "{cut short"}) == {}


def test_what_was_set_once_the_failure_was_on_is_what_it_was_before() -> None:
    less, more = (
        signal(i, minutes, "db", "change", kind="scaling") for i, minutes in ((0, 30), (1, 60))
    )
    held = {i: {"azure.request": json.dumps({"capacity": n})} for i, n in ((0, 4), (1, 8))}
    trouble = signal(90, 40, "db", "fault")
    where = Scene(
        Cascade("db", ("db",), (trouble,), {"db": 0}), at(40), calls("web>db"), {}, [less, more],
        (), attributes=held,
    )  # fmt: skip
    [moved] = merged.alone(less, where).settings
    assert (moved.key, moved.old, moved.new, moved.moved) == ("capacity", "8", "4", "down")


def test_what_a_metric_counted_is_what_it_was_before() -> None:
    change = signal(0, 30.5, "db", "change", kind="scaling")
    held = {0: {"aws.request_parameters": json.dumps({"desiredCount": 5, "maxScale": 9})}}
    trouble = signal(90, 40, "db", "fault")
    where = Scene(
        Cascade("db", ("db",), (trouble,), {"db": 0}), at(40), calls("web>db"), {}, [change], (),
        attributes=held, sizes={("db", at(30.5)): (8.0, 5.0)},
    )  # fmt: skip
    settings = {s.key: (s.old, s.moved) for s in merged.alone(change, where).settings}
    assert settings == {"desiredCount": ("8", "down"), "maxScale": ("8", "up")}
