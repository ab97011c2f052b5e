"""How far each clock is off, from what must have happened before what.

A caller's request leaves before its callee sees it, and the answer arrives after it was sent: each
shared trace id bounds the difference of two clocks from both sides. A record cannot be received
before it was written: the least arrival lag bounds a clock against the service that keeps its
records. The bounds are those of Cristian's algorithm (Distributed Computing 3, 1989); what follows
of all of them together, through any number of machines, is worked out by `difference_constraints`.

What requests tie together they tie to one another, not to the right time. A cloud's own services
are taken to have it. Among clocks that are tied to none of these, it is where most agree that it
is, as NTP chooses between servers (RFC 5905): wrong clocks are wrong each in its own way.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from nova_timeline import arrow
from nova_timeline.model import ClockEstimate
from nova_timeline.topology import reach

from . import difference_constraints

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    from nova_timeline.topology import Topology

    from .difference_constraints import Bounds

SERVICE_UNCERTAINTY = 0
UNTESTED = 1_000_000_000
"""ns; how far off a host's clock may be when nothing bounds it."""
MOST_PASSAGES = 1_000_000
"""Passages that offsets are estimated from at most; more would not sharpen them."""
ARRIVALS = {"clock": "string", "ahead": "int64", "n": "int64"}
PASSAGES = {
    "trace": "int64",
    "clock": "string",
    "first": "int64",
    "last": "int64",
    "entity": "string",
}
"""Column -> Arrow type."""

_FEWEST_TRACES = 3
_ONE_SIDED_SLACK = 100_000_000  # ns; a lone log line may stand at either end of its request
_REFERENCE = "service:"
_DEPTH = 3
_AGREEING = 0.3  # of the traces, at least
_WIDTH = 50_000_000  # ns; traces whose latencies differ by less agree
_TOLERANCE = 20_000_000.0  # ns; clocks that are kept right differ by less
_QUORUM = 2


def arrivals(rows: pl.DataFrame) -> pl.DataFrame:
    """Say by clock how far ahead of their receipt its records are stamped, at most.

    Args:
        rows: one row an event, with ``clock`` (text), ``time`` and ``observed`` (int64 ns; null
            where the receipt is unknown, or by the same clock).

    Returns:
        clock, ahead (int64 ns, null where no receipt is known), n (how many are); a row a clock.
        Such tables are put together by `merged_arrivals`.
    """
    import polars as pl

    return (
        rows.filter(pl.col("clock").is_not_null())
        .group_by("clock")
        .agg(
            (pl.col("time") - pl.col("observed")).max().alias("ahead"),
            pl.col("observed").count().cast(pl.Int64).alias("n"),
        )
    )


def merged_arrivals(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Put the `arrivals` of several pieces together."""
    import polars as pl

    return (
        pl.concat([_empty(ARRIVALS), *parts])
        .group_by("clock")
        .agg(pl.col("ahead").max(), pl.col("n").sum())
        .sort("clock")
    )


def passages(requests: pl.DataFrame) -> pl.DataFrame:
    """Say when each clock saw each request.

    Args:
        requests: one row for every id of a request that an event carries, with ``trace`` (uint64,
            its hash), ``clock``, ``entity`` (text), ``time`` and ``end`` (int64 ns).

    Returns:
        trace (int64), clock, first, last (ns), entity; a row each. Such tables are put together by
        `shared`.
    """
    import polars as pl

    return requests.select(
        pl.col("trace").reinterpret(signed=True),
        "clock",
        pl.col("time").alias("first"),
        pl.max_horizontal("time", "end").alias("last"),
        "entity",
    )


def shared(parts: Iterable[pa.Table]) -> pl.DataFrame:
    """Keep the passages of requests that more than one clock saw.

    Args:
        parts: `passages`, cut so that all of a trace lie in one part; ``clock`` and ``entity`` may
            be dictionaries.

    Returns:
        The same columns, a row a trace and clock; of more than `MOST_PASSAGES`, those of the traces
        with the least hashes, which is a sample that no order of reading changes.
    """
    import polars as pl

    kept = _empty(PASSAGES)
    for part in parts:
        once = (
            _by_several(part)
            .group_by("trace", "clock")
            .agg(
                pl.col("entity").sort_by("first", "entity", nulls_last=True).first(),
                pl.col("first").min(),
                pl.col("last").max(),
            )
        )
        named = once.select(*PASSAGES).cast({"clock": pl.String, "entity": pl.String})
        kept = pl.concat([kept, named]).sort("trace", "clock")
        if len(kept) > MOST_PASSAGES:
            last = kept["trace"][MOST_PASSAGES]
            kept = kept.filter(pl.col("trace") < last)
    return kept


def _by_several(part: pa.Table) -> pl.DataFrame:
    """Keep the passages of traces that more than one clock saw; most are seen once, by one.

    Nothing but the traces is looked at until it is known which these may be.
    """
    import numpy as np
    import polars as pl

    ordered = np.sort(part["trace"].to_numpy())
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if len(twice) == 0:
        return _empty(PASSAGES)
    among = arrow.compute().is_in(part["trace"], value_set=arrow.core().array(twice))
    known = pl.DataFrame(part.filter(among))
    clock = pl.col("clock").cast(pl.Categorical).to_physical()
    seen = (
        known.select("trace", clock)
        .group_by("trace")
        .agg((pl.col("clock").min() != pl.col("clock").max()).alias("several"))
    )
    return known.join(seen.filter("several").select("trace"), on="trace", how="semi")


def _empty(columns: Mapping[str, str]) -> pl.DataFrame:
    import polars as pl

    types = {"string": pl.String, "int64": pl.Int64}
    return pl.DataFrame(schema={name: types[kind] for name, kind in columns.items()})


def estimate(
    lags: pl.DataFrame, seen: pl.DataFrame, topology: Topology
) -> tuple[ClockEstimate, ...]:
    """Estimate every clock's offset.

    Args:
        lags: a row a clock; see `merged_arrivals`.
        seen: a row for every clock that saw a request that others saw too; see `shared`.
        topology: says which side of a trace is the caller.

    Returns:
        One estimate a clock, by name. A clock that nothing bounds has offset 0 and the
        uncertainty `UNTESTED`.
    """
    clocks = sorted(lags["clock"].to_list())
    services = [c for c in clocks if c.startswith(_REFERENCE)]
    late, pairs = _lag_bounds(lags), _trace_bounds(seen, topology)
    ties = pairs | {(_REFERENCE, c): (0.0, 0.0, 0) for c in services}
    found: list[ClockEstimate] = []
    for group in difference_constraints.groups({*clocks, _REFERENCE}, ties):
        anchor, unsure = _anchor(group, ties, late)
        bounds = late | ties | anchor
        names = sorted({*group, _REFERENCE})
        known = difference_constraints.intervals(names, bounds, _REFERENCE)
        found += [_estimate(c, *known[c], unsure) for c in group if c != _REFERENCE]
    said: Counter[str] = Counter()
    for (a, b), (_, _, n) in (late | pairs).items():
        said.update({a: n, b: n})
    return tuple(
        replace(e, constraints=said[e.clock]) for e in sorted(found, key=lambda e: e.clock)
    )


def _anchor(group: Sequence[str], ties: Bounds, late: Bounds) -> tuple[Bounds, int]:
    """Say where a group of clocks stands that nothing ties to the reference.

    Returns:
        A bound of its best tied clock against the reference, and by how much (ns) the group as a
        whole may be off all the same; none for a group that needs none, or cannot have one.
    """
    if _REFERENCE in group or len(group) == 1:
        return {}, 0
    degree = Counter(c for pair in ties for c in pair)
    root = max(group, key=lambda c: (degree[c], c))
    known = difference_constraints.intervals(group, ties, root)
    # No record is received before it was written, wherever the right time is.
    latest = min((known[c][1] - low for (_, c), (low, _, _) in late.items() if c in known),
                 default=float("inf"))  # fmt: skip
    right = difference_constraints.agreed(known, _TOLERANCE, latest)
    sure = right.clocks >= _QUORUM and right.clocks > right.others
    return {(_REFERENCE, root): (-right.middle, -right.middle, 0)}, 0 if sure else UNTESTED


def _estimate(clock: str, low: float, high: float, unsure: int) -> ClockEstimate:
    if clock.startswith(_REFERENCE):
        return ClockEstimate(clock, 0, SERVICE_UNCERTAINTY, 0)
    known = low > -float("inf") and high < float("inf")
    if low <= 0 <= high:
        # The interval allows a right clock, which most are.
        spread = max(-low, high) if known else UNTESTED
        return ClockEstimate(clock, 0, int(spread) + unsure, 0)
    if known:
        middle = (low + high) / 2
        spread = max(round((high - low) / 2), 1)
        return ClockEstimate(clock, round(middle), spread + unsure, 0)
    nearest = low if low > 0 else high
    return ClockEstimate(clock, round(nearest), UNTESTED, 0)


def _lag_bounds(lags: pl.DataFrame) -> Bounds:
    """Bound each host's clock by the least lag between writing and receipt."""
    return {
        (_REFERENCE, clock): (float(ahead), float("inf"), n)
        for clock, ahead, n in lags.select("clock", "ahead", "n").iter_rows()
        if n and not clock.startswith(_REFERENCE)
    }


def _trace_bounds(seen: pl.DataFrame, topology: Topology) -> Bounds:
    """Bound pairs of clocks by the traces they share."""
    import polars as pl

    if seen.is_empty():
        return {}
    pairs = (
        seen.join(seen, on="trace", suffix="_b")
        .filter(pl.col("clock") != pl.col("clock_b"))
        .join(_calls(topology), on=["entity", "entity_b"])
        .with_columns(
            # a left before b saw it; b was done before a had the answer
            after=pl.col("first_b") - pl.col("first"),
            before=pl.col("last_b") - pl.col("last"),
        )
    )
    found: Bounds = {}
    for (a, b), group in pairs.group_by(["clock", "clock_b"]):
        bound = _pair_bound(group)
        if bound is not None:
            found[str(a), str(b)] = bound
    return found


def _calls(topology: Topology) -> pl.DataFrame:
    """List who can be above whom in a request: callers and their hosts, with what they call."""
    import polars as pl

    names = sorted(topology.drawn())
    near = reach(topology, names, _DEPTH, 1)
    starts: list[int] = near.starts.tolist()
    found: list[int] = near.entities.tolist()
    below = {
        name: [names[i] for i in found[starts[at] : starts[at + 1]]]
        for at, name in enumerate(names)
    }
    pairs = {(name, b) for name, reached in below.items() for b in reached}
    hosts = [(e.caller, e.callee) for e in topology.edges if e.kind == "runs_on"]
    pairs |= {(host, b) for service, host in hosts for b in below[service]}
    rows = [p for p in sorted(pairs) if p[::-1] not in pairs and p[0] != p[1]]
    return pl.DataFrame(rows, schema={"entity": pl.String, "entity_b": pl.String}, orient="row")


def _pair_bound(group: pl.DataFrame) -> tuple[float, float, int] | None:
    """Bound offset(b) - offset(a) by the traces of one pair; None when too few of them agree.

    Where a has lines on both sides of the call, what most traces agree on bounds the offset from
    above (the way there) and from below (the way back). With one line a request, which may stand
    on either side, it bounds the offset within a slack. Agreement is what tells the right traces:
    retries, reused ids and slow failures scatter (Marzullo & Owicki, PODC 1983).
    """
    import polars as pl

    around = group.filter(pl.col("after") > pl.col("before"))
    there = _agreed(around["after"].to_numpy(), len(group))
    back = _agreed(around["before"].to_numpy(), len(group))
    if there is not None and back is not None and back[0] <= there[1]:
        return back[0], there[1], there[2] + back[2]
    if there is not None:
        return there[0] - _ONE_SIDED_SLACK, there[1], there[2]
    if back is not None:
        return back[0], back[1] + _ONE_SIDED_SLACK, back[2]
    alone = _agreed(group["after"].to_numpy(), len(group))
    if alone is None:
        return None
    return alone[0] - _ONE_SIDED_SLACK, alone[1] + _ONE_SIDED_SLACK, alone[2]


def _agreed(values: npt.NDArray[np.int64], of: int) -> tuple[float, float, int] | None:
    """Find the stretch, `_WIDTH` wide, that holds most values, and how many; None when too few."""
    import numpy as np

    if len(values) < _FEWEST_TRACES:
        return None
    ordered = np.sort(values)
    inside = np.searchsorted(ordered, ordered + _WIDTH, "right") - np.arange(len(ordered))
    at = int(np.argmax(inside))
    count = int(inside[at])
    if count < max(_FEWEST_TRACES, _AGREEING * of):
        return None
    return float(ordered[at]), float(ordered[at + count - 1]), count
