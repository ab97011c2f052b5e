"""The window x topology join equals its brute force, and SQL's account of it."""

import math
import random
from itertools import pairwise

import duckdb
import polars as pl
import pytest

from nova_timeline import topology
from nova_timeline.correlate import windows
from nova_timeline.topology import Topology

MINUTE = 60_000_000_000
SQL = """
    SELECT e.signal AS effect, abs(e.time - c.time) // 1000 + p.prior + r.hops * $hop AS cost
    FROM s e
    JOIN r ON r.entity = e.entity
    JOIN s c ON c.entity = r.cause_entity
    JOIN p ON p.kind = c.kind
    WHERE e.is_effect AND c.is_cause AND c.signal <> e.signal
      AND c.time // 1000 BETWEEN e.time // 1000 - $window AND e.time // 1000 + $slack
    QUALIFY row_number() OVER (PARTITION BY e.signal ORDER BY cost) <= $keep
    ORDER BY effect, cost
"""


def scene(seed: int, size: int = 300) -> tuple[pl.DataFrame, Topology]:
    """Make signals with many ties on a small graph with a hub and a cycle."""
    chance = random.Random(seed)
    names = [f"s{i}" for i in range(12)]
    edges = [(a, "s0") for a in names[1:]] + list(pairwise(names)) + [("s11", "s3"), ("s3", "s9")]
    rows = [
        {
            "signal": i,
            "time": chance.randrange(0, 200) * 30_000_000_000,
            "entity": chance.choice(names),
            "kind": chance.choice(list(windows.PRIORS)),
            "is_effect": chance.random() < 0.4,
            "is_cause": chance.random() < 0.5,
        }
        for i in range(size)
    ]
    return pl.DataFrame(rows), Topology().with_edges((a, b, "calls") for a, b in edges)


def brute(signals: pl.DataFrame, shape: Topology) -> list[tuple[int, int, int]]:
    """Score every pair; return (effect, cause, hops) of the cheapest."""
    below = shape.dependencies()
    found: list[tuple[int, int, int]] = []
    rows = signals.to_dicts()
    by_entity_time = {
        r["signal"]: k
        for k, r in enumerate(sorted(rows, key=lambda r: (r["entity"], r["time"], r["signal"])))
    }
    for effect in (r for r in rows if r["is_effect"]):
        hops, level = {effect["entity"]: 0}, {effect["entity"]}
        for far in range(1, windows.HOPS + 1):
            level = {c for e in level for c in below.get(e, ())} - set(hops)
            hops |= dict.fromkeys(level, far)
        pairs: list[tuple[int, int, int, int]] = []
        for cause in (r for r in rows if r["is_cause"] and r["entity"] in hops and r is not effect):
            delta = (effect["time"] - cause["time"]) // 1000
            if -windows.SLACK <= delta <= windows.WINDOW:
                prior = round(-windows.TAU * math.log(windows.PRIORS[cause["kind"]]))
                cost = abs(delta) + prior + hops[cause["entity"]] * windows.HOP_COST
                pairs.append(
                    (cost, by_entity_time[cause["signal"]], cause["signal"], hops[cause["entity"]])
                )
        found += [(effect["signal"], c, h) for _, _, c, h in sorted(pairs)[: windows.KEEP]]
    return sorted(found)


@pytest.mark.parametrize("seed", range(8))
def test_the_join_equals_its_brute_force(seed: int) -> None:
    signals, shape = scene(seed)
    got = windows.link(signals, shape)
    assert sorted(got.select("effect", "cause", "hops").rows()) == brute(signals, shape)


def test_the_costs_equal_what_sql_finds() -> None:
    signals, shape = scene(99)
    got = windows.link(signals, shape)
    names = sorted(signals["entity"].unique().to_list())
    near = topology.reach(shape, names, windows.HOPS)
    reach = pl.DataFrame(
        [
            (name, names[near.entities[j]], int(near.hops[j]))
            for i, name in enumerate(names)
            for j in range(near.starts[i], near.starts[i + 1])
        ],
        schema={"entity": pl.String, "cause_entity": pl.String, "hops": pl.Int64},
        orient="row",
    )
    priors = pl.DataFrame(
        [(k, round(-windows.TAU * math.log(p))) for k, p in windows.PRIORS.items()],
        schema={"kind": pl.String, "prior": pl.Int64},
        orient="row",
    )
    given = {
        "hop": windows.HOP_COST,
        "window": windows.WINDOW,
        "slack": windows.SLACK,
        "keep": windows.KEEP,
    }
    with duckdb.connect() as database:
        for name, frame in (("s", signals), ("r", reach), ("p", priors)):
            database.register(name, frame.to_arrow())
        theirs: list[tuple[int, int]] = database.execute(SQL, given).fetchall()
    ours = sorted(
        zip(got["effect"], (round(-windows.TAU * math.log(x)) for x in got["score"]), strict=True)
    )
    assert len(ours) == len(theirs) > 100
    assert all(a == b and abs(x - y) <= 1 for (a, x), (b, y) in zip(ours, theirs, strict=True))


def test_no_signals_have_no_links() -> None:
    signals, shape = scene(1)
    assert len(windows.link(signals.clear(), shape)) == 0


def test_a_cause_further_down_than_its_reach_is_none() -> None:
    shape = Topology().with_edges((a, b, "calls") for a, b in pairwise("abcdef"))
    rows = [
        {
            "signal": i,
            "time": i * MINUTE,
            "entity": e,
            "kind": "deploy",
            "is_effect": e == "a",
            "is_cause": e != "a",
        }
        for i, e in enumerate("fedcba")
    ]
    got = windows.link(pl.DataFrame(rows), shape)
    assert got.select("cause", "hops").rows() == [(4, 1), (3, 2), (2, 3)]
