"""The latest cause before each effect, whatever its kind and hops: what an ASOF join can answer.

An ASOF join gives one row of the other side. So this has no prior, no cost of hops and no slack,
and keeps one cause; of those of the same time, the first.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import _rounds
from benchmarks._events import CAUSES, EFFECTS, ERROR_BURST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks._window_peers import Join


def run(join: Join, repeat: int) -> dict[str, Any]:
    """Measure ours, DuckDB's and Polars' and return costs and ratios."""
    events = join.events
    found = _rounds.compare(
        "nearest_only",
        {"events": len(events.columns["ts"])},
        ours=partial(ours, join),
        peers={
            "duckdb_asof": partial(duckdb_asof, join),
            "polars_join_asof": partial(polars, join),
        },
        scanned=[events.columns[name] for name in ("ts", "entity", "kind")],
        input_bytes=events.size,
        repeat=repeat,
    )
    return {key: found[key] for key in ("ours", "peers", "ratio", "cpu_ratio", "equal", "rows")}


def ours(join: Join) -> tuple[Any, ...]:
    """Join as the product does, with everything but time free of cost."""
    from nova_timeline.correlate import candidates
    from nova_timeline.topology import Adjacency

    kinds = range(ERROR_BURST + 1)
    costs = candidates.Costs(
        effects=[kind in EFFECTS for kind in kinds],
        priors=[0 if kind in CAUSES else candidates.NO_CAUSE for kind in kinds],
        window=join.window,
        slack=-1,  # strictly before
        hop_cost=0,
        keep=1,
    )
    graph = Adjacency(join.events.graph.starts, join.events.graph.targets)
    ts, entity, kind = (join.events.columns[name] for name in ("ts", "entity", "kind"))
    found = candidates.cheapest(ts, entity, kind, graph, costs, threads=2)
    return found.effect, found.cause, found.cost


def duckdb_asof(join: Join) -> tuple[Any, ...]:
    """Join in DuckDB: ASOF to each near entity, then the nearest of those."""
    query = f"""
        WITH effects AS (
            SELECT e.id, e.ts, near FROM events e JOIN near USING (entity) WHERE kind IN {EFFECTS}
        ), causes AS (
            SELECT entity, ts, min(id) AS id FROM events WHERE kind IN {CAUSES} GROUP BY ALL
        )
        SELECT e.id AS effect, min((e.ts - c.ts, c.id)) AS best
        FROM effects e ASOF JOIN causes c ON c.entity = e.near AND e.ts > c.ts
        WHERE e.ts - c.ts <= {join.window}
        GROUP BY e.id
    """  # noqa: S608 - our own numbers
    unpacked = f"SELECT effect, best[2] AS cause, best[1] AS cost FROM ({query}) ORDER BY effect"  # noqa: S608
    found: Mapping[str, Any] = join.database.execute(unpacked).fetchnumpy()
    return found["effect"], found["cause"], found["cost"]


def polars(join: Join) -> tuple[Any, ...]:
    """Join in Polars: join_asof to each near entity, then the nearest of those."""
    import polars as pl

    events = join.frame.lazy()
    effects = (
        events.filter(pl.col("kind").is_in(EFFECTS))
        .join(join.near.lazy(), on="entity")
        .select(pl.col("id").alias("effect"), "ts", "near")
        .sort("ts")
    )
    causes = (
        events.filter(pl.col("kind").is_in(CAUSES))
        .group_by(pl.col("entity").alias("near"), "ts")
        .agg(pl.col("id").min().alias("cause"))
        .with_columns(cause_ts="ts")
        .sort("ts")
    )
    found = (
        effects.join_asof(
            causes,
            on="ts",
            by="near",
            allow_exact_matches=False,
            tolerance=join.window,
            check_sortedness=False,
        )
        .filter(pl.col("cause").is_not_null())
        .select("effect", "cause", cost=pl.col("ts") - pl.col("cause_ts"))
        .sort("effect", "cost", "cause")
        .unique("effect", keep="first", maintain_order=True)
        .collect()
    )
    return tuple(found[name].to_numpy() for name in ("effect", "cause", "cost"))
