"""Where a change acted counts by what it can do to what broke."""

from dataclasses import replace

import pytest

from nova_timeline.correlate import reach
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.departures import Departure
from nova_timeline.correlate.merged import Change
from nova_timeline.correlate.scene import Scene
from nova_timeline.topology import Topology

from .changes import record
from .scenes import at, calls, signal

SENDS = '-  "card_number": order.card,\n+  "pan": order.card,\n'


def scene(said: str, shape: Topology) -> Scene:
    """Let the biller fail, saying so; the shop sends it messages."""
    fault = signal(9, 40, "biller", "fault", title=said, kind="log", count=30)
    return Scene(Cascade("biller", ("biller",), (fault,), {"biller": 0}), at(40), shape, {}, (), ())


def sent(entity: str, diff: str) -> Change:
    one, held = record(0, 35, entity, "x", diff=diff)
    return Change(one, (), ("x",), (held,))


def test_a_caller_that_no_longer_sends_what_is_missed_is_near() -> None:
    where = scene("KeyError: 'card_number'", calls("shop>biller"))
    found = reach.place(sent("shop", SENDS), where)
    assert "no longer sends card_number" in found.text
    assert found.weight > 0.1
    assert reach.share(sent("shop", SENDS), where) > 0.7


def test_what_is_still_sent_or_not_missed_or_sent_to_others_tells_nothing() -> None:
    where = scene("KeyError: 'card_number'", calls("shop>biller", "web>shop"))
    kept = '-  "card_number": a,\n+  "card_number": b,\n'
    assert reach.place(sent("shop", kept), where).weight < 0.1
    assert reach.place(sent("web", SENDS), where).weight < 0.1
    other = scene("TimeoutError: no answer", calls("shop>biller"))
    assert reach.place(sent("shop", SENDS), other).weight < 0.1


def touched(entity: str, where: Scene) -> tuple[float, float]:
    """Weigh a change to an entity: by its place, and by how far what it breaks can reach."""
    one, held = record(0, 35, entity, "x")
    change = Change(one, (), ("x",), (held,))
    return reach.place(change, where).weight, reach.share(change, where)


def test_what_no_topology_knows_is_not_held_to_be_far_off() -> None:
    where = scene("dial tcp 10.0.0.7:5432: i/o timeout", calls("shop>biller", "mail>relay"))
    far = touched("relay", where)
    apart = touched("network", where)
    assert far[0] < 0 < apart[0]
    assert far[1] < apart[1]


def test_what_errors_at_the_root_name_is_near() -> None:
    shape = calls("shop>biller", "mail>issuer")
    named = scene("no such key at https://issuer/keys.json", shape)
    other = scene("no such key at https://other-issuer/keys.json", shape)
    assert touched("issuer", named)[0] > 0.1
    assert touched("issuer", other)[0] < 0


def test_who_asks_more_of_what_ails_below_the_root_presses_on_it() -> None:
    fault = signal(9, 40, "biller", "fault", title="statement timeout", kind="log", count=30)
    busy = signal(8, 39, "db", "fault", title="active_sessions rose from 4 to 300",
                  kind="metric_change", weight=2.0)  # fmt: skip
    shape = calls("shop>biller", "biller>db", "report>db", "mail>relay")
    cascade = Cascade("biller", ("biller",), (fault,), {"biller": 0})
    where = Scene(cascade, at(40), shape, {}, (), (), troubled=(busy,))
    idle = Scene(cascade, at(40), shape, {}, (), ())
    assert touched("report", where) > (0.1, 0.7)
    assert touched("report", idle)[0] < 0


def test_below_the_root_what_shows_something_odd_can_reach_it_sooner() -> None:
    fault = signal(9, 40, "biller", "fault", title="NoSuchKey", kind="log", count=30)
    odd = signal(8, 39, "bucket", "fault", title="objects fell from 40 to 3",
                 kind="metric_change", weight=0.5)  # fmt: skip
    cascade = Cascade("biller", ("biller",), (fault,), {"biller": 0})
    shape = calls("biller>bucket")
    shown = Scene(cascade, at(40), shape, {}, (), (), troubled=(odd,))
    calm = Scene(cascade, at(40), shape, {}, (), ())
    assert touched("bucket", shown)[1] > touched("bucket", calm)[1]


def test_without_a_topology_what_is_named_after_the_root_is_of_it() -> None:
    where = scene("FATAL: no entry for host", Topology())
    assert touched("biller-settings", where)[0] > touched("mailer", where)[0] > 0


def test_a_caller_that_asks_for_more_presses_on_what_it_calls() -> None:
    def weight(title: str) -> float:
        fault = signal(9, 40, "store", "fault", title="too slow", kind="log", count=30)
        asked = signal(8, 40, "store", "fault", title=title, kind="metric_change")
        where = Scene(
            Cascade("store", ("store",), (fault, asked), {"store": 0}),
            at(40), calls("shop>store"), {}, (), (), troubled=[fault, asked],
        )  # fmt: skip
        return touched("shop", where)[0]

    assert weight("commands_per_sec rose from 900 to 20000") > weight("lag rose from 9 to 200")


@pytest.mark.parametrize(
    ("metric", "minute", "is_near"),
    [("sum_errors_total", 36, True), ("sum_errors_total", 30, False), ("items_total", 36, False)],
)
def test_what_got_worse_by_itself_since_a_change_to_it_is_near(
    metric: str, minute: float, *, is_near: bool
) -> None:
    shape = calls("shop>biller", "web>cart")
    moved = Departure("cart", metric, at(minute), 60_000_000_000, climbs=True)
    where = replace(scene("sums differ", shape), departures=[moved])
    weight, share = touched("cart", where)
    assert (weight > 0, share > 0.7) == (is_near, is_near)


def test_a_form_that_a_caller_hands_on_is_near_though_neither_calls_the_other() -> None:
    where = scene("weight of the parcel exceeds what it can be", calls("shop>quote", "shop>biller"))
    one, held = record(0, 35, "quote", "x", files=["api/quote.proto", "quote/server.go"])
    form = Change(one, (), ("x",), (held,))
    assert reach.place(form, where).text == "touched quote, whose answers shop hands on to biller"
    near, apart = (
        touched("quote", where),
        (reach.place(form, where).weight, reach.share(form, where)),
    )
    assert near[0] < 0 < apart[0]
    assert near[1] < apart[1]
    alone = scene("weight of the parcel exceeds what it can be", calls("shop>biller", "web>quote"))
    assert reach.place(form, alone).weight < 0


def test_a_caller_whose_requests_are_refused_as_wrong_is_near() -> None:
    def weight(title: str) -> float:
        refused = signal(9, 40, "biller", "fault", title=title, kind="metric_change")
        cascade = Cascade("biller", ("biller", "shop"), (refused,), {"biller": 0, "shop": 1})
        where = Scene(cascade, at(40), calls("shop>biller", "biller>db"), {}, (), ())
        return touched("shop", where)[0]

    assert weight("http_4xx_ratio rose from 0.01 to 0.4") > reach.FELT
    assert weight("http_5xx_ratio rose from 0.01 to 0.4") == reach.FELT
    assert weight("http_4xx_ratio fell from 0.4 to 0.01") == reach.FELT


def test_a_caller_whose_own_errors_say_that_it_was_refused_is_near() -> None:
    def weight(title: str) -> float:
        fault = signal(9, 40, "biller", "fault", title="requests_per_sec fell from 70 to 35",
                       kind="metric_change")  # fmt: skip
        said = signal(8, 40, "shop", "fault", title=title, kind="log", count=30)
        cascade = Cascade("biller", ("biller", "shop"), (fault, said), {"biller": 0, "shop": 1})
        where = Scene(cascade, at(40), calls("shop>biller", "biller>db"), {}, (), ())
        return touched("shop", where)[0]

    assert weight("responded with status 410 (POST http://biller/v2/pay)") > reach.FELT
    assert weight("responded with status 503 (POST http://biller/v2/pay)") == reach.FELT
    assert weight("responded with status 410 (POST http://other/v2/pay)") == reach.FELT


def test_for_whom_data_are_named_that_are_amiss_is_near() -> None:
    moved = signal(8, 39, "catalog", "fault", title="rows_daily_stock fell from 900 to 3",
                   kind="metric_change", weight=0.5)  # fmt: skip
    shape = calls("shop>catalog", "daily-stock-job>bucket", "daily-mail-job>bucket")
    where = replace(scene("no stock known", shape), troubled=[moved])
    near, apart = touched("daily-stock-job", where), touched("daily-mail-job", where)
    assert apart[0] < 0 < near[0]
    assert apart[1] < near[1]


MIGRATION = "+ALTER TABLE ledger_rows ADD COLUMN tax_code text NOT NULL;\n"


@pytest.mark.parametrize(
    ("file", "said", "shape", "near"),
    [
        ("db/migrations/7_tax.sql", "null value in column tax_code", "shop>store", True),
        ("db/migrations/7_tax.sql", "null value in column other_code", "shop>store", False),
        ("db/migrations/7_tax.sql", "null value in column tax_code", "shop>mine", False),
        ("src/tax.py", "null value in column tax_code", "shop>store", False),
    ],
)
def test_who_shapes_a_store_that_the_root_writes_to_is_near(
    file: str, said: str, shape: str, near: bool
) -> None:
    where = scene(f"insert failed: {said}", calls("biller>store", shape, "web>shop"))
    one, held = record(0, 35, "shop", "x", diff=MIGRATION, files=[file])
    found = reach.place(Change(one, (), ("x",), (held,)), where)
    assert (found.weight > 0.1) is near
