"""The run folder: written whole or not at all, and read back as it was."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nova_timeline import coded, document, packing, run_folder, schema, store
from nova_timeline.config import Incident
from nova_timeline.errors import RunError, RunFolderError
from nova_timeline.pipeline import reconstruct
from nova_timeline.timeline import Timeline


def listed(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_a_run_read_back_is_what_was_saved(bundled: Timeline, bundled_run: Path) -> None:
    again = Timeline.open(bundled_run)
    assert document.dumps(again.findings) == document.dumps(bundled.findings)
    for name in (*store.FOLDERS, "moments", "links"):
        assert again.to_arrow(name).equals(bundled.to_arrow(name).cast(again.to_arrow(name).schema))


def test_a_run_saved_again_is_the_same_files(small_run: Path, tmp_path: Path) -> None:
    again = Timeline.open(small_run).save(tmp_path / "again")
    assert listed(again) == listed(small_run)
    for name in ("timeline.json", "report.html", "postmortem.md", "events/part-00000.parquet"):
        assert (again / name).read_bytes() == (small_run / name).read_bytes()


def test_no_two_runs_share_a_file(small: Path, tmp_path: Path) -> None:
    timeline = reconstruct(Incident.load(small), out=tmp_path / "one")
    first, second = timeline.save(tmp_path / "one"), timeline.save(tmp_path / "two")
    third = Timeline.open(first).save(tmp_path / "three")
    timeline.discard()
    assert listed(tmp_path)[0] == "one"
    assert listed(first) == listed(second) == listed(third)
    for path in (p for run in (first, second, third) for p in run.rglob("*") if p.is_file()):
        assert path.stat().st_nlink == 1, path


def test_the_raw_record_is_the_bytes_of_the_file(small: Path, small_run: Path) -> None:
    timeline = Timeline.open(small_run)
    key, citation = next(
        (k, c) for k, c in timeline.findings.evidence.items() if c.uri.startswith("logs/")
    )
    start, _, length = citation.locator.removeprefix("bytes=").partition("+")
    data = (small.parent / citation.uri).read_bytes()
    assert timeline.evidence(key).raw == data[int(start) : int(start) + int(length)]


@pytest.mark.parametrize("known", [True, False])
def test_raw_records_are_read_by_their_places(
    known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From whatever files and row groups hold them, with bounds of these known or not."""
    monkeypatch.setattr(packing, "_ROWS", 4)
    if not known:
        monkeypatch.setattr(packing, "_PRUNED", ())
    rows = [(f"{'abc'[n // 20]}.log", f"bytes={n % 20}+1", f"{n}".encode()) for n in range(60)]
    for number in range(5):
        uris, locators, raw = (list(c) for c in zip(*rows[number * 12 :][:12], strict=True))
        columns: dict[str, Any] = {
            "evidence.uri": pa.array(uris),
            "evidence.locator": pa.array(locators),
            "raw": pa.array(raw, pa.large_binary()),
        }
        table = schema.conform("evidence", columns, len(raw))
        store.write_part(tmp_path, "evidence", number, table)
    wanted = ["bytes=0+1", "bytes=3+1", "bytes=19+1", "bytes=20+1"]
    for uri in ("a.log", "b.log", "c.log", "d.log"):
        held = {place: raw for name, place, raw in rows if name == uri and place in wanted}
        assert store.records(tmp_path, uri, wanted) == held
    assert store.records(tmp_path, "a.log", []) == {}


def test_raw_records_that_cannot_be_read_are_told(own_run: Path) -> None:
    timeline = Timeline.open(own_run)
    for path in store.files(own_run, "evidence"):
        path.write_bytes(b"damaged")
    with pytest.raises(RunFolderError, match="evidence cannot be read"):
        timeline.evidence(next(iter(timeline.findings.evidence)))


def test_what_is_not_there_is_named_with_what_is(small_run: Path) -> None:
    timeline = Timeline.open(small_run)
    with pytest.raises(RunError, match="no table 'event_s'; did you mean 'event'"):
        timeline.to_arrow("event_s")
    with pytest.raises(RunError, match="cites no 'e00'"):
        timeline.evidence("e00")


def test_nothing_is_there_before_the_run_is_whole(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with run_folder.writing(run) as folder:
        (folder / "one").write_text("1")
        assert not run.exists()
        assert folder.parent == tmp_path
    assert listed(tmp_path) == ["run", "run/one"]


def test_a_run_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with run_folder.writing(tmp_path / "run") as folder:
            (folder / "one").write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert listed(tmp_path) == []


def test_a_run_that_fails_leaves_the_older_one(own_run: Path) -> None:
    before = listed(own_run.parent)

    def fail() -> None:
        with run_folder.writing(own_run):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert listed(own_run.parent) == before


def test_an_older_run_is_replaced_whole(own_run: Path) -> None:
    with run_folder.writing(own_run) as folder:
        (folder / store.MANIFEST).write_text("{}")
    assert listed(own_run) == [store.MANIFEST]
    assert sorted(p.name for p in own_run.parent.iterdir()) == ["incident", "run"]


def test_an_older_run_behind_a_link_is_replaced_where_it_is(own_run: Path) -> None:
    link = own_run.with_name("latest")
    link.symlink_to("run")
    with run_folder.writing(link) as folder:
        (folder / store.MANIFEST).write_text("{}")
    assert link.is_symlink()
    assert listed(own_run) == [store.MANIFEST]


def test_an_older_run_comes_back_when_the_new_one_cannot_take_its_place(
    own_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = listed(own_run.parent)
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    def fail() -> None:
        with run_folder.writing(own_run) as folder:
            (folder / store.MANIFEST).write_text("{}")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="busy"):
        fail()
    assert listed(own_run.parent) == before


@pytest.mark.parametrize("inside", ["new", "empty", "a/b/new"])
def test_a_run_may_stand_in_a_new_or_an_empty_folder(inside: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with run_folder.writing(tmp_path / inside) as folder:
        (folder / "one").write_text("1")
    assert (tmp_path / inside / "one").read_text() == "1"


def test_the_folder_one_stands_in_may_become_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with run_folder.writing(Path()) as folder:
        (folder / "one").write_text("1")
    assert listed(tmp_path) == ["here", "here/one"]


def test_something_else_is_not_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter-1.tex").write_text("It was")
    file = tmp_path / "notes.txt"
    file.write_text("x")
    for taken in (folder, file):
        with pytest.raises(RunFolderError, match="exists and is not a run; name another"):
            run_folder.writing(taken).__enter__()
    assert listed(tmp_path) == ["notes.txt", "thesis", "thesis/chapter-1.tex"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="cannot be written: Not a directory"):
        run_folder.writing(tmp_path / "file" / "run").__enter__()


def test_a_table_without_rows_comes_back_with_its_columns(tmp_path: Path) -> None:
    store.write_table(tmp_path, "metric", schema.empty("metric"))
    assert store.read_table(tmp_path, "metric").equals(schema.empty("metric"))
    assert store.read_table(tmp_path, "edge").equals(schema.empty("edge"))


@pytest.mark.parametrize("name", ["event", "metric", "evidence"])
def test_coded_columns_are_kept_as_their_texts(
    name: str, bundled: Timeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever row groups there are, some of them without some of the texts."""
    monkeypatch.setattr(packing, "_ROWS", 100)
    table = bundled.to_arrow(name)
    packed = table
    for at, column in enumerate(table.column_names):
        if table[column].type == pa.string():
            packed = packed.set_column(at, column, coded.of(table[column]))
    made: Any = pq.ParquetFile(pa.BufferReader(packing.packed(packed)))
    assert made.num_row_groups > 1
    assert made.schema_arrow == schema.table(name)
    assert made.read().equals(table.combine_chunks())


@pytest.mark.parametrize(
    ("locator", "codec"),
    [("bytes={}+220", "UNCOMPRESSED"), ("cursor=s=8f3b;i={}" + "b" * 40, "ZSTD")],
)
def test_locators_come_back_short_or_long(locator: str, codec: str) -> None:
    """Short ones are written as what they have in common with the one before, and the rest."""
    written = [locator.format(at * 221) for at in range(1_000)]
    table = schema.conform("evidence", {"evidence.locator": pa.array(written)}, len(written))
    made: Any = pq.ParquetFile(pa.BufferReader(packing.packed(table)))
    at = made.schema_arrow.get_field_index("evidence.locator")
    assert made.metadata.row_group(0).column(at).compression == codec
    assert made.read()["evidence.locator"].to_pylist() == written


@pytest.mark.parametrize("how", ["flipped", "cut", "emptied"])
def test_a_damaged_table_is_told_and_not_read(how: str, own_run: Path) -> None:
    path = own_run / "events" / "part-00000.parquet"
    data = path.read_bytes()
    middle = len(data) // 8
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    path.write_bytes({"flipped": flipped, "cut": data[:middle], "emptied": b""}[how])
    with pytest.raises(RunFolderError, match=r"events/part-00000\.parquet cannot be read"):
        store.read_table(own_run, "event")


def test_the_manifest_lists_every_file_and_seals_itself(small_run: Path) -> None:
    whole = store.manifest(small_run)
    files = {n for n in listed(small_run) if (small_run / n).is_file()}
    assert set(whole["outputs"]) == files - {store.MANIFEST}
    assert store.is_sealed(whole)
    assert not store.is_sealed({**whole, "base": "/elsewhere"})
    assert not store.is_sealed({k: v for k, v in whole.items() if k != "seal"})
    assert whole["versions"].keys() >= {"nova-timeline", "python", "duckdb"}


def test_the_manifest_is_the_same_text_for_the_same_run(small_run: Path, tmp_path: Path) -> None:
    again = Timeline.open(small_run).save(tmp_path / "again")
    assert (again / store.MANIFEST).read_bytes() == (small_run / store.MANIFEST).read_bytes()
    assert json.loads((again / store.MANIFEST).read_bytes())["format"] == store.FORMAT


def test_every_column_of_the_tables_survives(own_run: Path) -> None:
    for name in store.FOLDERS:
        table = store.read_table(own_run, name)
        assert table.schema == schema.table(name)
        assert isinstance(table, pa.Table)
