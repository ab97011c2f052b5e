"""What correlation takes from one source's records, before they are put together with others.

Most records of an incident are plain log lines that all went well with: they are evidence, kept and
cited where they lie, and no correlation looks at them again. What it does look at is drawn here,
piece by piece as sources are read: the few records that may become signals, how long records took
to arrive, and when each clock saw each request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, coded

from . import called, clocks, templates

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

SHOWN = (
    "change", "fault", "recovery", "alert_firing", "alert_resolved", "acknowledgement", "gap",
)  # fmt: skip
"""Roles whose records become signals."""
EACH = ("change", "alert_firing", "alert_resolved", "acknowledgement")
"""Roles of which two records by one rule are two, unless they say the same."""
WARN = 13

_SETS = (
    *called.REQUESTS, "config.key", "config.value", "feature_flag.key", "feature_flag.value",
    "vcs.ref.head.revision", "files", "diff",
)  # fmt: skip
"""Attributes that hold what a change sets."""
_TITLE = 160
_REQUEST_ID = (
    r"""(?i)(?:trace|request|req|correlation)[_-]?id["']?\s*[:= ]\s*["']?"""
    r"([0-9a-z][0-9a-z-]{7,63})"
)
_REQUEST = r"\b(req-[0-9a-z-]{6,60})\b"
_HINT = "(?i)id|req-"
"""What is in every text that speaks of a request, and quicker to look for."""
_REQUEST_KEYS = ("request_id", "requestId", "request.id", "http.request.id", "correlation_id")
_SEED = 0


def schema() -> pa.Schema:
    """Return the columns of `rows`: an event's, and what is added to them."""
    import pyarrow as pa

    from nova_timeline import schema

    more = {"row": pa.int64(), "time": pa.int64(), "template": pa.uint64(),
            "told": pa.string(), "alike": pa.string()}  # fmt: skip
    fields: list[Any] = [*schema.table("event"), *(pa.field(n, t) for n, t in more.items())]
    return pa.schema(fields)


def rows(events: pa.Table, first: int = 0) -> pa.Table:
    """Draw the records that may become signals: those with a part to play, and bad log lines.

    Args:
        events: EVENT rows of one piece, shape (n,).
        first: the number of the first of them.

    Returns:
        Event columns, with ``row`` (int64, its number), ``time`` (int64 ns), ``template`` (uint64,
        of its body), ``told`` (its line for people) and ``alike`` (what tells it from others by
        the same rule, null where they are one). Rows without a time are left out.
    """
    import numpy as np
    import pyarrow as pa

    pc = arrow.compute()
    shown = coded.among(events["role"], SHOWN)
    bad = pc.greater_equal(pc.fill_null(events["severity_number"], 9), WARN)
    wanted = pc.and_(pc.or_(shown, bad), events["timestamp"].is_valid())
    places = np.flatnonzero(np.asarray(wanted))
    table = coded.written_out(events.take(arrow.core().array(places)))
    title, name = table["title"], table["event_name"]
    said = pc.or_(table["rule"].is_null(), pc.is_in(table["role"], value_set=pa.array(EACH)))
    cut = pc.utf8_slice_codeunits(table["body"], 0, _TITLE)
    added = {
        "row": pa.array(places + first),
        "time": table["timestamp"].cast(pa.int64()),
        "template": pa.array(templates.codes(table["body"])),
        "told": pc.coalesce(title, cut, name, table["role"]),
        "alike": pc.if_else(said, _alike(table), None),
    }
    whole = schema()
    arrays: list[Any] = [added[n] if n in added else table[n] for n in whole.names]
    return pa.Table.from_arrays(arrays, schema=whole)


def _alike(table: pa.Table) -> pa.Array[Any]:
    """Write what records say, and of changes also what they set; null for nothing, shape (n,).

    Calls by one name that set different things are different changes, however near in time.
    """
    import numpy as np
    import polars as pl
    import pyarrow as pa

    pc = arrow.compute()
    told: pa.Array[Any] = arrow.whole(pc.coalesce(table["title"], table["event_name"]))
    changes = np.flatnonzero(pl.Series(values=table["role"]).eq("change").fill_null(value=False))
    if len(changes) == 0:
        return told
    held: Any = arrow.whole(table["attributes"]).take(arrow.core().array(changes))
    given = [pl.Series(k, values=pc.map_lookup(held, pa.scalar(k), "first")) for k in _SETS]
    sets = pl.DataFrame(given).select(
        pl.when(pl.any_horizontal(pl.all().is_not_null())).then(pl.struct(pl.all()).hash(_SEED))
    )
    whole = pl.Series("told", values=told, dtype=pl.String)
    said = whole.gather(changes).to_frame().with_columns(sets=sets.to_series().cast(pl.String))
    marked = said.select(pl.concat_str("told", "sets", separator="|", ignore_nulls=True))
    return arrow.column(whole.scatter(changes, marked.to_series()))


def arrivals(events: pa.Table, *, own_receipt: bool = False) -> pl.DataFrame:
    """Say by clock how far ahead of the receipt its records are stamped; see `clocks.arrivals`."""
    import polars as pl

    frame = pl.DataFrame(events.select(["timestamp", "observed_timestamp"])).with_columns(
        clock=pl.Series(values=coded.of(events["clock"]))
    )
    time = pl.col("timestamp").cast(pl.Int64)
    received = pl.lit(None, pl.Int64) if own_receipt else pl.col("observed_timestamp")
    dated = frame.select("clock", time=time, observed=received.cast(pl.Int64))
    lags = clocks.arrivals(dated.filter(pl.col("time").is_not_null()))
    return lags.cast({"clock": pl.String})


def passages(events: pa.Table) -> pl.DataFrame:
    """Say when each clock saw each request; see `clocks.passages`; names are categories."""
    import polars as pl

    frame = pl.DataFrame(events.select(["trace_id", "body"])).with_columns(
        clock=pl.Series(values=coded.of(events["clock"])),
        entity=pl.Series(values=coded.of(events["entity"])),
        time=pl.Series(values=events["timestamp"]).cast(pl.Int64),
        end=pl.Series(values=events["end_timestamp"]).cast(pl.Int64),
        held=pl.Series(values=_attribute(events), dtype=pl.String),
    )
    known = frame.filter(pl.col("time").is_not_null(), pl.col("clock").is_not_null())
    body = pl.col("body")
    said = known.filter(pl.col("held").is_not_null() | body.str.contains(_HINT)).with_columns(
        trace_id=pl.coalesce("held", body.str.extract(_REQUEST_ID), body.str.extract(_REQUEST))
    )
    both = pl.concat([known, said]).filter(pl.col("trace_id").is_not_null())
    return clocks.passages(both.with_columns(trace=pl.col("trace_id").hash(_SEED)))


def _attribute(events: pa.Table) -> pa.Array[Any]:
    """Read the first attribute of a request's id that each row has, shape (n,)."""
    import pyarrow as pa

    pc = arrow.compute()
    column: Any = arrow.whole(events["attributes"])
    wanted = pc.is_in(column.keys, value_set=pa.array(_REQUEST_KEYS))
    if not pc.any(wanted, min_count=0).as_py():
        return pa.nulls(len(events), pa.string())
    found = [pc.map_lookup(column, pa.scalar(k), "first") for k in _REQUEST_KEYS]
    first: pa.Array[Any] = pc.coalesce(*found)
    return first


def point_schema() -> pa.Schema:
    """Return the columns of `points`."""
    import pyarrow as pa

    types = {"row": pa.int64(), "time": pa.int64(), "entity": pa.string(),
             "metric": pa.string(), "value": pa.float64()}  # fmt: skip
    return pa.schema([pa.field(name, kind) for name, kind in types.items()])


def points(metrics: pa.Table, first: int = 0) -> pa.Table:
    """Draw the dated points of metrics; the first row has the number given.

    Returns:
        row (int64), time (int64 ns), entity, metric, value.
    """
    import numpy as np
    import pyarrow as pa

    metric = coded.plain(metrics["metric.name"])
    name = arrow.compute().fill_null(metric, "a metric without a name")
    columns: list[Any] = [
        pa.array(np.arange(first, first + len(metrics))),
        metrics["timestamp"].cast(pa.int64()),
        coded.plain(metrics["entity"]),
        name,
        metrics["value"],
    ]
    table = pa.Table.from_arrays(columns, schema=point_schema())
    return table.filter(table["time"].is_valid())
