"""Errors that name who failed point to it, through all that only hand it on."""

from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import named
from nova_timeline.topology import Topology

from .scenes import calls, episode, signal

SHAPE = calls("edge>web", "web>shop", "web>mail", "shop>orders-db", "shop>orders")
FULL = "is being throttled: too many requests in flight"


def test_the_one_that_all_name_is_the_root() -> None:
    bad = episode(
        signal(0, 10, "edge", "fault", title="web answered 503", count=90),
        signal(1, 11, "web", "fault", title="shop answered 500", count=40),
        signal(2, 12, "shop", "fault", title="query on orders-db.shop.internal failed", count=9),
        signal(3, 13, "orders-db", "fault", title="no space left", count=2),
    )
    assert named.root(bad, SHAPE) == "orders-db"


def test_who_speaks_of_the_database_means_the_one_that_it_has() -> None:
    shape = Topology({"shop": "service", "store": "database"}).with_edges(
        [("shop", "store", "calls")]
    )
    bad = episode(
        signal(0, 10, "shop", "fault", rule="database.full", title="no space left", count=20),
        signal(1, 11, "store", "fault", title="no space left", count=1),
    )
    assert named.root(bad, shape) == "store"


def test_who_waits_in_vain_means_the_only_one_that_it_calls() -> None:
    waits = signal(
        0, 10, "shop", "fault", category="dependency", title="deadline exceeded", count=9
    )
    slow = signal(1, 11, "orders-db", "fault", title="the disk is slow", count=1)
    assert named.root(episode(waits, slow), calls("shop>orders-db", "shop>mail")) == "orders-db"
    both = signal(2, 12, "mail", "fault", title="the queue is full", count=1)
    assert named.root(episode(waits, slow, both), calls("shop>orders-db", "shop>mail")) is None


def test_to_be_full_is_no_cause() -> None:
    bad = episode(
        signal(0, 10, "web", "fault", title=f"web {FULL}", count=50),
        signal(1, 10, "web", "fault", title="shop answered 500", count=20),
        signal(2, 11, "shop", "fault", title="KeyError: 'carrier'", count=20),
    )
    assert named.root(bad, SHAPE) == "shop"


def test_a_name_within_another_is_not_that_name() -> None:
    bad = episode(
        signal(0, 10, "shop", "fault", title="query on orders-db failed", count=20),
        signal(1, 10, "orders", "fault", title="KeyError", count=3),
        signal(2, 11, "orders-db", "fault", title="no space left", count=1),
    )
    assert named.root(bad, SHAPE) == "orders-db"


def test_who_cannot_resolve_a_name_holds_nothing_against_whose_it_is() -> None:
    bad = episode(
        signal(0, 10, "web", "fault", title="shop answered 503", count=20),
        signal(1, 10, "shop", "fault", title="getaddrinfo EAI_AGAIN orders-db", count=20),
        signal(2, 5, "orders-db", "fault", title="deadlock detected", count=1),
    )
    assert named.root(bad, SHAPE) == "shop"


def test_of_whom_no_record_is_there_hands_on_to_what_plainly_fails_below() -> None:
    spoken = f"web {named.SILENT}: web answered 503"
    bad = episode(
        signal(0, 10, "edge", "fault", title="web answered 503", count=90),
        signal(1, 10, "web", "fault", title=spoken, count=90),
        signal(2, 10, "shop", "fault", kind="metric_change", table="metric"),
        signal(3, 11, "orders-db", "fault", title="the database is not available"),
        signal(4, 11, "mail", "fault", title="odd", weight=0.5),
    )
    assert named.root(bad, SHAPE) == "orders-db"
    assert named.root(episode(*bad.signals[:2]), SHAPE) == "web"


def test_who_is_not_in_trouble_is_not_pointed_to() -> None:
    bad = episode(
        signal(0, 10, "web", "fault", title="shop answered 500", count=20),
        signal(1, 11, "shop", "fault", title="could not connect to orders-db", count=20),
    )
    assert named.root(bad, SHAPE) == "shop"


def test_who_is_in_trouble_much_later_was_not_meant() -> None:
    bad = episode(
        signal(0, 10, "web", "fault", title="mail answered 500", count=20),
        signal(1, 40, "mail", "fault", title="KeyError", count=20),
    )
    assert named.root(bad, SHAPE) is None


def test_errors_that_do_not_agree_name_nobody() -> None:
    bad = episode(
        signal(0, 10, "web", "fault", title="shop answered 500", count=20),
        signal(1, 10, "web", "fault", title="mail answered 500", count=20),
        signal(2, 11, "shop", "fault", title="KeyError", count=5),
        signal(3, 11, "mail", "fault", title="KeyError", count=5),
    )
    assert named.root(bad, SHAPE) is None


def test_errors_that_name_nobody_tell_nothing() -> None:
    assert named.root(episode(signal(0, 10, "web", "fault", count=99)), SHAPE) is None


RING = calls("a>b", "b>c", "c>a")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.integers(1, 40))))
def test_whoever_names_whom_the_answer_is_one_of_them(told: list[tuple[str, str, int]]) -> None:
    bad = episode(
        *(
            signal(i, 10, e, "fault", title=f"{to} failed", count=n)
            for i, (e, to, n) in enumerate(told)
        )
    )
    found = named.root(bad, RING)
    assert found is None or found in bad.entities


def test_who_turns_a_password_away_was_reached() -> None:
    bad = episode(
        signal(0, 10, "web", "fault", title="shop answered 500", count=20),
        signal(1, 10, "shop", "fault", title="orders-db: password authentication failed", count=20),
        signal(2, 10, "orders-db", "fault", title="FATAL: password authentication failed", count=1),
    )
    assert named.root(bad, SHAPE) == "shop"


def test_a_span_that_failed_and_says_no_more_counts_for_little() -> None:
    bad = episode(
        signal(0, 10, "shop", "fault", title="query on orders-db failed", count=20),
        signal(
            1, 10, "shop", "fault", title="Burst of 40 log records: POST /shop: failed", count=40
        ),
        signal(2, 11, "orders-db", "fault", title="no space left", count=20),
    )
    assert named.root(bad, SHAPE) == "orders-db"


def test_who_serves_another_as_before_is_not_the_one_that_cannot_be_reached() -> None:
    less = {"kind": "metric_change", "category": "traffic", "weight": 0.5, "table": "metric"}
    bad = episode(
        signal(0, 10, "shop", "fault", title="connect to orders: timed out", count=40),
        signal(1, 10, "orders", "fault", title="requests fell from 90 to 20", **less),
    )
    assert named.root(bad, calls("web>shop", "shop>orders")) == "orders"
    assert named.root(bad, calls("web>shop", "shop>orders", "mail>orders")) is None
    fails = signal(
        2, 11, "orders", "fault", title="http_5xx rose from 0 to 9", **less | {"category": None}
    )
    worse = episode(*bad.signals, fails)
    assert named.root(worse, calls("web>shop", "shop>orders", "mail>orders")) == "orders"
