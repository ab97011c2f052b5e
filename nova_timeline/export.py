"""The findings as tables: what ``moments.parquet`` and ``links.parquet`` hold.

Their schemas are fixed, so that an empty timeline has the same columns as a full one. Ids are the
ids of ``timeline.json``, as text; times are ``timestamp[ns, UTC]``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from nova_timeline.model import Findings

_DECIMALS = 6

_TIME = "time"
_TEXTS = "texts"
_MOMENT = {
    "id": "string",
    "time": _TIME,
    "end_time": _TIME,
    "precision_ns": "int64",
    "uncertainty_ns": "int64",
    "order": "string",
    "kind": "string",
    "role": "string",
    "category": "string",
    "rule": "string",
    "phase": "string",
    "entity": "string",
    "title": "string",
    "severity": "int8",
    "count": "int64",
    "actor": "string",
    "change_id": "string",
    "evidence": _TEXTS,
    "cascade": "string",
}
_LINK = {
    "effect": "string",  # the moment that was caused
    "cause": "string",  # the moment that caused it
    "effect_time": _TIME,
    "cause_time": _TIME,  # null where the cause is not in the timeline
    "delta_ns": "int64",  # effect minus cause
    "rank": "int64",  # 1 is the effect's best cause
    "score": "float64",
    "order": "string",  # uncertain where either end's place in the order is
    "reasons": _TEXTS,
}
_TABLES = {"moments": _MOMENT, "links": _LINK}


@cache
def schema(name: str) -> pa.Schema:
    """Return the Arrow schema of ``moments`` or ``links``."""
    import pyarrow as pa

    types: dict[str, Any] = {
        "string": pa.string(),
        "int8": pa.int8(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        _TIME: pa.timestamp("ns", "UTC"),
        _TEXTS: pa.list_(pa.string()),
    }
    return pa.schema([pa.field(column, types[kind]) for column, kind in _TABLES[name].items()])


def moments_table(findings: Findings) -> pa.Table:
    """Return one row per moment, in the order of the timeline."""
    rows = [{name: getattr(moment, name) for name in _MOMENT} for moment in findings.moments]
    return _table("moments", rows)


def links_table(findings: Findings) -> pa.Table:
    """Return one row per cause of a moment, in the order of the timeline, best cause first."""
    moments = {moment.id: moment for moment in findings.moments}
    rows: list[dict[str, Any]] = []
    for effect in findings.moments:
        for rank, link in enumerate(effect.caused_by, start=1):
            cause = moments.get(link.moment)
            unsure = "uncertain" in (effect.order, cause.order if cause else "certain")
            rows.append(
                {
                    "effect": effect.id,
                    "cause": link.moment,
                    "effect_time": effect.time,
                    "cause_time": cause.time if cause else None,
                    "delta_ns": effect.time - cause.time if cause else None,
                    "rank": rank,
                    "score": round(link.score, _DECIMALS) + 0.0,
                    "order": "uncertain" if unsure else "certain",
                    "reasons": link.reasons,
                }
            )
    return _table("links", rows)


def _table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Build a table by columns; a lone surrogate, which UTF-8 cannot hold, becomes its escape."""
    import pyarrow as pa

    fields: Any = schema(name)
    columns: list[Any] = [
        pa.array([_utf8(row[field.name]) for row in rows], field.type) for field in fields
    ]
    return pa.Table.from_arrays(columns, schema=fields)


def _utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, tuple):
        return [_utf8(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    return value
