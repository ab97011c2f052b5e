"""Small made-up evidence: event and metric tables, and signals as correlation draws them."""

from collections import Counter
from typing import Any

import polars as pl
import pyarrow as pa

from nova_timeline import arrow, schema
from nova_timeline.clock import Window
from nova_timeline.correlate import change_points, notable, signals, slabs
from nova_timeline.correlate.analysis import Evidence
from nova_timeline.correlate.episode import Episode, Signal, Trouble
from nova_timeline.spool import Spool
from nova_timeline.topology import Topology

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
START = 1_772_544_600 * SECOND
WINDOW = Window(START, START + 90 * MINUTE)
_TIMES = ("timestamp", "end_timestamp", "observed_timestamp")
_TYPES: dict[str, Any] = {
    "row": pl.Int64, "time": pl.Int64, "end": pl.Int64, "precision": pl.Int64, "clock": pl.String,
    "entity": pl.String, "kind": pl.String, "role": pl.String, "category": pl.String,
    "rule": pl.String, "title": pl.String, "event_name": pl.String, "severity": pl.Int64,
    "body": pl.String, "template": pl.UInt64,
}  # fmt: skip
_USUAL = {"precision": 1, "kind": "log", "severity": 17}
_KINDS = {"change": "deploy", "alert_firing": "alert", "alert_resolved": "alert"}
_WEIGHTS = {"fault": 2.0, "alert_firing": 3.0}


def at(minutes: float) -> int:
    """Give the time so many minutes into the window, in ns."""
    return START + round(minutes * MINUTE)


def calls(*pairs: str) -> Topology:
    """Read dependencies written as ``caller>callee``."""
    edges = [tuple(p.split(">")) for p in pairs]
    names = sorted({n for e in edges for n in e})
    shape = Topology(dict.fromkeys(names, "service"))
    return shape.with_edges((a, b, "calls") for a, b in edges)


def evidence(
    found: pa.Table, series: pa.Table, *, window: Window = WINDOW, slab: int = 1 << 30,
    own_receipt: bool = False,
) -> Evidence:  # fmt: skip
    """Draw from event and metric tables what correlation looks at."""
    kept = spooled(notable.rows(found))
    lags = notable.arrivals(found, own_receipt=own_receipt)
    seen = [notable.passages(found).to_arrow()]
    return Evidence(kept, cells(kept, window), [notable.points(series)], [lags], seen, slab)


def spooled(table: pa.Table) -> Spool:
    """Keep notable rows in memory."""
    kept = Spool(notable.schema())
    kept.append(table)
    return kept


def cells(kept: Spool, window: Window) -> dict[int, int]:
    """Count rows by the grid that stretches of time are cut on."""
    times: list[Any] = [t for table in kept.tables(["time"]) for t in table["time"].to_pylist()]
    return dict(Counter((t - window.start) // slabs.GRID for t in times))


def gathered(frame: pl.DataFrame, metrics: pl.DataFrame, slab: int = 1 << 30) -> pl.DataFrame:
    """Draw signals from `rows` and `metric_rows`."""
    times = pl.col("time", "end").cast(pl.Datetime("ns", "UTC"))
    names = {"time": "timestamp", "end": "end_timestamp", "precision": "timestamp_precision",
             "severity": "severity_number"}  # fmt: skip
    columns = frame.with_columns(times).rename(names).drop("row", "template")
    table = notable.rows(schema.conform("event", columns.to_dict(), len(frame)))
    places = table["row"].to_numpy()
    for name in ("row", "template"):
        given = arrow.column(frame[name].fill_null(0).gather(places))
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.field(at), given)
    kept = spooled(table)
    cut = slabs.cut(kept, cells(kept, WINDOW), (), WINDOW, slab)
    return signals.gather(signals.of_events(cut, WINDOW), excursions(metrics))


def excursions(metrics: pl.DataFrame) -> pl.DataFrame:
    """Find where metrics left their level, and nothing else of them."""
    found = change_points.find(metrics.drop("unit"))
    return found.with_columns(recurs=pl.lit(value=False))


def rows(*given: dict[str, Any]) -> pl.DataFrame:
    """Lay out rows as `signals.gather` takes them; times in minutes."""
    made = [_USUAL | {"row": i} | g | {"time": at(g["time"])} for i, g in enumerate(given)]
    return pl.DataFrame(made, schema=_TYPES)


def no_metrics() -> pl.DataFrame:
    """Lay out no metrics as `signals.gather` takes them."""
    return metric_rows()


def metric_rows(*series: tuple[str, str, list[float]]) -> pl.DataFrame:
    """Lay out metrics, one value a minute: entity, metric, values."""
    found = [(START + i * MINUTE, e, m, v) for e, m, values in series for i, v in enumerate(values)]
    return pl.DataFrame(
        [(row, *f, "1") for row, f in enumerate(found)],
        schema={"row": pl.Int64, "time": pl.Int64, "entity": pl.String, "metric": pl.String,
                "value": pl.Float64, "unit": pl.String},
        orient="row",
    )  # fmt: skip


def signal(number: int, minutes: float, entity: str | None, role: str, **over: Any) -> Signal:
    """Make one signal, minutes into the window."""
    made: Signal = {
        "signal": number, "time": at(minutes), "end": None, "precision": 1, "clock": None,
        "entity": entity, "kind": _KINDS.get(role, "log"), "role": role, "category": None,
        "rule": f"a.{role}", "title": f"{role} on {entity}", "severity": 17, "count": 1,
        "weight": _WEIGHTS.get(role, 0.0), "table": "event", "row": number, "rows": [],
        "is_effect": role in _WEIGHTS, "is_cause": role in ("change", "fault"),
    }  # fmt: skip
    return made | over


def table(*signals: Signal) -> pl.DataFrame:
    """Make a signals table of signals."""
    types: dict[str, Any] = {"end": pl.Int64, "rows": pl.List(pl.Int64)}
    for name in ("clock", "category", "entity", "rule"):
        types[name] = pl.String
    return pl.DataFrame(list(signals), schema_overrides=types)


def episode(*signals: Signal) -> Episode:
    """Make an episode of signals, one trouble an entity."""
    names = sorted({s["entity"] for s in signals})
    return Episode(tuple(_trouble(n, [s for s in signals if s["entity"] == n]) for n in names))


def _trouble(entity: str, signals: list[Signal]) -> Trouble:
    times = [s["time"] for s in signals]
    return Trouble(entity, min(times), max(times), tuple(signals))


def events(*given: dict[str, Any]) -> pa.Table:
    """Make an event table; times in minutes into the window, None for no time."""
    columns: dict[str, Any] = {}
    for name in sorted({k for g in given for k in g}):
        values = [g.get(name) for g in given]
        if name in _TIMES:
            values = [None if v is None else at(v) for v in values]
            columns[name] = pl.Series(values, dtype=pl.Datetime("ns", "UTC"))
        elif name == "attributes":
            held: list[Any] = [[*v.items()] if v else [] for v in values]
            columns[name] = pa.array(held, pa.map_(pa.string(), pa.string()))
        else:
            columns[name] = pl.Series(values)
    return schema.conform("event", columns, len(given))


def metrics(*series: tuple[str, str, list[float]]) -> pa.Table:
    """Make a metric table, one value a minute: entity, metric, values."""
    found = metric_rows(*series)
    return schema.conform(
        "metric",
        {
            "timestamp": found["time"].cast(pl.Datetime("ns", "UTC")),
            "entity": found["entity"],
            "metric.name": found["metric"],
            "value": found["value"],
        },
        len(found),
    )
