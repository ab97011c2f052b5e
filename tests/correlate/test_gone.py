"""A machine whose metrics end while those of others go on is gone."""

import pytest

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
