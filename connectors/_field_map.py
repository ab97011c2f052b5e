"""Field maps: which column or path of a generic table fills which column of ours.

Shared by `jsonl`, `csv` and `parquet`. A map is checked when the connector is made, so that a
misspelt column is an error and not an empty timeline. Nothing is guessed from the values: a number
is a time only in the unit the incident file gives, a time without a zone only in the zone it gives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from nova_timeline import schema
from nova_timeline.clock import NANOSECONDS
from nova_timeline.connector import Option, TableName
from nova_timeline.errors import OptionError, nearest

from . import _json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from nova_timeline.connector import Partition

    from ._json import Decoded
    from ._lines import Records

_NAMES: dict[str, TableName] = {"events": "event", "metrics": "metric", "edges": "edge"}
_ZONE = re.compile(r"UTC|Z|[+-]\d\d:\d\d")
_FIXED = frozenset({"source", "rule", "evidence.uri", "evidence.locator", "evidence.sha256"})
# A dotted name may be one key or a path of keys; it goes first so that {"service": {"name": ...}}
# gives the name and not the object.
_SERVICE = ("service.name", "service", "service_name", "app")
_HOST = ("host.name", "host", "hostname")
_TIME = ("timestamp", "time", "ts", "@timestamp", "datetime", "date")
_DEFAULTS: dict[TableName, dict[str, tuple[str, ...]]] = {
    "event": {
        "timestamp": _TIME,
        "body": ("message", "msg", "body", "log"),
        "severity_text": ("log.level", "level", "severity", "severity_text"),
        "service.name": _SERVICE,
        "host.name": _HOST,
        "entity": ("entity",),
        "trace_id": ("trace_id", "trace.id", "traceId", "TraceId"),
        "span_id": ("span_id", "span.id", "spanId", "SpanId"),
        "k8s.namespace.name": ("k8s.namespace.name", "kubernetes.namespace_name"),
        "k8s.pod.name": ("k8s.pod.name", "kubernetes.pod_name"),
        "deployment.environment.name": ("deployment.environment.name", "environment", "env"),
        "attributes.exception.type": ("exception.type", "error.type"),
        "attributes.exception.message": ("exception.message", "error.message"),
        "attributes.exception.stacktrace": ("exception.stacktrace", "error.stack_trace"),
        "attributes.http.route": ("http.route",),
        "attributes.http.response.status_code": ("http.response.status_code", "http.status_code"),
    },
    "metric": {
        "timestamp": _TIME,
        "metric.name": ("metric.name", "metric", "metric_name", "name"),
        "value": ("value",),
        "unit": ("unit",),
        "entity": ("entity", *_SERVICE, *_HOST),
    },
    "edge": {
        "caller": ("caller", "source", "from"),
        "callee": ("callee", "target", "to", "destination"),
        "kind": ("kind",),
        "valid_from": ("valid_from", "first_seen"),
        "valid_to": ("valid_to", "last_seen"),
    },
}

CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": schema.KINDS,
    "role": schema.ROLES,
    "category": schema.CATEGORIES,
}
"""Columns of the event table that hold one of a few words."""

OPTIONS: Mapping[str, Option] = {
    "table": Option("what the rows are", default="events", choices=tuple(_NAMES)),
    "fields": Option(
        "column of ours (or attributes.X) -> column or path of the source; a list gives "
        "alternatives, an empty text leaves the column out",
        dict,
    ),
    "constants": Option("column of ours (or attributes.X) -> the same text for every row", dict),
    "values": Option("metrics only: columns that each become a metric of that name", list),
    "kind": Option("what the events are", default="log", choices=schema.KINDS),
    "timestamp_unit": Option("the unit of times that are numbers", choices=tuple(NANOSECONDS)),
    "timezone": Option("the zone of times that name none: UTC, or an offset such as +02:00"),
}
"""What every connector of generic tables lets the incident file say."""


@dataclass(frozen=True, slots=True)
class FieldMap:
    """A checked map: the sources of each column, in the order in which they are tried."""

    table: TableName
    sources: Mapping[str, tuple[str, ...]]
    named: frozenset[str]  # the columns whose sources the incident file gave
    constants: Mapping[str, str]
    values: tuple[str, ...]
    kind: str
    unit: str | None
    zone: str | None


@dataclass(frozen=True, slots=True)
class Picked:
    """What a source gave: our columns, the metrics of a wide table, and what was not there."""

    columns: Mapping[str, pl.Series]
    wide: Mapping[str, pl.Series]
    missing: tuple[str, ...] = ()


def checked(settings: Mapping[str, Any]) -> FieldMap:
    """Turn the options of a source into a field map.

    Raises:
        OptionError: a column the table does not have, a source that is no text, a zone that is
            neither UTC nor an offset.
    """
    table = _NAMES[settings["table"]]
    fields: dict[str, object] = settings["fields"] or {}
    constants: dict[str, Any] = settings["constants"] or {}
    given = {column: sources(column, value) for column, value in fields.items()}
    for column in (*given, *constants):
        _check_column(table, column)
    for column, text in constants.items():
        _check_constant(table, column, text)
    values = sources("values", settings["values"])
    if values and table != "metric":
        msg = "option 'values' makes metrics: set table = \"metrics\""
        raise OptionError(msg)
    return FieldMap(
        table,
        {k: s for k, s in (_DEFAULTS[table] | given).items() if s and k not in constants},
        frozenset(k for k, s in given.items() if s and k not in constants),
        constants,
        values,
        settings["kind"],
        settings["timestamp_unit"],
        zone(settings["timezone"]),
    )


def zone(given: str | None) -> str | None:
    """Check the zone of times that name none; return it as RFC 3339 writes it.

    Raises:
        OptionError: it is neither UTC nor an offset.
    """
    if given is not None and not _ZONE.fullmatch(given):
        msg = f"option 'timezone' is UTC or an offset such as +02:00, not {given!r}"
        raise OptionError(msg)
    return "Z" if given == "UTC" else given


def sources(column: str, value: object) -> tuple[str, ...]:
    """Check what a column is filled from: a text, or a list of texts.

    Raises:
        OptionError: it is anything else.
    """
    several = cast("list[object]", value) if isinstance(value, list) else [value] if value else []
    texts = tuple(s for s in several if isinstance(s, str) and s)
    if len(texts) != len(several):
        msg = f"{column} is filled from a column or path, or a list of them, not from {value!r}"
        raise OptionError(msg)
    return texts


def _check_column(table: TableName, column: str) -> None:
    if table == "event" and column.startswith("attributes.") and column != "attributes.":
        return
    known = [c for c in schema.columns(table) if c not in _FIXED and c != "attributes"]
    if column not in known:
        msg = f"the {table} table has no column {column!r} to fill{nearest(column, known)}"
        raise OptionError(msg)


def _check_constant(table: TableName, column: str, text: object) -> None:
    if not isinstance(text, str):
        msg = f"constants.{column} must be a text, not {text!r}"
        raise OptionError(msg)
    allowed = CHOICES.get(column) if table == "event" else None
    if allowed and text not in allowed:
        msg = f"constants.{column} cannot be {text!r}{nearest(text, allowed)}"
        raise OptionError(msg)


def json_paths(source: str) -> tuple[str, ...]:
    """Spell a dotted name as JSONPaths: one key, a key of an object, a path of keys.

    >>> json_paths("a.b.c")
    ('$."a.b.c"', '$."a"."b.c"', '$."a"."b"."c"')
    """
    if source.startswith("$"):
        return (source,)
    first, _, rest = source.partition(".")
    spelt = ([source], [first, rest] if rest else [source], source.split("."))
    return tuple(dict.fromkeys("$" + "".join(f'."{key}"' for key in keys) for keys in spelt))


def paths(wanted: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Name every JSONPath that may fill a column, for `_json.decode`; see `first_present`."""
    return {
        f"{column}#{i}": path
        for column, several in wanted.items()
        for i, path in enumerate(p for source in several for p in json_paths(source))
    }


def decode(partition: Partition, found: Records, wanted: Mapping[str, str]) -> Decoded:
    """Read the paths of every record, as `_json.decode` does.

    Raises:
        OptionError: one of them is no JSONPath.
    """
    import duckdb

    try:
        return _json.decode(partition, found, wanted)
    except duckdb.BinderException as error:
        msg = f"a source in 'fields' or 'values' is no key, dotted path or JSONPath: {error}"
        raise OptionError(msg) from error


def first_present(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Take for each row the first path of a column that is there."""
    import polars as pl

    spelt: dict[str, list[str]] = {}
    for name in frame.columns:
        spelt.setdefault(name.rpartition("#")[0], []).append(name)
    if not spelt:
        return {}
    merged = frame.select(pl.coalesce(names).alias(column) for column, names in spelt.items())
    return {column: merged[column] for column in spelt}


def from_header(
    fields: FieldMap, header: Sequence[str], column: Callable[[str], pl.Series]
) -> Picked:
    """Pick our columns from a table with named columns.

    Args:
        fields: the map.
        header: the names the table has; a source is also found in other letter case.
        column: gives a column by its name.
    """
    found: dict[str, pl.Series] = {}
    missing: list[str] = []
    folded = {name.lower(): name for name in reversed(header)}
    for target, several in fields.sources.items():
        present = [s if s in header else folded.get(s.lower()) for s in several]
        names = list(dict.fromkeys(name for name in present if name is not None))
        if names:
            found[target] = _merged([column(name) for name in names])
        elif target in fields.named:
            missing.append(_absent(f"fields.{target}", several[0], header))
    wide = {name: column(name) for name in _matching(fields.values, header)}
    patterns = "*?"
    missing += [
        _absent("values", name, header)
        for name in fields.values
        if name not in header and not any(c in name for c in patterns)
    ]
    return Picked(found, wide, tuple(missing))


def _absent(option: str, name: str, header: Sequence[str]) -> str:
    return f"{option} names the column {name!r}, which is not there{nearest(name, header)}"


def _matching(wanted: Sequence[str], header: Sequence[str]) -> list[str]:
    """Name the columns asked for, patterns (``*_count``) spelt out, in the order asked."""
    from fnmatch import fnmatchcase

    spelt = [[w] if w in header else [h for h in header if fnmatchcase(h, w)] for w in wanted]
    return list(dict.fromkeys(name for names in spelt for name in names))


def _merged(columns: list[pl.Series]) -> pl.Series:
    import polars as pl

    first = columns[0]
    if len(columns) == 1 or first.dtype.is_temporal():
        return first
    frame = pl.DataFrame([c.cast(pl.String).alias(str(i)) for i, c in enumerate(columns)])
    return frame.select(pl.coalesce(pl.all())).to_series()


def texts(raw: pa.Array[Any]) -> pa.Array[Any]:
    """Decode UTF-8, putting U+FFFD where a value is not (only then is each looked at)."""
    import pyarrow as pa

    try:
        return raw.cast(pa.large_string())
    except pa.ArrowInvalid:
        decoded = [bytes(r.as_buffer()).decode("utf-8", "replace") for r in raw]
        return pa.array(decoded, pa.large_string())
