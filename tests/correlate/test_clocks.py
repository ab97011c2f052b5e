"""Planted skews come back out of the traces they bent."""

import random

import polars as pl
import pytest

from nova_timeline.correlate import clocks
from nova_timeline.model import ClockEstimate
from nova_timeline.topology import Topology

SECOND = 1_000_000_000
SHAPE = Topology().with_edges([("web", "checkout", "calls"), ("checkout", "db", "calls")])
SCHEMA = {"clock": pl.String, "entity": pl.String, "trace_id": pl.String, "time": pl.Int64,
          "end": pl.Int64, "observed": pl.Int64}  # fmt: skip


def estimate(rows: pl.DataFrame, shape: Topology) -> tuple[ClockEstimate, ...]:
    named = rows.filter(pl.col("trace_id").is_not_null(), pl.col("clock").is_not_null())
    seen = clocks.passages(named.with_columns(trace=pl.col("trace_id").hash(0)))
    halves = seen.filter(pl.col("trace") < 0), seen.filter(pl.col("trace") >= 0)
    shared = clocks.shared(half.to_arrow() for half in halves)
    return clocks.estimate(clocks.merged_arrivals([clocks.arrivals(rows)]), shared, shape)


def requests(skew: dict[str, int], n: int = 60, *, answers: bool = True) -> pl.DataFrame:
    """Make requests that pass web, checkout and db, each on a host of its own."""
    chance = random.Random(7)
    rows: list[tuple[object, ...]] = []
    for i in range(n):
        t = i * SECOND
        enter, back = [t], [t + 90_000_000]
        for _ in range(2):
            enter.append(enter[-1] + chance.randrange(1_000_000, 20_000_000))
            back.append(back[-1] - chance.randrange(1_000_000, 20_000_000))
        for entity, a, b in zip(("web", "checkout", "db"), enter, back, strict=True):
            off = skew.get(entity, 0)
            rows.append((f"host:{entity}", entity, f"trace-{i}", a + off, None, None))
            if answers:
                rows.append((f"host:{entity}", entity, f"trace-{i}", b + off, None, None))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@pytest.mark.parametrize(
    "skew", [{}, {"checkout": 3_200_000_000}, {"db": -2_500_000_000}, {"web": 40 * SECOND}]
)
def test_a_skew_is_recovered_within_what_is_said(skew: dict[str, int]) -> None:
    got = {e.clock: e for e in estimate(requests(skew), SHAPE)}
    base = min(got["host:" + e].offset_ns - skew.get(e, 0) for e in ("web", "checkout", "db"))
    for entity in ("web", "checkout", "db"):
        found = got[f"host:{entity}"]
        assert abs(found.offset_ns - base - skew.get(entity, 0)) <= 50_000_000
        assert found.uncertainty_ns < 100_000_000
        assert found.constraints > 0


def test_one_line_a_request_still_bounds_the_skew() -> None:
    got = {e.clock: e for e in estimate(requests({"checkout": 3 * SECOND}, answers=False), SHAPE)}
    off = got["host:checkout"].offset_ns - got["host:web"].offset_ns
    assert abs(off - 3 * SECOND) <= 200_000_000


def test_a_clock_ahead_of_the_service_that_keeps_its_records_is_seen() -> None:
    rows = [
        ("host:a", "a", None, i * SECOND + 5 * SECOND, None, i * SECOND + 200_000_000)
        for i in range(20)
    ]
    [got] = estimate(pl.DataFrame(rows, schema=SCHEMA, orient="row"), Topology())
    assert got.offset_ns == pytest.approx(4_800_000_000)
    assert got.uncertainty_ns == clocks.UNTESTED


def test_an_unbounded_clock_says_so_and_a_service_is_taken_as_right() -> None:
    rows = [("host:a", "a", None, 0, None, None), ("service:x", "b", None, 0, None, None)]
    host, service = estimate(pl.DataFrame(rows, schema=SCHEMA, orient="row"), Topology())
    assert (host.offset_ns, host.uncertainty_ns, host.constraints) == (0, clocks.UNTESTED, 0)
    assert (service.offset_ns, service.uncertainty_ns) == (0, 0)


def test_the_order_of_rows_does_not_matter() -> None:
    rows = requests({"db": SECOND})
    assert estimate(rows, SHAPE) == estimate(rows.sample(fraction=1, shuffle=True, seed=3), SHAPE)


def calls(off: dict[str, int], pairs: list[tuple[str, str]], n: int = 12) -> pl.DataFrame:
    """Make calls between machines, some 10 ms each way, that both ends have a span of."""
    chance = random.Random(3)
    rows: list[tuple[object, ...]] = []
    for k, (a, b) in enumerate(pairs):
        for i in range(n):
            start = (k * n + i) * SECOND
            there, back = chance.randrange(2_000_000, 20_000_000), start + 60_000_000
            done = back - chance.randrange(2_000_000, 20_000_000)
            for name, first, last in ((a, start, back), (b, start + there, done)):
                clock = name if name.startswith("service:") else f"host:{name}"
                at, end = first + off.get(name, 0), last + off.get(name, 0)
                rows.append((clock, name, f"trace-{k}-{i}", at, end, None))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def received(clock: str, ahead: int) -> pl.DataFrame:
    rows = [(clock, "z", None, i * SECOND, None, i * SECOND - ahead) for i in range(9)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


CHAIN = Topology().with_edges(
    [("service:door", "a", "calls"), ("a", "b", "calls"), ("b", "c", "calls")]
)
STAR = Topology().with_edges([("door", name, "calls") for name in "abcde"])


def test_a_machine_is_known_through_others_that_lead_to_a_service() -> None:
    off = {"a": 4 * SECOND, "b": -3 * SECOND, "c": 2 * SECOND}
    rows = calls(off, [("service:door", "a"), ("a", "b"), ("b", "c")])
    got = {e.clock: e for e in estimate(rows, CHAIN)}
    for name, skew in off.items():
        assert abs(got[f"host:{name}"].offset_ns - skew) <= got[f"host:{name}"].uncertainty_ns
        assert got[f"host:{name}"].uncertainty_ns < 150_000_000


def test_where_no_service_says_the_time_most_clocks_do() -> None:
    # A record's receipt bounds a clock from one side only and must not pass for the right time.
    off = {"door": 4 * SECOND, "a": -2 * SECOND, "c": 3 * SECOND}
    rows = pl.concat([calls(off, [("door", x) for x in "abcde"]), received("host:b", -SECOND)])
    got = {e.clock: e for e in estimate(rows, STAR)}
    for name in ("door", *"abcde"):
        assert got[f"host:{name}"].offset_ns == pytest.approx(off.get(name, 0), abs=50_000_000)
        assert got[f"host:{name}"].uncertainty_ns < 100_000_000


def test_clocks_that_agree_on_a_time_before_their_records_came_are_all_wrong() -> None:
    off = {"a": 2 * SECOND, "b": 2 * SECOND, "c": 2 * SECOND}
    rows = pl.concat([calls(off, [("door", x) for x in "abcde"]), received("host:a", SECOND)])
    got = {e.clock: e for e in estimate(rows, STAR)}
    assert got["host:a"].offset_ns == pytest.approx(2 * SECOND, abs=50_000_000)
    assert got["host:d"].offset_ns == pytest.approx(0, abs=50_000_000)


def test_two_clocks_that_differ_keep_their_distance_but_neither_is_sure() -> None:
    got = {e.clock: e for e in estimate(calls({"a": 3 * SECOND}, [("door", "a")]), STAR)}
    apart = got["host:a"].offset_ns - got["host:door"].offset_ns
    assert apart == pytest.approx(3 * SECOND, abs=50_000_000)
    assert min(e.uncertainty_ns for e in got.values()) >= clocks.UNTESTED
