"""Who is drawn nowhere is tied to those whose records name it."""

from typing import Any

import pytest

from nova_timeline.correlate import mentioned
from nova_timeline.correlate.failures import Line
from nova_timeline.topology import Topology

from .scenes import calls, signal, table

DRAWN = calls("web>shop", "shop>db")


def told(*said: dict[str, Any], shape: Topology = DRAWN) -> list[tuple[str, str]]:
    found = mentioned.extended(table(*said), shape, {})
    return [(e.caller, e.callee) for e in found.edges if e.kind == mentioned.KIND]


def fault(number: int, entity: str, title: str, **over: Any) -> dict[str, Any]:
    return signal(number, 10 + number, entity, "fault", title=title, **over)


def test_an_error_that_names_what_nobody_drew_is_an_edge() -> None:
    broker = signal(1, 5, "msg-broker", "change")
    assert told(fault(0, "shop", "cannot publish to msg-broker:5672"), broker) == [
        ("shop", "msg-broker")
    ]


def test_an_alert_names_what_it_came_from() -> None:
    alert = signal(0, 12, "board", "alert_firing", title="board: an alert fires: shop rejects all")
    said = signal(1, 12, "board", "alert_firing", title="board: an alert fires: http://shop:80 off")
    assert told(alert) == []  # a plain word may be just that
    assert told(said) == [("board", "shop")]


def test_what_is_drawn_is_left_as_it_is() -> None:
    assert (
        told(fault(0, "db", "no route to shop:80"), fault(1, "web", "no answer of db:5432")) == []
    )


def test_without_a_topology_everything_may_hang_together_anyhow() -> None:
    shape = Topology({"shop": "service", "msg-broker": "queue"})
    assert told(fault(0, "shop", "cannot publish to msg-broker:5672"), shape=shape) == []


def test_two_that_name_each_other_are_tied_by_who_does_so_more() -> None:
    ours = [fault(i, "shop", f"no {i}th answer of node-agent") for i in range(2)]
    theirs = fault(2, "node-agent", "cannot drain http://shop:80")
    assert told(*ours, theirs) == [("shop", "node-agent")]
    assert told(ours[0], theirs) == []


def test_who_is_named_by_errors_and_tells_of_errors_itself_is_pointed_at() -> None:
    card = Line("edge-rtr-7", 9, 17, ("slot 3: line card failed",))
    calm = Line("edge-rtr-7", 2, 13, ("temperature is up",))
    other = Line("edge-rtr-9", 9, 17, ("slot 1: line card failed",))
    beside, failed = [card, calm, other], ["429 too many updates of node edge-rtr-7"]
    assert mentioned.pointed(beside, failed, ()) == [card]
    assert mentioned.pointed(beside, failed, {"edge-rtr-7"}) == []
    assert mentioned.pointed(beside, ["429 too many updates"], ()) == []


def test_odd_metrics_and_light_signs_name_nobody() -> None:
    light = fault(0, "shop", "cannot publish to msg-broker", weight=0.5)
    moved = fault(1, "shop", "to msg-broker fell from 3 to 0", table="metric")
    assert told(light, moved, signal(2, 5, "msg-broker", "change")) == []


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("pod policy-agent-6f7c-9kx2d evicted", "policy-agent", True),
        ("calling validate.policy-agent.svc: refused", "policy-agent", True),
        ("policy-agent-web is down", "policy-agent", False),
        ("my-policy-agent is down", "policy-agent", False),
        ("login failed for u", "login", False),
        ("dial tcp login:8080: refused", "login", True),
        ("upstream 'login' is away", "login", True),
        ("https://login.prod.svc/keys", "login", True),
    ],
)
def test_names_stand_as_names(text: str, name: str, *, found: bool) -> None:
    assert mentioned.mentioned(text, [name]) == ([name] if found else [])


def test_who_reads_stale_data_needs_who_makes_them() -> None:
    alert = signal(0, 40, "board", "alert_firing", title="board: prices are 95 min old")
    maker = signal(1, 35, "price-job", "fault", title="connect timed out")
    assert told(alert, maker) == [("board", "price-job")]
    both = calls("web>shop", "shop>db", "board>web", "price-job>db")
    assert told(alert, maker, shape=both) == []
