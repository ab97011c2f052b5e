"""Generic rows: columns picked by a field map become events, metrics or edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, clock, schema
from nova_timeline.connector import Batch, Gap, Partition, TableName, batch

from ._field_map import CHOICES, FieldMap, Picked, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl
    import pyarrow as pa

_NUMBER = r"^\s*-?\d+(?:\.\d+)?\s*$"
_BODY = 2_000
# A row without an entity is about the first of these that it names.
_NAMES = ("entity", "service.name", "host.name", "k8s.pod.name")
# What is looked at, or filled in, whether the source gives it or not.
_FILLED = frozenset({*_NAMES, *CHOICES, "clock", "severity_text", "body"})
# OpenTelemetry logs data model, "Mapping of SeverityNumber" and its appendix for syslog.
_SEVERITY = (
    {"trace": 1, "verbose": 1, "finest": 1, "debug": 5, "dbug": 5, "fine": 5, "config": 8}
    | dict.fromkeys(("info", "information", "informational", "default", "success"), 9)
    | {"notice": 10, "warn": 13, "warning": 13, "err": 17, "error": 17, "severe": 17}
    | {"crit": 18, "critical": 18, "alert": 19, "fatal": 21, "panic": 21, "emerg": 21}
    | {"emergency": 21, "t": 1, "d": 5, "i": 9, "w": 13, "e": 17, "f": 21}
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The records the rows come from, one a row."""

    partition: Partition
    raw: pa.Array[Any]
    locators: pa.Array[Any]


@dataclass(frozen=True, slots=True)
class ReadTimes:
    """A column of times, and what to tell the user about those that could not be read."""

    timestamp: pa.Array[Any]
    precision: pl.Series
    hints: tuple[str, ...]


def severity_number(words: pl.Series) -> pl.Series:
    """Give the OpenTelemetry number of a level's name; null for what is no name known."""
    import polars as pl

    # A log has a handful of levels: each is looked up once.
    coded = arrow.compute().dictionary_encode(arrow.column(words.cast(pl.String)))
    plain = pl.Series(values=coded.dictionary, dtype=pl.String).str.strip_chars().str.to_lowercase()
    numbers = plain.replace_strict(_SEVERITY, default=None, return_dtype=pl.Int64)
    return pl.Series(values=arrow.column(numbers).take(coded.indices))


def read_times(column: pl.Series, unit: str | None, zone: str | None) -> ReadTimes:
    """Read texts, numbers (in unit) or timestamps; those without a zone are in zone."""
    import polars as pl
    import pyarrow as pa

    if column.dtype == pl.Datetime:
        return _read_typed(column, zone)
    text = column.cast(pl.String)
    plain = clock.parse(arrow.column(text))
    if plain.timestamp.null_count == text.null_count():
        return ReadTimes(plain.timestamp, pl.Series(values=plain.precision), ())
    number = text.str.contains(_NUMBER).fill_null(value=False)
    read = [clock.parse(arrow.column(text.set(number, None)))]
    if zone:
        placed = text.set(number, None).str.strip_chars() + zone
        read.append(clock.parse(arrow.column(placed)))
    if unit and number.any():
        counted = text.set(~number, None).str.strip_chars()
        read.append(clock.epoch(arrow.column(counted), unit))
    ns = _first([pl.Series(values=t.timestamp.cast(pa.int64())) for t in read])
    precision = _first([pl.Series(values=t.precision) for t in read])
    lost = ns.is_null() & text.is_not_null()
    hints: list[str] = []
    numbers = int(number.sum()) if unit is None else 0
    if numbers:
        hints.append(
            f"{numbers} rows have a number for a time: set timestamp_unit (s, ms, us or ns)"
        )
    naive = 0 if zone else read[0].without_zone
    if naive:
        hints.append(f"{naive} rows have a time without a zone: set timezone (UTC or +hh:mm)")
    if (count := int(lost.sum()) - numbers - naive) > 0:
        hints.append(f"{count} rows have a time that cannot be read")
    return ReadTimes(ns.to_arrow().cast(pa.timestamp("ns", "UTC")), precision, tuple(hints))


def _first(columns: list[pl.Series]) -> pl.Series:
    import polars as pl

    frame = pl.DataFrame([c.alias(str(i)) for i, c in enumerate(columns)])
    return frame.select(pl.coalesce(pl.all())).to_series()


def _read_typed(column: pl.Series, zone: str | None) -> ReadTimes:
    """Read a column of the timestamp type; one without a zone needs the zone it means."""
    import polars as pl
    import pyarrow as pa

    kind: Any = column.dtype
    ns = column.cast(pl.Datetime("ns", kind.time_zone)).cast(pl.Int64)
    hints: tuple[str, ...] = ()
    if kind.time_zone is None and zone is None:
        count = int(ns.is_not_null().sum())
        ns = ns.set(ns.is_not_null(), None)
        hints = (f"{count} rows have a time without a zone: set timezone (UTC or +hh:mm)",)
    elif kind.time_zone is None and zone not in ("Z", None):
        hours, _, minutes = str(zone)[1:].partition(":")
        offset = (int(hours) * 60 + int(minutes)) * 60_000_000_000
        ns = ns + offset if str(zone)[0] == "-" else ns - offset
    scale = {"ns": 1, "us": 1_000, "ms": 1_000_000}[kind.time_unit]
    precision = pl.Series([scale] * len(ns), dtype=pl.Int64).set(ns.is_null(), None)
    return ReadTimes(ns.to_arrow().cast(pa.timestamp("ns", "UTC")), precision, hints)


def rows(fields: FieldMap, picked: Picked, found: Evidence, reader: str) -> Iterator[Batch | Gap]:
    """Turn picked columns into batches of the table the map is for.

    Args:
        fields: the map.
        picked: what the source gave, each column of shape (n,).
        found: the n records.
        reader: the connector's name; what identities are unique within.
    """
    for reason in picked.missing:
        yield Gap(found.partition.uri, reason)
    if len(found.raw) == 0:
        return
    if fields.table == "event":
        yield from _events(fields, picked.columns, found, reader)
    elif fields.table == "metric":
        yield from _metrics(fields, picked, found)
    else:
        yield from _edges(fields, picked.columns, found)


class _Columns:
    """Our columns as the source or the constants give them; null where neither does."""

    def __init__(self, fields: FieldMap, given: Mapping[str, pl.Series], found: Evidence) -> None:
        self.fields = fields
        self.given = given
        self.length = len(found.raw)

    def text(self, name: str) -> pl.Series:
        """Return a column as text, empty ones as null."""
        import polars as pl

        if name in self.fields.constants:
            return pl.Series([self.fields.constants[name]]).new_from_index(0, self.length)
        if name not in self.given:
            return pl.Series([None], dtype=pl.String).new_from_index(0, self.length)
        column = self.given[name].cast(pl.String)
        return column.set(column == "", None)

    def is_known(self, name: str) -> bool:
        """Say whether the source or the constants give a column at all."""
        return name in self.given or name in self.fields.constants

    def times(self, name: str) -> ReadTimes:
        """Return a column of times."""
        column = self.given[name] if name in self.given else self.text(name)
        return read_times(column, self.fields.unit, self.fields.zone)


def _events(
    fields: FieldMap, given: Mapping[str, pl.Series], found: Evidence, reader: str
) -> Iterator[Batch | Gap]:
    import polars as pl

    source = _Columns(fields, given, found)
    taken = {"event_id", "timestamp_precision"}
    columns: dict[str, Any] = {}
    for name in ("timestamp", "end_timestamp", "observed_timestamp"):
        taken.add(name)
        if name != "timestamp" and not source.is_known(name):
            continue
        read = source.times(name)
        columns[name] = read.timestamp
        if name == "timestamp":
            columns["timestamp_precision"] = read.precision
        yield from _hints(found, read, name)
    if columns["timestamp"].null_count == source.length and "timestamp" not in given:
        yield _no_time(fields, found)
    frame = _known(source, taken, found, reader)
    columns["severity_number"] = severity_number(frame["severity_text"])
    if source.is_known("severity_number"):
        number = source.text("severity_number").cast(pl.Int64, strict=False)
        number = number.set(~number.is_between(1, 24).fill_null(value=True), None)
        columns["severity_number"] = _first([number, columns["severity_number"]])
    columns["attributes"] = _attributes(source)
    native = source.text("event_id")
    ids = arrow.column(native) if native.null_count() < len(native) else None
    yield batch(
        "event",
        found.partition,
        raw=found.raw,
        locators=found.locators,
        native=ids,
        scope=reader,
        columns=columns | frame.to_dict(),
    )


def _known(source: _Columns, taken: set[str], found: Evidence, reader: str) -> pl.DataFrame:
    """Read the columns of text, filling in what the others tell."""
    import polars as pl

    known = {
        c: source.text(c)
        for c in schema.columns("event")
        if _is_text(c) and c not in taken and (c in _FILLED or source.is_known(c))
    }
    for name, allowed in CHOICES.items():
        known[name] = known[name].set(~known[name].is_in(list(allowed)).fill_null(value=True), None)
    named = pl.DataFrame(known).with_columns(
        kind=pl.col("kind").fill_null(source.fields.kind),
        body=_body(known["body"], found),
        entity=pl.coalesce(_NAMES),
    )
    return named.with_columns(
        clock=pl.coalesce(
            pl.when(pl.col("clock").str.contains("^(host|service):")).then("clock"),
            pl.concat_str(pl.lit("host:"), pl.col("host.name")),
            pl.concat_str(pl.lit("service:"), pl.coalesce("service.name", "entity")),
            pl.lit(f"service:{reader}"),
        )
    )


def _body(given: pl.Series, found: Evidence) -> pl.Series:
    """Let the record speak for itself where the map gives no message."""
    import polars as pl

    if given.null_count() == 0:
        return given
    raw = pl.Series(values=texts(found.raw), dtype=pl.String)
    return given.zip_with(given.is_not_null(), raw.str.slice(0, _BODY))


def _is_text(column: str) -> bool:
    """Say whether the map fills a column of the event table as it stands."""
    if column.startswith("evidence."):
        return column == "evidence.url"
    return column not in {"severity_number", "attributes", "source", "rule"}


def _attributes(source: _Columns) -> pa.Array[Any]:
    prefix = "attributes."
    names = [n for n in (*source.given, *source.fields.constants) if n.startswith(prefix)]
    return schema.attributes(source.length, {n.removeprefix(prefix): source.text(n) for n in names})


def _hints(found: Evidence, read: ReadTimes, column: str) -> Iterator[Gap]:
    for hint in read.hints:
        yield Gap(found.partition.uri, f"{column}: {hint}; they stay undated")


def _no_time(fields: FieldMap, found: Evidence) -> Gap:
    tried = ", ".join(fields.sources.get("timestamp", ())) or "no column"
    return Gap(found.partition.uri, f"no row has a time (looked in {tried}): set fields.timestamp")


def _metrics(fields: FieldMap, picked: Picked, found: Evidence) -> Iterator[Batch | Gap]:
    import numpy as np
    import polars as pl
    import pyarrow as pa

    source = _Columns(fields, picked.columns, found)
    read = source.times("timestamp")
    yield from _hints(found, read, "timestamp")
    if "timestamp" not in picked.columns and "timestamp" not in fields.constants:
        yield _no_time(fields, found)
    wide = picked.wide or {"": source.text("value")}
    values = {name: c.cast(pl.String).str.strip_chars() for name, c in wide.items()}
    numbers = {name: v.cast(pl.Float64, strict=False) for name, v in values.items()}
    for name, text in values.items():
        if bad := int((numbers[name].is_null() & text.is_not_null() & (text != "")).sum()):
            said = f"{bad} values of {name or 'the metric'} are no numbers and are left out"
            yield Gap(found.partition.uri, said)
    # "Not a number" is how frames write that there is no value.
    frame = pl.DataFrame(
        [v.set(~v.is_finite(), None).alias(str(i)) for i, v in enumerate(numbers.values())]
    )
    # Row by row, so that a file read in pieces gives the rows in the same order.
    present = np.argwhere(frame.select(pl.all().is_not_null()).to_numpy())
    record, column = present[:, 0], present[:, 1]
    if len(record) == 0:
        return
    names = pl.Series(list(values)).gather(column)
    flat = pl.Series(frame.to_numpy()[record, column])
    yield _sealed(
        "metric",
        found,
        record,
        {
            "timestamp": read.timestamp.take(pa.array(record, pa.int64())),
            "entity": source.text("entity").gather(record),
            "metric.name": names if picked.wide else _named(source).gather(record),
            "value": flat,
            "unit": source.text("unit").gather(record),
            "evidence.url": source.text("evidence.url").gather(record),
        },
    )


def _named(source: _Columns) -> pl.Series:
    return source.text("metric.name").fill_null("value")


def _sealed(name: TableName, found: Evidence, record: Any, columns: Mapping[str, Any]) -> Batch:
    """Seal rows that are fewer, or more, than the records."""
    import pyarrow as pa

    return batch(
        name,
        found.partition,
        raw=found.raw,
        locators=found.locators,
        record=pa.array(record, pa.int64()),
        columns=columns,
    )


def _edges(
    fields: FieldMap, given: Mapping[str, pl.Series], found: Evidence
) -> Iterator[Batch | Gap]:
    """Give one edge a record: whoever joins the pieces of a file may merge them."""
    import numpy as np
    import pyarrow as pa

    source = _Columns(fields, given, found)
    whole = (source.text("caller").is_not_null() & source.text("callee").is_not_null()).to_numpy()
    if not whole.all():
        said = f"{int((~whole).sum())} rows lack a caller or a callee and are left out"
        yield Gap(found.partition.uri, said)
    kept = np.flatnonzero(whole)
    if len(kept) == 0:
        return
    columns: dict[str, Any] = {
        name: source.text(name).gather(kept) for name in ("caller", "callee", "evidence.url")
    }
    columns["kind"] = source.text("kind").fill_null("calls").gather(kept)
    for name in ("valid_from", "valid_to"):
        read = source.times(name)
        yield from _hints(found, read, name)
        columns[name] = read.timestamp.take(pa.array(kept, pa.int64()))
    yield _sealed("edge", found, kept, columns)
