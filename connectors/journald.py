"""systemd's journal: journal files, and what ``journalctl -o export`` or ``-o json`` printed.

Fields: systemd.journal-fields(7). A journal file is read through ``journalctl -o export``; an entry
is cited by its cursor, which is also its identity, so that the same entry from a file and from a
dump is one event. Of journald's clocks ``_SOURCE_REALTIME_TIMESTAMP`` (the sender's) is the time
and ``__REALTIME_TIMESTAMP`` (the journal's) the time of observation; both are host clocks in us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from nova_timeline import arrow, evidence, schema
from nova_timeline.connector import PIECE, Batch, Connector, Gap, Partition, batch
from nova_timeline.errors import UnreadableSourceError

from . import _journalctl, _json, _shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import polars as pl
    import pyarrow as pa

    from nova_timeline.clock import Window

    from ._journal_export import Entries

_CURSOR = "cursor="
_SLACK = 600_000_000_000
"""How far, in ns, a sender's time may lie from the journal's, by which journalctl selects."""

_ATTRIBUTES = (
    "MESSAGE_ID",
    "SYSLOG_IDENTIFIER",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_USER_UNIT",
    "UNIT",
    "USER_UNIT",
    "_PID",
    "_COMM",
    "_BOOT_ID",
    "_MACHINE_ID",
    "_TRANSPORT",
    "__MONOTONIC_TIMESTAMP",
    "INVOCATION_ID",
    "JOB_TYPE",
    "JOB_RESULT",
    "UNIT_RESULT",
    "COMMAND",
    "EXIT_CODE",
    "EXIT_STATUS",
    "N_RESTARTS",
    "REALTIME",
    "ERRNO",
    "CODE_FUNC",
    "COREDUMP_UNIT",
    "COREDUMP_EXE",
    "COREDUMP_SIGNAL_NAME",
    "_KERNEL_SUBSYSTEM",
    "_KERNEL_DEVICE",
    "CONTAINER_NAME",
    "CONTAINER_TAG",
    "IMAGE_NAME",
)
_FIELDS = (
    "__CURSOR",
    "__REALTIME_TIMESTAMP",
    "_SOURCE_REALTIME_TIMESTAMP",
    "MESSAGE",
    "PRIORITY",
    "_HOSTNAME",
    "TRACE_ID",
    "SPAN_ID",
    *_ATTRIBUTES,
)
# syslog.h -> (OpenTelemetry's severity number, its name)
_PRIORITIES = {
    "0": (21, "emerg"),
    "1": (19, "alert"),
    "2": (18, "crit"),
    "3": (17, "err"),
    "4": (13, "warning"),
    "5": (10, "notice"),
    "6": (9, "info"),
    "7": (5, "debug"),
}


class Journald(Connector):
    """systemd's journal: journal files, and the dumps that journalctl prints of them."""

    summary = "systemd journals: .journal files (live, rotated, unclean), export and JSON dumps"
    globs = (
        "*.journal",
        "*.journal~",
        "*.journal.*",
        "*.export",
        "*.export.gz",
        "*.json",
        "*.json.gz",
        "*.jsonl",
        "*.jsonl.gz",
    )

    def partitions(self, uri: str, path: Path, piece: int = PIECE) -> Iterator[Partition]:
        """Split a JSON dump by its lines; a journal or an export is one piece."""
        if _head(path).startswith(b"{"):
            yield from _json.partitions(uri, path, piece)
        else:
            yield Partition(uri, path)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode a journal file or a dump, whichever its first bytes say it is.

        Raises:
            UnreadableSourceError: it is none of these, or journalctl is needed and not installed.
        """
        head = _head(partition.path)
        if partition.path.stat().st_size == 0:
            yield Gap(partition.uri, "the file is empty", "unavailable")
        elif head.startswith(_journalctl.MAGIC):
            yield from _journal(partition, window)
        elif partition.start or head.startswith(b"{"):
            yield from _json_dump(partition)
        else:
            yield from _export_dump(partition)

    def reread(self, path: Path, locators: Sequence[str]) -> pa.Array[Any]:
        """Return entries by cursor, all in one pass of journalctl, or by their bytes in a dump."""
        if not locators or not locators[0].startswith(_CURSOR):
            return evidence.reread(path, locators)
        import pyarrow as pa

        from . import _journal_export

        found: dict[str, bytes] = {}
        wanted = {locator.removeprefix(_CURSOR) for locator in locators}
        with _journalctl.whole(path, _journalctl.header(path).length) as file:
            pieces = _journalctl.Export(file).pieces()
            for entries in _journal_export.stream(pieces, ("__CURSOR",)):
                cursors: list[str | None] = entries.column("__CURSOR").to_pylist()
                rows = [i for i, cursor in enumerate(cursors) if cursor in wanted]
                raw: list[Any] = entries.raw().take(pa.array(rows, pa.int64())).to_pylist()
                found.update(zip((str(cursors[i]) for i in rows), raw, strict=True))
        again = [found.get(locator.removeprefix(_CURSOR)) for locator in locators]
        return pa.array(again, pa.large_binary())


def _head(path: Path) -> bytes:
    """Return the first bytes of a file, those of its content when it is packed."""
    import gzip
    import zlib

    with path.open("rb") as file:
        head = file.read(64)
    if not head.startswith(b"\x1f\x8b"):
        return head.removeprefix(b"\xef\xbb\xbf").lstrip()
    try:
        with gzip.open(path) as packed:
            return packed.read(64).lstrip()
    except (EOFError, OSError, zlib.error):
        return b""


def _journal(partition: Partition, window: Window | None) -> Iterator[Batch | Gap]:
    """Read a journal file, the window's part of it where one is given."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from . import _journal_export

    header = _journalctl.header(partition.path)
    size = partition.path.stat().st_size
    if window is not None and _holds(window, header):
        window = None  # all of it is wanted, so its entries can be counted
    count = 0
    with _journalctl.whole(partition.path, header.length) as file:
        export = _journalctl.Export(file, _between(window))
        for entries in _journal_export.stream(export.pieces(), _FIELDS):
            if len(entries):
                count += len(entries)
                cursors: Any = entries.column("__CURSOR")
                locators: Any = pc.binary_join_element_wise(pa.scalar(_CURSOR), cursors, "")
                yield _sealed(partition, _frame(entries), entries.raw(), locators)
    problems = [export.problem] if export.problem else []
    if size < header.length:
        problems.append(f"the file is cut off: it has {size} of {header.length} bytes")
    if window is None and count < header.entries:
        problems.append(
            f"{count} of the {header.entries} entries that the file's header counts could be read; "
            f"{header.entries - count} are missing"
        )
    if window is not None and not header.closed:
        problems.append("it was not closed cleanly, so entries may be missing from it")
    if problems:
        state = "partial" if count or window is not None else "unavailable"
        yield Gap(partition.uri, "; ".join(problems), state)


def _holds(window: Window, header: _journalctl.Header) -> bool:
    """Say whether a window holds every entry of a file."""
    return window.start <= header.first * 1000 and header.last * 1000 < window.end


def _between(window: Window | None) -> tuple[str, ...]:
    """Write a window as journalctl's options, which are inclusive at both ends."""
    if window is None:
        return ()
    first = max(window.start - _SLACK, 0) // 1000
    last = max(window.end + _SLACK, 0) // 1000
    return tuple(
        f"--{name}=@{us // 1_000_000}.{us % 1_000_000:06d}"
        for name, us in (("since", first), ("until", last))
    )


def _export_dump(partition: Partition) -> Iterator[Batch | Gap]:
    from . import _journal_export

    content = evidence.content(partition.path)
    damaged: list[int] = []
    dated = count = 0
    made: list[Batch] = []
    for entries in _journal_export.blocks(content.data, _FIELDS):
        damaged.extend(entries.damaged)
        if len(entries):
            locators = evidence.byte_locators(entries.starts, entries.stops)
            frame = _frame(entries)
            count += len(frame)
            dated += len(frame) - frame["__REALTIME_TIMESTAMP"].null_count()
            made.append(_sealed(partition, frame, entries.raw(), locators))
        if dated:
            yield from made
            made.clear()
    _must_be_journal(partition, dated)
    yield from made
    if content.problem:
        yield Gap(partition.uri, content.problem)
    if damaged:
        yield Gap(
            partition.uri,
            f"{len(damaged)} entries beside the {count} read are damaged or cut off; "
            f"the first at byte {damaged[0]}",
        )


def _json_dump(partition: Partition) -> Iterator[Batch | Gap]:

    decoded = _json.decode(partition, _json.records(partition), {n: f'$."{n}"' for n in _FIELDS})
    yield from decoded.gaps
    if len(decoded) == 0:
        return
    types = _message_types(decoded.raw)
    frame = _single(decoded.table, types == "ARRAY")
    _must_be_journal(partition, len(frame) - frame["__REALTIME_TIMESTAMP"].null_count())
    yield _sealed(partition, frame, decoded.raw, decoded.locators)
    lost = (types == "NULL").sum()
    if lost:
        yield Gap(
            partition.uri,
            f"{lost} messages were too long for 'journalctl -o json' and are null; "
            "dump the journal again with --all, or with -o export",
        )


def _must_be_journal(partition: Partition, dated: int) -> None:
    if not dated:
        msg = (
            f"{partition.uri} is no journal: it holds no entry with a __REALTIME_TIMESTAMP. "
            "Journal files and the output of journalctl -o export or -o json can be read"
        )
        raise UnreadableSourceError(msg)


def _message_types(raw: Any) -> pl.Series:
    """Say what JSON type each MESSAGE has: a text may look like a list, and null is not absent."""
    import polars as pl
    import pyarrow as pa

    from . import _duck, _journal_export

    text = pa.Table.from_pydict({"t": _journal_export.text(raw)})
    return pl.DataFrame(_duck.run("SELECT json_type(t, '$.MESSAGE') AS type FROM texts", text))[
        "type"
    ]


def _single(table: pl.DataFrame, listed: pl.Series) -> pl.DataFrame:
    """Take the first of repeated values, and decode values that JSON holds as a list of bytes.

    Args:
        table: the fields as text.
        listed: whether a MESSAGE is a list; other fields are when they look like one.
    """
    changed: list[pl.Series] = []
    for column in table:
        looks = column.str.contains(r'^\[(?:"|\[|\d+[,\]])')
        chosen = listed if column.name == "MESSAGE" else looks
        rows = chosen.fill_null(value=False).arg_true()
        if len(rows):
            changed.append(column.scatter(rows, [_first(text) for text in column.gather(rows)]))
    return table.with_columns(changed)


def _first(text: str) -> str:
    value: object = _shapes.value(text)
    while _is_list(value):
        if all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
            return bytes(value).decode("utf-8", "replace")
        value = value[0]
    return text if value is None else str(value)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _frame(entries: Entries) -> pl.DataFrame:
    import polars as pl
    import pyarrow as pa

    return pl.DataFrame(pa.Table.from_pydict({name: entries.column(name) for name in _FIELDS}))


def _sealed(partition: Partition, table: pl.DataFrame, raw: Any, locators: Any) -> Batch:
    return batch(
        "event",
        partition,
        raw=raw,
        locators=locators,
        columns=_columns(table),
        scope="journald",
        native=arrow.column(table["__CURSOR"]),
    )


def _columns(table: pl.DataFrame) -> dict[str, Any]:
    import polars as pl

    received = _nanoseconds("__REALTIME_TIMESTAMP")
    sent = _nanoseconds("_SOURCE_REALTIME_TIMESTAMP")
    # PID 1 speaks about units, systemd-coredump about the unit that crashed.
    about = pl.coalesce(
        pl.when(pl.col("_PID") == "1").then(pl.col("UNIT")), "COREDUMP_UNIT", "_SYSTEMD_UNIT"
    )
    unit = pl.when(about.str.ends_with(".service") & ~about.str.starts_with("user@")).then(
        about.str.strip_suffix(".service")
    )
    numbers = {code: number for code, (number, _) in _PRIORITIES.items()}
    names = {code: name for code, (_, name) in _PRIORITIES.items()}
    made = table.select(
        timestamp=pl.coalesce(sent, received),
        observed=received,
        service=pl.coalesce("CONTAINER_NAME", unit),
        clock="host:" + pl.coalesce("_HOSTNAME", "_MACHINE_ID", pl.lit("unknown")),
        number=pl.col("PRIORITY").replace_strict(numbers, default=None, return_dtype=pl.Int8),
        severity=pl.col("PRIORITY").replace_strict(names, default=None, return_dtype=pl.String),
        precision=pl.when(pl.coalesce(sent, received).is_not_null()).then(1000),
    )
    return {
        "timestamp": made["timestamp"],
        "timestamp_precision": made["precision"],
        "observed_timestamp": made["observed"],
        "clock": made["clock"],
        "kind": "log",
        "event_name": table["MESSAGE_ID"],
        "severity_number": made["number"],
        "severity_text": made["severity"],
        "body": table["MESSAGE"],
        "entity": table["_HOSTNAME"],
        "service.name": made["service"],
        "host.name": table["_HOSTNAME"],
        "trace_id": table["TRACE_ID"],
        "span_id": table["SPAN_ID"],
        "attributes": schema.attributes(len(table), {name: table[name] for name in _ATTRIBUTES}),
    }


def _nanoseconds(name: str) -> pl.Expr:
    """Read us since 1970; zero stands for a time that was not known."""
    import polars as pl

    us = pl.col(name).cast(pl.Int64, strict=False)
    fits = (us > 0) & (us < 2**63 // 1000)
    return pl.when(fits).then(us * 1000).cast(pl.Datetime("ns", "UTC"))
