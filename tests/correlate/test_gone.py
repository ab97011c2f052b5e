"""A machine whose metrics end while those of others go on is gone."""

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import gone, notable, slabs
from nova_timeline.topology import Topology

from .scenes import at, metrics

GAP = float("nan")
SHAPE = Topology({"shop": "service", "a": "host", "b": "host"})


def told(*series: tuple[str, str, list[float]]) -> list[tuple[str, int, int | None]]:
    parts = [notable.points(metrics(one)) for one in series]
    found = gone.faults(parts, SHAPE, slabs.one_by_one)
    return list(found.select("entity", "time", "end").iter_rows())


def level(*missing: int) -> list[float]:
    return [GAP if i in missing else 30.0 for i in range(60)]


def test_a_machine_that_tells_nothing_for_a_while_was_gone() -> None:
    down = ("a", "cpu", level(*range(20, 25)))
    assert told(down, ("b", "cpu", level())) == [("a", at(20), at(25))]


def test_a_machine_that_never_tells_again_is_gone() -> None:
    down = ("a", "cpu", level(*range(40, 60)))
    assert told(down, ("b", "cpu", level())) == [("a", at(40), None)]


@pytest.mark.parametrize(
    "others",
    [
        [("b", "cpu", level(*range(20, 25)))],
        [("shop", "cpu", level())],
        [("a", "memory", level()), ("b", "cpu", level())],
    ],
    ids=["nobody collected", "no other machine", "another metric goes on"],
)
def test_it_is_not_where_nothing_else_shows_that(
    others: list[tuple[str, str, list[float]]],
) -> None:
    assert told(("a", "cpu", level(*range(20, 25))), *others) == []


def test_a_point_or_two_that_are_late_are_no_gap() -> None:
    assert told(("a", "cpu", level(20, 21)), ("b", "cpu", level())) == []
    assert gone.faults([], SHAPE, slabs.one_by_one).is_empty()


@given(st.lists(st.lists(st.booleans(), min_size=30, max_size=30), min_size=2, max_size=4))
def test_gaps_are_those_in_which_another_tells_enough(there: list[list[bool]]) -> None:
    names = ["a", "b", "c", "d"][: len(there)]
    shape = Topology(dict.fromkeys(names, "host"))
    rows = [
        (name, "cpu", [30.0 if is_told else GAP for is_told in points])
        for name, points in zip(names, there, strict=True)
    ]
    found = gone.faults([notable.points(metrics(*rows))], shape, slabs.one_by_one)
    times = {
        n: [i for i, p in enumerate(points) if p] for n, points in zip(names, there, strict=True)
    }
    last = max((i for points in times.values() for i in points), default=0)
    expected: list[tuple[str, int]] = []
    for name, own in times.items():
        step = statistics.median([b - a for a, b in itertools.pairwise(own)] or [99])
        for begin, until in itertools.pairwise([*own, last] if own else []):
            inside = [sum(begin < i < until for i in t) for n, t in times.items() if n != name]
            if until - begin > gone.MISSED * step and max(inside) > 1:
                expected.append((name, at(begin + step)))
    assert sorted(found.select("entity", "time").iter_rows()) == sorted(expected)
