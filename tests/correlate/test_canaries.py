"""A change is judged by how its version did beside the one before it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import analysis, canaries, merged, notable, slabs

from . import scenes
from .scenes import WINDOW, at, calls, events, metrics, signal
from .test_analysis import alert, record
from .test_ranking import scene

NOISE = [0.0, 3.0, -2.0, 4.0, -3.0, 1.0]
GAP = float("nan")


def noisy(level: float, points: int) -> list[float]:
    return [level + NOISE[i % len(NOISE)] for i in range(points)]


def track(label: str, values: list[float]) -> tuple[str, str, list[float]]:
    return "shop", f"latency.p99{{{label},zone=a}}", values


OLD = track('service.version="1"', noisy(200, 90))
WORSE = track('service.version="2"', [GAP] * 30 + noisy(800, 60))


def compared(
    *series: tuple[str, str, list[float]], changed: float = 29
) -> list[canaries.Comparison]:
    parts = [notable.points(metrics(one)) for one in series]
    times = {"shop": [at(changed)]}
    return [*canaries.find(parts, times, at(32), slabs.one_by_one)]


def test_a_new_version_that_does_worse_than_the_one_beside_it_is_told() -> None:
    (found,) = compared(OLD, WORSE)
    assert (found.entity, found.metric, found.verdict) == ("shop", "latency.p99{zone=a}", "worse")
    assert (found.old, found.new, found.since) == ("1", "2", at(30))
    assert found.usual == pytest.approx(200, abs=5)
    assert found.found == pytest.approx(800, abs=5)


def test_an_old_version_that_gets_as_bad_clears_the_new_one() -> None:
    old = track("version=1", noisy(200, 33) + noisy(800, 57))
    new = track("version=2", [GAP] * 30 + noisy(200, 3) + noisy(800, 57))
    assert [c.verdict for c in compared(old, new)] == ["alike"]


def test_a_canary_that_always_was_there_is_held_against_what_it_was() -> None:
    stable = track("track=stable", noisy(200, 90))
    bad = track("track=canary", noisy(200, 30) + noisy(800, 60))
    always = track("track=canary", noisy(800, 90))
    (found,) = compared(stable, bad)
    assert (found.verdict, found.old, found.new, found.since) == (
        "worse",
        "stable",
        "canary",
        at(29),
    )
    assert compared(stable, always) == []


@pytest.mark.parametrize(
    "series",
    [
        [OLD],
        [OLD, track('service.version="2"', [GAP] * 30 + noisy(205, 60))],  # nothing is wrong
        [OLD, track('service.version="2"', [GAP] * 30 + noisy(800, 4))],  # too few points
        [OLD, track("pod=2", [GAP] * 30 + noisy(800, 60))],  # no version
        [("shop", "orders{version=1}", noisy(2, 90)), ("shop", "orders{version=2}", noisy(9, 60))],
        [("mail", *OLD[1:]), ("mail", *WORSE[1:])],  # it was not changed
        [track("version=1", [*noisy(200, 20), *[GAP] * 70]), WORSE],  # never side by side
    ],
)
def test_what_cannot_be_told_is_not_told(series: list[tuple[str, str, list[float]]]) -> None:
    assert compared(*series) == []


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("a", None),
        ("a{zone=b}", None),
        ("a{version=1}", ("a", "1")),
        ('a.p99{service.version="1,2}",zone="b"}', ('a.p99{zone="b"}', "1,2}")),
        ("a{conversion=1}", None),
        ("a{revision_name=shop-00012-abc}", ("a", "shop-00012-abc")),
        ("a{app.kubernetes.io/version=1.2}", ("a", "1.2")),
    ],
)
def test_the_version_is_read_from_labels(metric: str, told: tuple[str, str] | None) -> None:
    assert canaries.version(metric) == told


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
)
def test_ranks_are_compared_as_all_pairs_are(a: list[int], b: list[int]) -> None:
    share, sure = canaries.above(np.array(a, float), np.array(b, float))
    pairs = [1.0 if x > y else 0.5 if x == y else 0.0 for x in a for y in b]
    assert share == pytest.approx(np.mean(pairs))
    other, unsure = canaries.above(np.array(b, float), np.array(a, float))
    assert other == pytest.approx(1 - share)
    assert unsure == pytest.approx(-sure)


def test_the_deviation_is_that_of_the_textbook() -> None:
    a, b = np.array([19.0, 22, 16, 29, 24]), np.array([20.0, 11, 17, 12])
    share, sure = canaries.above(a, b)
    assert share * 20 == 17  # Mann and Whitney's U
    assert sure == pytest.approx((17 - 10) / np.sqrt(5 * 4 * 10 / 12))
    assert canaries.above(a, a[:0]) == (0.5, 0.0)
    assert canaries.above(np.ones(3), np.ones(3)) == (0.5, 0.0)


FOUND = canaries.Comparison("db", "errors", "1", "2", at(38), "worse", 1.0, 9.0)


@pytest.mark.parametrize(
    ("found", "minutes", "text", "weight"),
    [
        (FOUND, 37, "", canaries.WORSE),
        (FOUND, 39, "", canaries.WORSE),  # its first point stands for the minute that it began in
        (FOUND, 5, "", None),
        (FOUND, 5, "roll out 2", canaries.WORSE),
        (FOUND, 5, "roll out 2.5", None),
        (replace(FOUND, verdict="alike"), 37, "", canaries.ALIKE),
        (replace(FOUND, entity="web"), 37, "", None),
    ],
)
def test_a_version_speaks_for_or_against_the_change_that_brought_it(
    found: canaries.Comparison, minutes: float, text: str, weight: float | None
) -> None:
    deploy = signal(0, minutes, "db", "change", title="db deployed") | {"text": text}
    where = replace(scene(deploy), canaries=(found,))
    change = merged.Change(deploy, (), (text,), ())
    assert [t.weight for t in canaries.terms(change, where)] == ([weight] if weight else [])


def test_of_two_changes_the_later_brought_the_version() -> None:
    first = signal(0, 30, "db", "change", title="a") | {"text": ""}
    second = signal(1, 37, "db", "change", title="b") | {"text": ""}
    where = replace(scene(first, second), canaries=(FOUND,))
    told = [len(canaries.terms(merged.Change(s, (), ("",), ()), where)) for s in (first, second)]
    assert told == [0, 1]


def test_a_whole_analysis_tells_a_rollout_that_did_harm_from_one_that_did_not() -> None:
    lines = [record(31 + i / 60, "shop", body="request failed: 500") for i in range(600)]
    deploy = {"role": "change", "kind": "deploy", "rule": "d", "severity_number": 9}
    told = alert(33, "shop", "alert_firing", "shop 5xx")
    found = events(record(29, "shop", title="shop was deployed", **deploy), *lines, told)
    shape = calls("web>shop")

    def canary(*series: tuple[str, str, list[float]]) -> list[tuple[float, str]]:
        seen = scenes.evidence(found, metrics(*series))
        ranked = analysis.run(seen, shape, WINDOW).candidates
        return [(t.weight, t.text) for c in ranked for t in c.terms if t.about == "canary"]

    alike = [noisy(200, 32) + noisy(800, 58), [GAP] * 30 + noisy(200, 2) + noisy(800, 58)]
    ((weight, text),) = canary(OLD, WORSE)
    assert weight == canaries.WORSE
    assert text.startswith("latency.p99{zone=a} of 2 was worse than that of 1 meanwhile: 80")
    ((weight, text),) = canary(track("version=1", alike[0]), track("version=2", alike[1]))
    assert weight == canaries.ALIKE
