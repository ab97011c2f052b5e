"""What fails is charged to where it arose, not to those who handed it on."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import accounting, inferred, ledger, notable, signals, suspects
from nova_timeline.correlate.ledger import Ledger
from nova_timeline.correlate.slabs import one_by_one
from nova_timeline.correlate.suspects import Case, Charge
from nova_timeline.topology import Topology

from . import scenes
from .scenes import MINUTE, START, WINDOW, at, calls, metric_rows, signal, table

CHAIN = calls("web>shop", "shop>db", "shop>mail")
MINUTES = 60
FROM, TO = 40, 45
Series = tuple[str, str, list[float]]


def steady(value: float, off: float | None = None) -> list[float]:
    """Give a value a minute that wobbles a little, and another while the trouble lasts."""
    usual = [value * (1 + 0.01 * (-1) ** i) for i in range(MINUTES)]
    return usual if off is None else [*usual[:FROM], *[off] * (TO - FROM), *usual[TO:]]


def healthy(*entities: str) -> list[Series]:
    return [(e, "requests", steady(600)) for e in entities]


def case(*series: Series, shape: Topology = CHAIN, alert: str | None = "web", **over: Any) -> Case:
    frame = metric_rows(*series).drop("unit")
    points = frame.with_columns(pl.col("row").cast(pl.Int64)).to_arrow()
    points = points.cast(notable.point_schema())
    said = {} if (title := over.pop("title", None)) is None else {"title": title}
    fired = [] if alert is None else [signal(0, FROM + 1, alert, "alert_firing", **said)]
    given = [*fired, *over.pop("faults", [])]
    found = table(*given) if given else pl.DataFrame(schema=signals.types())
    evidence = scenes.evidence(scenes.events(), scenes.metrics())
    held = type(evidence)(evidence.rows, evidence.counts, [points])
    return Case(held, found, shape, WINDOW, one_by_one, **over)


def account(looked: Case) -> accounting.Account:
    return accounting.account(looked, ledger.keep(looked.evidence.series, looked.each))


def charged(*series: Series, **over: Any) -> dict[str, float]:
    found = account(case(*series, **over)).charges
    best: dict[str, float] = {}
    for c in sorted(found, key=lambda c: -c.score):
        best.setdefault(c.entity, round(c.score, 2))
    return {e: score for e, score in best.items() if score >= 0.03}


SLOW_DB: list[Series] = [
    *healthy("web", "shop", "db", "mail"),
    ("web", "latency_ms", steady(50, 150)),
    ("shop", "latency_ms", steady(30, 130)),
    ("db", "latency_ms", steady(5, 105)),
    ("mail", "latency_ms", steady(5)),
]


def test_waiting_that_is_handed_on_is_charged_to_the_bottom() -> None:
    assert charged(*SLOW_DB) == {"db": 1.0}


def test_what_arises_in_the_middle_is_not_charged_to_a_callee_a_little_slower() -> None:
    series: list[Series] = [
        *healthy("web", "shop", "db"),
        ("web", "latency_ms", steady(50, 150)),
        ("shop", "latency_ms", steady(30, 130)),
        ("db", "latency_ms", steady(5, 15)),
    ]
    found = charged(*series)
    assert found == {"shop": 0.9, "db": 0.1}


def test_a_dependency_slow_in_a_few_calls_explains_little() -> None:
    series = [s for s in SLOW_DB if s[:2] != ("db", "requests")]
    found = charged(*series, ("db", "requests", steady(6)))
    assert found["shop"] > 0.9
    assert found.get("db", 0) < 0.05


def test_failed_requests_are_charged_where_they_arose() -> None:
    series: list[Series] = [
        *healthy("web", "shop", "db", "mail"),
        ("web", "error_ratio", steady(0.0, 0.2)),
        ("shop", "errors", steady(0, 120)),
        ("mail", "availability", steady(100, 80)),
        ("db", "availability", steady(100)),
    ]
    assert charged(*series) == {"mail": 1.0}


def test_a_callee_that_was_never_called_before_explains_nothing() -> None:
    new = [0.0] * FROM + [600.0] * (TO - FROM) + [0.0] * (MINUTES - TO)
    series: list[Series] = [
        *healthy("web", "shop"),
        ("mail", "requests", new),
        ("web", "error_ratio", steady(0.0, 0.2)),
        ("shop", "error_ratio", steady(0.0, 0.2)),
        ("mail", "error_ratio", [0.2] * MINUTES),
    ]
    assert charged(*series) == {"shop": 1.0}


@pytest.mark.parametrize("off", [0.0, 0.001])
def test_a_share_that_is_flat_and_then_hardly_moves_is_chance(off: float) -> None:
    series: list[Series] = [*healthy("web"), ("web", "error_ratio", steady(0.0, off))]
    assert charged(*series) == {}


def test_an_availability_a_hair_below_its_usual_is_chance() -> None:
    series: list[Series] = [("web", "availability", [99.99] * FROM + [99.97] * 5 + [99.99] * 15)]
    assert charged(*series) == {}


def test_one_glitch_in_the_usual_does_not_hide_the_trouble() -> None:
    errors = steady(0, 60)
    errors[7] = 400
    assert charged(*healthy("web"), ("web", "errors", errors)) == {"web": 1.0}


def test_without_rates_shares_and_durations_are_relative() -> None:
    series = [s for s in SLOW_DB if s[1] != "requests"]
    assert charged(*series) == {"db": 1.0}


def test_without_an_alert_only_an_entry_far_off_is_in_trouble() -> None:
    assert charged(*SLOW_DB, alert=None) == {"db": 1.0}
    inner = [s for s in SLOW_DB if s[:2] != ("web", "latency_ms")]
    found = account(case(*inner, ("web", "latency_ms", steady(50)), alert=None))
    assert [c.sign for c in found.charges if c.score > 0.5] == []
    assert not found.off


def test_nothing_is_looked_for_while_all_is_said_to_be_usual() -> None:
    assert charged(*SLOW_DB, alert=None, usual_until=at(TO + 2)) == {}
    assert charged(*SLOW_DB, alert=None, usual_until=at(FROM)) == {"db": 1.0}


def test_a_callee_that_keeps_no_books_and_is_in_trouble_takes_most_of_it() -> None:
    series: list[Series] = [*healthy("web"), ("web", "errors", steady(0, 60))]
    fault = signal(1, FROM, "db", "fault")
    [found] = account(case(*series, faults=[fault])).charges
    assert found.score == pytest.approx(0.25)
    assert "but db, on which it depends, tells of trouble otherwise" in found.text


def test_a_charge_says_what_it_counted_and_cites_the_first_bad_point() -> None:
    [found] = [c for c in account(case(*SLOW_DB)).charges if c.entity == "db"]
    assert "120 of its 120 seconds of waiting beyond the usual arose in it" in found.text
    assert "latency_ms" in found.text
    assert found.sign is not None
    assert found.sign.time == at(FROM)
    assert found.sign.end == at(TO)
    points = metric_rows(*SLOW_DB)
    cited = points.filter(pl.col("row") == found.sign.row).row(0, named=True)
    assert (cited["entity"], cited["metric"], cited["value"]) == ("db", "latency_ms", 105)


def test_who_hands_trouble_on_shows_it_and_is_charged_with_nothing() -> None:
    found = {c.entity: c for c in account(case(*SLOW_DB)).charges}
    assert sorted(found) == ["db", "shop", "web"]
    assert found["web"].score == pytest.approx(0, abs=0.01)
    assert found["web"].sign is not None
    assert found["web"].sign.time == at(FROM)


def test_without_known_calls_they_are_inferred_and_said_to_be() -> None:
    found = account(case(*SLOW_DB, shape=Topology())).charges
    assert max(found, key=lambda c: c.score).entity == "db"
    assert all(c.text.endswith("who calls whom is inferred") for c in found)


def test_faults_of_metrics_that_are_chance_lose_their_weight() -> None:
    told = [
        signal(1, FROM, "mail", "fault", rule="metric:latency_ms", table="metric"),
        signal(2, FROM, "db", "fault", rule="metric:latency_ms", table="metric"),
        signal(3, FROM, "db", "fault", rule="metric:queue_depth", table="metric"),
    ]
    looked = case(*SLOW_DB, faults=told)
    found = accounting.weighed(looked.signals, account(looked), CHAIN)
    assert found["weight"].to_list() == [3.0, 0.5, 2.0, 2.0]
    stray = signal(4, FROM, "mail", "fault", count=2)
    looked = case(*SLOW_DB, faults=[*told, stray])
    assert 0.5 in accounting.weighed(looked.signals, account(looked), CHAIN)["weight"]
    burst = signal(4, FROM - 9, "mail", "fault", end=at(FROM - 1), count=20)
    looked = case(*SLOW_DB, faults=[*told, burst])
    found = accounting.weighed(looked.signals, account(looked), CHAIN)
    assert 0.5 not in found["weight"].to_list()


@pytest.mark.parametrize(
    ("entity", "minutes", "kept"),
    [("mail", FROM, True), ("mail", FROM + 9, False), ("db", 1, False)],
)
def test_what_a_resource_goes_with_is_no_chance(entity: str, minutes: float, *, kept: bool) -> None:
    slow = signal(1, FROM, "mail", "fault", rule="metric:latency_ms", table="metric")
    used = signal(2, minutes, entity, "fault", rule="metric:cpu", table="metric",
                  category="resource_exhaustion", weight=1.0)  # fmt: skip
    looked = case(*SLOW_DB, faults=[slow, used])
    found = accounting.weighed(looked.signals, account(looked), CHAIN)
    assert (0.5 not in found["weight"]) == kept


def test_metrics_that_do_not_speak_of_requests_keep_no_books() -> None:
    assert account(case(("db", "cpu", steady(10, 90)))) == accounting.Account()
    assert account(case()) == accounting.Account()


def test_counters_are_told_from_counts() -> None:
    total = [float(v) for v in np.cumsum(steady(600))]
    books = kept(("web", "http_requests_total", total), ("web", "latency_ms", steady(50)))
    assert books.requests[0, 1:].tolist() == pytest.approx(steady(600)[1:])
    assert books.totals["duration"][0, 5] == pytest.approx(0.05 * 600, rel=0.05)


def kept(*series: Series) -> Ledger:
    books = ledger.keep(case(*series).evidence.series, one_by_one)
    assert books is not None
    return books


@pytest.mark.parametrize(("slow", "is_kept"), [(0.008, False), (0.4, True)])
def test_what_harms_nobody_is_in_no_book(slow: float, *, is_kept: bool) -> None:
    disk = ("db", "WriteLatency", [0.002] * (MINUTES - 9) + [slow] * 9)
    assert ("db" in kept(*healthy("web"), disk).entities) is is_kept


@pytest.mark.parametrize(("value", "share"), [(97.0, 0.03), (0.97, 0.03)])
def test_percent_and_shares_come_to_the_same(value: float, share: float) -> None:
    books = kept(*healthy("web"), ("web", "availability", [value] * MINUTES))
    assert books.totals["errors"][0] / books.requests[0] == pytest.approx([share] * MINUTES)


def test_series_of_other_steps_are_brought_onto_the_coarsest() -> None:
    slow = [(START + i * 5 * MINUTE, "db", "latency_ms", 5.0) for i in range(12)]
    fast = metric_rows(*healthy("web")).select("time", "entity", "metric", "value")
    rows = pl.concat([fast, pl.DataFrame(slow, schema=fast.schema, orient="row")])
    points = rows.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64)).to_arrow()
    books = ledger.keep([points.cast(notable.point_schema())], one_by_one)
    assert books is not None
    assert books.step == 5 * MINUTE
    assert books.entities == ("db", "web")
    assert books.requests[1, 0] == pytest.approx(sum(steady(600)[:5]))


@given(
    st.lists(st.integers(0, 50), min_size=3, max_size=3),
    st.permutations(["web", "shop", "db", "mail"]),
)
def test_what_arises_in_all_adds_up_to_what_the_entry_felt(
    own: list[int], order: list[str]
) -> None:
    shop, db, mail = own
    failed = {"db": db, "mail": mail, "shop": shop + db + mail, "web": shop + db + mail}
    graph = inferred.Graph({"web": frozenset({"shop"}), "shop": frozenset({"db", "mail"})},
                           frozenset({"web"}))  # fmt: skip
    amounts = {e: float(failed[e]) for e in order if failed[e]}
    on = set(amounts)
    arose = {e: amounts[e] - graph.explained(e, on, amounts) for e in on}
    assert sum(arose.values()) == pytest.approx(failed["web"])
    assert all(arose[e] == pytest.approx(v) for e, v in (("db", db), ("mail", mail)) if v)


@given(st.permutations(SLOW_DB))
def test_the_order_of_series_does_not_matter(series: list[Series]) -> None:
    def told(charges: tuple[Charge, ...]) -> list[tuple[str, float, str]]:
        return [(c.entity, c.score, c.text) for c in charges]

    usual = account(case(*SLOW_DB)).charges
    assert told(account(case(*series)).charges) == told(usual)


def test_suspects_are_found_by_the_accounts_alone() -> None:
    looked = case(*SLOW_DB)
    charges = account(looked).charges
    found = signals.joined(looked.signals, suspects.signs(charges, looked.signals))
    best = suspects.clear(suspects.find(charges, found))
    assert best is not None
    assert (best.entity, best.signal["table"]) == ("db", "metric")


@pytest.mark.parametrize(("failed", "score"), [(4.0, None), (30.0, 1.0)])
def test_a_few_failures_among_many_requests_are_charged_to_nobody(
    failed: float, score: float | None
) -> None:
    told = [*healthy("web", "shop"), ("shop", "errors", [0.0] * FROM + [failed] * 5 + [0.0] * 15)]
    assert charged(*told).get("shop") == score


@pytest.mark.parametrize(
    ("title", "expected"), [("errors of web", {"shop": 1.0}), ("latency of web", {}), (None, {})]
)
def test_an_alert_makes_much_of_a_few_failures_if_it_speaks_of_such(
    title: str | None, expected: dict[str, float]
) -> None:
    seldom = [("web", "requests", steady(60)), ("shop", "requests", steady(60))]
    failed = ("shop", "errors", [0.0] * FROM + [2.0] + [0.0] * (MINUTES - FROM - 1))
    assert charged(*seldom, failed, title=title) == expected


@pytest.mark.parametrize(
    ("title", "first"),
    [
        ("latency of web is high", "db"),
        ("availability of web is low", "mail"),
        ("ticket 17", "mail"),
    ],
)
def test_what_the_alert_speaks_of_counts_before_what_is_further_off(title: str, first: str) -> None:
    failed = [("web", "errors", steady(0, 60)), ("mail", "errors", steady(0, 60))]
    series = [*SLOW_DB, *failed]
    found = charged(*series, title=title)
    assert found[first] == 1.0
    assert max((score for e, score in found.items() if e != first), default=0) <= 0.5


def test_a_few_failures_that_an_alert_speaks_of_count_before_waiting_it_does_not() -> None:
    seldom = [("web", "requests", steady(60)), ("shop", "requests", steady(60))]
    failed = ("shop", "errors", [0.0] * FROM + [2.0] + [0.0] * (MINUTES - FROM - 1))
    slow = [("db", "requests", steady(60)), ("db", "latency_ms", steady(5, 105))]
    found = charged(*seldom, failed, *slow, title="availability of web is low")
    assert (found["shop"], found["db"]) == (1.0, 0.5)


def test_what_goes_wrong_a_quarter_of_an_hour_after_the_alert_is_another_matter() -> None:
    late = [0.005] * (FROM + 15) + [2.0] * (MINUTES - FROM - 15)
    series = [*SLOW_DB[:-1], ("mail", "latency_s", late)]
    assert charged(*series) == {"db": 1.0}


@pytest.mark.parametrize("factor", [0.1, 8.0])
def test_how_much_traffic_there_is_does_not_matter(factor: float) -> None:
    scaled = [
        (e, m, [v * factor for v in values] if m == "requests" else values)
        for e, m, values in SLOW_DB
    ]
    assert charged(*scaled) == {"db": 1.0}


def test_names_do_not_matter() -> None:
    names = {"web": "z", "shop": "m", "db": "n", "mail": "a"}
    renamed = [(names[e], m, values) for e, m, values in SLOW_DB]
    assert charged(*renamed, shape=calls("z>m", "m>n", "m>a"), alert="z") == {"n": 1.0}


def test_what_does_not_succeed_may_be_no_error_to_who_counts_those() -> None:
    kept = ("web", "http_5xx_ratio", steady(0.001))
    signs = [
        signal(i, FROM, "web", "fault", kind="metric_change", rule=f"metric:{name}")
        | {"table": "metric", "weight": 2.0}
        for i, name in enumerate(("login_success_ratio", "http_5xx_ratio"), 1)
    ]
    looked = case(kept, ("web", "login_success_ratio", steady(0.99, off=0.04)), faults=signs)
    left = accounting.weighed(looked.signals, account(looked), CHAIN).filter(role="fault")
    assert dict(zip(left["rule"], left["weight"], strict=True)) == {
        "metric:login_success_ratio": 2.0, "metric:http_5xx_ratio": 0.5
    }  # fmt: skip
