"""Intervals against brute force, and the point that most clocks agree on."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.correlate import difference_constraints
from nova_timeline.correlate.difference_constraints import Bounds

FAR = float("inf")
NAMES = tuple("abcd")


@st.composite
def planted(draw: st.DrawFn) -> tuple[dict[str, int], Bounds]:
    """Draw offsets, and bounds that they keep to."""
    times = {name: draw(st.integers(-1000, 1000)) for name in NAMES}
    bounds: Bounds = {}
    for a, b in itertools.combinations(NAMES, 2):
        apart = times[b] - times[a]
        below, above = (draw(st.none() | st.integers(0, 50)) for _ in range(2))
        low = -FAR if below is None else float(apart - below)
        high = FAR if above is None else float(apart + above)
        if (low, high) != (-FAR, FAR):
            bounds[a, b] = (low, high, 1)
    return times, bounds


def brute(bounds: Bounds, target: str) -> tuple[float, float]:
    """Bound a clock against ``a`` along every path there is."""
    weights = {(a, b): high for (a, b), (_, high, _) in bounds.items()}
    weights |= {(b, a): -low for (a, b), (low, _, _) in bounds.items()}
    others = [n for n in NAMES if n not in ("a", target)]
    ways = [w for n in range(len(others) + 1) for w in itertools.permutations(others, n)]

    def shortest(start: str, stop: str) -> float:
        paths = ([start, *way, stop] for way in ways)
        return min(sum(weights.get(p, FAR) for p in itertools.pairwise(path)) for path in paths)

    return -shortest(target, "a"), shortest("a", target)


@given(planted())
def test_intervals_are_those_of_all_paths_and_hold_the_truth(
    drawn: tuple[dict[str, int], Bounds],
) -> None:
    times, bounds = drawn
    found = difference_constraints.intervals(NAMES, bounds, "a")
    for name in NAMES[1:]:
        low, high = found[name]
        assert (low, high) == brute(bounds, name)
        assert low <= times[name] - times["a"] <= high


@given(planted())
def test_groups_part_the_clocks_by_what_is_known_from_both_sides(
    drawn: tuple[dict[str, int], Bounds],
) -> None:
    _, bounds = drawn
    both = {pair: b for pair, b in bounds.items() if FAR not in (-b[0], b[1])}
    found = difference_constraints.groups(NAMES, bounds)
    assert sorted(n for group in found for n in group) == sorted(NAMES)
    for group in found:
        known = difference_constraints.intervals(NAMES, both, group[0])
        assert {n for n, (low, high) in known.items() if FAR not in (-low, high)} == set(group)


def test_bounds_that_contradict_are_widened_until_they_do_not() -> None:
    bounds: Bounds = {("a", "b"): (10e6, 11e6, 1), ("b", "c"): (10e6, 11e6, 1),
                      ("a", "c"): (30e6, 31e6, 1)}  # fmt: skip
    low, high = difference_constraints.intervals("abc", bounds, "a")["c"]
    assert low <= high
    assert low >= 20e6
    assert high <= 35e6


@given(st.dictionaries(st.sampled_from("abcdefg"), st.tuples(*[st.integers(-99, 99)] * 2),
                       min_size=1))  # fmt: skip
def test_no_point_is_held_by_more_intervals(drawn: dict[str, tuple[int, int]]) -> None:
    found = {n: (float(min(p)), float(max(p))) for n, p in drawn.items()}
    right = difference_constraints.agreed(found, 0, FAR)
    held = [sum(low <= x <= high for low, high in found.values()) for x in range(-99, 100)]
    assert right.clocks == max(held)
    assert sum(low <= right.middle <= high for low, high in found.values()) == max(held)


def test_the_rest_may_agree_on_another_point_and_some_are_impossible() -> None:
    found = {"a": (0.0, 1.0), "b": (0.5, 2.0), "c": (1.0, 3.0), "d": (9.0, 9.0), "e": (9.0, 9.5)}
    right = difference_constraints.agreed(found, 0, FAR)
    assert (right.middle, right.clocks, right.others) == (1.0, 3, 2)
    assert difference_constraints.agreed(found, 0, 0.4).clocks == 1
    assert difference_constraints.agreed(found, 0, -5.0).middle == pytest.approx(-5.0)
