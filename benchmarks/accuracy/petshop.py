"""PetShop: latency, requests and availability of an application's nodes, every five minutes.

Hardt et al., "The PetShop Dataset - Finding Causes of Performance Issues across Microservices",
CLeaR 2024 (amazon-science/petshop-root-cause-analysis). A scenario is a folder with ``noissue/``
(days without an issue), ``graph.csv`` (1 where the row's node calls the column's) and issues, each
with a few rows of ``metrics.csv`` and a ``target.json``, of which the alert is given and the cause
is not. The days without an issue may be months away, so they are no history of an issue but say
what is usual: their times are moved to end where the issue's rows begin, one step before the first.

Windows cut out of the days without an issue, one every four hours, are cases as well: nothing is to
be found in them. Before such a window comes what came before it, and before that what came after.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from benchmarks.accuracy import _incident_file, _statistics
from benchmarks.accuracy._suite import Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from benchmarks.accuracy._suite import Row, Timeline

_STEP = 300
_EVERY = 4 * 3600 // _STEP
"""Rows from the beginning of one window without an issue to the next."""
_ROWS = 5
"""Rows of such a window, as many as most issues have."""
_HEADER = 3
_UNITS = {"latency": "s", "availability": "%", "requests": "1"}


@dataclass(frozen=True)
class Window(Case):
    """A window without an issue, from this row of its scenario's ``noissue/metrics.csv`` on."""

    first: int = 0


class PetShop:
    """The suite; see `benchmarks.accuracy._suite.Suite`."""

    name = "petshop"
    place = "petshop"

    def cases(self, data: Path) -> list[Case]:
        """List the issues and the windows without one of every scenario below a folder."""
        found: list[Case] = []
        for usual in sorted(data.rglob("noissue/metrics.csv")):
            scenario = usual.parent.parent
            names, rows = _nodes(usual)
            place = scenario.relative_to(data)
            for target in sorted(scenario.rglob("target.json")):
                told = json.loads(target.read_text())
                truth = {"node": told["root_cause"]["node"], "nodes": names}
                name = (place / target.parent.relative_to(scenario)).as_posix()
                found.append(Case(name, target.parent, truth))
            for first in range(_EVERY, rows - _ROWS, _EVERY):
                name = (place / "noissue" / f"{first:04d}").as_posix()
                found.append(Window(name, usual.parent, {"node": None, "nodes": names}, first))
        return sorted(found, key=lambda case: case.name)

    def write(self, case: Case, folder: Path, without: frozenset[str]) -> Path:
        """Write metrics, the alert, the topology, and what is usual in front of it all."""
        scenario = _scenario(case.folder)
        if isinstance(case, Window):
            usual, seen = _cut(_read(case.folder / "metrics.csv"), case.first)
            alerts: list[dict[str, Any]] = []
        else:
            usual = _read(scenario / "noissue" / "metrics.csv")
            seen = _read(case.folder / "metrics.csv")
            alerts = [_alert(json.loads((case.folder / "target.json").read_text())["target"])]
        first, last = _ends(seen)
        usual = _moved(usual, first - _STEP)
        (folder / "alerts.jsonl").write_text("".join(json.dumps(a) + "\n" for a in alerts))
        sources: list[dict[str, Any]] = [
            {"use": "jsonl", "path": "alerts.jsonl", "kind": "alert"}
            | {"fields": {"event_name": "alert", "role": "role", "body": "text"}}
        ]
        if "metrics" not in without:
            _write_metrics(folder / "metrics.csv", usual, seen)
            sources.append({"use": "csv", "path": "metrics.csv", "table": "metrics"})
        head = {
            "id": case.name,
            "title": "The application does not do as it should",
            "start": _time(_ends(usual)[0]),
            "end": _time(last + _STEP),
            "usual_until": _time(first),
        }
        calls = [] if "topology" in without else list(_calls(scenario / "graph.csv"))
        return _incident_file.write(folder, head, sources, calls)

    def score(self, case: Case, timeline: Timeline) -> Row:
        """Rank the node by the entities of the root causes; a window without an issue has none."""
        truth = case.truth["node"]
        ranked = [(c["entity"], c["score"]) for c in timeline["root_causes"]]
        rank = None if truth is None else _statistics.worst_rank(ranked, {truth})
        right = not ranked if truth is None else rank == 1
        return {
            "case": case.name,
            "answer": ranked[0][0] if ranked else None,
            "truth": truth,
            "rank": rank,
            "score": float(right),
            "decoy": truth is None and bool(ranked),
            "candidates": case.truth["nodes"],
        }

    def summary(self, rows: Sequence[Row]) -> Mapping[str, Any]:
        """Give the share of issues told first, and of windows without an issue left in peace."""
        issues = [row["score"] for row in rows if row["truth"] is not None]
        peace = [row["score"] for row in rows if row["truth"] is None]
        return {
            "score": _statistics.mean(issues),
            "issues": len(issues),
            "windows": len(peace),
            "specificity": _statistics.mean(peace),
        }


SUITE = PetShop()


def _scenario(folder: Path) -> Path:
    return next(p for p in folder.parents if (p / "noissue" / "metrics.csv").is_file())


def _header(path: Path) -> list[list[str]]:
    """Return the nodes, metrics and statistics that columns are of, after the column of times."""
    with path.open(newline="") as file:
        return [line[1:] for line in islice(csv.reader(file), _HEADER)]


def _nodes(path: Path) -> tuple[int, int]:
    """Count the nodes and the rows of a file of metrics."""
    with path.open(newline="") as file:
        lines = sum(1 for _ in file)
    return len(set(_header(path)[0])), lines - _HEADER - 1


def _read(path: Path) -> pl.DataFrame:
    """Read metrics: timestamp (whole seconds), entity, metric, value, one row a value."""
    import polars as pl

    nodes, metrics, statistic = _header(path)
    columns = [str(i) for i in range(len(nodes))]
    named = pl.DataFrame(
        {
            "column": columns,
            "entity": nodes,
            "metric": [f"{m}.{s}" for m, s in zip(metrics, statistic, strict=True)],
            "unit": [_UNITS.get(m) for m in metrics],
        },
        schema_overrides={"unit": pl.String},
    )
    wide = pl.read_csv(
        path,
        has_header=False,
        skip_rows=_HEADER,
        new_columns=["timestamp", *columns],
        infer_schema=False,
    )
    number = pl.col("timestamp").cast(pl.Float64, strict=False)
    return (
        wide.with_columns(number.round().cast(pl.Int64))
        .filter(pl.col("timestamp").is_not_null())
        .unpivot(columns, index="timestamp", variable_name="column")
        .filter(pl.col("value").is_not_null() & (pl.col("value") != ""))
        .join(named, on="column", maintain_order="left")
        .drop("column")
    )


def _ends(metrics: pl.DataFrame) -> tuple[int, int]:
    """Return the first and the last time."""
    times = metrics["timestamp"]
    return int(times.min() or 0), int(times.max() or 0)  # type: ignore[arg-type]


def _moved(metrics: pl.DataFrame, last: int) -> pl.DataFrame:
    """Move all times alike, such that the last is the one given."""
    import polars as pl

    return metrics.with_columns(pl.col("timestamp") + (last - _ends(metrics)[1]))


def _cut(metrics: pl.DataFrame, first: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part a window from the rest, of which what comes after it goes before what came before it."""
    import polars as pl

    times = metrics["timestamp"].unique().sort()
    begin, stop = times[first], times[first + _ROWS]
    time = pl.col("timestamp")
    before, after = metrics.filter(time < begin), metrics.filter(time >= stop)
    rest = pl.concat([_moved(after, times[0] - _STEP), before])
    return rest, metrics.filter((time >= begin) & (time < stop))


def _write_metrics(path: Path, *parts: pl.DataFrame) -> None:
    import polars as pl

    moment = pl.from_epoch("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    pl.concat(parts).sort("timestamp", maintain_order=True).with_columns(moment).write_csv(path)


def _alert(target: Mapping[str, Any]) -> dict[str, Any]:
    metric = f"{target['metric']}.{target['agg']}"
    return {
        "timestamp": _time(int(target["timestamp"])),
        "entity": target["node"],
        "alert": f"{target['node']} {metric}",
        "role": "alert_firing",
        "level": "ERROR",
        "text": f"{metric} of {target['node']} is not as it should be",
    }


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _calls(path: Path) -> Iterator[tuple[str, str]]:
    """Read the pairs of caller and callee; none where there is no graph."""
    if not path.is_file():
        return
    with path.open(newline="") as file:
        head, *rows = csv.reader(file)
    for caller, *marks in rows:
        yield from (
            (caller, callee)
            for callee, mark in zip(head[1:], marks, strict=True)
            if mark and float(mark)
        )
