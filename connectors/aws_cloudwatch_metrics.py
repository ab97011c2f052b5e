"""Amazon CloudWatch metrics, as ``get-metric-data`` and ``get-metric-statistics`` print them.

Shapes: Amazon CloudWatch API Reference, GetMetricData and GetMetricStatistics. A timestamp is the
start of its period. One query's result may be spread over pages, newest first; results say neither
metric nor dimensions, so the queries that were asked, or the incident file, name them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nova_timeline import arrow
from nova_timeline.connector import Batch, Connector, Gap, Option, Partition, batch
from nova_timeline.errors import OptionError

from . import _aws, _duck, _envelope, _fields, _json, _json_export, _shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import polars as pl

    from nova_timeline.clock import Window

_ENVELOPES = ("MetricDataResults", "Datapoints")
_RESULT = {
    "id": "$.Id",
    "label": "$.Label",
    "times": "$.Timestamps",
    "values": "$.Values",
    "status": "$.StatusCode",
    "messages": "$.Messages",
}
_STATISTICS = ("Average", "Sum", "Minimum", "Maximum", "SampleCount")
_POINT = {
    "time": "$.Timestamp",
    "unit": "$.Unit",
    "extended": "$.ExtendedStatistics",
    **{name: f"$.{name}" for name in _STATISTICS},
}
_AROUND = _envelope.MORE | {"label": "$.Label", "messages": "$.Messages"}
_REFERENCE = re.compile(r"\b[a-z][A-Za-z0-9_]*\b")
_NAMING = ("entity", "name", "unit")


@dataclass(frozen=True, slots=True)
class Query:
    """What a query asked for, as far as it says."""

    entity: str | None = None
    name: str | None = None
    unit: str | None = None
    statistic: str | None = None


class CloudWatchMetrics(Connector):
    """Amazon CloudWatch metrics, from ``get-metric-data`` or ``get-metric-statistics``."""

    summary = "CloudWatch metrics: get-metric-data pages and get-metric-statistics output"
    globs = _json_export.GLOBS
    options: ClassVar = {
        "metrics": Option("query id or label -> {entity, name, unit}", dict),
        "queries": Option(
            "file with the MetricDataQueries that were asked, looked for beside the data and above"
        ),
    }

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Check what the metrics option says of each query.

        Raises:
            OptionError: an option that cannot be used.
        """
        super().__init__(options)
        given: dict[str, Any] = self.settings["metrics"] or {}
        for key, said in given.items():
            if not hasattr(said, "keys") or said.keys() - set(_NAMING):
                msg = f"metrics.{key} must be a table of {', '.join(_NAMING)}, not {said!r}"
                raise OptionError(msg)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode every result; a file is read whole, for its pages belong together."""
        del window
        asked = self.settings["queries"]
        file = _find(asked, partition.path) if asked else None
        if file == partition.path.resolve():
            return
        if asked and not file:
            missing = f"no {asked} beside it or in a folder above: the series keep their labels"
            yield Gap(partition.uri, missing)
        queries = _queries(file) if file else {}
        found = _json.records(partition, _ENVELOPES)
        around, offsets = _envelope.around(partition, found, _AROUND)
        yield from _envelope.unfinished(partition, around)
        yield from _messages(partition, around["messages"])
        if len(found) == 0:
            yield from found.gaps
            return
        decoded = _fields.decode(partition, found, _RESULT | _POINT)
        decoded, rows = _results(partition, decoded)
        yield from decoded.gaps
        yield from _incomplete(partition, rows)
        points, lost = _points(rows, _labels(decoded, around, offsets))
        if lost:
            yield Gap(partition.uri, f"{lost} points have a time without a value or the reverse")
        if len(points):
            named = _named(points, queries, self.settings["metrics"] or {})
            yield self._batch(partition, decoded, named)

    def _batch(self, partition: Partition, decoded: _json.Decoded, points: pl.DataFrame) -> Batch:
        return batch(
            "metric",
            partition,
            raw=decoded.raw,
            locators=decoded.locators,
            record=arrow.column(points["record"]),
            columns={
                "timestamp": points["timestamp"],
                "entity": points["entity"],
                "metric.name": points["name"],
                "value": points["value"],
                "unit": points["unit"],
            },
        )


def _find(name: str, data: Path) -> Path | None:
    """Find the file of queries beside the data, or in a folder above it."""
    there = (folder / name for folder in data.resolve().parents)
    return next((file.resolve() for file in there if file.is_file()), None)


def _queries(file: Path) -> dict[str, Query]:
    """Read MetricDataQueries, bare or as ``--cli-input-json`` holds them, by their ids."""
    listed: Any
    try:
        listed = json.loads(file.read_bytes())
        if "MetricDataQueries" in listed:
            listed = listed["MetricDataQueries"]
        asked: dict[str, Any] = {q["Id"]: q for q in listed}
    except (ValueError, KeyError, TypeError) as error:
        msg = f"option 'queries': {file} is no list of MetricDataQueries ({error!r})"
        raise OptionError(msg) from error
    plain = {i: _plain(q["MetricStat"]) for i, q in asked.items() if "MetricStat" in q}
    several = [(q.entity, q.name) for q in plain.values()]
    made = {
        i: Query(
            q.entity,
            f"{q.name}.{q.statistic}" if several.count((q.entity, q.name)) > 1 else q.name,
            q.unit,
        )
        for i, q in plain.items()
    }
    for number, q in asked.items():
        if "MetricStat" not in q:
            inputs = [made[r] for r in _REFERENCE.findall(q.get("Expression", "")) if r in made]
            entity = inputs[0].entity if inputs else None
            made[number] = Query(entity, q.get("Label") or number)
    return made


def _plain(asked: Mapping[str, Any]) -> Query:
    metric = asked.get("Metric", {})
    entity = _aws.entity_of(_aws.dimensions_of(metric.get("Dimensions")))
    return Query(entity, metric.get("MetricName"), asked.get("Unit"), asked.get("Stat"))


def _results(partition: Partition, decoded: _json.Decoded) -> tuple[_json.Decoded, pl.DataFrame]:
    """Keep what is a result or a datapoint; an answer without any is no stranger."""
    rows = decoded.table
    known = rows["times"].is_not_null() | rows["time"].is_not_null()
    decoded = _aws.only(decoded, known, partition, "CloudWatch metric results")
    return decoded, rows.filter(known)


def _messages(partition: Partition, messages: pl.Series) -> Iterator[Gap]:
    """Report what the service said about its own answer (MaxMetricsExceeded and the like)."""
    for text in messages.drop_nulls().unique(maintain_order=True):
        listed = _shapes.objects(_shapes.value(text))
        said = [f"{m['Code']}: {m.get('Value')}" for m in listed if "Code" in m]
        if said:
            yield Gap(partition.uri, f"CloudWatch says: {'; '.join(said)}")


def _incomplete(partition: Partition, rows: pl.DataFrame) -> Iterator[Gap]:
    """Report queries none of whose pages is the last, and those that failed."""
    import polars as pl

    key = pl.coalesce("label", "id")
    status = rows.filter(pl.col("status").is_not_null()).group_by("id", key, maintain_order=True)
    for name, _, found in status.agg(pl.col("status").unique(maintain_order=True)).rows():
        if "Forbidden" in found:
            yield Gap(partition.uri, f"query {name} was refused (Forbidden)", "denied")
        elif "InternalError" in found or "Complete" not in found:
            yield Gap(partition.uri, f"query {name} is not complete: {', '.join(found)}")
    yield from _messages(partition, rows["messages"])


def _labels(decoded: _json.Decoded, around: pl.DataFrame, offsets: Any) -> pl.Series:
    """Give each record the label of its document, where get-metric-statistics has it."""
    import numpy as np
    import polars as pl

    if len(around) == 0:
        return pl.Series([None] * len(decoded), dtype=pl.String)
    places = pl.Series(values=decoded.locators, dtype=pl.String).str.extract(r"^bytes=(\d+)")
    document = np.searchsorted(offsets, places.cast(pl.Int64).to_numpy(), side="right") - 1
    return around["label"].gather(document)


def _points(rows: pl.DataFrame, labels: pl.Series) -> tuple[pl.DataFrame, int]:
    """Lay every point on a row: record, id, label, statistic, timestamp, value and unit.

    Returns:
        The points, oldest first within a series and each once, and how many had no partner.
    """
    import polars as pl

    numbered = rows.with_row_index("record").with_columns(pl.col("record").cast(pl.Int64))
    numbered = numbered.with_columns(label=pl.coalesce("label", labels))
    lists = numbered.filter(pl.col("times").is_not_null())
    columns = ["record", "id", "label", "statistic", "time", "value", "unit"]
    both = pl.concat([_unnested(lists).select(columns), _statistics(numbered).select(columns)])
    whole = both.filter(pl.col("time").is_not_null() & pl.col("value").is_not_null())
    times = pl.Series(values=_aws.times(whole["time"]).timestamp)
    series = ["id", "label", "statistic", "timestamp"]
    # Pages that overlap give the same point twice.
    once = whole.with_columns(timestamp=times).unique(
        [*series, "time", "value"], keep="first", maintain_order=True
    )
    return once.sort(series, maintain_order=True), len(both) - len(whole)


def _unnested(lists: pl.DataFrame) -> pl.DataFrame:
    """Open Timestamps and Values side by side; the shorter one is filled with nulls."""
    import polars as pl

    times, values = _duck.shaped("times"), _duck.shaped('"values"')
    query = f"""
        SELECT record, id, label, unnest(from_json({times}, '["VARCHAR"]')) AS "time",
               TRY_CAST(unnest(from_json({values}, '["VARCHAR"]')) AS DOUBLE) AS "value"
        FROM texts"""  # noqa: S608
    opened = pl.DataFrame(_duck.run(query, lists.to_arrow()))
    none = pl.lit(None, pl.String)
    return opened.with_columns(none.alias("statistic"), none.alias("unit"))


def _statistics(numbered: pl.DataFrame) -> pl.DataFrame:
    """Turn a datapoint's statistics (columns, and percentiles by name) into a row each."""
    import polars as pl

    points = numbered.filter(pl.col("time").is_not_null())
    kept = ["record", "id", "label", "time", "unit"]
    plain = points.unpivot(_STATISTICS, index=kept, variable_name="statistic", value_name="text")
    query = f"""
        SELECT record, id, label, "time", unit, unnest(json_keys(x)) AS statistic,
               unnest(json_extract_string(x, '$.*')) AS text
        FROM (SELECT *, {_duck.shaped("extended", "OBJECT")} AS x FROM texts)"""  # noqa: S608
    extended = pl.DataFrame(
        _duck.run(query, points.filter(pl.col("extended").is_not_null()).to_arrow())
    )
    both = pl.concat([plain, extended.select(plain.columns).cast(plain.schema)])
    stated = both.filter(pl.col("text").is_not_null())
    return stated.with_columns(value=pl.col("text").cast(pl.Float64, strict=False))


def _named(
    points: pl.DataFrame, queries: Mapping[str, Query], given: Mapping[str, Mapping[str, str]]
) -> pl.DataFrame:
    """Name each series: as the incident file says, else as the query asked, else by its label."""
    import polars as pl

    series = points.select("id", "label", "statistic").unique(maintain_order=True)
    several = set(
        series.group_by("id", "label").len().filter(pl.col("len") > 1).select("id", "label").rows()
    )
    names = [
        _name(s, queries, given, several=(s["id"], s["label"]) in several)
        for s in series.to_dicts()
    ]
    table = series.with_columns(
        pl.Series(key, [n[i] for n in names], dtype=pl.String)
        for i, key in enumerate(("entity", "name", "known_unit"))
    )
    joined = points.join(
        table,
        on=["id", "label", "statistic"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    return joined.with_columns(unit=pl.coalesce("known_unit", "unit"))


def _name(
    series: Mapping[str, str | None],
    queries: Mapping[str, Query],
    given: Mapping[str, Mapping[str, str]],
    *,
    several: bool,
) -> tuple[str | None, str | None, str | None]:
    number, label, statistic = series["id"] or "", series["label"] or "", series["statistic"]
    said = given.get(number) or given.get(label) or {}
    asked = queries.get(number, Query())
    name = said.get("name") or asked.name or label or number
    if several and statistic:
        name = f"{name}.{statistic}"
    return said.get("entity") or asked.entity, name, said.get("unit") or asked.unit
