"""JSON lines by a field map: what is guessed, what is said, and what is never guessed."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nova_timeline.connector import Batch, Gap, Partition, load
from nova_timeline.errors import OptionError


def plain(item: Batch) -> list[dict[str, Any]]:
    """Turn a batch into rows, the time in nanoseconds."""
    times = item.table["timestamp"].cast(pa.int64()).to_pylist()
    rest = item.table.drop_columns(["timestamp", "observed_timestamp", "end_timestamp"]).to_pylist()
    return [row | {"timestamp": time} for row, time in zip(rest, times, strict=True)]


def read(path: Path, text: str, **options: Any) -> tuple[list[dict[str, Any]], list[str]]:
    file = path / "app.jsonl"
    file.write_text(text)
    items = list(load("jsonl")(options).read(Partition("app.jsonl", file)))
    rows = [r for i in items if isinstance(i, Batch) for r in plain(i)]
    return rows, [i.reason for i in items if isinstance(i, Gap)]


def test_a_number_is_no_time_without_its_unit(tmp_path: Path) -> None:
    line = '{"ts": 1772545320123, "msg": "x"}\n'
    [row], said = read(tmp_path, line)
    assert row["timestamp"] is None
    assert "set timestamp_unit" in said[0]
    [row], said = read(tmp_path, line, timestamp_unit="ms")
    assert row["timestamp"] == 1772545320123_000_000
    assert row["timestamp_precision"] == 1_000_000
    assert not said


def test_nanoseconds_keep_their_digits(tmp_path: Path) -> None:
    line = '{"ts": 1772545320123456789, "msg": "x"}\n'
    [row], _ = read(tmp_path, line, timestamp_unit="ns")
    assert row["timestamp"] == 1772545320123456789


def test_a_time_without_a_zone_needs_one(tmp_path: Path) -> None:
    line = '{"time": "2026-03-03 13:42:00.5", "msg": "x"}\n'
    [row], said = read(tmp_path, line)
    assert row["timestamp"] is None
    assert "set timezone" in said[0]
    [row], said = read(tmp_path, line, timezone="+02:00")
    assert row["timestamp"] == 1772538120_500_000_000
    assert not said
    zoned = '{"time": "2026-03-03T13:42:00Z", "msg": "x"}\n'
    [row], _ = read(tmp_path, zoned, timezone="+02:00")
    assert row["timestamp"] == 1772545320_000_000_000


def test_a_damaged_line_is_reported_and_the_rest_read(tmp_path: Path) -> None:
    rows, said = read(tmp_path, '{"msg": "a"}\n{"msg": "b"\n{"msg": "c"}\n')
    assert [r["body"] for r in rows] == ["a", "c"]
    assert any("1 of 3 records are not JSON objects" in s for s in said)


def test_a_field_that_is_given_replaces_what_is_guessed(tmp_path: Path) -> None:
    line = '{"time": "2026-03-03T13:42:00Z", "at": null, "service": "a", "msg": "x"}\n'
    [row], _ = read(tmp_path, line, fields={"timestamp": "at", "service.name": ""})
    assert row["timestamp"] is None
    assert row["service.name"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fields": {"bodi": "msg"}}, "did you mean 'body'"),
        ({"fields": {"body": 3}}, "not from 3"),
        ({"constants": {"kind": "deployy"}}, "did you mean 'deploy'"),
        ({"values": ["a"]}, 'table = "metrics"'),
        ({"timezone": "CET"}, "not 'CET'"),
        ({"table": "metrics", "fields": {"attributes.x": "y"}}, "no column 'attributes.x'"),
    ],
)
def test_a_wrong_map_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        load("jsonl")(options)
