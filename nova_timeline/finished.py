"""Is the run that stands there the one that would be made now?

It is when nothing in the folder has been touched, and the manifest names the same program, the
same incident file and topology, and the same sources, all by digest.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from nova_timeline import connector, digest, run_folder, store
from nova_timeline.errors import RunFolderError
from nova_timeline.timeline import DERIVED, Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nova_timeline.model import Incident

MADE_OF = "made_of"
"""Where the manifest keeps the digests of the incident file and of its topology."""

_PARTS = {
    store.MANIFEST,
    *store.FOLDERS.values(),
    *(f"{name}.parquet" for name in DERIVED),
    "timeline.json",
    "report.html",
    "postmortem.md",
}
"""What a run folder holds."""


def run_of(run: Path, incident: Incident, made_of: Mapping[str, str]) -> Timeline | None:
    """Return the finished run of an incident as it is now; None where there is none.

    Args:
        run: the run folder.
        incident: what would be reconstructed.
        made_of: digests of the incident file and of its topology, by name.
    """
    try:
        about = store.manifest(run)
        same = (
            store.is_sealed(about)
            and about.get(MADE_OF) == made_of
            and about["versions"]["nova-timeline"] == version("nova-timeline")
            and _outputs_stand(run, about["outputs"])
            and _inputs_stand(incident, about["inputs"])
        )
        return Timeline.open(run) if same else None
    except (RunFolderError, OSError):
        return None


def _outputs_stand(run: Path, outputs: Mapping[str, Any]) -> bool:
    return all(
        (run / name).is_file() and (run / name).stat().st_size == known["bytes"]
        for name, known in outputs.items()
    )


def _inputs_stand(incident: Incident, inputs: list[Mapping[str, Any]]) -> bool:
    """Say whether the sources are the files that were read, byte for byte."""
    now = {
        (uri, source.name): path
        for source in incident.sources
        for uri, path in connector.load(source.use)(source.options)
        .files(incident.base, source.path)
        .found
    }
    if now.keys() != {(i["uri"], i["source"]) for i in inputs}:
        return False
    known = {now[i["uri"], i["source"]]: (i["bytes"], i["sha256"]) for i in inputs}
    return all(
        path.stat().st_size == size and digest.of_file(path) == sha256
        for path, (size, sha256) in known.items()
    )


def clear(run: Path) -> None:
    """Take away what an ended program left of a run, and nothing else."""
    run_folder.clear(run)
    half = run.is_dir() and not (run / store.MANIFEST).exists()
    if half and {p.name for p in run.iterdir()} <= _PARTS:
        shutil.rmtree(run)
