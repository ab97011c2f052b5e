"""Rows that are read twice are found, however many there are and wherever they lie."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline import arrow, digest, duplicates, schema, store

FILES = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.sampled_from("ab")), max_size=12),
    min_size=1,
    max_size=4,
)
Rows = list[list[tuple[int, bool, str]]]


def events(rows: list[tuple[int, bool, str]]) -> pa.Table:
    """Make events of (what they say, whether they are known by their bytes only, their file)."""
    said = digest.sha256(pa.array([str(n).encode() for n, _, _ in rows], pa.binary()))
    by_bytes: Any = pa.array([b for _, b, _ in rows], pa.bool_())
    columns = {
        "event_id": digest.identities(said, "", by_bytes=by_bytes),
        "evidence.uri": pa.array([uri for *_, uri in rows], pa.string()),
        "body": pa.array([str(n) for n, _, _ in rows], pa.string()),
    }
    return schema.conform("event", columns, len(rows))


def written(files: list[pa.Table], name: str, run: Path) -> list[Any]:
    """Write files of a table and return the keys of each."""
    for number, table in enumerate(files):
        store.write_part(run, name, number, table)
    return [duplicates.keys(table, name).to_numpy() for table in files]


def once(files: Rows) -> list[tuple[int, bool, int]]:
    """Say what brute force keeps: what it says, by bytes or not, and the how-manieth in a file."""
    kept: dict[tuple[int, bool, int], None] = {}
    stood: dict[tuple[int, str], int] = {}
    for rows in files:
        for n, by_bytes, uri in rows:
            nth = stood.get((n, uri), 0) if by_bytes else 0
            if by_bytes:
                stood[n, uri] = nth + 1
            kept.setdefault((n, by_bytes, nth))
    return list(kept)


@given(FILES, st.sampled_from([1, 3, 1 << 20]))
def test_each_event_is_kept_once_with_an_identity_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, files: Rows, at_once: int
) -> None:
    run = tmp_path_factory.mktemp("run")
    tables = [events(rows) for rows in files]
    keys = written(tables, "event", run)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(duplicates, "_AT_ONCE", at_once)
        found = duplicates.find(run, "event", keys)
    left = pa.concat_tables([found.applied(t, n) for n, t in enumerate(tables)])
    expected = once(files)
    assert left["body"].to_pylist() == [str(n) for n, *_ in expected]
    ids = arrow.whole(left["event_id"])
    assert len(set(ids.to_pylist())) == len(expected)
    assert digest.are_by_bytes(ids).tolist() == [by_bytes for _, by_bytes, _ in expected]


def test_points_are_the_same_when_all_that_makes_them_is(tmp_path: Path) -> None:
    columns = {
        "timestamp": pl.Series([1, 1, 2, None, None], dtype=pl.Datetime("ns", "UTC")),
        "entity": pl.Series(["a", "a", "a", None, None]),
        "metric.name": pl.Series(["m"] * 5),
        "value": pl.Series([1.0, 1.5, 1.0, 2.0, 2.0]),
    }
    table = schema.conform("metric", columns, 5)
    keys = written([table, table], "metric", tmp_path)
    found = duplicates.find(tmp_path, "metric", keys)
    assert {n: p.tolist() for n, p in found.dropped.items()} == {0: [4], 1: [0, 1, 2, 3, 4]}
    assert found.applied(table, 0)["value"].to_pylist() == [1.0, 1.5, 1.0, 2.0]


@pytest.mark.parametrize("budget", [0, 20, 1000])
def test_keys_come_back_from_files(budget: int, tmp_path: Path) -> None:
    given_keys = [np.arange(n, dtype=np.uint64) for n in (3, 0, 2, 5)]
    kept = duplicates.Keys(tmp_path / "keys", budget)
    for some in given_keys:
        kept.append(some)
    assert [k.tolist() for k in kept] == [k.tolist() for k in given_keys]
    assert [k.tolist() for k in kept[1:3]] == [[], [0, 1]]


def test_nothing_is_read_back_where_no_key_repeats(tmp_path: Path) -> None:
    keys = [np.array([1, 2], np.uint64), np.array([3], np.uint64)]
    found = duplicates.find(tmp_path / "nowhere", "event", keys)
    assert found.files() == []
