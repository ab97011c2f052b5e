"""One case there and back: drawn, written, reconstructed by the library, scored, and its cost."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import case as cases
from . import render, scoring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .case import Settings

Job = tuple[int, "Settings"]


def run(seed: int, settings: Settings) -> dict[str, Any]:
    """Draw a case, reconstruct it and score it; with its cost, and a digest of what came out."""
    with tempfile.TemporaryDirectory(prefix="simulate-") as scratch:
        began = time.process_time()
        drawn = cases.draw(seed, settings)
        rendered = render.render(drawn, Path(scratch, "input"))
        made = time.process_time()
        document = reconstructed(rendered.incident)
        done = time.process_time()
    score = scoring.score(rendered.truth, json.loads(document))
    return score | {
        "seed": seed,
        "records": rendered.records,
        "cpu_generation_s": round(made - began, 3),
        "cpu_reconstruction_s": round(done - made, 3),
        "sha256": hashlib.sha256(document).hexdigest(),
    }


def reconstructed(incident: Path) -> bytes:
    """Return the timeline.json of an incident file."""
    import nova_timeline as nova
    from nova_timeline import document
    from nova_timeline.engine import Choice

    # Cases run beside one another; threads within one would only wait for each other.
    alone = Choice("local", workers=1)
    timeline = nova.reconstruct(nova.Incident.load(incident), engine=alone)
    try:
        return document.dumps(timeline.findings)
    finally:
        timeline.discard()


def run_all(jobs: Sequence[Job], workers: int) -> Iterator[dict[str, Any]]:
    """Run many cases, in processes of their own where there are to be several; in order."""
    if workers <= 1:
        for job in jobs:
            yield _run(job)
        return
    # A fork of a process with threads of Arrow and polars may never come back.
    with multiprocessing.get_context("spawn").Pool(workers, _prepare) as pool:
        yield from pool.imap(_run, jobs)


def _prepare() -> None:
    """Keep each process to one thread, before anything reads how many there may be."""
    os.environ["POLARS_MAX_THREADS"] = "1"


def _run(job: Job) -> dict[str, Any]:
    return run(*job)
