"""The window x topology join as one would write it in DuckDB, Polars, NumPy and pandas.

Each takes a `Join` and returns effect, cause and cost, by effect and then cost and cause. All of
them make the pairs, score them and keep the cheapest; they differ in how pairs are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from benchmarks._events import CAUSES, EFFECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import duckdb
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from benchmarks._events import Events
    from benchmarks._graph import Reach

    Rows = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]

ID_BITS = 27
"""A pair is scored as ``cost << 27 | cause``, so that its order is that of cost and then cause."""
_KEY = 1 << 42
"""More us than any run of events spans: ``entity * _KEY + time`` is one key."""


@dataclass
class Join:
    """One join, and its input in the forms that the peers like best, made when first asked for."""

    events: Events
    reach: Reach
    priors: Mapping[int, int]
    """Kind -> what it costs as a cause (us)."""
    window: int
    slack: int
    hop_cost: int
    keep: int = 5

    @cached_property
    def frame(self) -> pl.DataFrame:
        """Return the events as a frame, with their row numbers."""
        import polars as pl

        columns = {k: self.events.columns[k] for k in ("ts", "entity", "kind")}
        return pl.DataFrame(columns).with_row_index("id").with_columns(pl.col("id").cast(pl.Int64))

    @cached_property
    def near(self) -> pl.DataFrame:
        """Return who is near whom: entity, near, and what that costs, ``far``."""
        import polars as pl

        reach = self.reach
        hops = pl.Series("far", reach.hops).cast(pl.Int64)
        return pl.DataFrame({"entity": reach.sources, "near": reach.entities}).with_columns(
            hops * self.hop_cost
        )

    @cached_property
    def prior(self) -> pl.DataFrame:
        """Return what a kind costs: kind, prior."""
        import polars as pl

        types = {"kind": pl.Int8, "prior": pl.Int64}
        return pl.DataFrame(list(self.priors.items()), schema=types, orient="row")

    @cached_property
    def database(self) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB with the three tables in its own format."""
        import duckdb

        database = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
        tables = {"events": self.frame, "near": self.near, "prior": self.prior}
        for name, frame in tables.items():
            database.register("given", frame.to_arrow())
            database.execute(f"CREATE TABLE {name} AS SELECT * FROM given")  # noqa: S608 - our names
            database.unregister("given")
        return database


def _unpacked(effect: npt.NDArray[Any], pair: npt.NDArray[Any]) -> Rows:
    return effect, pair & ((1 << ID_BITS) - 1), pair >> ID_BITS


_SQL = """
    WITH effects AS (
        SELECT e.id, e.ts, near, far FROM events e JOIN near USING (entity) WHERE kind IN {effects}
    ), causes AS (
        SELECT id, ts, entity, prior FROM events JOIN prior USING (kind) WHERE kind IN {causes}
    )
    SELECT effect, unnest(best) AS pair FROM (
        SELECT e.id AS effect,
            min(((abs(e.ts - c.ts) + prior + far) << {bits}) + c.id, {keep}) AS best
        FROM {pairs}
        WHERE c.ts BETWEEN e.ts - {window} AND e.ts + {slack} AND c.id <> e.id
        GROUP BY e.id
    ) ORDER BY effect, pair
"""
_DUCKDB_PAIRS = {
    # equality on the entity, the window as a condition on the pairs: a hash join and a filter
    "range_join": "effects e JOIN causes c ON c.entity = e.near",
    # equality on a bucket of time too: an effect's window touches two buckets of its length
    "buckets_2": """
        (SELECT *, unnest([(ts - {window}) // {length}, (ts - {window}) // {length} + 1]) AS bucket
         FROM effects) e
        JOIN (SELECT *, ts // {length} AS bucket FROM causes) c
        ON c.entity = e.near AND c.bucket = e.bucket""",
    # the same, with buckets of the window before, of which it touches three with the slack
    "buckets_3": """
        (SELECT *, unnest([ts // {window} - 1, ts // {window}, ts // {window} + 1]) AS bucket
         FROM effects) e
        JOIN (SELECT *, ts // {window} AS bucket FROM causes) c
        ON c.entity = e.near AND c.bucket = e.bucket""",
    # entity and time as one key and two inequalities, which DuckDB plans as an IEJoin
    "iejoin": """
        (SELECT *, near::BIGINT * {key} + ts - {first} AS key FROM effects) e
        JOIN (SELECT *, entity::BIGINT * {key} + ts - {first} AS key FROM causes) c
        ON c.key >= e.key - {window} AND c.key <= e.key + {slack}""",
}


def duckdb_plan(pairs: str, join: Join) -> Rows:
    """Join in DuckDB, with pairs found in one of the ways of ``_DUCKDB_PAIRS``."""
    given = {
        "window": join.window,
        "slack": join.slack,
        "length": join.window + join.slack,
        "key": _KEY,
        "first": int(join.events.columns["ts"][0]) - join.window - 1,
    }
    query = _SQL.format(
        effects=EFFECTS,
        causes=CAUSES,
        bits=ID_BITS,
        keep=join.keep,
        pairs=_DUCKDB_PAIRS[pairs].format(**given),
        **given,
    )
    found: dict[str, Any] = join.database.execute(query).fetchnumpy()
    return _unpacked(found["effect"], found["pair"])


def _effects(join: Join) -> pl.LazyFrame:
    """Return a row for each effect and entity near it: effect, ts, near, far."""
    import polars as pl

    chosen = join.frame.lazy().filter(pl.col("kind").is_in(EFFECTS))
    return chosen.join(join.near.lazy(), on="entity").select(
        pl.col("id").alias("effect"), "ts", "near", "far"
    )


def _causes(join: Join) -> pl.LazyFrame:
    """Return a row for each cause: cause, cause_ts, near, prior."""
    import polars as pl

    chosen = join.frame.lazy().filter(pl.col("kind").is_in(CAUSES))
    return chosen.join(join.prior.lazy(), on="kind").select(
        pl.col("id").alias("cause"), pl.col("ts").alias("cause_ts"), pl.col("entity").alias("near"),
        "prior",
    )  # fmt: skip


def _cheapest(pairs: pl.LazyFrame, join: Join) -> Rows:
    """Filter, score and keep the cheapest in Polars' streaming engine."""
    import polars as pl

    gap = pl.col("ts") - pl.col("cause_ts")
    pair = (gap.abs() + pl.col("prior") + pl.col("far")) * (1 << ID_BITS) + pl.col("cause")
    found = (
        pairs.filter(
            gap.is_between(-join.slack, join.window) & (pl.col("effect") != pl.col("cause"))
        )
        .select("effect", pair.alias("pair"))
        .group_by("effect")
        .agg(pl.col("pair").bottom_k(join.keep))
        .explode("pair")
        .sort("effect", "pair")
        .collect(engine="streaming")
    )
    return _unpacked(found["effect"].to_numpy(), found["pair"].to_numpy())


def polars_filter(join: Join) -> Rows:
    """Join on the entity and filter the pairs."""
    return _cheapest(_effects(join).join(_causes(join), on="near"), join)


def polars_buckets(join: Join) -> Rows:
    """Join on the entity and a bucket of time, of which a window touches two."""
    import polars as pl

    length = join.window + join.slack
    bucket = (pl.col("ts") - join.window) // length
    effects = (
        _effects(join).with_columns(bucket=pl.concat_list(bucket, bucket + 1)).explode("bucket")
    )
    causes = _causes(join).with_columns(bucket=pl.col("cause_ts") // length)
    return _cheapest(effects.join(causes, on=["near", "bucket"]), join)


def polars_join_where(join: Join) -> Rows:
    """Join on two inequalities of entity and time as one key."""
    import polars as pl

    first = int(join.events.columns["ts"][0]) - join.window - 1
    key = pl.col("near").cast(pl.Int64) * _KEY - first
    effects = _effects(join).with_columns(
        low=key + pl.col("ts") - join.window, high=key + pl.col("ts") + join.slack
    )
    causes = _causes(join).with_columns(key=key + pl.col("cause_ts")).drop("near")
    within = (pl.col("key") >= pl.col("low"), pl.col("key") <= pl.col("high"))
    return _cheapest(effects.join_where(causes, *within), join)


def pandas_merge(join: Join) -> Rows:
    """Merge on the entity and filter the pairs."""
    import pandas as pd

    effects, causes = (
        pd.DataFrame(f(join).collect().to_dict(as_series=False)) for f in (_effects, _causes)
    )
    pairs = effects.merge(causes, on="near")
    gap = pairs["ts"] - pairs["cause_ts"]
    pairs = pairs[(gap >= -join.slack) & (gap <= join.window) & (pairs["effect"] != pairs["cause"])]
    cost = (pairs["ts"] - pairs["cause_ts"]).abs() + pairs["prior"] + pairs["far"]
    pairs = pairs.assign(pair=cost * (1 << ID_BITS) + pairs["cause"])
    best = pairs.sort_values(["effect", "pair"]).groupby("effect").head(join.keep)
    return _unpacked(best["effect"].to_numpy(), best["pair"].to_numpy())


def numpy_searchsorted(join: Join) -> Rows:
    """Find each window in sorted keys of entity and time, and expand it, some effects at a time."""
    import numpy as np

    ts, entity, kind = (join.events.columns[k] for k in ("ts", "entity", "kind"))
    prior = np.zeros(128, np.int64)
    prior[list(join.priors)] = list(join.priors.values())
    first = int(ts[0]) - join.window - 1
    effects, causes = (np.flatnonzero(np.isin(kind, some)) for some in (EFFECTS, CAUSES))
    key = entity[causes].astype(np.int64) * _KEY + (ts[causes] - first)
    causes, key = causes[np.argsort(key, kind="stable")], np.sort(key)
    degree = np.diff(join.reach.starts)
    ends: npt.NDArray[np.int64] = np.cumsum(degree[entity[effects]])
    parts = np.searchsorted(ends, np.arange(0, int(ends[-1]), 50_000))
    found: list[Rows] = []
    for some in np.split(effects, np.unique(parts)):
        row = _expanded(join.reach.starts[entity[some]], degree[entity[some]])
        effect = np.repeat(some, degree[entity[some]])
        near = join.reach.entities[row].astype(np.int64) * _KEY + (ts[effect] - first)
        low = np.searchsorted(key, near - join.window)
        count = np.searchsorted(key, near + join.slack, side="right") - low
        cause = causes[_expanded(low, count)]
        effect = np.repeat(effect, count)
        far = np.repeat(join.reach.hops[row].astype(np.int64) * join.hop_cost, count)
        pair = ((np.abs(ts[effect] - ts[cause]) + prior[kind[cause]] + far) << ID_BITS) | cause
        found.append(_first_of_each(effect[effect != cause], pair[effect != cause], join.keep))
    effect, cause, cost = (np.concatenate(column) for column in zip(*found, strict=True))
    return effect, cause, cost


def _expanded(first: npt.NDArray[Any], count: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return first, first + 1, ... so many times, for each."""
    import numpy as np

    before: npt.NDArray[np.int64] = np.cumsum(count) - count
    return np.add(np.arange(int(count.sum())), np.repeat(first - before, count), dtype=np.int64)


def _first_of_each(effect: npt.NDArray[Any], pair: npt.NDArray[Any], keep: int) -> Rows:
    """Sort by effect and pair, and keep the first few of each effect."""
    import numpy as np

    order = np.lexsort((pair, effect))
    effect, pair = effect[order], pair[order]
    begins = np.r_[True, effect[1:] != effect[:-1]] if len(effect) else np.empty(0, bool)
    start = np.flatnonzero(begins)
    rank = np.arange(len(effect)) - np.repeat(start, np.diff(np.r_[start, len(effect)]))
    return _unpacked(effect[rank < keep], pair[rank < keep])


ALL: Mapping[str, Callable[[Join], Rows]] = {
    **{f"duckdb_{name}": partial(duckdb_plan, name) for name in _DUCKDB_PAIRS},
    "polars_buckets": polars_buckets,
    "polars_join_where": polars_join_where,
    "polars_filter": polars_filter,
    "numpy_searchsorted": numpy_searchsorted,
    "pandas_merge": pandas_merge,
}
