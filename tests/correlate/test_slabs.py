"""Stretches of time are kept once read where they are few, and read again where they are many."""

import pytest

from nova_timeline.correlate import notable, slabs

from .scenes import WINDOW, cells, events, spooled


@pytest.mark.parametrize(("most", "kept"), [(1, False), (3, False), (5, True), (100, True)])
def test_few_rows_are_kept_and_come_the_same(most: int, kept: bool) -> None:
    made = events(
        *(
            {"timestamp": 12 * i, "entity": "shop", "body": f"line {i}", "severity_number": 17}
            for i in range(9)
        )
    )
    rows = spooled(notable.rows(made))
    cut = slabs.cut(rows, cells(rows, WINDOW), (), WINDOW, most)
    first = [*cut]
    assert sum(len(some) for some in first) == 9
    again = [*cut]
    assert all(a.equals(b) for a, b in zip(first, again, strict=True))
    assert [a is b for a, b in zip(first, again, strict=True)] == [kept] * len(cut)
