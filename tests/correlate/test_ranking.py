"""The change that fits the evidence is named, and none where none fits."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import durations, judgements, merged, ranking, reach, suspects, timing
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.departures import Departure
from nova_timeline.correlate.episode import Signal
from nova_timeline.correlate.scene import Scene
from nova_timeline.correlate.terms import Candidate, Term

from .scenes import at, calls, signal

ONSET = 40
SHAPE = calls("web>shop", "shop>db", "mail>relay")
POOL = "db pool exhausted: connections wait for a pooler slot"


def change(number: int, minutes: float, entity: str | None, title: str, **over: Any) -> Signal:
    return signal(number, minutes, entity, "change", title=title) | {"text": title} | over


def scene(*changes: Signal, fault: str = POOL, recoveries: tuple[Signal, ...] = ()) -> Scene:
    """Set a fault on db that web felt, and changes; a change's ``text`` is what its records say."""
    faults = (
        signal(90, ONSET, "db", "fault", title=fault),
        signal(91, ONSET + 1, "web", "fault", title="web is slow"),
    )
    cascade = Cascade("db", ("db", "web"), faults, {"db": 0, "web": 2})
    texts = {c["signal"]: str(c["text"]) for c in changes}
    return Scene(cascade, at(ONSET), SHAPE, texts, changes, recoveries)


def ranked(*changes: Signal, **over: Any) -> tuple[Candidate, ...]:
    return ranking.rank(scene(*changes, **over))


def about(found: Candidate, what: str) -> list[float]:
    return [t.weight for t in found.terms if t.about == what]


GUILTY = change(
    0, 25, "db", "db: set pooler size", kind="config_change", text="- pool_size: 40\n+ pool_size: 4"
)


def test_a_guilty_setting_beats_an_innocent_deploy_nearer_the_onset() -> None:
    innocent = change(1, 39, "mail", "mail was deployed")
    first, second, *_ = ranked(GUILTY, innocent)
    assert first.signal is GUILTY
    assert second.score < ranking.NAMED
    assert about(first, "moved") == [0.02]
    assert about(first, "hazard") == [pytest.approx(judgements.EXPLAINS)]


@pytest.mark.parametrize(
    ("entity", "rule", "minutes", "place"),
    [
        ("kernel", "network_dns.linux-tables", ONSET - 1, "kernel"),
        ("kernel", "network_dns.linux-tables", ONSET + 1, "db"),
        ("shop", "network_dns.linux-tables", ONSET - 1, "db"),  # drawn, and not below
        ("kernel", None, ONSET - 1, "db"),
        ("d", "network_dns.linux-tables", ONSET + 1, "db"),  # of which db is no instance
    ],
)
def test_what_all_stand_on_tells_why_where_the_root_does_not(
    entity: str, rule: str | None, minutes: float, place: str
) -> None:
    below = signal(92, minutes, entity, "fault", category="resource_exhaustion", rule=rule)
    at_db = scene(fault="a probe failed")
    mute = tuple(s | {"category": "unknown"} for s in at_db.cascade.signals)
    told = replace(at_db, cascade=replace(at_db.cascade, signals=mute), troubled=(*mute, below))
    assert ranking.rank(told)[0].signal["entity"] == place


def test_what_a_container_writes_under_its_service_s_name_tells_why_it_fails() -> None:
    made = [
        signal(90, ONSET, "shop-7f9d-x2", "fault", category="unknown", title="it crashes"),
        signal(91, ONSET + 1, "shop", "fault", category="config_change", rule="a.setting"),
        signal(92, ONSET, "shopping", "fault", category="config_change", rule="a.setting"),
    ]
    cascade = Cascade("shop-7f9d-x2", ("shop-7f9d-x2",), tuple(made[:1]), {"shop-7f9d-x2": 0})
    told = Scene(cascade, at(ONSET), calls("shop>shop-7f9d-x2", "web>shopping"), {}, (), ())
    assert ranking.rank(replace(told, troubled=made))[0].signal is made[1]


def test_a_word_of_the_failure_is_cited_where_it_was_said_first() -> None:
    where = replace(
        scene(GUILTY), troubled=(signal(92, ONSET + 2, "shop", "fault", title="pool of shop"),)
    )
    assert where.failure(at(ONSET))["pool"] == 90


def test_a_change_after_the_onset_is_no_candidate() -> None:
    late = change(0, ONSET + 3, "db", "db: pooler slot", kind="config_change")
    assert [c.is_change for c in ranked(late)] == [False]
    soon = late | {"time": at(ONSET + 2)}
    assert any(c.is_change for c in ranked(soon))


def test_a_change_further_down_the_dependencies_counts_less_with_each_hop() -> None:
    places = [
        about(judged(change(0, 39, e, "x")), "place")[0] for e in ("db", "shop", "web", "mail")
    ]
    assert places == [reach.WHERE, reach.FELT, reach.FELT, -0.1]
    below = Cascade("web", ("web",), (signal(90, ONSET, "web", "fault"),), {"web": 0})
    spot = Scene(below, at(ONSET), SHAPE, {}, (), ())
    found = [of_change(change(0, 39, e, "x"), spot) for e in ("web", "shop", "db")]
    told = [about(c, "place")[0] for c in found if c]
    seen = [reach.WHERE, *(0.75 * reach.WHERE * 0.75**hops for hops in (1, 2))]
    assert told == pytest.approx(seen)


def of_change(one: Signal, where: Scene) -> Candidate | None:
    return judgements.of_change(merged.alone(one, where), where)


def judged(one: Signal) -> Candidate:
    found = of_change(one, scene(one))
    assert found is not None
    return found


def test_what_acted_on_what_is_in_trouble_moves_the_root_there() -> None:
    at_db = scene(GUILTY)
    full = signal(92, ONSET, "shop", "fault", title=POOL)
    above = Cascade("shop", ("shop", "web"), (full,), {"shop": 0})
    at_shop = replace(at_db, cascade=above, troubled=at_db.cascade.signals)
    calm = replace(at_shop, troubled=())
    assert ranking.where_it_acted(ranking.rank(at_shop), at_shop) == "db"
    assert ranking.where_it_acted(ranking.rank(at_db), at_db) is None
    assert ranking.where_it_acted(ranking.rank(calm), calm) is None
    beside = replace(at_shop, topology=calls("db>shop"))
    assert ranking.where_it_acted(ranking.rank(beside), beside) == "db"


def test_a_switch_takes_effect_sooner_than_a_roll_out() -> None:
    sooner, later = (
        [about(judged(change(0, m, "db", "x", kind=k)), "just") for k in ("deploy", "feature_flag")]
        for m in (ONSET - 0.5, ONSET - 2)
    )
    assert sooner == [[timing.JUST], [timing.JUST]]
    assert later == [[timing.JUST], []]


@pytest.mark.parametrize(("kind", "gained"), [("deploy", 0.1), ("config_change", 0.0)])
def test_where_code_fails_other_code_that_runs_since_just_then_is_held_to_it(
    kind: str, gained: float
) -> None:
    other = change(0, ONSET - 0.5, "db", "db was changed", kind=kind)
    wrong = "NullPointerException: a row without a name in its connection pool"
    found = next(c for c in ranked(other, fault=wrong) if c.is_change)
    assert sum(about(found, "just")) == pytest.approx(timing.JUST + gained)
    beside = next(c for c in ranked(other, GUILTY, fault=wrong) if c.signal is other)
    assert sum(about(beside, "just")) == pytest.approx(timing.JUST)


@pytest.mark.parametrize(
    ("title", "counted"),
    [
        ("New size: 8; reason: cpu resource utilization above target", [-0.15]),
        ("alarm TargetTracking-web-AlarmHigh-1 in state ALARM triggered policy add-two", [-0.15]),
        ("pod triggered scale-up: [{pool-1 3->5 (max: 8)}]", [-0.15]),
        ("New size: 2; reason: All metrics below target", []),
        ("replicas 6 to 2", []),
    ],
)
def test_what_load_asked_for_is_held_against_it(title: str, counted: list[float]) -> None:
    found = judged(change(0, 38, "db", title, kind="scaling"))
    assert about(found, "hazard") == counted


def test_what_sends_more_requests_to_the_root_is_near_it() -> None:
    sender = change(0, 35, "web", "web was deployed")
    more = signal(92, ONSET, "db", "fault", kind="metric_change", category="traffic",
                  title="queries_per_sec rose from 20 to 900")  # fmt: skip
    calm = scene(sender, fault="db is slow")
    near = replace(calm, topology=calls("web>db"))
    pressed = replace(near, troubled=[more])
    places = [about(c, "place") for s in (near, pressed) if (c := of_change(sender, s))]
    [felt], [sent] = places
    assert sent > felt


def test_a_change_of_nobody_knows_what_is_not_taken_for_the_root() -> None:
    nameless = change(0, 39, None, "x")
    cascade = Cascade("", ("",), (signal(90, ONSET, None, "fault"),), {"": 0})
    found = of_change(nameless, Scene(cascade, at(ONSET), SHAPE, {}, (), ()))
    assert found is not None
    assert about(found, "place") == [pytest.approx(0.4 * reach.WHERE)]


def test_harmless_text_is_held_against_a_change() -> None:
    plain = change(0, 38, "db", "db: reorder")
    words = change(0, 38, "db", "db: fix a typo in the readme")
    assert about(judged(words), "nature") == [-0.25]
    assert judged(words).score < judged(plain).score


def test_what_changes_nothing_that_runs_is_never_named() -> None:
    words = "db: fix a typo in the readme: pool exhausted, connections wait, pooler slot"
    only = change(0, ONSET - 0.5, "db", words)
    other = change(1, 3, "mail", "mail was deployed")
    first, *rest = ranked(only, other)
    assert not first.is_change
    assert [c.signal for c in rest if c.is_change] == [other, only]
    assert rest[-1].sum > rest[-2].sum


def test_the_same_done_elsewhere_without_harm_is_held_against_it() -> None:
    others = [change(i, 10 + i, "mail", f"mail v{i}") for i in range(1, 4)]
    mine = change(0, 39, "db", "db v1")
    assert about(next(c for c in ranked(mine, *others) if c.signal is mine), "common") == [-0.05]
    assert about(next(c for c in ranked(mine, *others) if c.signal is others[0]), "common") == []


def test_the_commit_and_the_deploy_that_carried_it_are_one() -> None:
    deploy = change(0, 38, "db", "db was deployed", text="db was deployed at 19069a6ddc3f")
    commit = change(1, 20, "db", "Commit 19069a6: shrink the pooler", kind="commit",
                    text="19069a6ddc3f shrink the pooler slot")  # fmt: skip
    first, *others = ranked(commit, deploy)
    assert first.signal is deploy
    assert first.also == (commit,)
    assert not any(c.is_change for c in others)
    assert about(first, "record") == [0.01]
    assert len(about(first, "words")) == len(about(first, "time")) == 1
    assert about(first, "words")[0] > 0


def test_a_commit_of_another_entity_or_another_revision_is_another_change() -> None:
    deploy = change(0, 38, "db", "db was deployed", text="db was deployed at 19069a6ddc3f")
    near = change(1, 20, "shop", "Commit", kind="commit", text="19069a6ddc3f")
    other = change(2, 20, "db", "Commit", kind="commit", text="aaaabbbbcccc")
    assert sum(c.is_change for c in ranked(deploy, near, other)) == 3


def test_where_no_change_fits_the_first_fault_stands_first() -> None:
    first, second = ranked(change(0, 2, "mail", "mail: new logo"))
    assert not first.is_change
    assert first.signal["signal"] == 90
    assert second.is_change


@pytest.mark.parametrize(
    ("said", "is_named"), [("db was deployed", False), ("db was deployed: another pooler", True)]
)
def test_time_and_place_alone_name_no_change(said: str, is_named: bool) -> None:
    first, *_ = ranked(change(0, 35, "db", said, kind="deploy"))
    assert first.is_change == is_named


@pytest.mark.parametrize(
    ("said", "is_named"), [("db was deployed", False), ("db was deployed: resolve names", True)]
)
def test_who_fails_just_as_it_is_rolled_out_may_still_fail_by_what_shows_itself(
    said: str, is_named: bool
) -> None:
    fault = "could not resolve names: dial tcp: lookup peers.internal: server misbehaving"
    first, *_ = ranked(change(0, 39, "db", said, kind="deploy"), fault=fault)
    assert first.is_change == is_named


def test_with_no_change_at_all_the_fault_is_all_there_is() -> None:
    [found] = ranked()
    assert not found.is_change
    assert found.signal["entity"] == "db"


def test_a_fault_that_can_happen_by_itself_weighs_more() -> None:
    faults = (
        signal(90, ONSET, "db", "fault", category="hardware"),
        signal(91, ONSET + 1, "db", "fault", category="unknown"),
    )
    cascade = Cascade("db", ("db",), faults, {"db": 0})
    found = ranking.rank(Scene(cascade, at(ONSET), SHAPE, {}, (), ()))
    assert [c.signal["signal"] for c in found] == [90, 91]
    assert found[0].score == pytest.approx(0.55)


@pytest.mark.parametrize(("method", "is_of"), [("handed on", "dependency"), ("accounting", None)])
def test_a_root_that_says_nothing_is_what_its_callers_say(method: str, is_of: str | None) -> None:
    sign = signal(90, ONSET, "db", "fault", title="ReadLatency is off the usual")
    held = suspects.Suspect("db", 0.9, None, (Term("x", 0.9, (90,), method),), sign)
    cascade = Cascade("db", ("db",), (sign,), {"db": 0})
    first, *_ = ranking.rank(Scene(cascade, at(ONSET), SHAPE, {}, (), (), suspects=(held,)))
    assert (first.place, first.category) == ("db", is_of)


def test_who_is_full_with_less_to_do_waits_for_what_it_calls() -> None:
    full = signal(90, ONSET, "shop", "fault", title="shop: too many requests in flight",
                  category="resource_exhaustion")  # fmt: skip
    less, more = (
        signal(91, ONSET, "shop", "fault", kind="metric_change", title=f"cpu_percent {how} to 8")
        for how in ("fell from 30", "rose from 2")
    )

    def category(root: str, *signs: Signal) -> str | None:
        of = [s | {"entity": root} for s in signs]
        cascade = Cascade(root, (root,), tuple(of), {root: 0})
        first, *_ = ranking.rank(Scene(cascade, at(ONSET), SHAPE, {}, (), ()))
        return first.category or first.signal["category"]

    assert category("shop", full, less) == "dependency"
    assert category("shop", full, more) == "resource_exhaustion"
    assert category("db", full, less) == "resource_exhaustion"


def test_what_a_record_says_goes_before_what_only_shows_that_something_fails() -> None:
    faults = (
        signal(90, ONSET, "db", "fault", rule="containers.crash-loop", category="code_change"),
        signal(91, ONSET, "db", "fault", table="metric", rule="metric:cpu",
               category="resource_exhaustion"),
        signal(92, ONSET + 9, "db", "fault", rule="configuration.invalid",
               category="config_change"),
    )  # fmt: skip
    cascade = Cascade("db", ("db",), faults, {"db": 0})
    found = ranking.rank(Scene(cascade, at(ONSET), SHAPE, {}, (), ()))
    assert [c.signal["signal"] for c in found] == [91, 92]


@pytest.mark.parametrize(("later", "named"), [(0, 91), (9, 90)])
def test_what_says_of_what_kind_it_is_stands_for_what_came_together_with_it(
    later: float, named: int
) -> None:
    faults = (
        signal(90, ONSET, "db", "fault", table="metric", rule="metric:load",
               precision=60_000_000_000),
        signal(91, ONSET + later, "db", "fault", table="metric", rule="metric:deadlocks",
               category="code_change"),
    )  # fmt: skip
    cascade = Cascade("db", ("db",), faults, {"db": 0})
    [found] = ranking.rank(Scene(cascade, at(ONSET), SHAPE, {}, (), ()))
    assert found.signal["signal"] == named


def test_of_a_root_that_only_an_alert_tells_of_the_faults_beside_it_stand() -> None:
    alert = signal(91, ONSET, "web", "alert_firing")
    fault = signal(90, ONSET - 9, "db", "fault", category="hardware")
    cascade = Cascade("web", ("web",), (alert,), {"web": 0})
    beside = Scene(cascade, at(ONSET), SHAPE, {}, (), (), troubled=(fault, alert))
    [found] = ranking.rank(beside)
    assert found.signal is fault
    assert "beside web" in found.terms[0].text


def test_a_cascade_of_alerts_alone_is_triggered_by_its_root() -> None:
    alerts = (signal(90, ONSET, "web", "alert_firing"), signal(91, ONSET + 1, "db", "alert_firing"))
    cascade = Cascade("db", ("db", "web"), alerts, {"db": 0, "web": 2})
    [found] = ranking.rank(Scene(cascade, at(ONSET), SHAPE, {}, (), ()))
    assert found.signal["entity"] == "db"


TITLES = ["db: pooler slot", "mail: new logo", "revert: pooler", "shop deployed 19069a6ddc3f"]
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(["db", "shop", "web", "mail", None]),
        st.sampled_from(TITLES),
        st.sampled_from(["deploy", "commit", "config_change"]),
    ),
    max_size=12,
)


@given(CHANGES, st.integers(0, 99))
def test_scores_are_within_bounds_and_the_order_of_changes_does_not_matter(
    given_changes: list[tuple[int, str | None, str, str]], seed: int
) -> None:
    changes = [change(i, m, e, t, kind=k) for i, (m, e, t, k) in enumerate(given_changes)]
    found = ranked(*changes)
    sure = ranking.confidence(found)
    assert all(0 <= c.score <= 1 for c in found)
    assert all(0 <= s <= 1 for s in sure)
    told = sorted(s["signal"] for c in found if c.is_change for s in (c.signal, *c.also))
    assert told == [c["signal"] for c in changes if c["time"] <= at(ONSET + 2)]
    mixed = random.Random(seed).sample(changes, len(changes))
    assert [(c.signal, c.score, c.also) for c in ranked(*mixed)] == [
        (c.signal, c.score, c.also) for c in found
    ]


def test_confidence_is_high_alone_and_low_behind_a_better_one() -> None:
    first, second = (judged(GUILTY), judged(change(1, 5, "mail", "mail: new logo")))
    ahead, behind = ranking.confidence([first, second])
    assert ahead > 0.7
    assert behind < 0.1
    [tied, other] = ranking.confidence([first, first])
    assert tied == other < ahead


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4s"), (59.4, "59s"), (59.6, "1m00s"), (388, "6m28s"), (3900, "1h05m")],
)
def test_a_duration_is_written_for_people(seconds: float, text: str) -> None:
    assert durations.duration(seconds) == text


def test_what_a_change_asks_of_others_is_seen_first_where_it_asks() -> None:
    climb = Departure("db", "sessions", at(21), 60_000_000_000, climbs=True)
    asks = change(0, 20, "shop", "shop was deployed")
    cascade = Cascade("shop", ("shop",), (signal(90, ONSET, "shop", "fault"),), {"shop": 0})
    where = Scene(cascade, at(ONSET), SHAPE, {0: "x"}, (asks,), (), departures=(climb,))
    found = of_change(asks, where)
    assert found is not None
    [term] = [t for t in found.terms if t.about == "began"]
    assert term.text.startswith("sessions of db began to climb as it took effect")
    assert 0 < term.weight < timing.MOVED
