"""What ``verify`` finds: any byte that is not the one that was read, or written."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nova_timeline import digest, store
from nova_timeline.config import Incident
from nova_timeline.errors import RunFolderError
from nova_timeline.pipeline import reconstruct
from nova_timeline.verify import Verification, verify
from tests import runs

OUTPUTS = (
    "evidence/part-00000.parquet",
    "events/part-00000.parquet",
    "coverage/part-00000.parquet",
    "moments.parquet",
    "timeline.json",
    "report.html",
    "postmortem.md",
)


def flip(path: Path, at: int) -> None:
    """Flip the lowest bit of one byte."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def told(found: Verification, name: str) -> bool:
    return any(name in failure for failure in found.failures)


def test_a_fresh_run_holds(bundled_run: Path, small_run: Path) -> None:
    for run, sources in ((bundled_run, 40), (small_run, len(runs.FILES))):
        found = verify(run)
        assert found.holds
        assert found.failures == found.notes == []
        assert found.sources >= sources
        assert found.citations > found.records > 0
        assert found.outputs == len([p for p in run.rglob("*") if p.is_file()]) - 1


@pytest.mark.parametrize("share", [0.02, 0.3, 0.71, 0.99])
@pytest.mark.parametrize("name", runs.FILES)
def test_a_flipped_byte_of_a_source_is_found(
    name: str, share: float, small: Path, small_run: Path
) -> None:
    source = small.parent / name
    data = source.read_bytes()
    try:
        flip(source, int(len(data) * share))
        found = verify(small_run)
    finally:
        source.write_bytes(data)
    assert not found.holds
    assert told(found, f"{name}: not the bytes that were read")
    assert all(failure.startswith(name) for failure in found.failures)


@pytest.mark.parametrize("name", [n for n in runs.FILES if not n.endswith((".journal", ".gz"))])
def test_a_changed_record_is_named_by_its_place(name: str, own_run: Path) -> None:
    """As if the file's own digest had been made to agree: the records' digests still do not."""
    incident = own_run.parent / "incident"
    evidence = store.read_table(own_run, "evidence").to_pylist()
    found = next(r for r in evidence if r["evidence.uri"] == name)
    place = found["evidence.locator"]
    path = incident / name
    data = path.read_bytes()
    flip(path, data.index(found["raw"][:24]) + 12)
    inputs = store.manifest(own_run)["inputs"]
    [entry] = [i for i in inputs if i["uri"] == name]
    entry["sha256"] = digest.of_file(path)
    runs.reseal(own_run, inputs=inputs)
    assert verify(own_run).failures == [
        f"{name} {place}: the record there is not the one that was cited"
    ]


@pytest.mark.parametrize("share", [0.0, 0.4, 0.97])
@pytest.mark.parametrize("name", OUTPUTS)
def test_a_flipped_byte_of_the_run_is_found(name: str, share: float, small_run: Path) -> None:
    path = small_run / name
    data = path.read_bytes()
    try:
        flip(path, int(len(data) * share))
        found = verify(small_run)
    finally:
        path.write_bytes(data)
    assert f"{name}: not the bytes that were written" in found.failures


@pytest.fixture
def one_log(tmp_path: Path) -> tuple[Path, Path]:
    """Give a log of a dozen lines, and a run made of it alone."""
    incident = runs.write(tmp_path / "incident", ["jsonl"])
    (incident.parent / runs.LOGS[1]).unlink()
    log = incident.parent / runs.LOGS[0]
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:12]))
    return log, reconstruct(Incident.load(incident)).save(tmp_path / "run")


def test_any_flipped_byte_of_a_log_is_found(one_log: tuple[Path, Path]) -> None:
    log, run = one_log
    data = log.read_bytes()
    held: list[int] = []
    for at in range(0, len(data), 7):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        log.write_bytes(changed)
        if verify(run).holds:
            held.append(at)
    assert held == []


def test_any_flipped_byte_of_the_manifest_is_found(one_log: tuple[Path, Path]) -> None:
    _, run = one_log
    manifest = run / store.MANIFEST
    data = manifest.read_bytes()
    held: list[int] = []
    for at in range(0, len(data), 7):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        manifest.write_bytes(changed)
        try:
            if verify(run).holds:
                held.append(at)
        except RunFolderError:
            pass
    assert [chr(data[at]) for at in held if not data[at : at + 1].isspace()] == []


def test_a_source_that_is_gone_is_a_note(own_run: Path) -> None:
    (own_run.parent / "incident" / "app.csv").unlink()
    found = verify(own_run)
    assert found.holds
    assert found.notes == ["app.csv: no longer there; its records are held against the store alone"]


def test_sources_that_are_all_gone_leave_what_the_store_holds(own_run: Path) -> None:
    shutil.rmtree(own_run.parent / "incident")
    found = verify(own_run)
    assert found.holds
    assert len(found.notes) == len(runs.FILES)
    assert found.records


@pytest.mark.parametrize("name", [*runs.LOGS, "app.csv"])
def test_a_source_that_has_grown_is_a_note(name: str, own_run: Path) -> None:
    with (own_run.parent / "incident" / name).open("ab") as file:
        file.write(b'{"time":"2026-03-03T14:59:00Z","message":"later"}\n')
    found = verify(own_run)
    assert found.holds, found.failures
    assert found.notes == [f"{name}: has grown since; what was read of it is unchanged"]


@pytest.mark.parametrize("name", runs.FILES)
def test_a_source_that_was_cut_is_found(name: str, own_run: Path) -> None:
    path = own_run.parent / "incident" / name
    path.write_bytes(path.read_bytes()[:-40])
    found = verify(own_run)
    assert f"{name}: shorter than it was when it was read" in found.failures


def test_a_source_that_was_emptied_is_found(own_run: Path) -> None:
    for name in runs.FILES:
        (own_run.parent / "incident" / name).write_bytes(b"")
    found = verify(own_run)
    assert all(told(found, f"{name}: shorter") for name in runs.FILES)


def test_a_source_that_may_not_be_read_is_a_note(
    own_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: Any = Path.open

    def refuse(self: Path, *how: Any, **more: Any) -> Any:
        if self.name == "app.csv":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *how, **more)

    monkeypatch.setattr(Path, "open", refuse)
    found = verify(own_run)
    assert found.holds
    assert found.notes == [
        "app.csv: Permission denied; its records are held against the store alone"
    ]


def test_a_missing_file_of_the_run_is_found(own_run: Path) -> None:
    (own_run / "report.html").unlink()
    assert verify(own_run).failures == ["report.html: missing from the run"]


def test_a_missing_table_is_found(own_run: Path) -> None:
    shutil.rmtree(own_run / "evidence")
    assert told(verify(own_run), "evidence/part-00000.parquet: missing from the run")


def test_a_table_that_the_run_did_not_write_is_found(own_run: Path) -> None:
    shutil.copyfile(
        own_run / "events" / "part-00000.parquet", own_run / "events" / "part-99999.parquet"
    )
    assert verify(own_run).failures == [
        "events/part-99999.parquet: among the tables, and not written by the run"
    ]


def test_a_note_left_in_the_run_is_a_note(own_run: Path) -> None:
    (own_run / "read-me-first.txt").write_text("talk to Ada")
    found = verify(own_run)
    assert found.holds
    assert found.notes == ["read-me-first.txt: not written by the run"]


def test_a_record_changed_in_the_store_is_found_though_the_digests_of_files_agree(
    own_run: Path,
) -> None:
    table = store.read_table(own_run, "evidence")
    rows = table.to_pylist()
    rows[5]["raw"] += b" "
    store.write_table(own_run, "evidence", table.from_pylist(rows, schema=table.schema))
    runs.reseal(own_run)
    place = f"{rows[5]['evidence.uri']} {rows[5]['evidence.locator']}"
    assert told(verify(own_run), f"store: the record of {place} is not the one that was cited")


def cut(run: Path, name: str, table: pa.Table, rows: int) -> None:
    """Write a table anew as files of so many rows each."""
    shutil.rmtree(run / store.FOLDERS[name])
    for number, at in enumerate(range(0, len(table), rows)):
        store.write_part(run, name, number, table.slice(at, rows))


@pytest.mark.parametrize("rows", [7, 40, 1 << 20])
def test_all_holds_however_tables_are_cut_into_files(rows: int, own_run: Path) -> None:
    before = verify(own_run)
    for name in ("event", "evidence"):
        cut(own_run, name, store.read_table(own_run, name), rows)
    runs.reseal(own_run)
    found = verify(own_run)
    assert found.holds, found.failures
    assert (found.records, found.citations) == (before.records, before.citations)


def test_the_same_is_told_however_tables_are_cut_into_files(own_run: Path) -> None:
    """The first twenty records of each kind of failure are named, in the order of the tables."""
    incident = own_run.parent / "incident"
    (incident / "system.journal").write_bytes(b"no journal")
    log = incident / runs.LOGS[0]
    log.write_bytes(log.read_bytes().replace(b"charge", b"CHARGE"))
    evidence, events = (store.read_table(own_run, name) for name in ("evidence", "event"))
    rows = evidence.to_pylist()
    for row in rows[10:-30]:
        row["raw"] = row["raw"].replace(b"e", b"E")
    changed = evidence.from_pylist(rows[:-30], schema=evidence.schema)
    told: list[list[str]] = []
    for many in (5, 64, 1 << 20):
        cut(own_run, "evidence", changed, many)
        cut(own_run, "event", events, many + 2)
        runs.reseal(own_run)
        told.append(verify(own_run).failures)
    assert told[0] == told[1] == told[2]
    kinds = ("store: ", "event table: ", f"{runs.LOGS[0]} bytes=", "system.journal: cannot")
    assert [sum(f.startswith(k) for f in told[0]) for k in kinds] == [20, 20, 20, 1]


def test_a_part_that_cannot_be_read_is_found_though_the_digests_of_files_agree(
    own_run: Path,
) -> None:
    for name in ("events", "evidence"):
        (own_run / name / "part-00000.parquet").write_bytes(b"PAR1 no more")
        runs.reseal(own_run)
        [failure] = verify(own_run).failures
        assert f"{name}/part-00000.parquet cannot be read: " in failure


def test_a_record_without_a_digest_is_found(own_run: Path) -> None:
    table = store.read_table(own_run, "evidence")
    rows = table.to_pylist()
    rows[3]["evidence.sha256"] = None
    cut(own_run, "evidence", table.from_pylist(rows, schema=table.schema), 1 << 20)
    runs.reseal(own_run)
    place = f"{rows[3]['evidence.uri']} {rows[3]['evidence.locator']}"
    failures = verify(own_run).failures
    assert f"store: the record of {place} is not the one that was cited" in failures
    assert f"event table: cites {place}, which the store does not hold" in failures


def test_a_row_without_its_record_is_found_though_the_digests_of_files_agree(
    own_run: Path,
) -> None:
    table = store.read_table(own_run, "evidence")
    first = table.slice(0, 1).to_pylist()[0]
    store.write_table(own_run, "evidence", table.slice(1))
    runs.reseal(own_run)
    place = f"{first['evidence.uri']} {first['evidence.locator']}"
    assert told(verify(own_run), f"cites {place}, which the store does not hold")


def test_a_citation_made_up_is_found_though_the_digests_of_files_agree(own_run: Path) -> None:
    path = own_run / "timeline.json"
    document = json.loads(path.read_bytes())
    citation = next(iter(document["evidence"].values()))
    for made_up in ("0" * 64, "not hex at all"):
        citation["sha256"] = made_up
        path.write_text(json.dumps(document))
        runs.reseal(own_run)
        assert told(verify(own_run), "timeline")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "another/1"}'])
def test_a_damaged_manifest_is_no_run(text: str, own_run: Path) -> None:
    (own_run / store.MANIFEST).write_text(text)
    with pytest.raises(RunFolderError, match=store.MANIFEST):
        verify(own_run)


def test_a_manifest_that_was_edited_is_found(own_run: Path) -> None:
    whole = json.loads((own_run / store.MANIFEST).read_bytes())
    whole["inputs"] = []
    (own_run / store.MANIFEST).write_text(json.dumps(whole))
    assert verify(own_run).failures == ["manifest.json: not what was written"]


def test_a_folder_without_a_manifest_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"has no manifest\.json; make one with"):
        verify(tmp_path)
