"""How many instances there were before a change is read from the metric that counts them."""

import pytest

from nova_timeline.correlate import notable, sizes, slabs

from .scenes import at, metrics

FEWER = [8.0] * 30 + [6.0] + [5.0] * 29


def test_what_was_counted_before_a_change_and_after_it() -> None:
    parts = [
        notable.points(metrics(("shop", "DesiredTaskCount.Average", FEWER))),
        notable.points(metrics(("cart", "container/instance_count", [4.0] * 60))),
        notable.points(metrics(("mail", "RequestCount.Sum", [4.0] * 60))),
    ]
    changed = {"shop": [at(30.5), at(1)], "cart": [at(30.5)], "mail": [at(30.5)]}
    found = sizes.find(parts, changed, slabs.one_by_one)
    assert found == {("shop", at(30.5)): (8.0, 5.0), ("cart", at(30.5)): (4.0, 4.0)}
    assert sizes.find(parts, {}, slabs.one_by_one) == {}
    assert sizes.find([], changed, slabs.one_by_one) == {}


def test_of_points_at_one_time_the_same_one_counts_in_whatever_order_they_are_read() -> None:
    two = [("shop", "DesiredTaskCount.Average", [n] * 60) for n in (8.0, 3.0)]
    found = [
        sizes.find(
            [notable.points(metrics(*some)) for some in (order[:1], order[1:])],
            {"shop": [at(30.5)]},
            slabs.one_by_one,
        )
        for order in (two, two[::-1])
    ]
    assert found[0] == found[1]


def test_of_several_metrics_the_one_that_says_it_plainest_counts() -> None:
    parts = [
        notable.points(metrics(("shop", "GroupDesiredCapacity.Average", FEWER))),
        notable.points(metrics(("shop", "Replicas.average", [2.0] * 60))),
    ]
    found = sizes.find(parts, {"shop": [at(58)]}, slabs.one_by_one)
    assert found == {("shop", at(58)): (5.0, None)}


@pytest.mark.parametrize(
    ("key", "new", "levels", "old"),
    [
        ("desiredCount", "5", (8.0, 5.0), "8"),
        ("desiredCount", "5", (8.0, None), "8"),
        ("maxReplicas", "9", (8.0, 9.0), "8"),
        ("maxReplicas", "9", (8.0, 8.0), ""),
        ("maxReplicas", "9", (8.0, None), ""),
        ("memory", "512", (8.0, 5.0), ""),
        ("desiredCount", "none", (8.0, 5.0), ""),
        ("desiredCount", "5", None, ""),
    ],
)
def test_what_a_setting_was(
    key: str, new: str, levels: tuple[float, float | None] | None, old: str
) -> None:
    assert sizes.was(key, new, levels) == old
