"""Many streams with clocks that are off, brought into one order of time.

    python -m benchmarks.order --events 10000000 --streams 64 --json

Generated events (see `_events`), in ns, are dealt to streams. Each stream's clock is set off by
some seconds and drifts by up to 50 parts per million; every stream is in the order of its own
clock. All methods correct the times and order all columns by (true time, stream, place in it).

``xpass`` is our time in copies of all columns.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import _events, _rounds
from nova_timeline import arrow
from nova_timeline.correlate import order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Column = npt.NDArray[Any]

BUILD = Path(__file__).parents[1] / "build" / "benchmarks"
COLUMNS = ("entity", "kind", "severity", "template", "source")
"""What is ordered besides the time."""
_ENTITIES = 2_000
_ORIGIN = _events.FIRST * 1000
_HEAP_LIMIT = 200_000
"""Events; a heap of Python objects is not asked for more."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Events stream by stream, with the times of the streams' own clocks in ns."""

    columns: dict[str, Column]
    starts: npt.NDArray[np.int64]
    """Where each stream begins, and the last one ends."""
    correction: order.Correction

    @property
    def arrays(self) -> list[Column]:
        """Return all columns, the time first."""
        return [self.columns["ts"], *(self.columns[name] for name in COLUMNS)]

    def true(self) -> npt.NDArray[np.int64]:
        """Correct the times, as one writes it with NumPy."""
        local, stream = self.columns["ts"], self.columns["source"]
        c = self.correction
        gained = (local - c.origin) * c.drift[stream] // 1_000_000
        return local - c.offset[stream] - gained


def streams(events: _events.Events, count: int, seed: int = 0) -> Streams:
    """Deal events to so many streams and set their clocks off."""
    import numpy as np

    draw = np.random.default_rng([seed, count])
    source = (events.columns["entity"] % count).astype(np.int16)
    order_of_rows = np.argsort(source, kind="stable")
    columns = {name: column[order_of_rows] for name, column in events.columns.items()}
    columns["source"] = source[order_of_rows]
    offset = draw.normal(0, 2e9, count).astype(np.int64)
    drift = draw.integers(-50, 51, count)
    true = columns["ts"] * 1000
    gained = (true - _ORIGIN) * drift[columns["source"]] // 1_000_000
    columns["ts"] = true + offset[columns["source"]] + gained
    starts = np.searchsorted(columns["source"], np.arange(count + 1))
    return Streams(columns, starts, order.Correction(offset, drift, _ORIGIN))


def ours(given: Streams) -> list[Column]:
    """Order by our kernels."""
    rest = [given.columns[name] for name in COLUMNS]
    times, found = order.ordered(
        rest, given.columns["ts"], given.columns["source"], given.correction
    )
    return [times, *found]


def numpy_stable(given: Streams) -> list[Column]:
    """Order by a stable argsort: the rows stand by stream already."""
    import numpy as np

    true = given.true()
    rows = np.argsort(true, kind="stable")
    return [true[rows], *(given.columns[name][rows] for name in COLUMNS)]


def polars_stable(given: Streams, frame: pl.DataFrame) -> list[Column]:
    """Order by a stable sort."""
    import polars as pl

    found = frame.with_columns(pl.Series("ts", given.true())).sort("ts", maintain_order=True)
    return _columns(found)


def polars_merge_sorted(given: Streams, frame: pl.DataFrame) -> list[Column]:
    """Merge two streams at a time, in a tree."""
    import polars as pl

    whole = frame.with_columns(pl.Series("ts", given.true()))
    parts = [whole[a:b].lazy() for a, b in itertools.pairwise(given.starts.tolist())]
    while len(parts) > 1:
        pairs = itertools.zip_longest(parts[::2], parts[1::2])
        parts = [a if b is None else a.merge_sorted(b, key="ts") for a, b in pairs]
    return _columns(parts[0].collect(engine="streaming"))


def duckdb_order_by(given: Streams) -> Callable[[], list[Column]]:
    """Order by SQL, from a table of DuckDB's own."""
    import duckdb
    import numpy as np

    place = {"seq": np.arange(len(given.columns["ts"]))}
    connection = duckdb.connect()
    connection.register("given", arrow.core().table(given.columns | place))
    connection.register("given_clocks", arrow.core().table(_clocks(given)))
    connection.execute("create table events as from given")
    connection.execute("create table clocks as from given_clocks")
    product = f"(ts - {_ORIGIN}) * drift"
    query = f"""
        select ts - ahead - (({product}) // 1000000 - (({product}) % 1000000 < 0)::bigint) as ts,
            {", ".join(COLUMNS)}
        from events join clocks using (source)
        order by 1, source, seq
    """  # noqa: S608 - of constants; SQL's // rounds towards zero

    def run() -> list[Column]:
        found: dict[str, Any] = connection.execute(query).fetchnumpy()
        return [found[name] for name in ("ts", *COLUMNS)]

    return run


def _clocks(given: Streams) -> dict[str, Column]:
    import numpy as np

    c = given.correction
    source = np.arange(len(c.offset), dtype=np.int16)
    return {"source": source, "ahead": c.offset, "drift": c.drift}


def heapq_merge(given: Streams) -> list[Column]:
    """Merge rows with the standard library's heap."""
    import numpy as np

    rows = list(zip(given.true().tolist(), range(len(given.columns["ts"])), strict=True))
    parts = [rows[a:b] for a, b in itertools.pairwise(given.starts.tolist())]
    merged = np.array(list(heapq.merge(*parts)), np.int64).reshape(-1, 2)
    return [merged[:, 0], *(given.columns[name][merged[:, 1]] for name in COLUMNS)]


def _columns(frame: pl.DataFrame) -> list[Column]:
    return [frame[name].to_numpy() for name in ("ts", *COLUMNS)]


def measure(count: int, many: int, repeat: int = 3, folder: Path = BUILD) -> dict[str, Any]:
    """Order so many events of so many streams by all methods."""
    import polars as pl

    given = streams(_events.at(folder, count, _ENTITIES), many)
    frame = pl.DataFrame(given.columns)
    peers: dict[str, Callable[[], Sequence[Any]]] = {
        "polars_stable": lambda: polars_stable(given, frame),
        "polars_merge_sorted": lambda: polars_merge_sorted(given, frame),
        "duckdb_order_by": duckdb_order_by(given),
        "numpy_stable": lambda: numpy_stable(given),
        "heapq_merge": lambda: heapq_merge(given),
    }
    skipped = dict[str, str]()
    if count > _HEAP_LIMIT:
        skipped["heapq_merge"] = f"holds a Python object a row; {_HEAP_LIMIT:,} rows at most"
        del peers["heapq_merge"]
    return _rounds.compare(
        "order",
        {"events": count, "streams": many, "bytes": sum(a.nbytes for a in given.arrays)},
        lambda: ours(given),
        peers,
        scanned=given.arrays,
        input_bytes=sum(a.nbytes for a in given.arrays),
        skipped=skipped,
        repeat=repeat,
        copied=True,
    )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks.order", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3, help="rounds after the warm-up")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    _rounds.report(measure(chosen.events, chosen.streams, chosen.repeat), as_json=chosen.json)


if __name__ == "__main__":
    main()
