"""The whole trip: connect, normalise, store, correlate, assemble."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from nova_timeline import (
    arrow,
    assemble,
    connector,
    coverage,
    digest,
    ingest,
    memory,
    store,
    topology,
)
from nova_timeline.attempts import cores
from nova_timeline.collect import Collection
from nova_timeline.connector import Partition
from nova_timeline.engine import Choice, Local, opened, size_of
from nova_timeline.ingest import Task
from nova_timeline.timeline import Scratch, Timeline
from nova_timeline.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from nova_timeline.clock import Window
    from nova_timeline.connector import Connector
    from nova_timeline.engine import Engine, Wanted
    from nova_timeline.model import Findings, Incident, Source

_BUNDLE_BYTES = 8 << 20
_BUNDLE_FILES = 16
_VERSIONS = ("nova-timeline", "polars", "pyarrow", "duckdb", "numba", "numpy")


@dataclass(frozen=True, slots=True)
class _Share:
    """How the memory that a run may take is shared out; no share changes what comes out."""

    piece: int
    """Bytes of a file of lines that are read at a time."""
    spool: int
    """Bytes of what correlation looks at that each spool holds in memory."""

    @classmethod
    def of(cls, limit: int, workers: int) -> _Share:
        """Share out a limit in bytes among so many workers."""
        piece = limit // (_TIMES_A_PIECE * workers)
        return cls(
            piece=min(max(piece, _LEAST_PIECE), connector.PIECE),
            spool=min(max(limit // _SPOOLS, _LEAST_PIECE), _MOST_SPOOLED),
        )


_TIMES_A_PIECE = 32  # what reading a piece takes, in pieces
_LEAST_PIECE = 1 << 20
_SPOOLS = 16
_MOST_SPOOLED = 160 << 20


def reconstruct(
    incident: Incident, *, engine: Wanted = "local", memory_limit: int | None = None,
    out: Path | None = None,
) -> Timeline:  # fmt: skip
    """Reconstruct an incident from its sources.

    Args:
        incident: what to look at; see `nova_timeline.Incident.load`.
        engine: where the work is done: ``local`` in threads of this process, one a core; ``ray``;
            ``auto``, as the size of the input suggests; a choice that says more; or an engine.
        memory_limit: bytes to stay within; by default most of what is free.
        out: the run folder that the timeline will be saved to: its tables are laid down beside it
            until then, by default in a folder for temporary files.

    Raises:
        IncidentFileError: the topology cannot be read.
        EngineError: the engine cannot be started.
    """
    if isinstance(engine, (str, Choice)):
        with opened(engine, size_of(incident)) as started:
            return reconstruct(incident, engine=started, memory_limit=memory_limit, out=out)
    with arrow.from_malloc():
        return _reconstructed(incident, engine, memory.limit(memory_limit), out)


def _reconstructed(incident: Incident, engine: Engine, limit: int, out: Path | None) -> Timeline:
    share = _Share.of(limit, engine.workers or cores())
    shape = _topology(incident)
    scratch = Scratch(out)
    try:
        folder = scratch.path / "read" if engine.is_here else None
        tasks = _tasks(incident, shape, share.piece, folder)
        # Digested before they are read: of a log that grows, all that is cited was there.
        inputs = _inputs(incident, tasks, Local(engine.workers))
        found = Collection(scratch.path, incident.window, share.spool)
        if folder is not None:
            folder.mkdir()
        for piece in engine.map(ingest.read, tasks):
            found.add(piece)
            memory.keep_to(limit)
        found.finish(Local(engine.workers).map)
        # What is free now is of no use to correlation, most of which polars takes memory for.
        memory.keep_to(limit // 2)
        with store.digesting(scratch.path) as digests:  # correlation leaves cores idle
            findings = _findings(incident, shape, found, engine)
            scratch.digests = {name: made.result() for name, made in digests.items()}
        return Timeline(findings, _about(incident, inputs), scratch.path, scratch)
    except BaseException:
        scratch.remove()
        raise


def _findings(incident: Incident, shape: Topology, found: Collection, engine: Engine) -> Findings:
    """Correlate what was collected, and write it out."""
    from nova_timeline.correlate import analysis

    edges = (found.edges[c].to_pylist() for c in ("caller", "callee", "kind"))
    evidence = found.evidence()
    result = analysis.run(
        evidence, shape.with_edges(zip(*edges, strict=True)), incident.window,
        affected=incident.affected, usual_until=incident.usual_until, each=engine.map,
    )  # fmt: skip
    seen = coverage.of(incident, found.readings, found.counts())
    store.write_table(found.folder, "coverage", coverage.table(seen))
    return assemble.findings(incident, evidence.rows, found.points, seen, result)


def _topology(incident: Incident) -> Topology:
    path = incident.topology.get("path")
    return topology.load(incident.base / path) if path else Topology()


def _tasks(incident: Incident, shape: Topology, piece: int, folder: Path | None) -> list[Task]:
    """List the partitions of every source, the same whatever the order of the sources."""
    listed: list[tuple[Source, list[Partition]]] = []
    for source in sorted(incident.sources, key=lambda s: s.name):
        reader = connector.load(source.use)(source.options)
        parts = [
            part
            for uri, path in reader.files(incident.base, source.path).found
            for part in _parts(reader, uri, path, piece)
        ]
        listed.append((source, parts))
    readers = Counter(uri for _, parts in listed for uri in {p.uri for p in parts})
    return [
        Task(source, some, incident.window, shape, any(readers[p.uri] > 1 for p in some), folder)
        for source, parts in listed
        for some in _bundles(parts)
    ]


def _parts(reader: Connector, uri: str, path: Path, piece: int) -> list[Partition]:
    """Split a file; one that cannot even be opened is left whole, for its reading to tell."""
    try:
        return list(reader.partitions(uri, path, piece))
    except OSError:
        return [Partition(uri, path)]


def _bundles(partitions: Sequence[Partition]) -> Iterator[tuple[Partition, ...]]:
    """Put small partitions together: what each call costs is paid once a bundle."""
    bundle: list[Partition] = []
    size = 0
    for part in partitions:
        bundle.append(part)
        size += part.stop - part.start if part.stop is not None else part.path.stat().st_size
        if size >= _BUNDLE_BYTES or len(bundle) == _BUNDLE_FILES:
            yield tuple(bundle)
            bundle, size = [], 0
    if bundle:
        yield tuple(bundle)


def _about(incident: Incident, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Say what the run was made of, for the manifest."""
    return {
        "incident": incident.id,
        "window": _window(incident.window),
        "usual_until": incident.usual_until,
        "base": str(incident.base.resolve()),
        "inputs": list(inputs),
        "versions": {name: version(name) for name in _VERSIONS}
        | {"python": platform.python_version()},
    }


def _inputs(incident: Incident, tasks: Sequence[Task], engine: Local) -> list[dict[str, Any]]:
    """List every file by the source that reads it, with its length and digest."""
    uris = sorted({p.uri for t in tasks for p in t.partitions})
    # The largest first, or one is left to a single thread at the end.
    uris.sort(key=lambda uri: -_size(incident.base / uri))
    about = dict(zip(uris, engine.map(_about_file, [incident.base / u for u in uris]), strict=True))
    pairs = {(p.uri, t.source.name): t.source for t in tasks for p in t.partitions}
    return [
        {"uri": uri, "source": name, "use": source.use, "options": dict(source.options)} | known
        for (uri, name), source in sorted(pairs.items(), key=lambda pair: pair[0])
        if (known := about[uri]) is not None
    ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _about_file(path: Path) -> dict[str, Any] | None:
    """Digest a file; none of one that cannot be opened, as its coverage tells."""
    try:
        size = path.stat().st_size
        return {"sha256": digest.of_file(path, size), "bytes": size}
    except OSError:
        return None


def _window(window: Window) -> list[int]:
    return [window.start, window.end]
