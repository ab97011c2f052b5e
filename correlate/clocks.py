"""How far each clock is off, from what must have happened before what.

A caller's request leaves before its callee sees it, and the answer arrives after it was sent: each
shared trace id bounds the difference of two clocks from both sides. A record cannot be received
before it was written: the least arrival lag bounds a clock against the service that keeps its
records. All bounds together are difference constraints; shortest paths from the reference give
each clock an interval (Cormen et al., Introduction to Algorithms, "Difference constraints and
shortest paths"; the same bounds as Cristian's algorithm, Distributed Computing 3, 1989).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline.model import ClockEstimate

if TYPE_CHECKING:
    import polars as pl

    from nova_timeline.topology import Topology

SERVICE_UNCERTAINTY = 0
UNTESTED = 1_000_000_000
"""ns; how far off a host's clock may be when nothing bounds it."""

_FEWEST_TRACES = 3
_ONE_SIDED_SLACK = 100_000_000  # ns; a lone log line may stand at either end of its request
_REFERENCE = "service:"

Bounds = dict[tuple[str, str], tuple[float, float, int]]
"""(a, b) -> least and greatest of offset(b) - offset(a) in ns, and how many pairs say so."""


def estimate(rows: pl.DataFrame, topology: Topology) -> tuple[ClockEstimate, ...]:
    """Estimate every clock's offset.

    Args:
        rows: one row an event, with ``clock``, ``entity``, ``trace_id`` (text), ``time``, ``end``
            and ``observed`` (int64 ns; observed is null where the receipt is by the same clock).
        topology: says which side of a trace is the caller.

    Returns:
        One estimate a clock, by name. A clock that nothing bounds has offset 0 and the
        uncertainty `UNTESTED`.
    """
    clocks = sorted(rows["clock"].drop_nulls().unique().to_list())
    bounds = _lag_bounds(rows) | _trace_bounds(rows, topology)
    low, high = _solve(clocks, bounds)
    pairs = {c: sum(n for ab, (_, _, n) in bounds.items() if c in ab) for c in clocks}
    return tuple(_estimate(c, low[c], high[c], pairs[c]) for c in clocks)


def _estimate(clock: str, low: float, high: float, pairs: int) -> ClockEstimate:
    if clock.startswith(_REFERENCE):
        return ClockEstimate(clock, 0, SERVICE_UNCERTAINTY, pairs)
    known = low > -float("inf") and high < float("inf")
    if low > high:  # bounds that disagree: the truth is somewhere around both
        low, high = high, low
    if low <= 0 <= high:
        # The interval allows a right clock, which most are.
        spread = max(-low, high) if known else UNTESTED
        return ClockEstimate(clock, 0, int(min(spread, UNTESTED) if not known else spread), pairs)
    if known:
        middle = (low + high) / 2
        return ClockEstimate(clock, round(middle), max(round((high - low) / 2), 1), pairs)
    nearest = low if low > 0 else high
    return ClockEstimate(clock, round(nearest), UNTESTED, pairs)


def _lag_bounds(rows: pl.DataFrame) -> Bounds:
    """Bound each host's clock by the least lag between writing and receipt."""
    import polars as pl

    lags = (
        rows.filter(pl.col("observed").is_not_null(), ~pl.col("clock").str.starts_with(_REFERENCE))
        .group_by("clock")
        .agg((pl.col("time") - pl.col("observed")).max().alias("ahead"), pl.len().alias("n"))
    )
    return {
        (_REFERENCE, clock): (float(ahead), float("inf"), n)
        for clock, ahead, n in lags.iter_rows()
        if clock is not None
    }


def _trace_bounds(rows: pl.DataFrame, topology: Topology) -> Bounds:
    """Bound pairs of clocks by the traces they share."""
    import polars as pl

    traced = rows.filter(pl.col("trace_id").is_not_null(), pl.col("clock").is_not_null())
    if traced["clock"].n_unique() < 2:  # noqa: PLR2004
        return {}
    ends = traced.group_by("trace_id", "clock").agg(
        pl.col("time").min().alias("first"),
        pl.max_horizontal("time", "end").max().alias("last"),
        pl.col("entity").first(),
        (pl.len() > 1).alias("both"),
    )
    shared = ends.filter(pl.len().over("trace_id") > 1)
    calls = pl.DataFrame(
        [(e.caller, e.callee) for e in topology.edges],
        schema={"entity": pl.String, "entity_b": pl.String},
        orient="row",
    ).unique()
    pairs = (
        shared.join(shared, on="trace_id", suffix="_b")
        .filter(pl.col("clock") != pl.col("clock_b"))
        .join(calls, on=["entity", "entity_b"])
        .with_columns(
            # a left before b saw it; b was done before a had the answer
            after=pl.col("first_b") - pl.col("first"),
            before=pl.col("last_b") - pl.col("last"),
            whole=pl.col("both") | (pl.col("last") > pl.col("first")),
        )
    )
    slack = pl.when("whole").then(0).otherwise(_ONE_SIDED_SLACK)
    found = (
        pairs.group_by("clock", "clock_b")
        .agg(
            # A twentieth may be wrong (retries, reused ids) without spoiling the bound.
            (pl.max_horizontal("after", "before") + slack).quantile(0.05, "lower").alias("high"),
            (pl.min_horizontal("after", "before") - slack).quantile(0.95, "higher").alias("low"),
            pl.len().alias("n"),
        )
        .filter(pl.col("n") >= _FEWEST_TRACES)
    )
    return {(a, b): (low, high, n) for a, b, high, low, n in found.iter_rows()}


def _solve(clocks: list[str], bounds: Bounds) -> tuple[dict[str, float], dict[str, float]]:
    """Give each clock the interval that all bounds together allow, by shortest paths."""
    far = float("inf")
    nodes = [*clocks, _REFERENCE]
    weight: dict[tuple[str, str], float] = {}
    for (a, b), (low, high, _) in bounds.items():
        weight[a, b] = min(weight.get((a, b), far), high)
        weight[b, a] = min(weight.get((b, a), far), -low)
    for clock in clocks:
        if clock.startswith(_REFERENCE):
            weight[_REFERENCE, clock] = weight[clock, _REFERENCE] = 0.0
    tied = any(_REFERENCE in pair and w < far for pair, w in weight.items())
    root = _REFERENCE if tied else max(clocks, key=lambda c: (sum(c in p for p in weight), c), default="")
    reached = {n: 0.0 if n == root else far for n in nodes}
    back = dict(reached)
    for _ in nodes:
        for (a, b), w in weight.items():
            reached[b] = min(reached[b], reached[a] + w)
            back[a] = min(back[a], back[b] + w)
    return {n: -back[n] for n in nodes}, reached
