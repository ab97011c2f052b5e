"""What nobody drew is tied to a failure by what records say."""

from dataclasses import replace
from typing import Any

import pytest

from nova_timeline.correlate import reach
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.departures import Departure
from nova_timeline.correlate.failures import Line
from nova_timeline.correlate.merged import Change
from nova_timeline.correlate.scene import Scene

from .changes import record
from .scenes import MINUTE, at, calls, signal


def scene(said: str = "no answer", **over: Any) -> Scene:
    """Let the shop fail, saying so; the web calls it."""
    fault = signal(9, 40, "shop-api", "fault", title=said, count=30)
    cascade = Cascade("shop-api", ("shop-api",), (fault,), {"shop-api": 0})
    return replace(Scene(cascade, at(40), calls("web>shop-api"), {}, (), ()), **over)


def placed(where: Scene, entity: str = "node-agent", said: str = "x") -> tuple[float, str]:
    one, held = record(0, 35, entity, said)
    term = reach.place(Change(one, (), (said,), (held,)), where)
    return term.weight, term.text


def test_nothing_ties_it() -> None:
    weight, text = placed(scene())
    assert weight < 0.05
    assert "no topology says" in text


def test_those_that_fail_name_it() -> None:
    alert = signal(8, 41, "web", "alert_firing", title="pods are turned away by node-agent")
    weight, text = placed(scene(troubled=(alert,)))
    assert weight > 0.1
    assert "which what failed at web names" in text


def test_what_was_said_before_the_change_tells_nothing_of_it() -> None:
    early = signal(8, 10, "web", "alert_firing", title="pods are turned away by node-agent")
    assert placed(scene(troubled=(early,)))[0] < 0.05


def test_others_that_nobody_drew_tell_of_it() -> None:
    alone = Line("kube-events", 5, 13, ("node-agent-6f7c was evicted",))
    both = Line("kube-events", 5, 13, ("shop-api-5c9d: refused by node-agent.svc",))
    less, more = placed(scene(beside=(alone,))), placed(scene(beside=(both,)))
    assert 0.05 < less[0] < more[0]
    assert "which kube-events names, and shop-api with it" in more[1]


def test_it_has_trouble_of_its_own() -> None:
    own = Line("node-agent", 1, 17, ("rule 3: duplicate",))
    moved = Departure("node-agent", "sessions", at(37), MINUTE, climbs=False)
    assert placed(scene(beside=(own,)))[0] > 0.05
    assert placed(scene(departures=(moved,)))[0] > 0.05
    before = replace(moved, time=at(20))
    assert placed(scene(departures=(before,)))[0] < 0.05


def test_the_change_speaks_of_what_fails() -> None:
    assert placed(scene(), said="routes of shop-api by another way")[0] > 0.05


@pytest.mark.parametrize(("host", "near"), [("shop-api", True), ("maps-api", False)])
def test_what_a_diff_shows_of_another_and_leaves_as_it_is_is_not_spoken_of(
    host: str, *, near: bool
) -> None:
    other = {"shop-api": "maps-api", "maps-api": "shop-api"}[host]
    for between in (" ---", "@@ -9,4 +9,4 @@"):
        diff = f" host: {other}\n errors: 5\n{between}\n host: {host}\n-errors: 3\n+errors: 9\n"
        one, held = record(0, 35, "mesh-config", "gentler", diff=diff)
        term = reach.place(Change(one, (), (f"gentler\n{diff}",), (held,)), scene())
        assert (term.weight > 0.05) is near


def test_the_change_is_to_what_is_kept_for_what_fails() -> None:
    def told(file: str) -> tuple[float, str]:
        one, held = record(0, 35, "mesh-config", "routes", files=[file])
        term = reach.place(Change(one, (), ("routes",), (held,)), scene())
        return term.weight, term.text

    assert told("mesh/out/web-api.yaml")[0] < 0.05
    weight, text = told("mesh/out/shop-api.yaml")
    assert weight > 0.1
    assert "what is kept there for shop-api" in text


def test_who_is_drawn_is_placed_by_the_drawing() -> None:
    own = Line("web", 1, 17, ("rule 3: duplicate",))
    assert "only felt" in placed(scene(cascade=_felt(), beside=(own,)), "web")[1]


def _felt() -> Cascade:
    fault = signal(9, 40, "shop-api", "fault")
    return Cascade("shop-api", ("shop-api", "web"), (fault,), {"shop-api": 0, "web": 1})


def test_a_change_speaks_of_what_those_that_fail_call() -> None:
    where = scene(topology=calls("web>shop-api", "shop-api>orders-db.shop.internal"))
    weight, text = placed(where, said='resource "aws_security_group" "orders_db" {')
    assert weight > 0.05
    assert "speaks of orders-db.shop.internal, which shop-api calls" in text
    assert placed(where, said='resource "aws_security_group" "reorders_db" {')[0] < 0.05


@pytest.mark.parametrize(
    "said",
    ["shop-api synced: ConfigMap shop-env POOL_SIZE 20 -> 5", "deployment ns/shop-api was updated"],
)
def test_what_rolls_changes_out_tells_whose_they_are(said: str) -> None:
    weight, text = placed(scene(), "gitops", said)
    assert "tells that shop-api was changed" in text
    assert weight > placed(scene(), "gitops", f"beside {said}")[0]


@pytest.mark.parametrize(
    ("went", "is_tied"),
    [
        ("assigned_partitions rose from 24.0 to 48.0", True),
        ("assigned_partitions rose from 24.0 to 47.0", False),
        ("open_files rose from 24.0 to 48.0", False),
    ],
)
def test_what_is_set_shows_elsewhere(went: str, is_tied: bool) -> None:
    moved = signal(8, 36, "web", "fault", title=went, kind="metric_change")
    one, held = record(0, 35, "topics-tf", "x", diff="-partitions = 24\n+partitions = 48\n")
    change = Change(one, (), ("x",), (held,))
    term = reach.place(change, scene(troubled=(moved,)))
    assert ("of web went from 24 to 48" in term.text) is is_tied
