"""The evidence join as DuckDB, Polars, NumPy and pandas do it, each by the best plan found for it.

All of them pair every moment with every log in its window; SQL has no other way. Equal entities
alone would pair a busy one's logs with all its moments, so times are cut into buckets as wide as a
window: a window then touches two of them, and the join is one of equality. Pairs are first counted
by moment, severity *and* template, which leaves few rows to count again by moment alone: DuckDB
takes almost twice the time to count all pairs twice, or with a column a severity.

Ranks are packed into one integer each, so that "the least five" is a plain aggregate: a template's
is ``(MOST - count) << 20 | template``, an exemplar's ``(4 - severity) << 56 | |dt| << 27 | id``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import _events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    Columns = list[npt.NDArray[np.int64]]

USED = ("ts", "entity", "kind", "severity", "template")
HALF = 300_000_000
"""us; how far to look to either side of a moment."""
LEVELS = len(_events.SEVERITIES)
TOP, EXEMPLARS = 5, 3
MOST_ROWS = 1 << 27
"""Ids above this do not fit into a packed rank."""

_WIDTH = 2 * HALF
_MOST = 1 << 30
_PAIRS = 4_000_000
"""Pairs that NumPy makes at a time."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The events, and the rows of them that are looked around."""

    columns: Mapping[str, npt.NDArray[Any]]
    rows: npt.NDArray[np.int64]

    def table(self) -> pa.Table:
        """Return the columns that are used, and each row's id, in chunks that threads can share."""
        import pyarrow as pa

        used = {
            name: self.columns[name] for name in ("ts", "entity", "kind", "severity", "template")
        }
        ids = np.arange(len(used["ts"]), dtype=np.int64)
        whole = pa.table({"id": pa.array(ids), **{k: pa.array(v) for k, v in used.items()}})
        return pa.Table.from_batches(whole.to_batches(max_chunksize=131_072))

    def moments(self) -> pa.Table:
        """Return id, ts and entity of the moments."""
        import pyarrow as pa

        c = self.columns
        return pa.table(
            {
                "moment": pa.array(self.rows),
                "middle": pa.array(c["ts"][self.rows]),
                "entity": pa.array(c["entity"][self.rows]),
            }
        )


def answer(
    counts: npt.NDArray[Any], top: npt.NDArray[np.int64], shown: npt.NDArray[np.int64]
) -> Columns:
    """Unpack ranks, shape (m, TOP) and (m, EXEMPLARS) with -1 for none, into plain columns."""
    template = np.where(top < 0, -1, top & 0xFFFFF)
    count = np.where(top < 0, 0, _MOST - (top >> 20))
    row = np.where(shown < 0, -1, shown & (MOST_ROWS - 1))
    return [*counts.astype(np.int64).T, *template.T, *count.T, *row.T]


def duckdb_plan(scene: Scene, plan: str, threads: int) -> Callable[[], Columns]:
    """Prepare DuckDB with tables of its own; plan is ``bucketed`` or its default, ``range``."""
    import duckdb

    database = duckdb.connect(config={"threads": threads, "preserve_insertion_order": False})
    for name, table in (("events", scene.table()), ("moments", scene.moments())):
        database.register("given", table)
        database.table("given").create(name)
        database.unregister("given")
    query = _SQL.replace("{pairs}", _PAIRED[plan])
    return lambda: _unpacked(database.sql(query).to_arrow_table())


_PAIRED = {
    "range": f"""
        logs l JOIN moments m
            ON l.entity = m.entity AND l.ts BETWEEN m.middle - {HALF} AND m.middle + {HALF}""",
    "bucketed": f"""
        (SELECT *, ts // {_WIDTH} AS bucket FROM logs) l
        JOIN (SELECT *, (middle - {HALF}) // {_WIDTH} + unnest([0, 1]) AS bucket FROM moments) m
            ON l.entity = m.entity AND l.bucket = m.bucket
            AND l.ts BETWEEN m.middle - {HALF} AND m.middle + {HALF}""",  # noqa: S608 - of constants
}
_SQL = f"""
    WITH logs AS (
        SELECT id, ts, entity, severity, template FROM events WHERE kind = {_events.LOG}
    ), each AS (
        SELECT moment, severity, template, count(*) AS n,
            min(abs(ts - middle) * {MOST_ROWS} + id, {EXEMPLARS}) AS nearest
        FROM {{pairs}}
        GROUP BY moment, severity, template
    ), levels AS (
        SELECT moment,
            {", ".join(f"sum(n) FILTER (severity = {s})::BIGINT AS s{s}" for s in range(LEVELS))},
            list_sort(flatten(list(list_transform(
                nearest, lambda near: (4 - severity)::BIGINT * {1 << 56} + near
            )))) AS x
        FROM each GROUP BY moment
    ), templates AS (
        SELECT moment, min(({_MOST} - n) * {1 << 20} + template, {TOP}) AS t
        FROM (SELECT moment, template, sum(n)::BIGINT AS n FROM each GROUP BY ALL) GROUP BY moment
    )
    SELECT {", ".join(f"s{s}" for s in range(LEVELS))},
        {", ".join(f"t[{i}] AS t{i}" for i in range(1, TOP + 1))},
        {", ".join(f"x[{i}] AS x{i}" for i in range(1, EXEMPLARS + 1))}
    FROM moments LEFT JOIN levels USING (moment) LEFT JOIN templates USING (moment)
    ORDER BY moment
"""  # noqa: S608 - of constants


def _unpacked(found: Any) -> Columns:
    """Unpack a table with the columns s0.., t1.., x1.., nulls for what there is not."""
    import polars as pl

    frame = pl.DataFrame(found)

    def part(letter: str, fill: int) -> npt.NDArray[np.int64]:
        return frame.select(pl.col(f"^{letter}[0-9]+$").fill_null(fill)).to_numpy()

    return answer(part("s", 0), part("t", -1), part("x", -1))


def polars_plan(scene: Scene, engine: Any) -> Callable[[], Columns]:
    """Prepare Polars' bucketed join, for its streaming or its in-memory engine."""
    import polars as pl

    table, moments = pl.DataFrame(scene.table()), pl.DataFrame(scene.moments())
    first = (pl.col("middle") - HALF) // _WIDTH
    both = moments.lazy().with_columns(bucket=pl.concat_list(first, first + 1)).explode("bucket")
    each = (
        table.lazy()
        .filter(pl.col("kind") == _events.LOG)
        .with_columns(bucket=pl.col("ts") // _WIDTH)
        .join(both, on=["entity", "bucket"])
        .with_columns(far=(pl.col("ts") - pl.col("middle")).abs())
        .filter(pl.col("far") <= HALF)
        .group_by("moment", "severity", "template")
        .agg(
            n=pl.len().cast(pl.Int64),
            near=(pl.col("far") * MOST_ROWS + pl.col("id")).bottom_k(EXEMPLARS),
        )
    )
    asked = _told_by_polars(moments.lazy().select("moment"), each)
    return lambda: _unpacked(asked.collect(engine=engine))


def _told_by_polars(moments: pl.LazyFrame, each: pl.LazyFrame) -> pl.LazyFrame:
    """Count again by moment; spread the ranks over columns."""
    import polars as pl

    worst = (4 - pl.col("severity").cast(pl.Int64)) * (1 << 56)
    shown = each.select("moment", rank="near", worst=worst).explode("rank")
    levels = each.group_by("moment").agg(
        pl.col("n").filter(pl.col("severity") == s).sum().alias(f"s{s}") for s in range(LEVELS)
    )
    nearest = shown.group_by("moment").agg(
        x=(pl.col("rank") + pl.col("worst")).bottom_k(EXEMPLARS).sort()
    )
    rank = (_MOST - pl.col("n")) * (1 << 20) + pl.col("template")
    common = (
        each.group_by("moment", "template")
        .agg(pl.col("n").sum())
        .group_by("moment")
        .agg(t=rank.bottom_k(TOP).sort())
    )
    told = moments
    for part in (levels, common, nearest):
        told = told.join(part, on="moment", how="left")
    return told.sort("moment").select(
        *(f"s{s}" for s in range(LEVELS)),
        *(
            pl.col(letter).list.get(i, null_on_oob=True).alias(f"{letter}{i}")
            for letter, many in (("t", TOP), ("x", EXEMPLARS))
            for i in range(many)
        ),
    )


def numpy_plan(scene: Scene) -> Callable[[], Columns]:
    """Prepare NumPy's way: sort once by entity and time, find both ends, write out the pairs."""
    c, rows = scene.columns, scene.rows

    def run() -> Columns:
        logs = np.flatnonzero(c["kind"] == _events.LOG)
        by_entity = c["entity"][logs]
        if int(by_entity.max(initial=0)) < 1 << 16:
            by_entity = by_entity.astype(np.uint16)  # NumPy sorts 16 bits by radix
        logs = logs[np.argsort(by_entity, kind="stable")]
        begin = int(c["ts"][0]) - HALF
        key = c["entity"][logs].astype(np.int64) << 42 | (c["ts"][logs] - begin)
        middle = (c["entity"][rows].astype(np.int64) << 42) + (c["ts"][rows] - begin)
        low = np.searchsorted(key, middle - HALF)
        high = np.searchsorted(key, middle + HALF, side="right")
        ends = np.concatenate([[0], np.cumsum(high - low)])
        parts: list[Columns] = []
        first = 0
        while first < len(rows):
            stop = max(first + 1, int(np.searchsorted(ends, ends[first] + _PAIRS, "right")) - 1)
            place, at = _written(low[first:stop], high[first:stop])
            near = logs[at]
            far = np.abs(c["ts"][near] - c["ts"][rows[first:stop]][place])
            severity = c["severity"][near].astype(np.int64)
            parts.append(_ranked(stop - first, place, severity, c["template"][near], far, near))
            first = stop
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    return run


def _written(
    low: npt.NDArray[np.intp], high: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Write out ranges [low, high): for each place in one of them, which range, and the place."""
    size = high - low
    ends = np.cumsum(size)
    at = np.arange(int(size.sum())) + np.repeat(low - (ends - size), size)
    return np.repeat(np.arange(len(size)), size), at


def _ranked(
    moments: int,
    place: npt.NDArray[np.int64],
    severity: npt.NDArray[np.int64],
    template: npt.NDArray[np.int32],
    far: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64],
) -> Columns:
    """Count and rank pairs, shape (pairs,), of the moments 0 up to moments - 1."""
    counts = np.bincount(place * LEVELS + severity, minlength=moments * LEVELS)
    both, many = np.unique(place << 20 | template, return_counts=True)
    top = _least(moments, both >> 20, (_MOST - many) << 20 | (both & 0xFFFFF), TOP)
    shown = _least(moments, place, (4 - severity) << 56 | far << 27 | row, EXEMPLARS)
    return answer(counts.reshape(-1, LEVELS), top, shown)


def _least(
    moments: int, place: npt.NDArray[np.int64], rank: npt.NDArray[np.int64], many: int
) -> npt.NDArray[np.int64]:
    """Give the least ranks of each moment, shape (moments, many), -1 for no more."""
    order = np.lexsort((rank, place))
    place, rank = place[order], rank[order]
    nth = np.arange(len(place)) - np.searchsorted(place, place)
    found = np.full((moments, many), -1, np.int64)
    kept = nth < many
    found[place[kept], nth[kept]] = rank[kept]
    return found


def pandas_plan(scene: Scene) -> Callable[[], Columns]:
    """Prepare pandas' bucketed merge."""
    import pandas as pd

    c, rows = scene.columns, scene.rows
    every = pd.DataFrame({name: c[name] for name in USED})
    moments = pd.DataFrame(
        {
            "place": np.arange(len(rows)),
            "middle": c["ts"][rows],
            "entity": c["entity"][rows],
        }
    )

    def run() -> Columns:
        logs = every[every["kind"] == _events.LOG]
        logs = logs.assign(bucket=logs["ts"] // _WIDTH, row=logs.index)
        bucket = (moments["middle"] - HALF) // _WIDTH
        both = pd.concat([moments.assign(bucket=bucket), moments.assign(bucket=bucket + 1)])
        pairs = logs.merge(both, on=["entity", "bucket"])
        pairs["far"] = (pairs["ts"] - pairs["middle"]).abs()
        pairs = pairs[pairs["far"] <= HALF]
        names = ("place", "severity", "template", "far", "row")
        place, severity, template, far, row = (pairs[name].to_numpy() for name in names)
        return _ranked(len(rows), place, severity.astype(np.int64), template, far, row)

    return run
