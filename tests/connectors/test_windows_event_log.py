"""What is peculiar to Windows event logs: shapes of data, the seventh digit, and damage."""

import builtins
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from evtx import PyEvtxParser

from fixtures.evtx_writer import CHUNK, FILE_HEADER, Event, write_evtx
from nova_timeline import connector
from nova_timeline.connector import Gap, Partition
from nova_timeline.errors import MissingExtraError, UnreadableSourceError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "windows_event_log"
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


def read(path: Path) -> tuple[list[dict[str, Any]], list[Gap]]:
    """Return rows, with times as integers of ns, and gaps."""
    rows, gaps = list[dict[str, Any]](), list[Gap]()
    for item in connector.load("windows_event_log")().read(Partition(path.name, path)):
        if isinstance(item, Gap):
            gaps.append(item)
            continue
        table = item.table
        for name in ("timestamp", "end_timestamp", "observed_timestamp"):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, table[name].cast(pa.int64()))
        rows += table.to_pylist()
    return rows, gaps


def written(path: Path, count: int, *, dirty: bool = False) -> list[Event]:
    data = (("param1", "Shop API"), ("param2", "running"))
    events = [
        Event(i + 1, NOON, "Service Control Manager", 7036, "System", "A.b.c", data, ticks=i % 10)
        for i in range(count)
    ]
    write_evtx(path, events, dirty=dirty)
    return events


def test_the_seventh_digit_is_kept(tmp_path: Path) -> None:
    written(tmp_path / "a.evtx", 10)
    rows, gaps = read(tmp_path / "a.evtx")
    noon = 1_772_539_200_000_000_000
    assert [r["timestamp"] - noon for r in rows] == [100 * i for i in range(10)]
    assert [r["observed_timestamp"] for r in rows] == [r["timestamp"] for r in rows]
    assert not gaps


def test_year_1601_is_no_time() -> None:
    rows, _ = read(FIXTURES / "sample.evtx")
    assert rows[-1]["timestamp"] is None
    assert rows[-1]["observed_timestamp"] is None
    assert sum(r["timestamp"] is None for r in rows) == 1


def test_records_are_cited_by_their_bytes() -> None:
    path = FIXTURES / "sample.evtx"
    rows, _ = read(path)
    data = path.read_bytes()
    for row in rows:
        start, length = map(int, row["evidence.locator"].removeprefix("bytes=").split("+"))
        assert data[start : start + 4] == b"\x2a\x2a\0\0"
        assert data[start + length - 4 : start + length] == length.to_bytes(4, "little")


def test_every_form_of_one_log_gives_the_same_identities() -> None:
    names = ("sample.evtx", "sample_wevtutil.xml", "sample_rendered.xml", "sample_powershell.json")
    log, text, rendered, shell = ({r["event_id"]: r for r in read(FIXTURES / n)[0]} for n in names)
    assert log.keys() == text.keys() | rendered.keys()
    assert shell.keys() <= log.keys()
    same = ("timestamp", "event_name", "severity_number", "entity", "service.name", "actor")
    for other in (text, rendered):
        for identity, row in other.items():
            assert {k: row[k] for k in same} == {k: log[identity][k] for k in same}
    dumped = read(FIXTURES / "sample_evtx_dump.jsonl")[0]
    assert {r["event_id"] for r in dumped} <= log.keys()


def test_bodies_come_from_the_file_then_from_windows_then_from_the_values() -> None:
    rows, _ = read(FIXTURES / "sample.evtx")
    bodies = {r["event_name"]: r["body"] for r in rows}
    assert (
        bodies["Service Control Manager/7036"] == "The Shop API service entered the running state."
    )
    assert bodies["Shop/100"] == 'Shop 100: Requête 7 échouée <timeout> & "retry"'
    assert bodies["Microsoft-Windows-Eventlog/104"] == "The Application log file was cleared."
    [said], _ = read(FIXTURES / "sample_rendered.xml")
    assert said["body"].startswith("The Shop API service terminated unexpectedly.  It has done")


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ((), "P 9"),
        (((None, "only"),), "P 9: only"),
        (((None, "one"), (None, "two")), "P 9: one; two"),
        ((("a", "1"), ("b", "x=y; z")), "P 9: a=1; b=x=y; z"),
        ((("a", ""),), "P 9: a="),
    ],
)
def test_shapes_of_data(
    data: tuple[tuple[str | None, str], ...], body: str, tmp_path: Path
) -> None:
    write_evtx(tmp_path / "a.evtx", [Event(1, NOON, "P", 9, "C", "H", data)])
    [row], _ = read(tmp_path / "a.evtx")
    assert row["body"] == body


def test_a_log_cut_off_says_how_much_is_missing(tmp_path: Path) -> None:
    written(tmp_path / "a.evtx", 1000)
    data = (tmp_path / "a.evtx").read_bytes()
    (tmp_path / "cut.evtx").write_bytes(data[: FILE_HEADER + CHUNK * 3 // 2])
    rows, [gap] = read(tmp_path / "cut.evtx")
    assert 0 < len(rows) < 1000
    assert gap.state == "partial"
    assert "the file is cut off" in gap.reason
    assert f"up to 1000, the last one found is {len(rows)}" in gap.reason
    # The half chunk is read as well.
    whole_chunks = PyEvtxParser(str(tmp_path / "cut.evtx")).records_json()
    assert len(rows) > sum(1 for _ in whole_chunks)


def test_damage_is_reported_and_read_around(tmp_path: Path) -> None:
    written(tmp_path / "a.evtx", 1000)
    data = bytearray((tmp_path / "a.evtx").read_bytes())
    data[FILE_HEADER + CHUNK : FILE_HEADER + CHUNK + 4] = b"XXXX"
    (tmp_path / "magic.evtx").write_bytes(data)
    rows, [gap] = read(tmp_path / "magic.evtx")
    assert 0 < len(rows) < 1000
    assert "the parser met damage" in gap.reason
    assert "checksum does not hold in chunks 1," in gap.reason


def test_a_changed_record_is_betrayed_by_its_checksum(tmp_path: Path) -> None:
    written(tmp_path / "a.evtx", 10)
    data = bytearray((tmp_path / "a.evtx").read_bytes())
    at = data.rfind("running".encode("utf-16-le"))
    data[at] = ord("c")
    (tmp_path / "a.evtx").write_bytes(data)
    rows, [gap] = read(tmp_path / "a.evtx")
    assert len(rows) == 10
    assert "checksum does not hold in chunks 0," in gap.reason


def test_a_log_that_was_not_closed_says_so(tmp_path: Path) -> None:
    written(tmp_path / "a.evtx", 10, dirty=True)
    rows, [gap] = read(tmp_path / "a.evtx")
    assert len(rows) == 10
    assert "its dirty flag is set" in gap.reason
    assert gap.state == "complete"


def test_xml_in_either_quotes_with_and_without_a_root(tmp_path: Path) -> None:
    text = (FIXTURES / "sample_wevtutil.xml").read_text()
    want = read(FIXTURES / "sample_wevtutil.xml")[0]
    for name, form in {
        "double.xml": text.replace("'", '"'),
        "root.xml": f"<?xml version='1.0'?><Events>{text}</Events>",
        "lines.xml": text.replace("><", ">\n  <"),
    }.items():
        (tmp_path / name).write_text(form)
        rows, gaps = read(tmp_path / name)
        assert not gaps
        assert [r["event_id"] for r in rows] == [r["event_id"] for r in want]
        assert [r["body"] for r in rows] == [r["body"] for r in want]


def test_an_event_without_its_end_is_a_gap(tmp_path: Path) -> None:
    text = (FIXTURES / "sample_wevtutil.xml").read_text()
    cut = tmp_path / "a.xml"
    cut.write_text(text[: text.rindex("</Event>")])
    rows, [gap] = read(cut)
    assert len(rows) == 8
    assert "1 Event elements have no end" in gap.reason


def test_powershell_of_two_ages(tmp_path: Path) -> None:
    rows, _ = read(FIXTURES / "sample_powershell.json")
    assert [r["timestamp_precision"] for r in rows] == [1_000_000, 100]
    single = json.loads((FIXTURES / "sample_powershell.json").read_text())[1]
    single["TimeCreated"] = {"value": "/Date(1772544610000)/", "DisplayHint": 2}
    single["Properties"] = []
    (tmp_path / "a.json").write_bytes(json.dumps(single).encode("utf-16"))
    [row], gaps = read(tmp_path / "a.json")
    assert not gaps
    assert row["timestamp"] == 1_772_544_610_000_000_000
    assert row["event_id"] == rows[1]["event_id"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b'[{"a": 1}]'), ("a.xml", b"<root/>"), ("a.evtx", b"ElfFile\0" + bytes(100))],
)
def test_what_is_no_event_log_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableSourceError):
        read(tmp_path / name)


def test_a_missing_parser_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "evtx":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"nova-timeline\[windows\]"):
        read(FIXTURES / "sample.evtx")


@pytest.mark.parametrize(
    ("provider", "number", "channel", "data", "service"),
    [
        ("OrderWorker", 100, "Application", (), "OrderWorker"),
        ("MsiInstaller", 1033, "Application", (), None),
        ("Microsoft-Windows-Winlogon", 6000, "Application", (), None),
        ("OrderWorker", 100, "System", (), None),
        (
            "Application Error",
            1000,
            "Application",
            (("AppName", "OrderWorker.exe"),),
            "OrderWorker",
        ),
        ("Application Hang", 1002, "Application", (("", r"C:\app\Shop.Api.EXE"),), "Shop.Api"),
        (".NET Runtime", 1026, "Application", (("", "Application: Shop.exe\nVersion: 8"),), "Shop"),
    ],
)
def test_programs_are_services(
    tmp_path: Path,
    provider: str,
    number: int,
    channel: str,
    data: tuple[tuple[str, str], ...],
    service: str | None,
) -> None:
    pairs = "".join(
        f'<Data Name="{name}">{text}</Data>' if name else f"<Data>{text}</Data>"
        for name, text in data
    )
    (tmp_path / "a.xml").write_text(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        f"<Provider Name='{provider}'/><EventID>{number}</EventID><Level>2</Level>"
        "<TimeCreated SystemTime='2026-03-03T12:00:00.0000001Z'/><EventRecordID>1</EventRecordID>"
        f"<Channel>{channel}</Channel><Computer>A.b.c</Computer></System>"
        f"<EventData>{pairs}</EventData></Event>"
    )
    [row], _ = read(tmp_path / "a.xml")
    assert row["service.name"] == service
