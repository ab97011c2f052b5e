"""Every incident of a folder: several at a time, each in a process of its own, and resumable.

A run is written beside its name and renamed when it is whole, so what stands in the folder of runs
is done. A run is kept as it is when its manifest holds, and names this incident file and these
sources, digest by digest; otherwise it is made anew. An incident that fails takes no other along.
"""

from __future__ import annotations

import json
import time
import tomllib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from nova_timeline import digest, finished, memory, run_folder
from nova_timeline.attempts import cores
from nova_timeline.engine import Choice, Engine, Local, opened
from nova_timeline.errors import IncidentFileError, WorkerLostError
from nova_timeline.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from rich.table import Table

    from nova_timeline.timeline import Timeline

_FILES = ("incident.toml", "incident.json")
_KINDS = (".toml", ".json")
_LARGEST = 1 << 20
"""Bytes of an incident file at most; what is larger is a source."""
_WIDEST = 64


@dataclass(frozen=True, slots=True)
class Task:
    """One incident to reconstruct."""

    incident: Path
    run: Path
    memory: int | None = None
    """Bytes that it may take; by default most of what is free."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one incident."""

    incident: str
    run: str
    state: str
    """``done``, ``kept`` from an earlier time, or ``failed``."""
    seconds: float
    error: str = ""
    complete: bool = False
    """Whether every source could be read whole."""
    id: str = ""
    verdict: str = ""
    onset: str | None = None
    root_cause: str | None = None
    confidence: float | None = None

    def as_row(self) -> dict[str, Any]:
        """Return it as an object for JSON."""
        return asdict(self)


def run(
    folder: Path, out: Path, choice: Choice, progress: Callable[[int, int], None]
) -> list[Outcome]:
    """Reconstruct every incident of a folder into a run folder each, and say what came of them.

    Args:
        folder: holds incident files, or folders with an ``incident.toml`` each.
        out: where the run folders are written; whole ones that are there already are kept.
        choice: where to work, and how many incidents at a time.
        progress: told how many are done.

    Raises:
        IncidentFileError: there is no incident file, or two would give one run.
        EngineError: the engine cannot be started.
    """
    files = sorted(incident_files(folder).items())
    share = None  # a machine of a cluster that is joined has memory of its own
    if choice.address is None:
        share = memory.limit(choice.memory_limit) // min(choice.workers or cores(), len(files))
    tasks = [Task(path, out / name, share) for name, path in files]
    out.mkdir(parents=True, exist_ok=True)
    if choice.name == "auto":  # on one machine, incidents in processes need no Ray
        choice = replace(choice, name="local" if choice.address is None else "ray")
    try:
        if choice.name == "local":
            return _outcomes(Processes(choice.workers), tasks, progress)
        with opened(choice) as engine:
            return _outcomes(engine, tasks, progress)
    except BaseException:  # with it end the workers, wherever they are
        for task in tasks:
            run_folder.clear(task.run)
        raise


def _outcomes(
    engine: Engine, tasks: Sequence[Task], progress: Callable[[int, int], None]
) -> list[Outcome]:
    """Do the tasks; after one that kills its workers, go on with those behind it."""
    found: list[Outcome] = []
    progress(0, len(tasks))
    while len(found) < len(tasks):
        try:
            for outcome in engine.map(one, tasks[len(found) :]):
                found.append(outcome)
                progress(len(found), len(tasks))
        except WorkerLostError as error:
            task = tasks[len(found)]
            run_folder.clear(task.run)
            found.append(_failed(task, 0.0, error))
            progress(len(found), len(tasks))
    return found


def one(task: Task) -> Outcome:
    """Reconstruct one incident, unless a run of exactly this is there; never raises."""
    began = time.perf_counter()
    try:
        kept, timeline = _timeline(task)
        return _told(task, "kept" if kept else "done", time.perf_counter() - began, timeline)
    except Exception as error:
        return _failed(task, time.perf_counter() - began, error)


def _timeline(task: Task) -> tuple[bool, Timeline]:
    """Return the incident's timeline, and whether it was there already."""
    from nova_timeline.config import Incident
    from nova_timeline.pipeline import reconstruct

    incident = Incident.load(task.incident)
    made_of = {task.incident.name: digest.of_file(task.incident)}
    shape = incident.topology.get("path")
    if shape:
        made_of[shape] = digest.of_file(incident.base / shape)
    kept = finished.run_of(task.run, incident, made_of)
    if kept is not None:
        return True, kept
    finished.clear(task.run)
    timeline = reconstruct(incident, engine=Local(1), memory_limit=task.memory, out=task.run)
    timeline = replace(timeline, about={**timeline.about, finished.MADE_OF: made_of})
    try:
        timeline.save(task.run)
    finally:
        timeline.discard()
    return False, timeline


def _told(task: Task, state: str, seconds: float, timeline: Timeline) -> Outcome:
    from nova_timeline import highlights
    from nova_timeline.wording import when

    cause = highlights.leading(timeline.findings)
    onset = timeline.phases.get("onset")
    return Outcome(
        task.incident.name if task.incident.name not in _FILES else task.incident.parent.name,
        str(task.run),
        state,
        round(seconds, 3),
        complete=all(c.state == "complete" for c in timeline.coverage),
        id=timeline.incident.id,
        verdict=timeline.verdict,
        onset=when(onset.time) if onset else None,
        root_cause=(cause.title or cause.entity) if cause else None,
        confidence=cause.confidence if cause else None,
    )


def _failed(task: Task, seconds: float, error: Exception) -> Outcome:
    from nova_timeline.errors import NovaTimelineError

    known = isinstance(error, (NovaTimelineError, OSError))
    said = str(error) if known and str(error) else f"{type(error).__name__}: {error}"
    name = task.incident.name if task.incident.name not in _FILES else task.incident.parent.name
    return Outcome(name, str(task.run), "failed", round(seconds, 3), error=said)


def incident_files(folder: Path) -> Mapping[str, Path]:
    """Find the incident files of a folder, by the name that each one's run gets.

    A file in it that has an ``[incident]`` table gives a run of the file's name; a folder in it
    with an ``incident.toml`` or ``incident.json`` gives one of the folder's. A TOML file that
    cannot be parsed counts, so that it is told.

    Raises:
        IncidentFileError: there is none, or two would give one run.
    """
    if not folder.is_dir():
        msg = f"{folder} is no folder; name one that holds incident files"
        raise IncidentFileError(msg)
    found: dict[str, Path] = {}
    files = [p for p in sorted(folder.iterdir()) if p.is_file() and p.suffix in _KINDS]
    named = [(p.stem, p) for p in files if _is_incident(p)]
    places = (p for p in sorted(folder.iterdir()) if p.is_dir())
    named += [(p.name, p / name) for p in places for name in _FILES if (p / name).is_file()]
    for name, path in named:
        if name in found:
            msg = (
                f"{found[name].relative_to(folder)} and {path.relative_to(folder)} would both be "
                f"the run {name!r}; rename one"
            )
            raise IncidentFileError(msg)
        found[name] = path
    if not found:
        msg = (
            f"{folder} holds no incident file: no *.toml or *.json with an [incident] table, and "
            "no folder with an incident.toml"
        )
        raise IncidentFileError(msg)
    return found


def _is_incident(path: Path) -> bool:
    """Say whether a file is an incident file, or a TOML file that may have been meant as one."""
    if path.stat().st_size > _LARGEST:
        return False
    text = path.read_bytes()
    try:
        parsed: object = (
            json.loads(text) if path.suffix == ".json" else tomllib.loads(text.decode())
        )
    except ValueError:
        return path.suffix == ".toml" or b'"incident"' in text
    return isinstance(parsed, dict) and "incident" in parsed


def table(outcomes: Sequence[Outcome]) -> Table:
    """Draw the outcomes as a table, a line for each incident."""
    from rich.table import Table
    from rich.text import Text

    from nova_timeline.wording import printable

    drawn = Table(box=None, pad_edge=False)
    for heading in ("id", "verdict", "onset (UTC)", "root cause", "confidence", "state"):
        drawn.add_column(heading, no_wrap=True, max_width=_WIDEST if "cause" in heading else None)
    drawn.add_column("seconds", justify="right")
    drawn.add_column("run", no_wrap=True)
    for o in outcomes:
        state = o.state if o.complete or o.state == "failed" else f"{o.state}, incomplete"
        sure = "" if o.confidence is None else f"{o.confidence:.0%}"
        onset = (o.onset or "").partition(".")[0]
        shown = (o.id or o.incident, o.verdict, onset, o.root_cause or "", sure, state)
        seconds = f"{o.seconds:.1f}"
        drawn.add_row(*(Text(printable(text)) for text in (*shown, seconds, o.run)))
    return drawn
