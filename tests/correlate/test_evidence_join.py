"""The evidence join equals its brute force, however it is cut and whoever works on it."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from nova_timeline.correlate import evidence_join
from nova_timeline.correlate.evidence_join import Logs, Moments, Shape, Surroundings, around

Told = tuple[list[int], list[tuple[int, int]], list[int]]


@pytest.fixture(autouse=True)
def _threads_for_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_join, "_ROWS_A_THREAD", 1)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Moments, Logs, Shape]:
    """Draw few entities and, often, few times, so that there are ties of every kind."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, moments, entities = draw(st.integers(0, 120)), draw(st.integers(0, 25)), 4
    span = draw(st.sampled_from([1, 4, 60, 10_000]))
    logs = Logs(
        np.sort(random.integers(0, span, rows)),
        random.integers(-1, entities, rows).astype(np.int32),
        random.integers(0, 4, rows).astype(np.int8),
        random.integers(0, 6, rows).astype(np.int32),
        random.integers(0, 2, rows).astype(np.int8),
        wanted=1,
    )
    looked = Moments(
        random.integers(-5, span + 5, moments),
        random.integers(-1, entities + 2, moments).astype(np.int32),
    )
    reach = draw(st.integers(0, span))
    return looked, logs, Shape(reach, 4, draw(st.integers(1, 7)), draw(st.integers(0, 7)))


def told(found: Surroundings) -> list[Told]:
    """Return the findings without the places that nothing fills."""
    return [
        (
            counts.tolist(),
            [(int(t), int(n)) for t, n in zip(some, many, strict=True) if t >= 0],
            [int(row) for row in rows if row >= 0],
        )
        for counts, some, many, rows in zip(
            found.counts, found.templates, found.template_counts, found.exemplars, strict=True
        )
    ]


def brute(moments: Moments, logs: Logs, shape: Shape) -> list[Told]:
    """Look at every row for every moment."""
    found: list[Told] = []
    for t, e in zip(moments.time.tolist(), moments.entity.tolist(), strict=True):
        near = [
            i
            for i in range(len(logs.time))
            if e >= 0
            and logs.entity[i] == e
            and logs.kind[i] == logs.wanted
            and abs(int(logs.time[i]) - t) <= shape.reach
        ]
        counts = [sum(int(logs.severity[i]) == s for i in near) for s in range(shape.levels)]
        common = Counter(int(logs.template[i]) for i in near).items()
        shown = sorted(near, key=lambda i: (-int(logs.severity[i]), abs(int(logs.time[i]) - t), i))
        top = sorted(common, key=lambda item: (-item[1], item[0]))[: shape.top]
        found.append((counts, top, shown[: shape.exemplars]))
    return found


@hypothesis.settings(deadline=None)  # the first call compiles
@hypothesis.given(scenes(), st.sampled_from([1, 2, 5]))
def test_the_join_equals_its_brute_force(scene: tuple[Moments, Logs, Shape], threads: int) -> None:
    moments, logs, shape = scene
    assert told(around(moments, logs, shape, threads)) == brute(moments, logs, shape)


@hypothesis.settings(deadline=None)
@hypothesis.given(scenes(), st.integers(1, 10))
def test_slabs_of_time_with_a_halo_give_the_same(
    scene: tuple[Moments, Logs, Shape], slabs: int
) -> None:
    moments, logs, shape = scene
    whole = told(around(moments, logs, shape))
    ends = [*moments.time.tolist(), 0]
    edges = np.linspace(min(ends), max(ends) + 1, slabs + 1)
    seen = 0
    for begin, end in pairwise(edges):
        mine = np.flatnonzero((moments.time >= begin) & (moments.time < end))
        first, stop = np.searchsorted(logs.time, [begin - shape.reach, end + shape.reach])
        slab = rows_of(logs, slice(first, stop))
        part = told(around(Moments(moments.time[mine], moments.entity[mine]), slab, shape, 2))
        shifted = [(counts, top, [row + int(first) for row in rows]) for counts, top, rows in part]
        assert shifted == [whole[place] for place in mine]
        seen += len(mine)
    assert seen == len(moments.time)


def rows_of(logs: Logs, some: slice) -> Logs:
    return Logs(
        logs.time[some],
        logs.entity[some],
        logs.severity[some],
        logs.template[some],
        logs.kind[some],
        logs.wanted,
    )


def columns(*times: int) -> Logs:
    """Return a row a time, all alike, on one entity."""
    n = len(times)
    return Logs(
        np.array(times, np.int64),
        np.zeros(n, np.int32),
        np.ones(n, np.int8),
        np.zeros(n, np.int32),
        np.zeros(n, np.int8),
    )


def at(*times: int) -> Moments:
    return Moments(np.array(times, np.int64), np.zeros(len(times), np.int32))


def test_both_ends_of_the_window_lie_within() -> None:
    found = around(at(100), columns(89, 90, 100, 110, 111), Shape(10, 2))
    assert told(found) == [([0, 3], [(0, 3)], [2, 1, 3])]


def test_one_time_on_many_rows_gives_the_first_of_them() -> None:
    found = around(at(100), columns(*[99] * 5_000, *[101] * 5_000), Shape(10, 2, exemplars=4))
    assert told(found) == [([0, 10_000], [(0, 10_000)], [0, 1, 2, 3])]


def test_a_busy_entity_can_be_shared_between_threads() -> None:
    random = np.random.default_rng(5)
    rows = 20_000
    logs = Logs(
        np.sort(random.integers(0, 50_000, rows)),
        np.where(random.random(rows) < 0.9, 0, random.integers(0, 9, rows)).astype(np.int32),
        random.integers(0, 5, rows).astype(np.int8),
        random.integers(0, 400, rows).astype(np.int32),
        np.zeros(rows, np.int8),
    )
    moments = Moments(random.integers(0, 50_000, 300), np.repeat([0, 3, 8], 100).astype(np.int32))
    shape = Shape(2_000, 5)
    one = told(around(moments, logs, shape))
    assert one == told(around(moments, logs, shape, 3))
    assert one[:5] == brute(Moments(moments.time[:5], moments.entity[:5]), logs, shape)


def test_read_only_and_plain_arrays_share_what_is_compiled() -> None:
    from nova_timeline.correlate import _evidence_kernel

    kernels = [getattr(_evidence_kernel, name) for name in ("keep", "tally", "order", "slide")]
    logs = columns(1, 2, 3)
    around(at(2), logs, Shape(1, 2))
    compiled = [len(kernel.signatures) for kernel in kernels]
    for column in (logs.time, logs.entity, logs.severity, logs.template, logs.kind):
        column.flags.writeable = False
    around(at(2), logs, Shape(1, 2))
    assert [len(kernel.signatures) for kernel in kernels] == compiled == [1] * 4


def test_nothing_to_look_at_or_for_is_no_error() -> None:
    assert told(around(at(), columns(1, 2), Shape(1, 2))) == []
    assert told(around(at(5), columns(), Shape(1, 2))) == [([0, 0], [], [])]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("logs", "message"),
    [
        (columns(1, 3, 2, 4), "row 2 is earlier than the one before it; sort"),
        (columns(3, 4, 1, 2), "row 2 is earlier"),
        (replace(columns(1, 2), severity=np.array([0, 7], np.int8)), "row 1 has severity 7"),
        (replace(columns(1, 2), template=np.array([0, -4], np.int32)), "template -4; allowed"),
    ],
)
def test_what_cannot_be_joined_is_refused(logs: Logs, message: str, threads: int) -> None:
    with pytest.raises(ValueError, match=message):
        around(at(2), logs, Shape(10, 2), threads)
