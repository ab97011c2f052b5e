"""The hosts' own records: a journal's export for each Linux machine, event logs for Windows."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fixtures import render_hosts
from fixtures.evtx_writer import CHUNK, CHUNK_HEADER, FILE_HEADER, RECORD_MAGIC, write_evtx
from fixtures.journal_writer import export_format
from fixtures.scenario import Line, WindowsEvent, hexid

from . import notices
from .ledger import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .case import Case
    from .changes import Change
    from .ledger import Ledger

_LEVELS = {"ERROR": 2, "WARN": 3, "INFO": 4}
_RECORD_HEAD = 24


def write(case: Case, ledger: Ledger) -> None:
    """Put the hosts' records into the ledger."""
    for host in case.world.hosts:
        if host.startswith("win-"):
            _windows(case, host, ledger)
        else:
            ledger.add(f"hosts/{host}.export", (b"", b"\n", b"\n"), _linux(case, host))


def _linux(case: Case, host: str) -> list[Record]:
    """Write a host's journal as ``journalctl -o export`` does."""
    boot = hexid(32, case.id, host, "boot")
    skew = case.machines.skew[host]
    found: list[tuple[Line, str]] = [(x, "") for x in _said(case, host)]
    found += [
        (x, "") for x in notices.journal_noise(host, case.seed, case.start, case.draft.seconds)
    ]
    found += [(x, "") for x in _noticed(case, host)]
    found += [(x, c.ident) for c in case.changes for x in _restarted(case, host, c)]
    made: list[Record] = []
    for line, change in sorted(found, key=lambda pair: pair[0].time):
        if not case.machines.up(host, (line.time - case.start) / 1e9):
            continue
        entry = render_hosts.entry(host, line, skew=skew, since=case.start, boot=boot)
        raw = export_format([entry]).removesuffix(b"\n")
        made.append(Record(raw, line.time, host, 1000, change))
    return made


def _said(case: Case, host: str) -> Iterator[Line]:
    for line in case.lines:
        if line.host == host:
            body = f"{line.body} trace_id={line.trace_id}" if line.trace_id else line.body
            fields = {"unit": f"{line.entity}.service", "identifier": line.entity}
            yield Line(line.time, f"journal/{host}", line.level, body, fields)


def _noticed(case: Case, host: str) -> Iterator[Line]:
    for notice in case.fault.notices:
        entity = case.world.entities.get(notice.where)
        if notice.where == host or (entity and entity.hosts and entity.hosts[0] == host):
            time = case.start + int(notice.time * 1e6) * 1000
            unit = entity.name if entity else case.world.guests(host)[0]
            yield from notices.linux(notice.what, host, unit, time)


def _restarted(case: Case, host: str, change: Change) -> Iterator[Line]:
    """Write how a rollout restarts a service on its machines, one after the other."""
    entity = case.world.entities[change.entity]
    if change.how not in ("deploy", "config") or host not in entity.hosts:
        return
    step = change.lasting / len(entity.hosts) if change.how == "deploy" else 1.0
    at = change.time + entity.hosts.index(host) * step
    time = case.start + int(at * 1e6) * 1000
    yield from notices.linux("stopped", host, entity.name, time)
    yield from notices.linux("started", host, entity.name, time + 2_300_000_000)


def _windows(case: Case, host: str, ledger: Ledger) -> None:
    """Write a host's two logs, and read the records' bytes back out of them."""
    found: list[tuple[WindowsEvent, str]] = []
    for line in case.lines:
        if line.host == host:
            body = f"{line.body} TraceId={line.trace_id}" if line.trace_id else line.body
            event = WindowsEvent(line.time, host, "Application", line.entity, 1000,
                                 _LEVELS[line.level], ((None, body),))  # fmt: skip
            found.append((event, ""))
    for notice in case.fault.notices:
        entity = case.world.entities.get(notice.where)
        if notice.where == host or (entity and entity.hosts and entity.hosts[0] == host):
            time = case.start + int(notice.time * 1e6) * 1000
            unit = entity.name if entity else case.world.guests(host)[0]
            found += [(e, "") for e in notices.windows(notice.what, host, unit, time)]
    for change in case.changes:
        entity = case.world.entities[change.entity]
        if change.how in ("deploy", "config") and host in entity.hosts:
            time = case.start + int(change.time * 1e6) * 1000
            for what, after in (("stopped", 0), ("started", 4_000_000_000)):
                told = notices.windows(what, host, entity.name, time + after)
                found += [(e, change.ident) for e in told]
    for channel in ("Application", "System"):
        some = [p for p in found if p[0].channel == channel]
        some = [p for p in some if case.machines.up(host, (p[0].time - case.start) / 1e9)]
        _log(case, host, channel, some, ledger)


def _log(
    case: Case, host: str, channel: str, found: list[tuple[WindowsEvent, str]], ledger: Ledger
) -> None:
    if not found:
        return
    found = sorted(found, key=lambda pair: pair[0].time)
    events = [e for e, _ in found]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "made.evtx")
        write_evtx(path, render_hosts.records(events, case.machines.skew[host]))
        data = path.read_bytes()
    records = [
        Record(raw, event.time, host, 100, change)
        for raw, (event, change) in zip(_walk(data), found, strict=True)
    ]
    ledger.binary(f"hosts/{host}/{channel}.evtx", data, records)


def _walk(data: bytes) -> Iterator[bytes]:
    """Yield the records' bytes of an .evtx file, in order."""
    for chunk in range(FILE_HEADER, len(data), CHUNK):
        at = chunk + CHUNK_HEADER
        while at + _RECORD_HEAD <= chunk + CHUNK:
            magic, size = struct.unpack_from("<II", data, at)
            if magic != RECORD_MAGIC:
                break
            yield data[at : at + size]
            at += size
