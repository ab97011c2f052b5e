"""Parquet: the raw record is the row as JSON, and can be read again."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from nova_timeline.connector import Batch, Gap, Partition, load
from nova_timeline.errors import UnreadableSourceError

pq: Any = parquet  # its stubs leave parameters bare


def read(path: Path, table: pa.Table, **options: Any) -> tuple[list[Batch], list[str]]:
    pq.write_table(table, path, row_group_size=3)
    items = list(load("parquet")(options).read(Partition("a.parquet", path)))
    return [i for i in items if isinstance(i, Batch)], [
        i.reason for i in items if isinstance(i, Gap)
    ]


def test_rows_are_found_again_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    batches, _ = read(path, pa.Table.from_pydict({"message": [f"m{i}" for i in range(10)]}))
    kept = {r["evidence.locator"]: r["raw"] for b in batches for r in b.evidence.to_pylist()}
    assert len(kept) == 10
    locators = ["row=7", "row=0", "row=9", "row=7", "row=10"]
    again = load("parquet")({}).reread(path, locators).to_pylist()
    assert again == [kept["row=7"], kept["row=0"], kept["row=9"], kept["row=7"], None]


def test_the_raw_record_is_json_with_times_as_rfc_3339(tmp_path: Path) -> None:
    table = pa.Table.from_pydict(
        {
            "t": pa.array([1772545320123456789], pa.timestamp("ns", "UTC")),
            "local": pa.array([1772545320123], pa.timestamp("ms")),
            "x": [float("inf")],
            "b": [b"\x01\xfe"],
        }
    )
    [made], _ = read(tmp_path / "a.parquet", table, fields={"timestamp": "t"})
    [row] = made.evidence.to_pylist()
    assert json.loads(row["raw"]) == {
        "t": "2026-03-03T13:42:00.123456789Z",
        "local": "2026-03-03T13:42:00.123000000",
        "x": None,
        "b": "01fe",
    }


def test_a_typed_time_without_a_zone_needs_one(tmp_path: Path) -> None:
    time = pa.array([1772545320123], pa.timestamp("ms"))
    table = pa.Table.from_pydict({"time": time, "message": ["x"]})
    [made], said = read(tmp_path / "a.parquet", table)
    assert made.table["timestamp"].null_count == 1
    assert "set timezone" in said[0]
    [made], said = read(tmp_path / "a.parquet", table, timezone="-01:30")
    assert made.table["timestamp"].to_pylist() == [datetime(2026, 3, 3, 15, 12, 0, 123_000, UTC)]
    assert not said


def test_a_file_without_its_footer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    read(path, pa.Table.from_pydict({"message": ["x"]}))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UnreadableSourceError, match="not a whole Parquet file"):
        list(load("parquet")({}).read(Partition("a.parquet", path)))
