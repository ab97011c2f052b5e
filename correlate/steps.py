"""What each request did, step by step: a span begins, log lines are written within it, it ends.

Records that carry both a trace's and a span's id are drawn here as narrow rows while sources are
read, the healthy ones included: what a request usually does is what a fault is told by. Rows are
given back in parts that each hold whole traces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, coded

from . import templates

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

LOG, SPAN = 0, 1
"""Kinds of step; those above `SPAN` are spans whose side is known."""
SIDES = {"internal": 2, "server": 3, "client": 4, "producer": 5, "consumer": 6}
WARN, ERROR = 13, 17
GRID = 5_000_000_000
"""ns; steps are counted by cells of time of this width."""
HICCUP = 60_000_000_000
"""ns; what is over sooner is none of an incident's."""

COLUMNS = {
    "trace": "int64",
    "span": "int64",
    "parent": "int64",
    "entity": "string",
    "time": "int64",
    "lasted": "int64",
    "what": "int64",
    "kind": "int8",
    "severity": "int8",
    "row": "int64",
}
"""Column -> Arrow type."""

_SPANS = ("span", "span.error")
_TAKEN = ("trace_id", "span_id", "entity", "timestamp", "end_timestamp", "event_name", "body",
          "severity_number", "attributes")  # fmt: skip
_SEED = 0


def schema() -> pa.Schema:
    """Return the columns of steps, as Arrow has them."""
    import pyarrow as pa

    kinds = {"string": pa.large_string(), "int64": pa.int64(), "int8": pa.int8()}
    return pa.schema([pa.field(name, kinds[kind]) for name, kind in COLUMNS.items()])


def of(events: pa.Table, first: int = 0) -> pa.Table | None:
    """Draw the steps of one piece; None where no record names its span.

    Args:
        events: EVENT rows, shape (n,).
        first: the number of the first of them.

    Returns:
        trace, span, parent (int64, hashes of ids; 0 is no parent), entity, time, lasted (ns, 0 for
        log lines), what (int64: a span's operation or a log line's template), kind (see `LOG`),
        severity, row (its number).
    """
    import numpy as np
    import polars as pl

    if events["span_id"].null_count == len(events):
        return None
    pc = arrow.compute()
    valid = (events[c].is_valid() for c in ("span_id", "trace_id", "timestamp", "entity"))
    known = next(valid)
    for column in valid:
        known = pc.and_(known, column)
    places = np.flatnonzero(np.asarray(known))
    if len(places) == 0:
        return None
    table = coded.written_out(events.select(list(_TAKEN)).take(arrow.core().array(places)))
    frame = pl.DataFrame(table.select(["trace_id", "span_id", "entity", "severity_number"]))
    spans = pc.fill_null(pc.is_in(table["event_name"], value_set=arrow.core().array(_SPANS)), False)
    said = _said_of_spans(table, np.asarray(spans))
    time = pl.Series(values=table["timestamp"]).cast(pl.Int64)
    end = pl.Series(values=table["end_timestamp"]).cast(pl.Int64)
    is_span = pl.col("kind") >= SPAN
    made = (
        frame.hstack(said)
        .with_columns(
            pl.Series("row", places + first),
            pl.Series("line", templates.codes(table["body"])).reinterpret(signed=True),
            time=time,
            end=end,
        )
        .select(
            trace=_hash("trace_id"),
            span=_hash("span_id"),
            parent=_hash("parent").fill_null(0),
            entity="entity",
            time="time",
            lasted=pl.when(is_span)
            .then(pl.max_horizontal("end", "time") - pl.col("time"))
            .otherwise(0),
            what=pl.when(is_span).then(_hash("name").fill_null(0)).otherwise("line"),
            kind="kind",
            severity=pl.col("severity_number").fill_null(9),
            row="row",
        )
    )
    return arrow.table(made).cast(schema())


def _hash(column: str) -> pl.Expr:
    import polars as pl

    text = pl.col(column)
    return pl.when(text.is_not_null()).then(text.hash(_SEED).reinterpret(signed=True))


def _said_of_spans(table: pa.Table, spans: Any) -> pl.DataFrame:
    """Read kind, name and parent of the rows that are spans; shape (n,), null where not said."""
    import numpy as np
    import polars as pl

    places = np.flatnonzero(spans)
    column = arrow.whole(table["attributes"].take(arrow.core().array(places)))
    side = _said(column, "span.kind").replace_strict(SIDES, default=SPAN, return_dtype=pl.Int8)
    kind = np.full(table.num_rows, LOG, np.int8)
    kind[places] = side.fill_null(SPAN).to_numpy()
    whole = {
        name: _texts(table.num_rows).scatter(places, _said(column, f"span.{key}"))
        for name, key in (("name", "name"), ("parent", "parent_id"))
    }
    return pl.DataFrame({"kind": kind} | whole)


def _texts(length: int) -> pl.Series:
    """Make a column of texts, all of them null."""
    import polars as pl

    return pl.Series([None], dtype=pl.String).new_from_index(0, length)


def _said(maps: Any, key: str) -> pl.Series:
    """Look up a key in n maps, shape (n,), in one pass; Arrow's own makes one a map."""
    import numpy as np
    import polars as pl

    offsets = np.asarray(maps.offsets)
    at = np.flatnonzero(np.asarray(arrow.compute().equal(maps.keys, key)))
    owner = np.searchsorted(offsets, at, "right") - 1
    held = pl.Series(values=maps.items.take(arrow.core().array(at)), dtype=pl.String)
    return _texts(len(maps)).scatter(owner, held)
