"""A change is held against when things began to go wrong, and not only when the failure showed."""

from dataclasses import replace
from typing import Any

import pytest

from nova_timeline.correlate import analysis, judgements, merged, ranking, timing
from nova_timeline.correlate.cascades import Cascade
from nova_timeline.correlate.departures import Departure
from nova_timeline.correlate.episode import Signal
from nova_timeline.correlate.scene import Scene
from nova_timeline.correlate.suspects import Suspect
from nova_timeline.correlate.terms import Candidate

from .changes import record
from .scenes import at, calls, episode, signal

ONSET = 60
MINUTE = 60_000_000_000
SHAPE = calls("web>shop", "shop>db")
PLAIN = "-a = f(x)\n+a = g(x)\n"


def scene(*records: tuple[Signal, dict[str, str]], root: str = "shop", **over: Any) -> Scene:
    """Set a failure of the root that web felt, and changes."""
    faults = (
        signal(90, ONSET, root, "fault", title="no answer for order", count=30),
        signal(91, ONSET + 1, "web", "fault", title="web: no answer"),
    )
    cascade = Cascade(root, (root, "web"), over.pop("faults", faults), {root: 0, "web": 1})
    texts = {s["signal"]: "\n".join((s["title"], *a.values())) for s, a in records}
    held = {s["signal"]: a for s, a in records}
    made = Scene(cascade, at(ONSET), SHAPE, texts, [s for s, _ in records], (), attributes=held)
    return replace(made, **over)


def judged(where: Scene) -> list[Candidate]:
    found = (judgements.of_change(c, where) for c in merged.one_each(where))
    return [c for c in found if c is not None]


def weights(found: Candidate, about: str) -> list[float]:
    return [t.weight for t in found.terms if t.about == about]


def test_a_resource_that_was_short_before_a_change_speaks_against_it() -> None:
    short = signal(92, 31, "shop", "fault", kind="metric_change", category="resource_exhaustion",
                   rule="metric:cpu", title="cpu rose from 0.3 to 1.0")  # fmt: skip
    climb = Departure("shop", "cpu", at(30), MINUTE, climbs=True)
    before, after = record(0, 29, "shop", "a", diff=PLAIN), record(1, 50, "shop", "b", diff=PLAIN)
    first, second = judged(scene(before, after, troubled=(short,), departures=(climb,)))
    assert weights(first, "began") == [timing.MOVED]
    assert weights(second, "began")[0] < -timing.MOVED


@pytest.mark.parametrize(
    ("since", "asked", "busy", "counts"),
    [(20, 1.7, 1.6, False), (20, 1.7, 3.0, True), (30, 1.7, 1.6, True), (20, 0.0, 1.6, True)],
)
def test_what_is_busier_for_what_is_asked_of_it_was_not_made_so(
    since: float, asked: float, busy: float, *, counts: bool
) -> None:
    more = Departure("shop", "requests_per_sec", at(since), MINUTE, climbs=True, times=asked)
    one = record(0, 29, "shop", "a", diff=PLAIN)
    for entity, metric in (("shop", "cpu_utilization"), ("db", "requests_per_sec")):
        rise = Departure(entity, metric, at(30.5), MINUTE, climbs=True, times=busy)
        (found,) = judged(scene(one, departures=(more, rise)))
        assert any(w > 0 for w in weights(found, "began")) == counts


@pytest.mark.parametrize(("moved", "weight"), [(31, 0.12), (50, 0.0), (59, 0.0)])
def test_what_moved_where_it_was_rolled_out_too_tells_of_it(moved: float, weight: float) -> None:
    same = {"diff": PLAIN, "revision": "a" * 40}
    both = [record(i, 30 + i, e, "unit files", **same) for i, e in enumerate(("loader", "shop"))]
    fewer = Departure("loader", "files_taken_per_min", at(moved), MINUTE, climbs=False)
    (found,) = judged(scene(*both, departures=(fewer,)))
    assert found.place == "shop"
    assert sum(weights(found, "began")) == pytest.approx(weight)


@pytest.mark.parametrize(
    ("over", "counts"),
    [
        ({}, False),
        ({"times": 3.0}, True),
        ({"time": at(36)}, True),
        ({"metric": "steps_done"}, True),
        ({"entity": "shop"}, True),
        ({"entity": "mail"}, True),
    ],
)
def test_what_moved_as_much_more_poured_in_from_elsewhere_was_not_moved_by_a_change(
    over: dict[str, Any], *, counts: bool
) -> None:
    flood = Departure("edge", "events_received_per_sec", at(31), MINUTE, climbs=False, times=30.0)
    age = Departure("shop", "page_age", at(31), MINUTE, climbs=True, times=200.0)
    shape = calls("edge>intake", "intake>db", "shop>db", "mail>relay")
    sick = signal(92, ONSET, "db", "fault", title="db: behind", count=9)
    where = scene(record(0, 30, "shop", "a", diff=PLAIN), departures=(age, replace(flood, **over)))
    (found,) = judged(replace(where, topology=shape, troubled=(sick,)))
    assert any(w > 0 for w in weights(found, "began")) == counts


def test_what_moved_only_with_a_later_change_speaks_against_the_earlier() -> None:
    climb = Departure("shop", "open_files", at(31), MINUTE, climbs=True)
    early, late = record(0, 10, "shop", "a", diff=PLAIN), record(1, 30, "shop", "b", diff=PLAIN)
    other = record(2, 10, "db", "c", diff=PLAIN)
    found = timing.outdone(judged(scene(early, late, other, departures=(climb,))))
    told = {c.signal["signal"]: weights(c, "began") for c in found}
    assert told == {0: [-timing.MOVED], 1: [timing.MOVED], 2: []}


def test_a_change_within_the_step_of_what_moved_first_came_with_it() -> None:
    climb = Departure("shop", "latency_p99", at(30), MINUTE, climbs=True)
    [found] = judged(scene(record(0, 31, "shop", "a", diff=PLAIN), departures=(climb,)))
    assert weights(found, "time") == [timing.WHEN]
    [text] = [t.text for t in found.terms if t.about == "time"]
    assert text == "came as the first metric moved, as far as its steps of 1m00s tell"


@pytest.mark.parametrize(
    ("metric", "since", "counts"),
    [("delay_p95_seconds", ONSET - 4, False), ("delay_p95_seconds", ONSET - 1, True),
     ("bookings", ONSET - 4, True)],
)  # fmt: skip
def test_what_had_been_getting_worse_did_not_fail_just_as_a_change_came(
    metric: str, since: float, *, counts: bool
) -> None:
    climb = Departure("shop", metric, at(since), MINUTE, climbs=True)
    late = record(0, ONSET + 0.5, "shop", "a", diff=PLAIN)
    [found] = judged(scene(late, departures=(climb,)))
    assert bool(weights(found, "just")) is counts


@pytest.mark.parametrize(
    ("entity", "kind", "full"),
    [("shop", "deploy", True), ("web", "deploy", False), ("web", "commit", True),
     ("lib", "deploy", True)],
)  # fmt: skip
def test_what_code_computes_keeps_its_own_processor_busy(
    entity: str, kind: str, *, full: bool
) -> None:
    busy = signal(92, ONSET, "shop", "fault", kind="metric_change", category="resource_exhaustion",
                  rule="metric:cpu", title="cpu rose from 0.3 to 1.0")  # fmt: skip
    diff = "-rows = list\n+rows = sorted(list)\n+rows.sort()\n"
    sort = record(0, 50, entity, "a", kind=kind, diff=diff)
    [found] = judged(scene(sort, troubled=(busy,)))
    [term] = [t for t in found.terms if t.about == "hazard"]
    assert ("this is on shop" not in term.text) is full


@pytest.mark.parametrize(
    ("metric", "came", "stepped", "weight"),
    [
        ("http_errors_per_min", 20, 21, [timing.MOVED]),
        ("http_errors_per_min", 20, 9, []),
        ("http_errors_per_min", 20, None, []),
        ("http_errors_per_min", 44, 45, []),  # it is the beginning of what came later
        ("bookings_per_min", 20, 21, []),
    ],
)
def test_a_small_step_for_the_worse_as_a_change_came_foretells_the_large_one(
    metric: str, came: float, stepped: float | None, weight: list[float]
) -> None:
    before = None if stepped is None else at(stepped)
    leap = Departure("shop", metric, at(ONSET), MINUTE, climbs=False, before=before)
    [found] = judged(scene(record(0, came, "shop", "a", diff=PLAIN), departures=(leap,)))
    assert weights(found, "began") == weight


def test_a_resource_at_its_limit_before_a_change_speaks_against_it() -> None:
    full = signal(92, 1, "db", "fault", kind="metric_change", rule="metric:xid_age",
                  title="xid_age stands at 2140000000, at its limit")  # fmt: skip
    faults = (full, signal(90, ONSET, "db", "fault", title="no writes", count=30))
    [found] = judged(scene(record(0, 50, "db", "a", diff=PLAIN), root="db", faults=faults))
    assert weights(found, "began")[0] < 0


def test_a_state_that_changed_with_a_change_below_the_root_counts() -> None:
    step = Departure("db", "announced_routes", at(ONSET), MINUTE, climbs=False)
    load = replace(step, metric="requests_per_s")
    sick = signal(92, ONSET, "db", "fault", title="db: routes withdrawn", count=9)
    one = record(0, ONSET - 1, "db", "a", diff=PLAIN)
    [found] = judged(scene(one, troubled=(sick,), departures=(step,)))
    assert 0 < weights(found, "began")[0] < timing.MOVED
    [found] = judged(scene(one, troubled=(sick,), departures=(load,)))
    assert weights(found, "began") == []


def test_what_a_roll_out_of_another_commit_took_along_counts_less() -> None:
    own = record(0, 50, "shop", "Commit aaaaaaa: a", kind="commit", diff=PLAIN)
    carrier = record(1, 58, "shop", "Deploy of shop", revision="b" * 40)
    told = record(2, 57, None, "Commit bbbbbbb: b", kind="commit", revision="b" * 40, diff=PLAIN)
    with_it = next(c for c in judged(scene(own, carrier, told)) if c.signal["signal"] == 0)
    bare: tuple[Signal, dict[str, str]] = (carrier[0], {})
    alone = next(c for c in judged(scene(own, bare)) if c.signal["signal"] == 0)
    assert 0 < weights(with_it, "time")[0] < weights(alone, "time")[0]


def test_what_showed_before_a_change_is_not_what_it_breaks_like() -> None:
    diff = "+    raise PayloadTooLarge(LIMIT)\n"
    old = signal(92, 5, "shop", "fault", title="request rejected: 400", count=9)
    new = old | {"time": at(ONSET)}
    one = record(0, 50, "shop", "a", diff=diff)
    [late] = judged(scene(one, troubled=(new,)))
    [early] = judged(scene(one, troubled=(old,)))
    assert weights(late, "hazard")[0] > 0 > weights(early, "hazard")[0]


@pytest.mark.parametrize(
    ("line", "hit"),
    [
        ('+    state = "PARTIALLY_REFUNDED"', True),
        ("+    case State.PARTIALLY_REFUNDED:", True),
        ('+    state = "refunded"', False),
        ('-    a("PARTIALLY_REFUNDED")\n+    b("PARTIALLY_REFUNDED")', False),
        ('+    state = "shop.example"', False),
        ('+    state = "www.shop.example"', True),
    ],
)
def test_a_constant_that_errors_speak_of_tells_of_the_change_that_put_it_in(
    line: str, hit: bool
) -> None:
    said = "cannot read value PARTIALLY_REFUNDED (refunded) of www.shop.example"
    error = signal(92, ONSET, "shop", "fault", count=9, title=said)
    [found] = judged(scene(record(0, 50, "shop", "a", diff=line), troubled=(error,)))
    assert any("speaks of" in t.text and t.about == "hazard" for t in found.terms) == hit


def test_what_only_rewords_a_text_hardly_breaks_those_who_read_it() -> None:
    error = signal(92, ONSET, "shop", "fault", count=9, title="422 unprocessable")
    files = ["api/messages.go"]
    diffs = (f'-"gone": "it is {old}",\n+"gone": "it is gone",\n' for old in ("gnoe", "{id}"))
    made = [judged(scene(record(0, 50, "shop", "a", diff=d, files=files), troubled=(error,)))
            for d in diffs]  # fmt: skip
    words, other = (weights(found, "hazard")[0] for [found] in made)
    assert 0 < 2 * words < other


@pytest.mark.parametrize(("sign", "hit"), [("-", True), ("+", False)])
def test_a_warning_that_misses_what_a_change_took_out_tells_of_it(sign: str, *, hit: bool) -> None:
    warned = signal(92, ONSET, "shop", "fault", count=9, severity=13,
                    title="cust_tier_code is missing, taken as 0")  # fmt: skip
    line = f'{sign}  Field("cust_tier_code"),'
    [found] = judged(scene(record(0, 50, "shop", "a", diff=line), troubled=(warned,)))
    assert any("speaks of" in t.text for t in found.terms if t.about == "hazard") == hit


@pytest.mark.parametrize(
    ("diff", "hit"),
    [
        (
            "-allow: [https://pay.acme.io, https://img.acme.io]\n+allow: [https://img.acme.io]\n",
            True,
        ),
        ("-allow: [https://img.acme.io]\n+allow: []\n", False),
        ("-a: https://pay.acme.io\n+b: https://pay.acme.io\n", False),
    ],
)
def test_an_address_that_errors_speak_of_tells_of_the_change_that_took_it_out(
    diff: str, hit: bool
) -> None:
    error = signal(92, ONSET, "shop", "fault", count=9, title="https://pay.acme.io is blocked")
    [found] = judged(scene(record(0, 50, "shop", "a", diff=diff), troubled=(error,)))
    assert any("which it takes out" in t.text for t in found.terms) == hit


def test_what_a_service_tells_that_it_began_on_is_the_change_that_ordered_it() -> None:
    order = record(0, 50, "db", "Deploy of db", diff=PLAIN, revision="a" * 40)
    work = record(1, 52, "db", "work on the database was started", kind="operator_action")
    work[0]["rule"] = "database.maintenance"
    [one] = merged.one_each(scene(order, work))
    assert [s["signal"] for s in one.records] == [0, 1]
    work[0]["time"] = at(58)
    assert len(merged.one_each(scene(order, work))) == 2


def test_a_stray_makes_no_entity_troubled() -> None:
    lone = signal(92, ONSET + 9, "db", "fault", weight=0.5)
    assert "db" not in scene(troubled=(lone,)).troubled_entities
    assert "db" in scene(troubled=(lone | {"count": 9},)).troubled_entities


def test_a_machine_that_fails_breaks_like_no_change() -> None:
    diff = "-    store.bulk_insert(rows)\n+    for row in rows:\n+        store.insert(row)\n"
    one = record(0, 58, "shop", "a", diff=diff)
    told = "kernel: mce: CPU24: Package temperature above threshold, cpu clock throttled"
    machine = signal(92, ONSET, "shop", "fault", title=told, count=30)
    busy = machine | {"title": "write throughput exceeded: throttled"}
    [of_machine] = judged(scene(one, faults=(machine,)))
    [of_load] = judged(scene(one, faults=(busy,)))
    assert weights(of_load, "hazard")[0] > 0 > weights(of_machine, "hazard")[0]


def test_a_change_of_no_known_kind_is_named_where_nothing_else_is_in_sight() -> None:
    one = record(0, 58, "shop", "a", diff=PLAIN)
    first = ranking.rank(scene(one))[0]
    assert first.is_change
    assert ranking.NAMED_ALONE <= first.score < ranking.NAMED
    expired = signal(92, ONSET, "shop", "fault", title="tls: expired certificate", count=30)
    assert not ranking.rank(scene(one, faults=(expired,)))[0].is_change


def test_who_was_handed_trouble_through_a_queue_is_not_guilty() -> None:
    db = signal(0, 10, "db", "fault", count=30, weight=1.5)
    shop = signal(1, 12.5, "shop", "fault", count=30, weight=1.5)
    charged = Suspect("shop", 1.0, None, (), shop)
    assert analysis.guilty(episode(db, shop), None, charged, SHAPE) is None
    late = db | {"time": at(14)}
    assert analysis.guilty(episode(late, shop), None, charged, SHAPE) == "shop"


def test_a_change_that_came_when_errors_were_coming_did_not_bring_them() -> None:
    before, after = (record(n, m, "shop", "x", diff=PLAIN) for n, m in ((0, 59), (1, 60.5)))
    first, second = judged(scene(before, after))
    assert weights(first, "already") == []
    assert weights(second, "already") == [-timing.ALREADY]
    assert "coming for 30s" in next(t.text for t in second.terms if t.about == "already")


@pytest.mark.parametrize(
    "unlike",
    [
        {"table": "metric"},  # stamped by the minute
        {"count": 2},  # may be strays
        {"time": at(ONSET - 9)},  # another story
        {"precision": MINUTE},
    ],
)
def test_only_errors_that_are_stamped_exactly_tell_what_came_first(unlike: dict[str, Any]) -> None:
    fault = signal(90, ONSET, "shop", "fault", title="no answer", count=30) | unlike
    [found] = judged(scene(record(0, 60.5, "shop", "x", diff=PLAIN), faults=(fault,)))
    assert weights(found, "already") == []


def test_what_was_rolled_out_in_steps_took_effect_with_the_last_in_time() -> None:
    few = record(0, 30, "shop", "a canary", revision="abcdef123", diff=PLAIN)
    all_of_them = record(1, 59, "shop", "the rest", revision="abcdef123", diff=PLAIN)
    again = record(2, 70, "shop", "once more", revision="abcdef123", diff=PLAIN)
    where = scene(few, all_of_them, again)
    [change] = merged.one_each(where)
    assert timing.effect(change, where).time == at(59)
    climb = Departure("shop", "open_files", at(31), MINUTE, climbs=True)
    short = signal(92, 31, "shop", "fault", kind="metric_change", category="resource_exhaustion",
                   rule="metric:open_files", title="open_files rose from 3 to 90")  # fmt: skip
    moved = scene(few, all_of_them, troubled=(short,), departures=(climb,))
    [change] = merged.one_each(moved)
    assert timing.effect(change, moved).time == at(30)


@pytest.mark.parametrize(
    ("file", "soon"),
    [("charts/shared/worker.yaml", True), ("envs/prod/main.tf", True), ("k8s/web/hpa.yml", True),
     ("src/worker.py", False), ("charts/worker/README.md", False)],
)  # fmt: skip
def test_files_that_a_controller_applies_wait_for_no_roll_out(file: str, soon: bool) -> None:
    """A metric began to move six minutes after the commit; the next roll-out came much later."""
    commit = record(0, 20, None, "Commit aaaaaaa: limits", kind="commit", diff=PLAIN, files=[file])
    rolled = record(1, 55, "shop", "b", diff=PLAIN)
    climb = Departure("shop", "latency_ms", at(26), MINUTE, climbs=True)
    found = judged(scene(commit, rolled, departures=(climb,)))
    mine = next(c for c in found if c.signal["signal"] == 0)
    assert (sum(weights(mine, "began")) > 0) is soon
    assert ("with the next roll-out" in mine.terms[0].text) is not soon


def test_a_schedule_takes_effect_when_it_first_asks_for_a_run() -> None:
    """The window begins at 13:30."""
    climb = Departure("shop", "jobs", at(33), MINUTE, climbs=True)
    nightly = record(
        0, -600, "shop", "a", diff='-schedule: "30 4 * * *"\n+schedule: "* 14 * * *"\n'
    )
    never = record(1, -600, "shop", "b", diff='-schedule: "30 4 * * *"\n+schedule: "0 21 * * *"\n')
    first, second = judged(scene(nightly, never, departures=(climb,)))
    assert weights(first, "began") == [timing.MOVED]
    assert any("asked for a run" in t.text for t in first.terms)
    assert weights(second, "began") == []


@pytest.mark.parametrize(("minutes", "explains"), [(55, True), (30, False)])
def test_what_every_request_passes_by_would_have_shown_sooner(
    minutes: float, *, explains: bool
) -> None:
    error = signal(92, ONSET, "shop", "fault", count=9, title="limiting requests, rate limit hit")
    diff = '-  ip := header("X-Real-Ip")\n+  ip := header("X-Forwarded-For")\n'
    [found] = judged(scene(record(0, minutes, "shop", "a", diff=diff), troubled=(error,)))
    [weight] = weights(found, "hazard")
    assert (weight > 0.2) == explains


def test_what_hardly_shows_anything_explains_nothing() -> None:
    ended = signal(92, ONSET, "shop", "fault", title="PKIX path building failed", count=30)
    one = record(0, 59, "shop", "a", diff="-  client = create()\n+  client = builder()\n")
    [found] = judged(scene(one, faults=(ended,), troubled=(ended,)))
    assert weights(found, "hazard") == [-0.15]


def test_a_pipeline_acts_with_each_roll_out() -> None:
    publish = "-  run: aws s3 cp dist s3://b\n+  run: aws s3 sync dist s3://b --delete\n"
    step = record(0, 30, None, "ci", kind="commit", diff=publish, files=[".github/workflows/a.yml"])
    where = scene(
        step, record(1, 40, "shop", "b"), record(2, 58, "web", "c"), record(3, 59, "db", "d")
    )
    mine = next(c for c in merged.one_each(where) if c.signal["signal"] == 0)
    assert timing.effect(mine, where).time == at(58)


def test_what_works_out_dates_may_show_only_when_they_turn() -> None:
    """The window begins at 13:30, and the date turns 630 minutes later."""
    dates = '-  d = ofPattern("yyyyMMdd")\n+  d = ofPattern("YYYYMMdd")\n'
    records = [record(0, 500, "shop", "a", diff=dates), record(1, 500, "shop", "b", diff=PLAIN)]
    times: list[list[int]] = []
    for onset in (640, 700):
        where = scene(*records, onset=at(onset))
        times.append([timing.effect(c, where).time for c in merged.one_each(where)])
    assert times == [[at(630), at(500)], [at(500), at(500)]]
    climb = Departure("shop", "latency_ms", at(501), MINUTE, climbs=True)
    moved = scene(*records, onset=at(640), departures=(climb,))
    assert timing.effect(merged.one_each(moved)[0], moved).time == at(500)


@pytest.mark.parametrize(
    ("line", "moved", "whose", "counts"),
    [
        ("until = now.AddMinutes(25)", 35, "shop", True),
        ("until = now.AddMinutes(25)", 39, "shop", False),
        ("until = now.AddMinutes(25)", 35, "db", False),
        ("until = now.AddMinutes(5)", 35, "shop", False),
    ],
)
def test_what_moved_as_late_as_a_change_lets_things_wait_is_its_doing(
    line: str, moved: float, whose: str, counts: bool
) -> None:
    climb = Departure(whose, "held", at(moved), MINUTE, climbs=True)
    one = record(0, 10, "shop", "a", diff=f"-until = later()\n+{line}\n")
    [found] = judged(scene(one, departures=(climb,)))
    assert any(w > 0 for w in weights(found, "began")) is counts
