"""Delimited text: quotes, ragged records, and files that were cut off."""

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_timeline.connector import Batch, Gap, Partition, load
from nova_timeline.errors import OptionError, UnreadableSourceError


def read(path: Path, data: bytes, **options: Any) -> tuple[list[dict[str, Any]], list[str]]:
    path.write_bytes(data)
    items = list(load("csv")(options).read(Partition("a.csv", path)))
    rows = [r for i in items if isinstance(i, Batch) for r in i.table.to_pylist()]
    return rows, [i.reason for i in items if isinstance(i, Gap)]


CELL = st.text(st.sampled_from('ab",;\n\r é'), max_size=6)


@given(st.lists(st.tuples(CELL, CELL, st.just("end")), max_size=8))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
def test_reads_what_the_standard_library_wrote(
    tmp_path: Path, cells: list[tuple[str, str, str]]
) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([("body", "service", "host"), *cells])
    rows, _ = read(tmp_path / "a.csv", out.getvalue().encode())
    assert [r["service.name"] for r in rows] == [s or None for _, s, _ in cells]
    assert [r["body"] for r in rows if r["body"][-3:] != "end"] == [b for b, _, _ in cells if b]


def test_a_quote_left_open_says_what_is_lost(tmp_path: Path) -> None:
    rows, said = read(tmp_path / "a.csv", b'message,host\nfine,h\n"never closed,h\nmore,h\n')
    assert [r["body"] for r in rows] == ["fine"]
    assert any("byte 20 is never closed: 23 bytes lost" in s for s in said)


@pytest.mark.parametrize(
    ("last", "state"), [(b"13:42:01Z,web,ha", "complete"), (b"13:42:01Z,we", "partial")]
)
def test_a_last_record_without_a_line_end_may_be_cut_off(
    tmp_path: Path, last: bytes, state: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"time,host,message\n2026-03-03T13:42:00Z,web,whole\n2026-03-03T" + last)
    items = list(load("csv")({}).read(Partition("a.csv", path)))
    assert sum(i.table.num_rows for i in items if isinstance(i, Batch)) == 2
    gap = [i for i in items if isinstance(i, Gap)][-1]
    assert "the last line has no line end" in gap.reason
    assert gap.state == state


def test_ragged_records_are_kept_and_counted(tmp_path: Path) -> None:
    rows, said = read(
        tmp_path / "a.csv", b"time,message,host\n2026-03-03T13:42:00Z,short\n,a,b,c\n"
    )
    assert [r["body"] for r in rows] == ["short", "a"]
    assert "2 records do not have the header's 3 fields" in said


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    _, said = read(tmp_path / "a.csv", b"when,message\nx,y\n", fields={"timestamp": "whem"})
    assert any("'whem'" in s and "did you mean 'when'" in s for s in said)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSourceError):
        read(tmp_path / "a.csv", b"\xff\x00\x01,\n")


def test_a_delimiter_is_one_character() -> None:
    with pytest.raises(OptionError, match="one ASCII character"):
        load("csv")({"delimiter": "||"})


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("piece", [1, 7, 64, 1000])
def test_a_file_without_quotes_is_shared_and_reads_the_same(
    piece: int, ending: str, tmp_path: Path
) -> None:
    rows = [f"2026-03-03T14:00:{i:02}Z,line {i},{'x' * (i % 9)}" for i in range(40)]
    path = tmp_path / "app.csv"
    path.write_bytes(ending.join(["time,message,more", *rows, ""]).encode())
    reader = load("csv")()
    parts = list(reader.partitions("app.csv", path, piece))
    assert len(parts) == -(-path.stat().st_size // piece)
    found = [item for p in parts for item in reader.read(p)]
    assert all(isinstance(item, Batch) for item in found)
    tables = [item.table for item in found if isinstance(item, Batch)]
    [whole] = [i.table for i in reader.read(Partition("app.csv", path)) if isinstance(i, Batch)]
    assert pa.concat_tables(tables).equals(whole)
    assert whole["body"].to_pylist() == [f"line {i}" for i in range(40)]


def test_only_the_quotes_of_a_file_say_where_its_records_end(tmp_path: Path) -> None:
    path = tmp_path / "app.csv"
    path.write_text('time,message\n2026-03-03T14:00:00Z,"two\nlines"\n' * 9)
    assert list(load("csv")().partitions("app.csv", path, 10)) == [Partition("app.csv", path)]
