"""Answers of Log Analytics: tables of columns and rows, each row an array of values.

Azure Monitor REST API, "Query - Execute": ``{"tables": [{"name", "columns": [{"name", "type"}],
"rows": [[...]]}], "error": ...}``; a batch holds such answers as bodies of its responses. The rows'
bytes are found by their brackets, so that each is evidence of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nova_timeline import evidence
from nova_timeline.connector import Gap, Partition

from . import _shapes
from ._lines import Records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nova_timeline.evidence import Bytes

_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class Span:
    """A JSON value's stretch of bytes; cut says that the file ends inside it."""

    start: int
    stop: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one table, and the names of their columns."""

    name: str
    columns: tuple[str, ...]
    rows: Records


def is_answer(path: Path) -> bool:
    """Say whether a file begins as an answer: ``{"tables": [`` or ``{"responses": [``."""
    whole = evidence.content(path)
    head = bytes(whole.data[whole.first : whole.first + _HEAD]).lstrip()
    if not head.startswith(b"{"):
        return False
    members = _members(head, Span(0, len(head), cut=True))
    return any(head[span.start : span.start + 1] == b"[" for span in _results(members))


def _results(members: dict[str, Span]) -> list[Span]:
    return [members[key] for key in ("tables", "responses") if key in members]


def tables(partition: Partition) -> Iterator[Table | Gap]:
    """Find the tables of every answer in a file."""
    whole = evidence.content(partition.path)
    if whole.problem:
        yield Gap(partition.uri, whole.problem)
    for answer in _elements(whole.data, Span(whole.first - 1, len(whole.data), cut=True)):
        yield from _tables_of(partition, whole.data, answer)


def _tables_of(
    partition: Partition, data: Bytes, answer: Span, *, nested: bool = False
) -> Iterator[Table | Gap]:
    """Find the tables of an answer, or of each answer of a batch; a batch holds no other batch."""
    members = _members(data, answer)
    if "error" in members and (error := _load(data, members["error"])):
        yield Gap(partition.uri, f"the answer is partial: {_message(error)}")
    for table in _elements(data, members["tables"]) if "tables" in members else []:
        yield from _table(partition, data, table)
    for response in _elements(data, members["responses"]) if "responses" in members else []:
        body = _members(data, response).get("body")
        if body is not None and nested:
            yield Gap(partition.uri, f"a batch in the batch at bytes={answer.start}")
        elif body is not None:
            yield from _tables_of(partition, data, body, nested=True)
    if not _results(members) and "body" not in members:
        yield Gap(partition.uri, f"no tables in the value at bytes={answer.start}")
    if answer.cut:
        yield Gap(partition.uri, "the file ends before the answer does")


def _table(partition: Partition, data: Bytes, table: Span) -> Iterator[Table | Gap]:
    from . import _json_scan

    members = _members(data, table)
    if "columns" not in members or members["columns"].cut:
        yield Gap(partition.uri, f"the table at bytes={table.start} does not name its columns")
        return
    listed = _load(data, members["columns"])
    columns = _shapes.objects(listed)
    if not isinstance(listed, list) or len(columns) != len(cast("list[object]", listed)):
        yield Gap(partition.uri, f"the table at bytes={table.start} does not name its columns")
        return
    name = _load(data, members["name"]) if "name" in members else None
    rows = members.get("rows", Span(0, 0))
    starts, stops, _, _ = _json_scan.values(
        np.frombuffer(data, np.uint8), rows.start + 1, rows.stop - (not rows.cut)
    )
    names = tuple(str(c.get("name", c.get("ColumnName"))) for c in columns)
    yield Table(str(name or ""), names, Records(data, starts, stops))


def _elements(data: Bytes, array: Span) -> list[Span]:
    """List an array's values, the last one cut if the file ends in it."""
    from . import _json_scan

    stop = array.stop - (not array.cut)
    starts, stops, status, at = _json_scan.values(
        np.frombuffer(data, np.uint8), array.start + 1, stop
    )
    found = [Span(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]
    if status == _json_scan.CUT_OFF:
        found.append(Span(int(at), array.stop, cut=True))
    return found


def _members(data: Bytes, value: Span) -> dict[str, Span]:
    """Name an object's members; empty for any other value."""
    if data[value.start : value.start + 1] != b"{":
        return {}
    inside = _elements(data, value)
    keys = [_load(data, key) for key in inside[::2]]
    return {str(k): v for k, v in zip(keys, inside[1::2], strict=False)}


def _load(data: Bytes, value: Span) -> Any:
    return _shapes.value(bytes(data[value.start : value.stop]))


def _message(error: Any) -> str:
    """Say what an error says, from its innermost code and message."""
    if not hasattr(error, "get"):
        return str(error)
    return " ".join(str(error[k]) for k in ("code", "message") if error.get(k)) or str(error)
