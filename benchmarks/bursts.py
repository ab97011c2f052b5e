"""Bursts of log records: who says the same so much more often than usual, and from when to when.

    python -m benchmarks.bursts --events 10000000 --entities 2000 --json

Generated events (see `_events`); a series is an (entity, severity, template % 32), a bucket 10 s. A
bucket stands out if it has 10 records, and 10 as well as 6 * 1.4826 median absolute deviations more
than the median of all buckets of the whole span, the empty ones included. Buckets beside it that
are above the median belong to it, and what is at most four buckets apart is one burst. Everything
is in whole numbers, so that all methods find the same rows: series, first and last time, records,
those of the fullest bucket, twice the median, first row, and whether nothing came before it.

``xpass`` is our time in passes over kind, ts, entity, severity and template.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import _burst_peers, _events, _rounds
from nova_timeline.correlate import _shares, bursts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Column = npt.NDArray[Any]

BUILD = Path(__file__).parents[1] / "build" / "benchmarks"
SCANNED = ("kind", "ts", "entity", "severity", "template")


def ours(events: _events.Events, slab: int = 0) -> list[Any]:
    """Count by our kernels; in slabs of so many rows, 0 for all at once."""
    columns = events.columns
    time, series = columns["ts"], _numbered(columns)
    counter = bursts.Counter(
        _events.FIRST, _burst_peers.WIDTH, _burst_peers.buckets(time), _burst_peers.FEWEST
    )
    size = slab or len(time)
    cuts = [slice(a, a + size) for a in range(0, len(time), size)]
    for cut in cuts:
        counter.add(time[cut], series[cut])
    for cut in cuts:
        counter.collect(time[cut], series[cut], columns["severity"][cut])
    found = counter.found()
    doubled = (found["baseline"].to_numpy() * 2).astype(int)
    rest = ("first", "last", "count", "peak")
    return [
        found["series"].to_numpy(),
        *(found[name].to_numpy() for name in rest),
        doubled,
        found["first_row"].to_numpy(),
        found["novel"].to_numpy(),
    ]


def _numbered(columns: Any) -> Column:
    """Number the series of all events, in threads."""
    import numpy as np

    from benchmarks import _series_kernel

    series = np.empty(len(columns["ts"]), np.int32)
    kind, entity, severity, template = (columns[name] for name in SCANNED if name != "ts")
    work = partial(_series_kernel.number, kind, entity, severity, template, series)
    _shares.in_threads(work, _shares.evenly(len(series)))
    return series


def measure(count: int, entities: int, repeat: int = 3, folder: Path = BUILD) -> dict[str, Any]:
    """Find the bursts of so many events by all methods."""
    events = _events.at(folder, count, entities)
    peers: dict[str, Callable[[], Sequence[Any]]] = {
        "duckdb": _burst_peers.in_duckdb(events),
        "polars_streaming": _burst_peers.in_polars(events, "streaming"),
        "polars_in_memory": _burst_peers.in_polars(events, "in-memory"),
        "numpy_sort": lambda: _burst_peers.by_numpy(events),
    }
    return _rounds.compare(
        "bursts",
        {"events": count, "entities": entities},
        lambda: ours(events),
        peers,
        variants={"slabs of 1,000,000": lambda: ours(events, 1_000_000)},
        scanned=[events.columns[name] for name in SCANNED],
        input_bytes=events.size,
        repeat=repeat,
    )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks.bursts", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--entities", type=int, default=2_000)
    parser.add_argument("--repeat", type=int, default=3, help="rounds after the warm-up")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    _rounds.report(measure(chosen.events, chosen.entities, chosen.repeat), as_json=chosen.json)


if __name__ == "__main__":
    main()
