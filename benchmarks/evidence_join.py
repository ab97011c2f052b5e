"""The evidence join beside DuckDB, Polars, NumPy and pandas: what was logged around each moment.

    python -m benchmarks.evidence_join --events 10000000 --entities 2000 --json

Moments are the deploys and alerts whose position in the table divides by 7; each is told its
entity's logs within 300 s: rows of five severities, the five commonest templates with their counts,
and three exemplars. Everybody is given the moments, and gives back a column for each of these
figures, in the order of the moments. ``xpass`` counts passes over time, entity, kind, severity and
template.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import _events, _evidence_peers, _rounds
from nova_timeline.correlate.evidence_join import Logs, Moments, Shape, around

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks._evidence_peers import Columns, Scene

_BUILD = Path(__file__).parents[1] / "build" / "benchmarks"
_SHAPE = Shape(
    _evidence_peers.HALF, _evidence_peers.LEVELS, _evidence_peers.TOP, _evidence_peers.EXEMPLARS
)
_PEERS: dict[str, Callable[[Scene, int], Callable[[], Columns]]] = {
    "duckdb": lambda scene, threads: _evidence_peers.duckdb_plan(scene, "bucketed", threads),
    "duckdb_range": lambda scene, threads: _evidence_peers.duckdb_plan(scene, "range", threads),
    "polars": lambda scene, _: _evidence_peers.polars_plan(scene, "streaming"),
    "polars_in_memory": lambda scene, _: _evidence_peers.polars_plan(scene, "in-memory"),
    "numpy": lambda scene, _: _evidence_peers.numpy_plan(scene),
    "pandas": lambda scene, _: _evidence_peers.pandas_plan(scene),
}
_MOST_EVENTS = {
    "polars_in_memory": (2_000_000, "its pairs took 10 GB at 10,000,000 events"),
    "pandas": (1_000_000, "its pairs take 25 times the memory at 10,000,000 events"),
}


def scene(folder: Path, events: int, entities: int) -> Scene:
    """Draw the events, or find them, and choose the moments."""
    columns = _events.at(folder, events, entities).columns
    told = (columns["kind"] == _events.DEPLOY) | (columns["kind"] == _events.ALERT)
    rows = np.flatnonzero(told)
    return _evidence_peers.Scene(columns, rows[rows % 7 == 0])


def ours(given: Scene, threads: int) -> Columns:
    """Join with the product's kernel."""
    c = given.columns
    found = around(
        Moments(c["ts"][given.rows], c["entity"][given.rows]),
        Logs(c["ts"], c["entity"], c["severity"], c["template"], c["kind"], _events.LOG),
        _SHAPE,
        threads,
    )
    return [
        *found.counts.T.astype(np.int64),
        *found.templates.T.astype(np.int64),
        *found.template_counts.T.astype(np.int64),
        *found.exemplars.T,
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    given = _parser().parse_args(arguments)
    told = scene(given.folder, given.events, given.entities)
    wanted, skipped = chosen(given.peers, given.events)
    used = [told.columns[name] for name in _evidence_peers.USED]
    pairs = sum(int(column.sum()) for column in ours(told, 1)[: _evidence_peers.LEVELS])
    found = _rounds.compare(
        "evidence_join",
        {
            "events": given.events,
            "entities": given.entities,
            "moments": len(told.rows),
            "pairs": pairs,
            "threads": given.threads,
        },
        lambda: ours(told, given.threads),
        {name: _PEERS[name](told, given.threads) for name in wanted},
        variants={"one_thread": lambda: ours(told, 1)},
        scanned=used,
        input_bytes=sum(column.nbytes for column in used),
        skipped=skipped,
        repeat=given.repeat,
    )
    _rounds.report(found, as_json=given.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.evidence_join", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--entities", type=int, default=2_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3, help="rounds after the warm-up")
    parser.add_argument(
        "--peers", default="all", metavar="NAMES", help=f"none, all, or of {','.join(_PEERS)}"
    )
    parser.add_argument("--folder", type=Path, default=_BUILD, help="where the events are kept")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def chosen(asked: str, events: int) -> tuple[list[str], dict[str, str]]:
    """Name the peers to measure, and those that are left out of ``all``, with why."""
    if asked == "none":
        return [], {}
    if events > _evidence_peers.MOST_ROWS:
        msg = f"{events:,} events are too many for the peers' ranks; add --peers none"
        raise SystemExit(msg)
    if asked != "all":
        names = asked.split(",")
        if unknown := sorted(set(names) - set(_PEERS)):
            msg = f"no peers are called {', '.join(unknown)}; there are {', '.join(_PEERS)}"
            raise SystemExit(msg)
        return names, {}
    skipped = {name: why for name, (most, why) in _MOST_EVENTS.items() if events > most}
    return [name for name in _PEERS if name not in skipped], skipped


if __name__ == "__main__":
    main()
