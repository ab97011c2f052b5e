"""The whole trip, from files to a saved run, beside what it takes Polars only to parse those files.

    python -m benchmarks.reconstruct --records 200000 --repeat 3 --json

``--memory-limit 1GiB`` tells ours to stay within so much; ``peak_mb`` says what it took.

The incident is generated (see `_incident`) and kept under ``build/`` for the next time. Each
repetition runs in an interpreter of its own that has read a small incident before the clock starts,
so that compiled code is loaded; ours and Polars take turns. Polars is given the columns and types
that it is to read, which is the fastest it can be asked.

``equal``: Polars counted as many records in each source as the run's coverage says were read.
``incomplete``: sources that the run could not read whole; there should be none.
``cause_found``: the run's first root cause is the change that was planted.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import _fault, _incident, _measure
from benchmarks._measure import say
from nova_timeline import memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

BUILD = Path(__file__).parents[1] / "build" / "benchmarks"
SMALL = 2_000
"""Records of the incident that warms up."""
_SIDES = ("ours", "polars_parse")


def ours(given: str) -> dict[str, Any]:
    """Reconstruct the incident in a folder and save the run, after a warm-up on a small one.

    Args:
        given: JSON: ``folder``, and ``memory_limit`` in bytes or null.
    """
    import nova_timeline as nova

    how = json.loads(given)
    folder: str = how["folder"]

    def trip(place: Path, run: Path) -> Any:
        incident = nova.Incident.load(place / "incident.toml")
        timeline = nova.reconstruct(incident, memory_limit=how["memory_limit"], out=run)
        timeline.save(run)
        return timeline

    with tempfile.TemporaryDirectory() as scratch:
        trip(_small(folder), Path(scratch) / "small")
        cost, timeline = _measure.measured(lambda: trip(Path(folder), Path(scratch) / "run"))
    read = {c.source: c.read for c in timeline.coverage if c.source in _incident.SHARES}
    incomplete = [c.source for c in timeline.coverage if c.state != "complete"]
    causes = timeline.root_causes
    cause = causes[0].change_id if causes else None
    return _measure.answer(cost, read=read, incomplete=incomplete, cause=cause)


def polars_parse(folder: str) -> dict[str, Any]:
    """Parse the same files with Polars into the columns a timeline would need."""
    _parse(_small(folder))
    cost, frames = _measure.measured(lambda: _parse(Path(folder)))
    return _measure.answer(cost, read={name: f.height for name, f in frames.items()})


def _parse(place: Path) -> dict[str, pl.DataFrame]:
    """Return a frame for each source, a row for each record."""
    import polars as pl

    types = _types()
    logs = [pl.read_ndjson(f, schema=types["app_logs"]) for f in sorted(place.glob("logs/*"))]
    calls = [
        pl.read_json(f, schema=types["cloudtrail"]) for f in sorted(place.glob("cloudtrail/*"))
    ]
    otlp = pl.read_ndjson(place / "otlp.jsonl", schema=types["otlp_logs"])
    return {
        "app_logs": pl.concat(logs),
        "otlp_logs": _exploded(otlp, "resourceLogs", "scopeLogs", "logRecords"),
        "gcp_logs": pl.read_ndjson(place / "gcp.jsonl", schema=types["gcp_logs"]),
        "cloudtrail": _exploded(pl.concat(calls), "Records"),
        "metrics_csv": pl.read_csv(place / "metrics.csv", schema=types["metrics"]),
        "metrics_jsonl": pl.read_ndjson(place / "metrics.jsonl", schema=types["metrics"]),
    }


def _types() -> dict[str, dict[str, Any]]:
    """Return the columns that are parsed of each source, with their types."""
    import polars as pl

    def texts(*names: str, **others: Any) -> dict[str, Any]:
        return dict.fromkeys(names, pl.String()) | others

    def structs(fields: Mapping[str, Any]) -> Any:
        return pl.List(pl.Struct(fields))

    value = pl.Struct(texts("stringValue"))
    record = texts("timeUnixNano", "severityText", "traceId", severityNumber=pl.Int8(), body=value)
    resource = pl.Struct({"attributes": structs(texts("key", value=value))})
    scopes = structs({"logRecords": structs(record)})
    labels = pl.Struct(texts("project_id", "service_name", "location"))
    kind = pl.Struct(texts("type", labels=labels))
    request = pl.Struct(texts("cluster", "bucketName", "key", "roleArn"))
    call = texts("eventTime", "eventSource", "eventName", "awsRegion", "eventID")
    return {
        "app_logs": texts("timestamp", "level", "service", "host", "message", "trace_id"),
        "otlp_logs": {"resourceLogs": structs({"resource": resource, "scopeLogs": scopes})},
        "gcp_logs": texts("insertId", "severity", "textPayload", "timestamp", resource=kind),
        "cloudtrail": {"Records": structs(call | {"requestParameters": request})},
        "metrics": {
            "timestamp": pl.String(),
            "service": pl.String(),
            "metric": pl.String(),
            "value": pl.Float64(),
            "unit": pl.String(),
        },
    }


def _exploded(frame: pl.DataFrame, first: str, *inner: str) -> pl.DataFrame:
    """Unfold lists of structs within lists of structs, a row for each innermost struct."""
    column = frame[first].explode()
    for name in inner:
        column = column.struct.field(name).explode()
    return column.struct.unnest()


def _small(folder: str) -> Path:
    return _incident.at(Path(folder).parent, SMALL).folder


def run(records: int, repeat: int, folder: Path, memory_limit: int | None = None) -> dict[str, Any]:
    """Measure both sides by turns and return the benchmark's object."""
    written = _incident.at(folder, records)
    _small(str(written.folder))
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in _SIDES}
    place = str(written.folder)
    mine_alone = json.dumps({"folder": place, "memory_limit": memory_limit})
    arguments = {"ours": mine_alone, "polars_parse": place}
    for turn in range(repeat):
        for side in _SIDES:
            say(f"{side}, {turn + 1} of {repeat}")
            made = _measure.in_fresh_process("benchmarks.reconstruct", side, arguments[side])
            runs[side].append(made)
    costs = {side: _measure.medians(made) for side, made in runs.items()}
    mine, parse = costs["ours"], costs["polars_parse"]
    everyone = [made for side in _SIDES for made in runs[side]]
    return {
        "benchmark": "reconstruct",
        "sizes": {"records": written.records, "bytes": written.size, "files": written.files},
        "ours": mine,
        "peers": {"polars_parse": parse},
        "ratio": {"polars_parse": round(parse["seconds"] / mine["seconds"], 4)},
        "ratio_to_parse": round(mine["seconds"] / parse["seconds"], 2),
        "cpu_ratio_to_parse": round(mine["cpu_seconds"] / parse["cpu_seconds"], 2),
        "peak_mb": mine["peak_mb"],
        "memory_limit_mb": None if memory_limit is None else memory_limit >> 20,
        "repetitions": repeat,
        "equal": all(made["read"] == written.rows for made in everyone),
        "read": runs["ours"][0]["read"],
        "incomplete": runs["ours"][0]["incomplete"],
        "cause_found": all(made["cause"] == _fault.CAUSE for made in runs["ours"]),
        "cause": runs["ours"][0]["cause"],
    }


def show(found: Mapping[str, Any]) -> None:
    """Print the object as a table."""
    from rich.console import Console
    from rich.table import Table

    sizes = found["sizes"]
    title = f"{sizes['records']:,} records, {sizes['bytes'] / 1e6:,.1f} MB, {sizes['files']} files"
    table = Table("", "seconds", "CPU seconds", "extra MiB at peak", title=title)
    rows = {
        "reconstruct and save": found["ours"],
        "Polars, parsing only": found["peers"]["polars_parse"],
    }
    for name, cost in rows.items():
        figures = (cost["seconds"], cost["cpu_seconds"], cost["peak_extra_mb"])
        table.add_row(name, *(f"{figure:,.2f}" for figure in figures))
    console = Console()
    console.print(table)
    console.print(f"whole trip / parsing: {found['ratio_to_parse']:.1f}")
    console.print(f"same records read: {'yes' if found['equal'] else 'NO'}")
    console.print(f"sources not read whole: {', '.join(found['incomplete']) or 'none'}")
    console.print(f"planted cause named: {'yes' if found['cause_found'] else 'NO'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reconstruct", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--records", type=int, default=200_000, help="how many (200000)")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions of each side (3)")
    parser.add_argument("--folder", type=Path, default=BUILD, help="where incidents are kept")
    parser.add_argument(
        "--memory-limit", type=memory.parse, metavar="SIZE", help="ours is to stay within, as 1GiB"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    chosen = parser.parse_args(arguments)
    found = run(chosen.records, chosen.repeat, chosen.folder, chosen.memory_limit)
    if chosen.json:
        print(json.dumps(found))
    else:
        show(found)


if __name__ == "__main__":
    main()
