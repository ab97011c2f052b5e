"""Rows come back from a spool the same, whether they lie in memory or in files."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.spool import Spool, ascending

SCHEMA = pa.schema(
    [
        pa.field("words", pa.map_(pa.string(), pa.string())),
        pa.field("row", pa.int64()),
        pa.field("time", pa.int64()),
        pa.field("body", pa.string()),
    ]
)


def tables(times: list[list[int]]) -> list[pa.Table]:
    """Make a table of each list of times; rows are numbered through."""
    found: list[pa.Table] = []
    row = 0
    for some in times:
        rows: list[dict[str, Any]] = [
            {"words": [("a", str(t))], "row": row + i, "time": t, "body": f"line {row + i}"}
            for i, t in enumerate(some)
        ]
        found.append(pa.Table.from_pylist(rows, schema=SCHEMA))
        row += len(some)
    return found


def spools(times: list[list[int]], folder: Path) -> tuple[Spool, Spool]:
    """Fill one spool in memory, and one that writes each table to a file."""
    held, spilled = Spool(SCHEMA), Spool(SCHEMA, folder, 0)
    for table in tables(times):
        held.append(table)
        spilled.append(table)
    return held, spilled


TIMES = st.lists(st.lists(st.integers(-50, 50), max_size=30), max_size=5)


@given(TIMES, st.integers(-60, 60), st.integers(-60, 60))
def test_a_stretch_of_time_is_the_same_from_files(
    tmp_path_factory: pytest.TempPathFactory, times: list[list[int]], start: int, stop: int
) -> None:
    held, spilled = spools(times, tmp_path_factory.mktemp("spool"))
    found = [s.between(start, stop, ["body", "row", "time"]) for s in (held, spilled)]
    ordered = [pl.DataFrame(f).sort("time", "row") for f in found]
    assert ordered[0].equals(ordered[1])
    every: list[Any] = [t for some in times for t in some if start <= t < stop]
    assert sorted(every) == ordered[0]["time"].to_list()


@given(TIMES.filter(any), st.data())
def test_rows_come_back_in_the_order_asked_for(
    tmp_path_factory: pytest.TempPathFactory, times: list[list[int]], data: st.DataObject
) -> None:
    total = sum(map(len, times))
    wanted = data.draw(st.lists(st.integers(0, total - 1), max_size=10))
    for spool in spools(times, tmp_path_factory.mktemp("spool")):
        found = spool.take(np.array(wanted, np.int64), ["body", "words"])
        assert found["body"].to_pylist() == [f"line {row}" for row in wanted]


def test_equal_times_stay_in_the_order_they_were_added(tmp_path: Path) -> None:
    held, spilled = spools([[5] * 100, [5] * 100], tmp_path)
    for spool in (held, spilled):
        assert spool.between(5, 6, ["row"])["row"].to_pylist() == list(range(200))


def test_what_is_held_stays_within_the_budget(tmp_path: Path) -> None:
    [table] = tables([list(range(1000))])
    spool = Spool(SCHEMA, tmp_path, 3 * table.nbytes)
    for _ in range(20):
        spool.append(table)
    assert (spool.rows, spool.bytes) == (20_000, 20 * table.nbytes)
    assert len(list(tmp_path.iterdir())) == 5
    assert sum(map(len, spool.tables(["time"]))) == 20_000


def test_only_the_groups_of_a_stretch_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.parquet as pq

    [table] = tables([list(range(50_000))])
    spool = Spool(SCHEMA, tmp_path, 0)
    spool.append(table)
    read: list[int] = []
    reader: Any = pq.ParquetFile
    whole = reader.read_row_group

    def watched(self: Any, group: int, **how: Any) -> Any:
        read.append(group)
        return whole(self, group, **how)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", watched)
    assert len(spool.between(40_000, 40_010, ["row"])) == 10
    assert read == [2]


@given(
    st.lists(st.lists(st.none() | st.sampled_from("abc"), max_size=8), max_size=5),
    st.booleans(),
)
def test_coded_texts_come_back_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[str | None]], spill: bool
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(SCHEMA, folder, 0 if spill else 1 << 62, coded=("body",))
    every = [text for some in texts for text in some]
    for table in tables([[3] * len(some) for some in texts]):
        at: list[Any] = table["row"].to_pylist()
        words = pa.array([every[i] for i in at], pa.string())
        spool.append(table.set_column(3, "body", words))
    found = spool.between(0, 5, ["body", "row"])
    assert found["body"].to_pylist() == every
    assert [t for some in spool.tables(["body"]) for t in some["body"].to_pylist()] == every
    if every:
        asked = np.arange(len(every))[::-1]
        assert spool.take(asked, ["body"])["body"].to_pylist() == every[::-1]


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), max_size=80),
    st.integers(1, 3),
)
def test_numbers_are_ordered_as_a_stable_sort_does(numbers: list[int], times: int) -> None:
    given_ = np.array(numbers * times, np.int64)
    assert ascending(given_).tolist() == np.argsort(given_, kind="stable").tolist()


def test_numbers_that_differ_in_their_lowest_bits_alone_are_ordered_too() -> None:
    close = np.tile(np.array([5, 4, -(2**63), 2**63 - 1, 7, 6, 3], np.int64), 3)
    assert ascending(close).tolist() == np.argsort(close, kind="stable").tolist()


def test_many_numbers_in_no_order_are_ordered() -> None:
    some = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 50_000)
    assert (ascending(some) == np.argsort(some, kind="stable")).all()
