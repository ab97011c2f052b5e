"""The tables, as Arrow schemas; OpenTelemetry's names wherever OpenTelemetry has one.

Times are ``timestamp[ns, UTC]``. Null means that the source did not say.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow
from nova_timeline.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

KINDS = (
    "log",
    "deploy",
    "config_change",
    "feature_flag",
    "commit",
    "scaling",
    "alert",
    "metric_change",
    "health",
    "host",
    "operator_action",
)
"""What an event is."""

ROLES = (
    "change",
    "fault",
    "recovery",
    "alert_firing",
    "alert_resolved",
    "acknowledgement",
    "gap",
    "notice",
)
"""What part a classified event plays in an incident; ``gap`` marks evidence that was lost."""

CATEGORIES = (
    "code_change",
    "config_change",
    "feature_flag",
    "infrastructure_change",
    "scaling",
    "dependency",
    "external_provider",
    "resource_exhaustion",
    "hardware",
    "network",
    "certificate",
    "traffic",
    "data",
    "unknown",
)
"""What kind of cause an event would be, if it were one."""

ERROR = 17
"""The severity number from which a record tells of an error (OpenTelemetry's ERROR)."""

STATES = ("complete", "partial", "denied", "unavailable", "provisional", "retention_cut")
"""How much of a source could be seen."""

_TIME = "time"
_TEXT = "text"

# name -> type, in words that need no Arrow to be read.
_EVENT = {
    "event_id": "id",  # the record's identity: the same record read twice has the same
    "timestamp": _TIME,  # by the producer's clock; null where the record has none
    "end_timestamp": _TIME,  # for intervals: a deploy that ran three minutes
    "observed_timestamp": _TIME,  # when the service that kept the record received it
    "timestamp_precision": "int64",  # ns; how coarse the timestamp is
    "clock": _TEXT,  # whose clock: "host:web-1" or "service:cloudtrail"
    "kind": _TEXT,  # one of KINDS
    "role": _TEXT,  # one of ROLES, given by a rule or by the connector; null for plain logs
    "category": _TEXT,  # one of CATEGORIES
    "rule": _TEXT,  # the id of the rule that classified it
    "title": _TEXT,  # one line for people, given by a rule
    "event_name": _TEXT,  # the source's own word: an API call, a MESSAGE_ID, provider/event id
    "severity_number": "int8",  # OpenTelemetry 1-24
    "severity_text": _TEXT,  # the source's own word
    "body": _TEXT,  # the message
    "entity": _TEXT,  # the node of the topology that it is about
    "service.name": _TEXT,
    "host.name": _TEXT,
    "cloud.provider": _TEXT,
    "cloud.region": _TEXT,
    "cloud.account.id": _TEXT,
    "k8s.cluster.name": _TEXT,
    "k8s.namespace.name": _TEXT,
    "k8s.deployment.name": _TEXT,
    "k8s.pod.name": _TEXT,
    "k8s.node.name": _TEXT,
    "deployment.environment.name": _TEXT,
    "trace_id": _TEXT,
    "span_id": _TEXT,
    "actor": _TEXT,  # a pseudonym, never a name; see nova_timeline.normalise
    "attributes": "map",
    "source": _TEXT,  # the source's name in the incident file
    "evidence.uri": _TEXT,
    "evidence.locator": _TEXT,
    "evidence.sha256": "sha256",
    "evidence.url": _TEXT,  # console deep link
}
_METRIC = {
    "timestamp": _TIME,  # the start of the interval the value stands for
    "entity": _TEXT,
    "metric.name": _TEXT,
    "value": "float64",
    "unit": _TEXT,  # UCUM where the source allows
    "source": _TEXT,
    "evidence.uri": _TEXT,
    "evidence.locator": _TEXT,
    "evidence.sha256": "sha256",
    "evidence.url": _TEXT,
}
_EDGE = {
    "caller": _TEXT,
    "callee": _TEXT,
    "kind": _TEXT,  # calls, runs_on, reads, ...
    "valid_from": _TIME,
    "valid_to": _TIME,
    "source": _TEXT,
    "evidence.uri": _TEXT,
    "evidence.locator": _TEXT,
    "evidence.sha256": "sha256",
    "evidence.url": _TEXT,
}
_LINK = {
    "effect_id": "id",
    "cause_id": "id",
    "relation": _TEXT,  # preceded_by, explained_by, reverted_by
    "delta": "int64",  # ns; effect minus cause, skew-corrected
    "hops": "int8",
    "score": "float64",
    "reasons": "texts",
}
_COVERAGE = {
    "source": _TEXT,
    "uri": _TEXT,
    "asked_start": _TIME,
    "asked_end": _TIME,
    "seen_start": _TIME,
    "seen_end": _TIME,
    "pages": "int64",
    "read": "int64",  # records decoded
    "rows": "int64",  # rows inside the window, or without a time
    "undated": "int64",  # of those, the ones kept that carry no readable time
    "duplicates": "int64",  # of those, the ones left out because the same record came before
    "state": _TEXT,  # one of STATES
    "reason": _TEXT,
}
_EVIDENCE = {
    "evidence.sha256": "sha256",
    "source": _TEXT,
    "evidence.uri": _TEXT,
    "evidence.locator": _TEXT,
    "raw": "bytes",
}

_TABLES = {
    "event": _EVENT,
    "metric": _METRIC,
    "edge": _EDGE,
    "link": _LINK,
    "coverage": _COVERAGE,
    "evidence": _EVIDENCE,
}
TABLES = tuple(_TABLES)
"""The names `table` knows."""


@cache
def table(name: str) -> pa.Schema:
    """Return the Arrow schema of a table: event, metric, edge, link, coverage or evidence."""
    import pyarrow as pa

    types: dict[str, Any] = {
        "id": pa.binary(16),
        "sha256": pa.binary(32),
        "bytes": pa.large_binary(),
        _TIME: pa.timestamp("ns", "UTC"),
        _TEXT: pa.string(),
        "texts": pa.list_(pa.string()),
        "map": pa.map_(pa.string(), pa.string()),
        "int8": pa.int8(),
        "int64": pa.int64(),
        "float64": pa.float64(),
    }
    return pa.schema([pa.field(column, types[kind]) for column, kind in _TABLES[name].items()])


def columns(name: str) -> tuple[str, ...]:
    """Name a table's columns without importing Arrow."""
    return tuple(_TABLES[name])


def conform(name: str, given: Mapping[str, Any], length: int) -> pa.Table:
    """Build a table of length rows from columns; a scalar fills its column, a missing one is null.

    Raises:
        SchemaError: a column the table does not have, or a value that cannot be cast.
    """
    import pyarrow as pa

    schema = table(name)
    if extra := set(given) - set(schema.names):
        msg = f"the {name} table has no column {sorted(extra)}; it has {', '.join(schema.names)}"
        raise SchemaError(msg)
    arrays: list[Any] = []
    kinds: list[Any] = schema.types
    for column, kind in zip(schema.names, kinds, strict=True):
        try:
            arrays.append(_column(given.get(column), kind, length))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            msg = f"column {column!r} of the {name} table cannot be {kind}: {error}"
            raise SchemaError(msg) from error
    return pa.Table.from_arrays(arrays, schema=schema)


def _column(value: Any, kind: Any, length: int) -> Any:
    pa = arrow.core()
    if value is None:
        return pa.nulls(length, kind)
    if isinstance(value, (str, int, float, bytes)):
        return pa.repeat(pa.scalar(value, kind), length)
    if hasattr(value, "to_arrow"):  # a polars Series
        value = arrow.uncopied(value) if kind == pa.string() else arrow.column(value)
    return value if value.type == kind else value.cast(kind)


def empty(name: str) -> pa.Table:
    """Return a table with no rows."""
    return table(name).empty_table()


def attributes(length: int, given: Mapping[str, Any]) -> pa.Array[Any]:
    """Zip columns of text into one map column of length rows, leaving out nulls and empty texts.

    Args:
        length: how many rows.
        given: attribute name -> string array, chunked array or polars Series of shape (length,), or
            one text for every row.
    """
    import numpy as np
    import pyarrow as pa

    pc = arrow.compute()
    starts = np.zeros(length + 1, np.int32)
    if not given:
        none = pa.array([], pa.string())
        return arrow.maps(pa.array(starts, pa.int32()), none, none)
    arrays = [arrow.whole(_column(value, pa.string(), length)) for value in given.values()]
    present = np.stack(
        [np.asarray(pc.fill_null(pc.greater(pc.binary_length(a), 0), False)) for a in arrays],
        axis=1,
    )
    order = np.flatnonzero(present.ravel())
    width = len(arrays)
    position = (order % width) * length + order // width
    items = pa.concat_arrays(arrays).take(pa.array(position, pa.int64()))
    keys = pa.array(list(given), pa.string()).take(pa.array(order % width, pa.int64()))
    np.cumsum(present.sum(axis=1), out=starts[1:])
    return arrow.maps(pa.array(starts, pa.int32()), keys, items)
