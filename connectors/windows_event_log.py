"""Windows event logs: .evtx files, and the XML or JSON that Windows' own tools export.

Whatever the form, an event becomes the same columns (provider, id, level, data ...) and goes
through one normaliser. Fields: Microsoft, "Event Schema" (the System element). An event is what its
provider and its number say, never its text, which depends on the language of the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, clock, schema
from nova_timeline.connector import PIECE, Batch, Connector, Gap, Partition, batch
from nova_timeline.errors import UnreadableSourceError

from . import _evtx, _evtx_messages, _evtx_xml, _json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from nova_timeline.clock import Window

_SYSTEM = "$.Event.System"
# The evtx package and evtx_dump; EventID is a number, or an object where it has qualifiers.
_PATHS = {
    "provider": f'{_SYSTEM}.Provider."#attributes".Name',
    "id": f"{_SYSTEM}.EventID",
    "qualified_id": f'{_SYSTEM}.EventID."#text"',
    "version": f"{_SYSTEM}.Version",
    "level": f"{_SYSTEM}.Level",
    "task": f"{_SYSTEM}.Task",
    "opcode": f"{_SYSTEM}.Opcode",
    "keywords": f"{_SYSTEM}.Keywords",
    "time": f'{_SYSTEM}.TimeCreated."#attributes".SystemTime',
    "record_id": f"{_SYSTEM}.EventRecordID",
    "channel": f"{_SYSTEM}.Channel",
    "computer": f"{_SYSTEM}.Computer",
    "user": f'{_SYSTEM}.Security."#attributes".UserID',
    "pid": f'{_SYSTEM}.Execution."#attributes".ProcessID',
    "tid": f'{_SYSTEM}.Execution."#attributes".ThreadID',
    "activity": f'{_SYSTEM}.Correlation."#attributes".ActivityID',
    "message": "$.Event.RenderingInfo.Message",
    "data": "$.Event.EventData",
    "user_data": "$.Event.UserData",
}
# Get-WinEvent | ConvertTo-Json.
_POWERSHELL = {
    "provider": "$.ProviderName",
    "id": "$.Id",
    "version": "$.Version",
    "level": "$.Level",
    "task": "$.Task",
    "opcode": "$.Opcode",
    "keywords": "$.Keywords",
    "time": "$.TimeCreated",
    "decorated_time": "$.TimeCreated.value",
    "record_id": "$.RecordId",
    "channel": "$.LogName",
    "computer": "$.MachineName",
    "user": "$.UserId",
    "user_value": "$.UserId.Value",
    "pid": "$.ProcessId",
    "tid": "$.ThreadId",
    "activity": "$.ActivityId",
    "message": "$.Message",
    "properties": "$.Properties",
}
# Attribute -> column
_ATTRIBUTES = {
    "Provider": "provider",
    "EventID": "id",
    "Version": "version",
    "Level": "level",
    "Task": "task",
    "Opcode": "opcode",
    "Keywords": "keywords",
    "EventRecordID": "record_id",
    "Channel": "channel",
    "Computer": "computer",
    "ProcessID": "pid",
    "ThreadID": "tid",
    "ActivityID": "activity",
    "EventData": "data",
}
# Level -> (OpenTelemetry's severity number, Windows' name)
_LEVELS = {
    "0": (9, "LogAlways"),
    "1": (21, "Critical"),
    "2": (17, "Error"),
    "3": (13, "Warning"),
    "4": (9, "Information"),
    "5": (5, "Verbose"),
}
_DATA = {
    name: f'$."{name}"'
    for name in (
        "param1",
        "param2",
        "param3",
        "param4",
        "param5",
        "ServiceName",
        "ImagePath",
        "StartType",
        "BugcheckCode",
        "OldTime",
        "NewTime",
        "Channel",
        "SubjectUserName",
        "SubjectUserSid",
        "TaskName",
        "updateTitle",
    )
}


class WindowsEventLog(Connector):
    """Windows event logs: .evtx files, and what wevtutil, Get-WinEvent or evtx_dump exported."""

    summary = "Windows event logs: .evtx, wevtutil XML, Get-WinEvent and evtx_dump JSON"
    globs = ("*.evtx", "*.xml", "*.xml.gz", "*.json", "*.json.gz", "*.jsonl", "*.jsonl.gz")

    def partitions(self, uri: str, path: Path, piece: int = PIECE) -> Iterator[Partition]:
        """Split JSON lines; a log or an XML document is one piece."""
        if _kind(path) == "json":
            yield from _json.partitions(uri, path, piece)
        else:
            yield Partition(uri, path)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode a log or an export, whichever its first bytes say it is.

        Raises:
            UnreadableSourceError: it is none of these.
            MissingExtraError: it is an .evtx file and the evtx package is not installed.
        """
        del window
        kind = "json" if partition.start else _kind(partition.path)
        if kind == "empty":
            yield Gap(partition.uri, "the file is empty", "unavailable")
        elif kind == "evtx":
            yield from _log(partition)
        elif kind == "xml":
            yield from _xml(partition)
        else:
            yield from _export(partition)


def _kind(path: Path) -> str:
    """Tell from the first bytes what a file is; what is neither is left to the JSON reader."""
    from nova_timeline import evidence

    with path.open("rb") as file:
        head = file.read(8)
    if head == _evtx.MAGIC:
        return "evtx"
    content = evidence.content(path)
    first = bytes(content.data[content.first : content.first + 256]).lstrip()
    if not first:
        return "empty"
    return "xml" if first.startswith(b"<") else "json"


def _log(partition: Partition) -> Iterator[Batch | Gap]:
    import polars as pl

    log = _evtx.open_log(partition)
    count = 0
    for page in log.pages():
        count += len(page.text)
        events = _plain(_json.extract(page.text, _PATHS)).with_columns(
            created=pl.Series(page.created), observed=pl.Series(page.written)
        )
        yield _sealed(partition, events, page.raw, page.locators)
    said = "; ".join((*log.problems, *log.notes))
    if said:
        missing = "partial" if count else "unavailable"
        yield Gap(partition.uri, said, missing if log.problems else "complete")


def _xml(partition: Partition) -> Iterator[Batch | Gap]:
    found = _evtx_xml.records(partition)
    yield from found.gaps
    if len(found):
        raw = found.raw()
        events = _evtx_xml.table(raw)
        yield _sealed(partition, events, raw, found.locators())


def _export(partition: Partition) -> Iterator[Batch | Gap]:
    import polars as pl

    found = _json.records(partition)
    both = _PATHS | {f"ps_{name}": path for name, path in _POWERSHELL.items()}
    decoded = _json.decode(partition, found, both)
    yield from decoded.gaps
    if len(decoded) == 0:
        return
    table = decoded.table
    if not table.select(pl.coalesce("provider", "ps_provider").is_not_null().any()).item():
        msg = (
            f"{partition.uri} holds no Windows event: no record has Event.System.Provider, as "
            "evtx_dump writes it, or ProviderName, as Get-WinEvent | ConvertTo-Json does"
        )
        raise UnreadableSourceError(msg)
    shell = [name for name in _POWERSHELL if name in _PATHS]
    events = _plain(table).with_columns(
        pl.coalesce(name, f"ps_{name}") for name in shell if name not in ("time", "user")
    )
    events = events.with_columns(
        time=pl.coalesce("time", "ps_decorated_time", "ps_time"),
        user=pl.coalesce("user", "ps_user_value", "ps_user"),
        data=pl.coalesce("data", _listed(table["ps_properties"])),
    )
    yield _sealed(partition, events, decoded.raw, decoded.locators)


def _listed(properties: pl.Series) -> pl.Series:
    """Turn PowerShell's ``[{"Value":"x"}]`` into the unnamed data of the other forms."""
    import polars as pl
    import pyarrow as pa

    from . import _duck

    values = "json_extract(t, '$[*].Value')"
    query = f"""
        SELECT CASE WHEN len({values}) > 0
            THEN json_object('Data', json_object('#text', {values}))::VARCHAR END AS data
        FROM texts"""  # noqa: S608 - put together from the text above alone
    found = _duck.run(query, pa.Table.from_pydict({"t": arrow.column(properties)}))
    return pl.DataFrame(found)["data"]


def _plain(table: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return table.with_columns(id=pl.coalesce("qualified_id", "id"))


_PAIRS = """
    WITH given AS (
        SELECT coalesce(data, json_extract(user_data, '$.*')[1]::VARCHAR, user_data) AS d FROM texts
    ), parts AS (
        SELECT d,
            list_filter(
                list_zip(json_keys(d), json_extract_string(d, '$.*')),
                lambda x: NOT starts_with(x[1], '#')
            ) AS pairs,
            CASE json_type(d, '$.Data."#text"')
                WHEN 'ARRAY' THEN json_extract_string(d, '$.Data."#text"[*]')
                WHEN 'VARCHAR' THEN [json_extract_string(d, '$.Data."#text"')]
            END AS bare
        FROM given
    )
    SELECT d AS data,
        coalesce(bare, list_transform(pairs, lambda x: x[2])) AS values,
        CASE WHEN bare IS NOT NULL THEN array_to_string(bare, '; ')
            ELSE array_to_string(
                list_transform(pairs, lambda x: x[1] || '=' || coalesce(x[2], '')), '; ')
        END AS listed
    FROM parts"""
"""The values of EventData or UserData, in order, and as ``k=v; k=v``."""


def _sealed(partition: Partition, events: pl.DataFrame, raw: Any, locators: Any) -> Batch:
    import polars as pl

    from . import _duck

    pairs = _duck.run(_PAIRS, events.select("data", "user_data").to_arrow())
    named = _json.extract(pairs["data"], _DATA)
    provider = pl.col("provider").replace(dict(_evtx_messages.ALIASES))
    known = pl.concat(
        [
            events.drop("data", "user_data", *(c for c in events.columns if c.startswith("ps_"))),
            pl.DataFrame(pairs),
            pl.DataFrame(named),
            _times(events),
        ],
        how="horizontal",
    ).with_columns(
        name=pl.concat_str("provider", pl.lit("/"), "id"),
        known_as=pl.concat_str(provider, pl.lit("/"), "id"),
        host=pl.col("computer").str.split(".").list.first().str.to_lowercase(),
    )
    return batch(
        "event",
        partition,
        raw=raw,
        locators=locators,
        columns=_columns(known),
        scope="windows_event_log",
        native=arrow.column(_identities(known)),
    )


def _identities(events: pl.DataFrame) -> pl.Series:
    """Name a record by computer, channel, number and time, in ms as PowerShell 5 has no more."""
    import polars as pl

    time = pl.col("timestamp").dt.epoch("ms").cast(pl.String).fill_null("-")
    return events.select(
        pl.concat_str("computer", "channel", "record_id", time, separator="|")
    ).to_series()


def _times(events: pl.DataFrame) -> pl.DataFrame:
    """Read the time of creation, with the digits that only the record itself holds."""
    import polars as pl

    text = events["time"]
    written = clock.parse(arrow.column(text))
    milliseconds = clock.epoch(arrow.column(text.str.extract(r"^/Date\((-?\d+)")), "ms")
    parsed = pl.coalesce(
        pl.Series("timestamp", written.timestamp), pl.Series(milliseconds.timestamp)
    )
    made = pl.select(
        timestamp=parsed,
        precision=pl.coalesce(
            pl.Series(written.precision).clip(100), pl.Series(milliseconds.precision)
        ),
    )
    if "created" not in events.columns:
        return made.with_columns(observed=pl.lit(None, pl.Datetime("ns", "UTC")))
    created = events["created"]
    same = created.dt.epoch("us") == made["timestamp"].dt.epoch("us")
    return made.with_columns(
        timestamp=pl.when(same).then(created).otherwise("timestamp"),
        precision=pl.when(same).then(100).otherwise("precision"),
    )


def _columns(events: pl.DataFrame) -> dict[str, Any]:
    import polars as pl

    numbers = {code: number for code, (number, _) in _LEVELS.items()}
    names = {code: name for code, (_, name) in _LEVELS.items()}
    position = pl.col("known_as").replace_strict(
        dict(_evtx_messages.SERVICES), default=None, return_dtype=pl.Int64
    )
    made = events.select(
        clock="host:" + pl.col("host").fill_null("unknown"),
        number=pl.col("level").replace_strict(numbers, default=None, return_dtype=pl.Int8),
        severity=pl.col("level").replace_strict(names, default=None, return_dtype=pl.String),
        service=pl.coalesce(
            pl.col("values").list.get(position - 1, null_on_oob=True),
            _evtx_messages.program(),
        ),
        actor=pl.coalesce("SubjectUserSid", "user"),
    )
    return {
        "timestamp": events["timestamp"],
        "timestamp_precision": events["precision"],
        "observed_timestamp": events["observed"],
        "clock": made["clock"],
        "kind": "log",
        "event_name": events["name"],
        "severity_number": made["number"],
        "severity_text": made["severity"],
        "body": _evtx_messages.body(events),
        "entity": events["host"],
        "service.name": made["service"],
        "host.name": events["host"],
        "actor": made["actor"],
        "attributes": schema.attributes(
            len(events),
            {name: events[column] for name, column in _ATTRIBUTES.items()}
            | {f"EventData.{name}": events[name] for name in _DATA},
        ),
    }
