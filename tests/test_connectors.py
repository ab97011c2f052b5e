"""What every connector must hold to, whoever wrote it.

A connector's folder in fixtures/ holds one or more ``sample*`` files (or folders) and one
``golden.jsonl``; ``options.json`` gives, by sample name, the options it is read with.
"""

import hashlib
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nova_timeline import clock, connector, evidence, schema
from nova_timeline.connector import Batch, Connector, Gap, Partition
from nova_timeline.errors import UnreadableSourceError

FIXTURES = Path(__file__).parents[1] / "fixtures"
SAMPLES = sorted(
    (name, sample.name)
    for name in connector.available()
    for sample in (FIXTURES / name).glob("sample*")
)
BINARY = (".journal", ".journal~", ".parquet")
"""Formats that do not hold records as they are cited; tests/test_verify.py changes such files."""
every_connector = pytest.mark.parametrize("name", connector.available())
every_sample = pytest.mark.parametrize(("name", "sample"), SAMPLES)


def opened(name: str, sample: str) -> Connector:
    options = FIXTURES / name / "options.json"
    chosen: dict[str, Any] = json.loads(options.read_text()) if options.exists() else {}
    return connector.load(name)(chosen.get(sample))


def pieces(
    reader: Connector, name: str, sample: str, piece: int = connector.PIECE
) -> list[Partition]:
    files = reader.files(FIXTURES / name, sample).found
    return [p for uri, path in files for p in reader.partitions(uri, path, piece)]


def rows(reader: Connector, partitions: list[Partition]) -> list[dict[str, Any]]:
    return [
        {"table": item.name} | row
        for p in partitions
        for item in reader.read(p)
        if isinstance(item, Batch)
        for row in plain(item)
    ]


def plain(item: Batch) -> Iterator[dict[str, Any]]:
    """Turn a batch into rows that JSON can hold, nulls left out, times with all their digits."""
    assert item.table.schema == schema.table(item.name)
    table = item.table
    kinds: list[Any] = table.schema.types
    for i, column in enumerate(table.column_names):
        if pa.types.is_timestamp(kinds[i]):
            texts = [
                None if v is None else clock.rfc3339(v)
                for v in table[column].cast(pa.int64()).to_pylist()
            ]
            table = table.set_column(i, column, pa.array(texts, pa.string()))
    for row in table.to_pylist():
        yield {
            k: v.hex() if isinstance(v, bytes) else dict(v) if k == "attributes" else v
            for k, v in row.items()
            if v is not None
        }


def outcome(reader: Connector, partition: Partition) -> tuple[int, list[str]]:
    """Read all there is; return how many rows came and what was said to be missing."""
    count, said = 0, list[str]()
    try:
        for item in reader.read(partition):
            if isinstance(item, Gap):
                assert item.reason
                assert item.state in schema.STATES
                said.append(item.reason)
            else:
                count += item.table.num_rows
    except UnreadableSourceError as error:
        said.append(str(error))
    return count, said


@every_connector
def test_has_a_sample(name: str) -> None:
    assert list((FIXTURES / name).glob("sample*")), f"put a small real export in fixtures/{name}/"


@every_connector
def test_says_what_it_is(name: str) -> None:
    found = connector.load(name)
    assert found.__doc__
    assert found.summary
    assert found.globs
    assert all(option.help for option in found.options.values())


@every_connector
def test_reads_what_was_agreed(name: str, pytestconfig: pytest.Config) -> None:
    got = "".join(
        json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n"
        for n, sample in SAMPLES
        if n == name
        for row in rows(opened(name, sample), pieces(opened(name, sample), name, sample))
    )
    golden = FIXTURES / name / "golden.jsonl"
    if pytestconfig.getoption("--golden"):
        golden.write_text(got)
    assert got
    assert got == golden.read_text()


@every_sample
def test_travels_to_a_worker(name: str, sample: str) -> None:
    reader = opened(name, sample)
    copy = pickle.loads(pickle.dumps(reader))
    [*parts] = pickle.loads(pickle.dumps(pieces(reader, name, sample)))
    assert rows(copy, parts) == rows(reader, parts)


@every_sample
def test_any_split_reads_the_same(name: str, sample: str) -> None:
    reader = opened(name, sample)
    whole = rows(reader, pieces(reader, name, sample))
    for piece in (1, 7, 64, 333, 1000, 4096):
        assert rows(reader, pieces(reader, name, sample, piece)) == whole


@every_sample
def test_points_at_its_evidence(name: str, sample: str) -> None:
    reader = opened(name, sample)
    for partition in pieces(reader, name, sample):
        for item in reader.read(partition):
            if isinstance(item, Gap):
                continue
            kept = item.evidence.to_pylist()
            again = reader.reread(partition.path, [r["evidence.locator"] for r in kept])
            assert again.to_pylist() == [r["raw"] for r in kept]
            known = {
                (r["evidence.uri"], r["evidence.locator"]): hashlib.sha256(r["raw"]).digest()
                for r in kept
            }
            for uri, locator, digest in zip(
                *(item.table[f"evidence.{c}"].to_pylist() for c in ("uri", "locator", "sha256")),
                strict=True,
            ):
                assert known[uri, locator] == digest


@pytest.mark.parametrize(("name", "sample"), [s for s in SAMPLES if not s[1].endswith(BINARY)])
def test_a_changed_byte_is_seen_at_its_locator(name: str, sample: str, tmp_path: Path) -> None:
    reader = opened(name, sample)
    partition = pieces(reader, name, sample)[0]
    [first, *_] = [i for i in reader.read(partition) if isinstance(i, Batch)]
    record = first.evidence.to_pylist()[0]
    data = bytearray(evidence.content(partition.path).data)
    data[data.index(record["raw"][:40]) + len(record["raw"][:40]) // 2] ^= 1
    changed = tmp_path / partition.path.name
    changed.write_bytes(data)
    assert reader.reread(changed, [record["evidence.locator"]]).to_pylist() != [record["raw"]]


@every_sample
def test_an_empty_file_is_reported_or_has_no_rows(name: str, sample: str, tmp_path: Path) -> None:
    empty = tmp_path / Path(sample).name
    empty.write_bytes(b"")
    count, _ = outcome(opened(name, sample), Partition("empty", empty))
    assert count == 0


@every_sample
def test_garbage_is_reported(name: str, sample: str, tmp_path: Path) -> None:
    garbage = tmp_path / Path(sample).name
    garbage.write_bytes(bytes(range(255, 0, -1)) * 40)
    count, said = outcome(opened(name, sample), Partition("garbage", garbage))
    assert said or count == 0


@every_sample
def test_a_file_cut_off_loses_nothing_in_silence(name: str, sample: str, tmp_path: Path) -> None:
    reader = opened(name, sample)
    for partition in pieces(reader, name, sample):
        whole, _ = outcome(reader, partition)
        data = partition.path.read_bytes()
        for share in (0.2, 0.5, 0.9):
            cut = tmp_path / partition.path.name
            cut.write_bytes(data[: int(len(data) * share)])
            count, said = outcome(reader, Partition("cut", cut))
            at_line_end = data[: int(len(data) * share)].endswith(b"\n")
            assert said or count == whole or at_line_end, f"{whole - count} rows lost at {share}"


@every_sample
def test_every_value_is_one_the_tables_know(name: str, sample: str) -> None:
    reader = opened(name, sample)
    for row in rows(reader, pieces(reader, name, sample)):
        if row["table"] != "event":
            assert row.get("metric.name") or row.get("caller")
            continue
        assert row["kind"] in schema.KINDS
        assert row.get("role") in (None, *schema.ROLES)
        assert row.get("category") in (None, *schema.CATEGORIES)
        assert 1 <= row.get("severity_number", 9) <= 24
        assert row["clock"].startswith(("host:", "service:"))
