"""Words tell what a change and a failure have to do with each other."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import affinity, touched
from nova_timeline.topology import Topology


def test_words_are_taken_out_of_names_in_any_style() -> None:
    assert affinity.words("maxPoolSize max_pool_size HTTPPool") == Counter(pool=3, size=2)


def test_words_that_every_record_has_do_not_count() -> None:
    assert affinity.words("the service failed with an error in the request") == Counter()


def test_endings_do_not_part_words() -> None:
    assert set(affinity.words("connection connections connect connected")) == {"connect"}


def test_what_clouds_call_their_own_services_does_not_count() -> None:
    metric = "run.googleapis.com/request_latencies"
    assert affinity.words(metric) == Counter(latenc=1)
    assert "rungoogleapiscom" not in affinity.names(metric)
    assert affinity.words("Microsoft.App/containerApps/write of the basket") == Counter(basket=1)
    assert "api" not in affinity.names("api.partner.com/charge")
    assert "apipartnercom" in affinity.names("api.partner.com/charge")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://portal.example.com/team/board/pool-size", {"pool", "size"}),
        ("arn:aws:rds:eu-west-1:123456789012:cluster/orders", {"order"}),
        ("/subscriptions/0-0/resourceGroups/shop/providers/x/orders", {"order"}),
    ],
)
def test_of_an_address_only_its_last_segment_counts(text: str, kept: set[str]) -> None:
    assert set(affinity.words(text)) == kept


def test_names_of_entities_are_left_out() -> None:
    ignored = affinity.name_words(["orders-db", "PaymentGateway"])
    assert set(affinity.words("orders payment gateway pool", ignored)) == {"pool"}


def test_a_rare_word_weighs_more() -> None:
    weights = affinity.rarity([Counter(a=1, b=3), Counter(a=1), Counter(a=1)])
    assert weights["b"] > weights["a"] > 0


def test_shared_words_are_scored_and_the_weightiest_named() -> None:
    weights = {"pool": 2.0, "size": 1.0, "other": 9.0}
    score, both = affinity.shared(["size", "pool", "none"], {"pool", "size", "x"}, weights)
    assert both == ["pool", "size"]
    assert score == pytest.approx(1 - 2.718281828**-1)
    assert affinity.shared(["a"], {"b"}, weights) == (0.0, [])


@given(st.lists(st.text("abc", max_size=3)), st.sets(st.text("abc", max_size=3)))
def test_a_shared_score_is_within_nought_and_one(change: list[str], failure: set[str]) -> None:
    weights = affinity.rarity([Counter(change), Counter(failure)])
    assert 0 <= affinity.shared(change, failure, weights)[0] <= 1


@pytest.mark.parametrize(
    ("diff", "moves"),
    [
        ("- pool_size: 40\n+ pool_size: 4", [("pool_size", "40", "4")]),
        ("-timeout = 30,\n+timeout = 3,", [("timeout", "30", "3")]),
        ('-"ttl": 60\n same\n+"ttl": 6', [("ttl", "60", "6")]),
        ("- a: 1\n+ b: 2", []),
        ("- a: 1\n+ a: 1", []),
        ("nothing moved: 3", []),
    ],
)
def test_a_setting_that_a_diff_moves(diff: str, moves: list[tuple[str, str, str]]) -> None:
    assert affinity.moved(diff) == moves


def test_identifiers_are_names_of_one_thing() -> None:
    text = "set pgbouncer.default_pool_size at 19069a6ddc3f in v1 for all of it"
    assert affinity.identifiers(text) == {
        "pgbouncer.default_pool_size",
        "default_pool_size",
        "19069a6ddc3f",
    }


SHAPE = Topology(
    {"orders-db": "database", "payments": "service", "web": "service"}, {"orders": "orders-db"}
)


@pytest.mark.parametrize(
    ("title", "text", "entity"),
    [
        ("orders-db: smaller pool", "", "orders-db"),
        ("fix(payments): retry less", "services/web/a.py", "payments"),
        ("Commit 19069a6: orders: smaller pool", "", "orders-db"),
        ('Revert "payments: retry less"', "", "payments"),
        ("smaller pool", "services/payments/app.py", "payments"),
        ("smaller pool", '["services/Payments/app.py", "payments.yaml", "web/x"]', "payments"),
        ("smaller pool", "services/payments/a.py services/web/b.py", None),
        ("chore: tidy", "docs/readme.md", None),
        ("note: the payments-gateway is elsewhere", "", None),
    ],
)
def test_what_a_change_touched(title: str, text: str, entity: str | None) -> None:
    assert touched.entities([(title, text)], SHAPE) == [entity]


NAMED = (
    "checkoutservice",
    "recommendationservice",
    "ai-agent-svc",
    "ai-memory-svc",
    "platform-api",
)


@pytest.mark.parametrize(
    ("title", "text", "entity"),
    [
        ("tidy", "services/checkout/a.go", "checkoutservice"),
        ("feat(reco): more", "services/x/a.go", "recommendationservice"),
        ("#api less", "a.go", "platform-api"),
        ("tidy", "api/internal/a.go", "platform-api"),
        ("tidy", "pkg/memory/a.go", "ai-memory-svc"),
        ("tidy", "ai/src/a.go", None),
        ("tidy", "pkg/cart/internal/api/a.go", None),
        ("tidy", "docs/checkout.md", None),
    ],
)
def test_folders_and_scopes_may_be_named_for_a_part_of_a_name(
    title: str, text: str, entity: str | None
) -> None:
    assert touched.entities([(title, text)], Topology(), NAMED) == [entity]


def test_that_something_runs_tells_nothing() -> None:
    assert affinity.words("run, runs and running: worker") == Counter(worker=1)
