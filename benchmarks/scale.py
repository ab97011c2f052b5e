"""The whole trip on one worker and on more: what a second worker is worth, and what it changes.

    python -m benchmarks.scale --records 5000000 --engine ray --workers 1,2 --json

The incident is that of `benchmarks.reconstruct`. Each run is an interpreter of its own, in which
polars has as many threads as there are workers, and in which a small incident was reconstructed on
the same engine, and in each of its workers, before the clock starts: compiled code is loaded then.
Starting the engine is told apart, and so is saving the run.

``speedup``: seconds of ingestion and correlation on the first number of workers, by those on more.
``local_seconds``: what the local engine takes with as many workers as there are at most.
``identical``: every run gave the ``timeline.json`` of the local engine, byte for byte.
``killed_identical``: so did one in which a worker was killed when half of the input was read; null
where there is no worker to kill.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks import _incident, _measure
from benchmarks._measure import say
from benchmarks.reconstruct import BUILD, SMALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nova_timeline.engine import Engine

T = TypeVar("T")
R = TypeVar("R")

PARTS = ("start", "ingestion", "correlation", "saving", "total")
_INGESTION = "nova_timeline.ingest"


class Watched:
    """An engine that notes when the last source was read, and may lose a worker half-way."""

    def __init__(self, engine: Engine, kill: Callable[[], None] | None = None) -> None:
        """Watch an engine; kill is called when half of the tasks of ingestion are done."""
        self._engine = engine
        self._kill = kill
        self.read_at = 0.0

    @property
    def workers(self) -> int:
        """How many tasks are worked on at a time."""
        return self._engine.workers

    @property
    def is_here(self) -> bool:
        """Whether all tasks are worked on by this machine."""
        return self._engine.is_here

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Do what the engine does."""
        reads = function.__module__ == _INGESTION
        for done, result in enumerate(self._engine.map(function, tasks), 1):
            if reads and self._kill is not None and 2 * done >= len(tasks):
                self._kill()
                self._kill = None
            yield result
        if reads:
            self.read_at = time.perf_counter()


def trip(argument: str) -> dict[str, Any]:
    """Reconstruct and save an incident on an engine; the argument is a JSON object of `ask`."""
    given = json.loads(argument)
    os.environ["POLARS_MAX_THREADS"] = str(given["workers"])
    import nova_timeline as nova
    from nova_timeline import engine as engines

    began = time.perf_counter()
    choice = engines.Choice(given["engine"], given["workers"])
    with engines.opened(choice) as engine, tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        small = Path(given["small"]) / "incident.toml"
        nova.reconstruct(nova.Incident.load(small), engine=engine)
        if given["engine"] == "ray":  # the local engine's workers are threads of this process
            list(engine.map(warm_up, [small] * given["workers"]))
        watched = Watched(engine, _kill_worker if given["kill"] else None)
        warm = time.perf_counter()
        incident = nova.Incident.load(Path(given["folder"]) / "incident.toml")
        timeline = nova.reconstruct(incident, engine=watched)
        correlated = time.perf_counter()
        run = timeline.save(Path(scratch) / "run")
        saved = time.perf_counter()
        digest = hashlib.sha256((run / "timeline.json").read_bytes()).hexdigest()
    times = (
        started - began,
        watched.read_at - warm,
        correlated - watched.read_at,
        saved - correlated,
        saved - warm,
    )
    return {"timeline": digest, **dict(zip(PARTS, times, strict=True))}


def warm_up(small: Path) -> None:
    """Reconstruct a small incident within a worker."""
    import nova_timeline as nova

    nova.reconstruct(nova.Incident.load(small))


def _kill_worker() -> None:
    """Kill one of Ray's workers that is at a task."""
    from nova_timeline import descendants

    own = descendants.of(os.getpid())
    working = [pid for pid in own if descendants.command(pid).startswith(b"ray::answered")]
    os.kill(working[0], signal.SIGKILL)


def ask(place: Path, small: Path, engine: str, workers: int, *, kill: bool = False) -> Any:
    """Make one run in an interpreter of its own."""
    say(f"{engine}, {workers} workers{', one of them killed' if kill else ''}")
    given = {
        "folder": str(place), "small": str(small), "engine": engine, "workers": workers,
        "kill": kill,
    }  # fmt: skip
    return _measure.in_fresh_process("benchmarks.scale", "trip", json.dumps(given))


def run(records: int, engine: str, workers: Sequence[int], repeat: int, folder: Path) -> Any:
    """Measure each number of workers by turns and return the benchmark's object."""
    written = _incident.at(folder, records)
    small = _incident.at(folder, SMALL).folder
    runs: dict[int, list[Mapping[str, Any]]] = {n: [] for n in workers}
    for _ in range(repeat):
        for n in workers:
            runs[n].append(ask(written.folder, small, engine, n))
    local = ask(written.folder, small, "local", max(workers))
    known = local["timeline"]
    killed = (
        ask(written.folder, small, engine, max(workers), kill=True) if engine == "ray" else None
    )
    seconds = {
        n: {p: round(statistics.median(r[p] for r in made), 4) for p in PARTS}
        for n, made in runs.items()
    }

    def gain(*parts: str) -> dict[str, float]:
        spent = {n: sum(cost[p] for p in parts) for n, cost in seconds.items()}
        return {str(n): round(spent[workers[0]] / spent[n], 3) for n in workers[1:]}

    return {
        "benchmark": "scale",
        "engine": engine,
        "sizes": {"records": written.records, "bytes": written.size, "files": written.files},
        "seconds": {str(n): cost for n, cost in seconds.items()},
        "local_seconds": {p: round(local[p], 4) for p in PARTS},
        "speedup": gain("ingestion", "correlation"),
        "speedup_of": {part: gain(part) for part in ("ingestion", "correlation", "total")},
        "identical": all(r["timeline"] == known for made in runs.values() for r in made),
        "killed_identical": None if killed is None else killed["timeline"] == known,
        "repetitions": repeat,
    }


def show(found: Mapping[str, Any]) -> None:
    """Print the object as a table."""
    from rich.console import Console
    from rich.table import Table

    sizes = found["sizes"]
    title = f"{found['engine']}: {sizes['records']:,} records, {sizes['bytes'] / 1e6:,.1f} MB"
    table = Table("workers", *(f"{part}, s" for part in PARTS), "speed-up", title=title)
    for workers, cost in found["seconds"].items():
        gain = found["speedup"].get(workers, 1.0)
        table.add_row(workers, *(f"{cost[part]:,.2f}" for part in PARTS), f"{gain:.2f}")
    console = Console()
    console.print(table)
    console.print(f"the local engine: {found['local_seconds']['total']:,.2f} s in all")
    console.print(f"identical to local: {'yes' if found['identical'] else 'NO'}")
    if found["killed_identical"] is not None:
        console.print(f"with a worker killed: {'yes' if found['killed_identical'] else 'NO'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--records", type=int, default=200_000, help="how many (200000)")
    parser.add_argument("--engine", choices=["local", "ray"], default="ray", help="(ray)")
    parser.add_argument("--workers", default="1,2", help="numbers, the first to compare by (1,2)")
    parser.add_argument("--repeat", type=int, default=1, help="repetitions of each (1)")
    parser.add_argument("--folder", type=Path, default=BUILD, help="where incidents are kept")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    chosen = parser.parse_args(arguments)
    workers = [int(n) for n in chosen.workers.split(",")]
    found = run(chosen.records, chosen.engine, workers, chosen.repeat, chosen.folder)
    if chosen.json:
        print(json.dumps(found))
    else:
        show(found)


if __name__ == "__main__":
    main()
