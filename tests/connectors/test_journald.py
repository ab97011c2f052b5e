"""What is peculiar to journals: their clocks, their binary values, and how they break."""

import json
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fixtures.host_logs import web_entries
from fixtures.journal_writer import export_format, write_journal
from nova_timeline import connector
from nova_timeline.clock import Window
from nova_timeline.connector import Batch, Gap, Partition
from nova_timeline.connectors import _journal_export, _journalctl
from nova_timeline.errors import UnreadableSourceError

SECOND = 1_000_000_000
START = 1_772_544_600 * SECOND
FIXTURES = Path(__file__).parents[2] / "fixtures"
SAMPLE = FIXTURES / "journald" / "sample.journal"


def read(path: Path, window: Window | None = None) -> tuple[list[dict[str, Any]], list[Gap]]:
    reader = connector.load("journald")()
    rows, gaps = list[dict[str, Any]](), list[Gap]()
    for item in reader.read(Partition(path.name, path), window):
        if isinstance(item, Batch):
            rows += item.table.to_pylist()
        else:
            gaps.append(item)
    return rows, gaps


def journalctl(*arguments: str) -> bytes:
    command = ["journalctl", f"--file={SAMPLE}", *arguments]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_the_sample_is_what_its_program_writes(tmp_path: Path) -> None:
    write_journal(tmp_path / "again.journal", web_entries())
    assert (tmp_path / "again.journal").read_bytes() == SAMPLE.read_bytes()
    journalctl("--verify")


def test_the_time_is_the_senders_and_the_journals_is_the_observed_one() -> None:
    rows, gaps = read(SAMPLE)
    assert not gaps
    third = rows[2]
    assert third["timestamp"].isoformat() == "2026-03-03T13:30:01.999651+00:00"
    assert third["observed_timestamp"].isoformat() == "2026-03-03T13:30:02.000001+00:00"
    kernel = rows[6]
    assert kernel["timestamp"] == kernel["observed_timestamp"]


def test_a_unit_is_the_service_that_systemd_speaks_about() -> None:
    rows, _ = read(SAMPLE)
    services = [r["service.name"] for r in rows]
    assert services == ["checkout"] * 6 + [None] + ["checkout"] * 4 + [None]
    assert {r["host.name"] for r in rows} == {"web-1"}


def test_a_file_and_its_dumps_are_the_same_events(tmp_path: Path) -> None:
    whole, _ = read(SAMPLE)
    for form, name in (("export", "a.export"), ("json", "a.json"), ("json-pretty", "b.json")):
        dump = tmp_path / name
        dump.write_bytes(journalctl("-o", form, "--all"))
        rows, gaps = read(dump)
        assert not gaps
        own = ("evidence.uri", "evidence.sha256", "evidence.locator")
        assert [{k: v for k, v in r.items() if k not in own} for r in rows] == [
            {k: v for k, v in r.items() if k not in own} for r in whole
        ]


def test_the_window_is_pushed_down_with_room_for_late_senders(tmp_path: Path) -> None:
    entries = [dict(e) for e in web_entries()]
    for i, entry in enumerate(entries):
        entry["__REALTIME_TIMESTAMP"] = str(START // 1000 + i * 3_600_000_000)
    write_journal(tmp_path / "hours.journal", entries)
    rows, gaps = read(
        tmp_path / "hours.journal", Window(START + 3600 * SECOND, START + 7200 * SECOND)
    )
    assert len(rows) == 2
    assert not gaps


def test_a_name_full_of_patterns_is_only_a_name(tmp_path: Path) -> None:
    odd = tmp_path / "system@{0,1}[a]*?\\-000,1.journal"
    odd.write_bytes(SAMPLE.read_bytes())
    rows, gaps = read(odd)
    assert len(rows) == 12
    assert not gaps


@pytest.mark.parametrize("share", [0.6, 0.8, 0.99])
def test_entries_in_front_of_a_cut_are_read_and_the_rest_is_counted(
    share: float, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.journal"
    data = SAMPLE.read_bytes()
    cut.write_bytes(data[: int(len(data) * share)])
    rows, [gap] = read(cut)
    assert 0 < len(rows) < 12
    assert gap.state == "partial"
    assert f"{12 - len(rows)} are missing" in gap.reason
    reader = connector.load("journald")()
    locators = [r["evidence.locator"] for r in rows]
    assert None not in reader.reread(cut, locators).to_pylist()
    assert reader.reread(cut, ["cursor=s=0"]).to_pylist() == [None]


def test_a_journal_cut_inside_its_tables_is_unavailable(tmp_path: Path) -> None:
    cut = tmp_path / "cut.journal~"
    cut.write_bytes(SAMPLE.read_bytes()[:2000])
    rows, [gap] = read(cut)
    assert not rows
    assert gap.state == "unavailable"


def test_a_header_that_promises_the_world_is_refused_quickly(tmp_path: Path) -> None:
    data = bytearray(SAMPLE.read_bytes())
    struct.pack_into("<Q", data, 96, 1 << 62)
    (tmp_path / "huge.journal").write_bytes(data)
    rows, [gap] = read(tmp_path / "huge.journal")
    assert not rows
    assert "journalctl ended with 1" in gap.reason


def test_every_flipped_byte_ends_in_rows_or_a_gap(tmp_path: Path) -> None:
    data = SAMPLE.read_bytes()
    for at in range(100, len(data), len(data) // 40):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        broken = tmp_path / "broken.journal"
        broken.write_bytes(changed)
        try:
            rows, gaps = read(broken)
        except UnreadableSourceError:
            continue
        assert gaps or len(rows) == 12, f"{12 - len(rows)} entries lost in silence, byte {at}"


def test_a_program_that_says_nothing_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "journalctl"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(_journalctl, "_PATIENCE", 0.2)
    rows, [gap] = read(SAMPLE)
    assert not rows
    assert "was stopped" in gap.reason
    assert "12 are missing" in gap.reason


def test_without_journalctl_the_message_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnreadableSourceError, match="journalctl --file FILE -o export"):
        read(SAMPLE)


def test_binary_and_over_long_fields_of_an_export(tmp_path: Path) -> None:
    dump = tmp_path / "a.export"
    long = "x" * (1 << 20)
    entries: list[dict[str, str | bytes]] = [
        {
            "__REALTIME_TIMESTAMP": "1772544600000001",
            "MESSAGE": b"a\n\nMESSAGE=b\xff",
            "_HOSTNAME": "h",
        },
        {"__REALTIME_TIMESTAMP": "1772544600000002", "MESSAGE": long, "_HOSTNAME": "h"},
        {"__REALTIME_TIMESTAMP": "soon", "MESSAGE": "undated", "_HOSTNAME": "h"},
    ]
    dump.write_bytes(export_format(entries))
    rows, gaps = read(dump)
    assert not gaps
    assert [r["body"] for r in rows] == ["a\n\nMESSAGE=b�", long, "undated"]
    assert rows[2]["timestamp"] is None


def test_the_first_of_repeated_fields_counts(tmp_path: Path) -> None:
    dump = tmp_path / "a.export"
    dump.write_bytes(b"__REALTIME_TIMESTAMP=1\nMESSAGE=one\nMESSAGE=two\n\n")
    [row], _ = read(dump)
    assert row["body"] == "one"


def test_a_damaged_export_goes_on_behind_the_damage(tmp_path: Path) -> None:
    good = b"__REALTIME_TIMESTAMP=1772544600000001\nMESSAGE=fine\n\n"
    dump = tmp_path / "a.export"
    dump.write_bytes(good + b"no field at all\nMESSAGE=lost\n\n" + good + good[:-20])
    rows, [gap] = read(dump)
    assert [r["body"] for r in rows] == ["fine", "fine"]
    assert "2 entries" in gap.reason
    assert f"at byte {len(good)}" in gap.reason


def test_blocks_smaller_than_entries_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = export_format(web_entries())
    whole = next(iter(_journal_export.blocks(data, ("MESSAGE",)))).column("MESSAGE").to_pylist()
    monkeypatch.setattr(_journal_export, "_BLOCK", 50)
    parts = [e.column("MESSAGE").to_pylist() for e in _journal_export.blocks(data, ("MESSAGE",))]
    assert [m for part in parts for m in part] == whole
    pieces = (data[i : i + 7] for i in range(0, len(data), 7))
    streamed = [
        e.column("MESSAGE").to_pylist() for e in _journal_export.stream(pieces, ("MESSAGE",))
    ]
    assert [m for part in streamed for m in part] == whole


def test_sequence_numbers_of_newer_systemd_do_not_change_the_record() -> None:
    old = b"__CURSOR=c\n__REALTIME_TIMESTAMP=1\n_BOOT_ID=b\n"
    old += b"MESSAGE\n\x0c\0\0\0\0\0\0\0\n__SEQNUM=1\n\n\n"
    new = old.replace(b"_BOOT_ID", b"__SEQNUM=7\n__SEQNUM_ID=abc\n_BOOT_ID")
    [one] = _journal_export.stream(iter([old]), ("MESSAGE",))
    [two] = _journal_export.stream(iter([new]), ("MESSAGE",))
    assert one.raw().to_pylist() == two.raw().to_pylist()
    assert two.column("MESSAGE").to_pylist() == ["\n__SEQNUM=1\n"]


def test_json_bytes_repetitions_and_what_was_left_out() -> None:
    rows, [gap] = read(FIXTURES / "journald" / "sample_db.jsonl")
    assert [r["body"] for r in rows[3:]] == ["�� bin", "first value", None]
    assert dict(rows[5]["attributes"])["SYSLOG_IDENTIFIER"] == "postgres"
    assert "1 messages were too long" in gap.reason


def test_a_message_that_looks_like_json_stays_text(tmp_path: Path) -> None:
    dump = tmp_path / "a.jsonl"
    entry = {"__REALTIME_TIMESTAMP": "1", "MESSAGE": '["not", "a", "list"]'}
    dump.write_text(json.dumps(entry) + "\n" + json.dumps(entry) + "\n")
    rows, _ = read(dump)
    assert [r["body"] for r in rows] == [entry["MESSAGE"]] * 2


@pytest.mark.parametrize("content", [b'{"a": 1}\n{"a": 2}\n', b"key=value\n\n", b"\x00\x01"])
def test_what_is_no_journal_is_refused(content: bytes, tmp_path: Path) -> None:
    other = tmp_path / "a.json"
    other.write_bytes(content)
    with pytest.raises(UnreadableSourceError):
        read(other)
