"""The bursts of `benchmarks.bursts` by DuckDB, Polars and NumPy, in the plans that suit them best.

All of them count cells of (series, bucket) first, look at hot series only from then on, take the
median of the few series that are dense, and go back to the events for what stands out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import _events

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    import polars as pl
    from polars._typing import EngineType

    Column = npt.NDArray[Any]

WIDTH = 10_000_000
"""us."""
FEWEST = 10
DEVIATIONS = 6 * 14_826
QUIET = 4 * WIDTH
COLUMNS = ("s", "first", "last", "count", "peak", "median", "first_row", "novel")


def buckets(time: Column) -> int:
    """Return how many buckets the events span."""
    return int(time[-1] - _events.FIRST) // WIDTH + 1


_SERIES = "(entity::bigint * 5 + severity) * 32 + (template & 31)"
_BUCKET = f"(ts - {_events.FIRST}) // {WIDTH}"
_SQL = f"""
with cell as materialized (
    select {_SERIES} as s, {_BUCKET} as b, count(*) as n from events where kind = 0 group by all
),
hot as materialized (select * from cell where s in (select s from cell where n >= {FEWEST})),
filled as (select s, count(*) as f, min(b) as earliest from hot group by s),
dense as (
    select s, list_sort(list(n)) as l, greatest($buckets - count(*), 0) as z,
        greatest($buckets, count(*)) as t
    from hot where s in (select s from filled where 2 * f >= $buckets) group by s
),
middle as (
    select s, l, z, t, [if(i < z, 0, l[i - z + 1]) for i in [(t - 1) // 2, t // 2]] as two
    from dense
),
off as (
    select s, list_sum(two) as m, t,
        list_sort([abs(2 * x - list_sum(two)) for x in l] || [list_sum(two) for _ in range(z)]) as o
    from middle
),
usual as materialized (
    select s, earliest, coalesce(m, 0) as m, coalesce(o[(t - 1) // 2 + 1] + o[t // 2 + 1], 0) as d
    from filled left join off using (s)
),
fires as materialized (
    select s, b, n from hot join usual using (s)
    where n >= {FEWEST} and 2 * n - m >= {2 * FEWEST}
        and (4 * n - 2 * m) * 10000 >= {DEVIATIONS} * d
),
taken as materialized (
    select distinct s, b, n, m, earliest from hot join usual using (s) join (
        select s, b, true as own from fires
        union all select s, b - 1, false from fires union all select s, b + 1, false from fires
    ) using (s, b)
    where own or 2 * n > m
),
told as (
    select s, b, min(ts) as first, max(ts) as last, min(rowid) as first_row from (
        select {_SERIES} as s, {_BUCKET} as b, ts, rowid from events where kind = 0
    ) semi join taken using (s, b) group by all
),
parted as (
    select *, first - lag(last, 1, 0) over (partition by s order by b) > {QUIET} as new
    from taken join told using (s, b)
),
numbered as (select *, sum(new::int) over (partition by s order by b) as part from parted)
select s, min(first) as first, max(last) as last, sum(n)::bigint as count, max(n) as peak,
    any_value(m)::bigint as median, min(first_row) as first_row,
    min(b) = any_value(earliest) as novel
from numbered group by s, part order by s, first
"""  # noqa: S608 - of constants


def in_duckdb(events: _events.Events) -> Callable[[], list[Column]]:
    """Find them by SQL, in a table of DuckDB's own."""
    import duckdb

    connection = duckdb.connect()
    connection.register("given", events.table)
    connection.execute("create table events as from given")
    span = {"buckets": buckets(events.columns["ts"])}

    def run() -> list[Column]:
        found: dict[str, Any] = connection.execute(_SQL, span).fetchnumpy()
        return [found[name] for name in COLUMNS]

    return run


def in_polars(events: _events.Events, engine: EngineType) -> Callable[[], list[Column]]:
    """Find them by Polars, on one of its engines."""
    import polars as pl

    table = pl.DataFrame(events.columns)
    span = buckets(events.columns["ts"])

    def run() -> list[Column]:
        found = _polars(table.lazy(), span, engine)
        return [found[name].to_numpy() for name in COLUMNS]

    return run


def _polars(events: pl.LazyFrame, span: int, engine: EngineType) -> pl.DataFrame:
    import polars as pl

    series = (pl.col("entity").cast(pl.Int64) * 5 + pl.col("severity")) * 32
    logs = (
        events.with_row_index("row")
        .filter(pl.col("kind") == 0)
        .select(
            "ts",
            "row",
            s=series + pl.col("template") % 32,
            b=(pl.col("ts") - _events.FIRST) // WIDTH,
        )
    )
    cells = logs.group_by("s", "b").agg(n=pl.len().cast(pl.Int64)).collect(engine=engine)
    hot = cells.join(cells.filter(pl.col("n") >= FEWEST).select("s").unique(), on="s", how="semi")
    taken = polars_taken(hot, span)
    told = (
        logs.join(taken.lazy().select("s", "b"), on=["s", "b"], how="semi")
        .group_by("s", "b")
        .agg(
            first=pl.col("ts").min(),
            last=pl.col("ts").max(),
            first_row=pl.col("row").min().cast(pl.Int64),
        )
        .collect(engine=engine)
    )
    return polars_bursts(taken.join(told, on=["s", "b"]))


def polars_taken(hot: pl.DataFrame, span: int) -> pl.DataFrame:
    """Take the cells (s, b, n) that stand out, and those beside them; hot series only."""
    import polars as pl

    filled = hot.group_by("s").agg(f=pl.len().cast(pl.Int64), earliest=pl.col("b").min())
    dense = (
        hot.join(filled.filter(2 * pl.col("f") >= span), on="s", how="semi")
        .group_by("s")
        .agg(l=pl.concat([pl.col("n"), pl.lit(0, pl.Int64).repeat_by(
            (span - pl.len().cast(pl.Int64)).clip(0)).explode()]))
    )  # fmt: skip
    two = _middle(pl.col("l"))
    usual = (
        dense.with_columns(m=two)
        .explode("l")
        .with_columns(o=(2 * pl.col("l") - pl.col("m")).abs())
        .group_by("s", "m")
        .agg("o")
        .with_columns(d=_middle(pl.col("o")))
    )
    known = (
        hot.join(filled, on="s")
        .join(usual.select("s", "m", "d"), on="s", how="left")
        .with_columns(pl.col("m", "d").fill_null(0))
    )
    n, m, d = pl.col("n"), pl.col("m"), pl.col("d")
    fires = known.filter(
        n >= FEWEST, 2 * n - m >= 2 * FEWEST, (4 * n - 2 * m) * 10_000 >= DEVIATIONS * d
    )
    near = pl.concat([fires.select("s", pl.col("b") + step) for step in (-1, 1)]).unique()
    beside = known.filter(2 * n > m).join(near, on=["s", "b"], how="semi")
    return pl.concat([fires, beside]).unique(["s", "b"])


def _middle(values: pl.Expr) -> pl.Expr:
    """Twice the median of lists of whole numbers."""
    ordered, size = values.list.sort(), values.list.len()
    return ordered.list.get((size - 1) // 2) + ordered.list.get(size // 2)


def polars_bursts(cells: pl.DataFrame) -> pl.DataFrame:
    """Join cells (s, b, n, m, earliest, first, last, first_row) into bursts."""
    import polars as pl

    quiet = pl.col("first") - pl.col("last").shift(1).over("s") > QUIET
    return (
        cells.sort("s", "b")
        .with_columns(part=quiet.fill_null(value=True).cum_sum())
        .group_by("s", "part")
        .agg(
            pl.col("first").min(),
            pl.col("last").max(),
            count=pl.col("n").sum(),
            peak=pl.col("n").max(),
            median=pl.col("m").first(),
            first_row=pl.col("first_row").min(),
            novel=pl.col("b").min() == pl.col("earliest").first(),
        )
        .sort("s", "first")
        .select(COLUMNS)
    )


def by_numpy(events: _events.Events) -> list[Column]:
    """Find them by a sort of all (series, bucket); the few that are left are joined by Polars."""
    import numpy as np
    import polars as pl

    c = events.columns
    logs = np.flatnonzero(c["kind"] == 0)
    series = (c["entity"][logs].astype(np.int64) * 5 + c["severity"][logs]) * 32
    series += c["template"][logs] & 31
    keys = series << 32 | (c["ts"][logs] - _events.FIRST) // WIDTH
    ordered = np.sort(keys)
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.append(begins, len(ordered)))
    cell = ordered[begins]
    is_hot = np.zeros(int(series.max()) + 1, np.bool_)
    is_hot[cell[counts >= FEWEST] >> 32] = True
    kept = is_hot[cell >> 32]
    hot = pl.DataFrame({"s": cell[kept] >> 32, "b": cell[kept] & 0xFFFFFFFF, "n": counts[kept]})
    taken = polars_taken(hot, buckets(c["ts"])).sort("s", "b")
    wanted = taken["s"].to_numpy() << 32 | taken["b"].to_numpy()
    near = np.flatnonzero(is_hot[series])
    place = np.minimum(np.searchsorted(wanted, keys[near]), len(wanted) - 1)
    own = wanted[place] == keys[near]
    rows, place = logs[near[own]], place[own]
    # Rows are in the order of time: the first of a cell is its first, the last its last.
    first, last = np.full(len(wanted), -1), np.empty(len(wanted), np.int64)
    last[place] = rows
    first[place[::-1]] = rows[::-1]
    found = taken.with_columns(first=c["ts"][first], last=c["ts"][last], first_row=first)
    bursts = polars_bursts(found)
    return [bursts[name].to_numpy() for name in COLUMNS]
