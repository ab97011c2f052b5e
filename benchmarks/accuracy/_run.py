"""Cases are written, reconstructed and scored, each in a process among several."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import _calibration
from benchmarks._measure import say
from benchmarks.accuracy import _statistics, _suite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.accuracy._suite import Case, Row, Suite, Timeline

NOTHING: Timeline = {
    "verdict": "no incident found",
    "phases": {},
    "moments": [],
    "cascades": [],
    "root_causes": [],
    "impact": {"entities": []},
    "evidence": {},
}
"""What is scored of a case whose reconstruction failed."""


@dataclass(frozen=True)
class Job:
    """One case to run, by what can be sent to another process."""

    suite: str
    case: Case
    number: int
    """The case's place among all of its suite: its name to whatever may not know the real one."""
    without: frozenset[str] = frozenset()
    keep: Path | None = None
    """Where its input and its run are left; by default they are gone afterwards."""


class DataError(ValueError):
    """There are no cases where they were looked for."""


def jobs(
    suite: Suite, data: Path, without: frozenset[str] = frozenset(), only: str | None = None
) -> list[Job]:
    """List the cases of a suite below its folder, or below one of several suites.

    Raises:
        DataError: there are none, or none is called so.
    """
    inside = data / suite.place
    cases = suite.cases(inside if inside.is_dir() else data) if data.is_dir() else []
    if not cases:
        msg = f"there is no case of {suite.name} in {str(data)!r}; give its folder with --data"
        raise DataError(msg)
    found = [Job(suite.name, c, n, without) for n, c in enumerate(cases, 1)]
    chosen = [job for job in found if only in (None, job.case.name)]
    if not chosen:
        msg = f"no case is called {only!r}; there are {', '.join(c.name for c in cases)}"
        raise DataError(msg)
    return chosen


def run(suite: Suite, todo: Sequence[Job], workers: int) -> dict[str, Any]:
    """Run cases and return the benchmark's object."""
    started = time.perf_counter()
    rows: list[Row] = []
    for row in _rows(todo, workers):
        rows.append(row)
        say(f"{len(rows)} of {len(todo)}: {row['case']}: {row.get('error') or row['answer']}")
    return summary(suite, rows) | {
        "wall_seconds": round(time.perf_counter() - started, 3),
        "workers": workers,
        "without": sorted(todo[0].without),
        "per_case": rows,
    }


def summary(suite: Suite, rows: Sequence[Row]) -> dict[str, Any]:
    """Sum up rows, without the rows themselves."""
    return {
        "suite": suite.name,
        "cases": len(rows),
        "score": _statistics.mean([float(row["score"]) for row in rows]),
        **_statistics.figures(rows),
        "confidence": _calibration.reliability(
            (row["confidence"], row["rank"] == 1)
            for row in rows
            if row.get("confidence") is not None and row["truth"] is not None
        ),
        "cpu_seconds_per_case": _statistics.mean([row["cpu_seconds"] for row in rows]),
        "wall_seconds_per_case": _statistics.mean([row["wall_seconds"] for row in rows]),
        "errors": sum("error" in row for row in rows),
        **suite.summary(rows),
    }


def _rows(todo: Sequence[Job], workers: int) -> Iterator[Row]:
    if workers < 2 or len(todo) < 2:
        warm(todo[0])
        yield from map(one, todo)
        return
    # Not forked: a copy of a process with threads in it may wait for ever.
    how = get_context("spawn")
    count = min(workers, len(todo))
    with ProcessPoolExecutor(count, how, initializer=warm, initargs=(todo[0],)) as pool:
        yield from pool.map(one, todo)


def warm(job: Job) -> None:
    """Run a case for nothing: what is measured afterwards does not load or compile code."""
    with contextlib.suppress(Exception):  # told when it is run in earnest
        timeline_of(replace(job, keep=None))


def one(job: Job) -> Row:
    """Run and score one case; what fails scores 0 and says why, in ``error``."""
    suite = _suite.load(job.suite)
    wall, cpu = time.perf_counter(), _cpu()
    try:
        timeline = timeline_of(job)
        row = suite.score(job.case, timeline) | {"confidence": _sure(timeline)}
    except Exception as error:  # the other cases keep their figures
        say(traceback.format_exc())
        told = {"answer": None, "rank": None, "score": 0.0, "error": f"{error!r}"}
        told |= {"confidence": None}
        row = suite.score(job.case, NOTHING) | told
    spent = {"cpu_seconds": _cpu() - cpu, "wall_seconds": time.perf_counter() - wall}
    return row | {name: round(seconds, 3) for name, seconds in spent.items()}


def _sure(timeline: Timeline) -> float | None:
    """Say how sure the first root cause is; None where there is none."""
    return next((float(c["confidence"]) for c in timeline["root_causes"]), None)


def timeline_of(job: Job) -> Timeline:
    """Write a case, reconstruct it, and read the timeline.json that was saved."""
    if job.keep is not None:
        shutil.rmtree(job.keep, ignore_errors=True)
        job.keep.mkdir(parents=True)
        return _reconstructed(job, job.keep)
    with tempfile.TemporaryDirectory(prefix="case-") as scratch:
        return _reconstructed(job, Path(scratch))


def _reconstructed(job: Job, folder: Path) -> Timeline:
    import nova_timeline as nova

    blank = replace(job.case, name=f"case-{job.number:02d}", truth={})
    (folder / "input").mkdir()
    file = _suite.load(job.suite).write(blank, folder / "input", job.without)
    saved = folder / "run"
    nova.reconstruct(nova.Incident.load(file), out=saved).save(saved)
    read: Timeline = json.loads((saved / "timeline.json").read_bytes())
    return read


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
