"""What a connector gave, as plain Python: rows as dicts, gaps as their reasons."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nova_timeline.connector import Batch, Connector, Gap, Partition

if TYPE_CHECKING:
    from pathlib import Path


def read(
    connector: Connector, path: Path, content: Any = None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Read a file, written first if content is given: text as it is, else as JSON."""
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    rows: list[dict[str, Any]] = []
    gaps: list[str] = []
    for item in connector.read(Partition("x", path)):
        if isinstance(item, Gap):
            gaps.append(item.reason)
        else:
            rows += rows_of(item)
    return rows, gaps


def rows_of(batch: Batch) -> list[dict[str, Any]]:
    """Return the rows: times as integers of ns, maps as dicts."""
    table: Any = batch.table
    maps: list[str] = []
    for place, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type):
            whole = table[column.name].cast(pa.int64())
            table = table.set_column(place, column.name, whole)
        elif pa.types.is_map(column.type):
            maps.append(column.name)
    rows: list[dict[str, Any]] = table.to_pylist()
    return [row | {name: dict(row[name] or ()) for name in maps} for row in rows]
