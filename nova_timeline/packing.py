"""How the tables of a run are written as Parquet: what each column is coded and made smaller by."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from nova_timeline import coded, schema

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

_ROWS = 131_072
_BATCH = 4_096
"""Rows that go into a page at a time."""


def packed(table: pa.Table) -> pa.Buffer:
    """Pack a table as the bytes of a Parquet file; see `pack`."""
    import pyarrow as pa

    out = pa.BufferOutputStream()
    pack(table, out)
    return out.getvalue()


def pack(table: pa.Table, where: Path | pa.NativeFile) -> None:
    """Write a table as a Parquet file (zstd; digests as they are).

    Columns that are coded are read back as texts. Pages carry no checksum: the manifest has the
    digest of the whole file.
    """
    import pyarrow.parquet as pq

    columns: Any = [name for name in table.column_names if name in _REPEATING]
    leaves = _leaves(table.schema)
    steady = _STEADY if "event_id" in leaves else frozenset[str]()
    ascending = frozenset(c for c in _ASCENDING & {*leaves} if _is_short(table[c]))
    bare = _RANDOM | ascending | steady
    codecs: Any = {leaf: "none" if leaf in bare else "zstd" for leaf in leaves}
    levels: Any = dict.fromkeys((leaf for leaf in leaves if leaf not in bare), 1)
    encodings: Any = {leaf: "DELTA_BINARY_PACKED" for leaf in leaves if leaf in steady}
    encodings |= dict.fromkeys(ascending, "DELTA_BYTE_ARRAY")
    with pq.ParquetWriter(
        where,
        table.schema,
        compression=codecs,
        compression_level=levels,
        use_dictionary=columns,
        column_encoding=encodings,
        write_statistics=[name for name in table.column_names if name in _PRUNED],
        write_batch_size=_BATCH,
        store_schema=False,
    ) as file:
        file.add_key_value_metadata({"ARROW:schema": _told(table.schema)})
        file.write_table(table, _ROWS)


def _is_short(column: pa.ChunkedArray[Any]) -> bool:
    return column.nbytes <= _SHORT * len(column)


def _told(kinds: pa.Schema) -> str:
    """Write a schema, its coded columns as texts, as Arrow keeps it in a Parquet file."""
    import pyarrow as pa

    fields: Any = kinds
    texts = [f.with_type(pa.string()) if coded.is_coded(f) else f for f in fields]
    return base64.b64encode(pa.schema(texts).serialize()).decode()


def _leaves(kinds: pa.Schema) -> list[str]:
    """Name the leaves that Parquet has for some columns (its format, "Nested Types")."""
    import pyarrow as pa

    found: list[str] = []
    fields: Any = kinds
    for one in fields:
        if pa.types.is_map(one.type):
            found += [f"{one.name}.key_value.key", f"{one.name}.key_value.value"]
        else:
            found.append(f"{one.name}.list.element" if pa.types.is_list(one.type) else one.name)
    return found


_RANDOM = frozenset({"event_id", "evidence.sha256"})
"""Columns that nothing makes smaller."""
_ASCENDING = frozenset({"evidence.locator"})
"""Texts that, where they are short (``bytes=OFFSET+LENGTH``), begin as the one before: what they
share is written once, and no codec makes enough less of the rest to be worth its time."""
_SHORT = 32
"""Bytes of a text, with where it begins."""
_STEADY = frozenset({"timestamp", "observed_timestamp"})
"""Columns of events whose rows follow one another closely: their differences are short, and no
codec makes them shorter. Metrics give many values at one time, which a codec makes less of."""
_REPEATING = frozenset(c for name in schema.TABLES for c in schema.columns(name)) - {
    "event_id",
    "evidence.sha256",
    "evidence.locator",
    "evidence.url",
    "raw",
    "body",
    "timestamp",
    "observed_timestamp",
    "span_id",
    "trace_id",
    "value",
}


_PRUNED = frozenset({"timestamp", "kind", "entity", "metric.name", "evidence.uri"})
"""Columns by whose bounds row groups are left unread."""
