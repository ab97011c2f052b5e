"""Put pieces together as they come: rows to the run's folder, what correlation needs to spools.

A row's number is that of its file, in the order of reading, and its place there:
``file << 32 | place``. It depends on the sources alone, not on who read them or how fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, digest, duplicates, schema, store
from nova_timeline.correlate import clocks, notable, slabs, steps
from nova_timeline.correlate.analysis import Evidence
from nova_timeline.correlate.parts import Parts
from nova_timeline.coverage import Count, Reading
from nova_timeline.duplicates import Repeats
from nova_timeline.spool import Spool, in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from nova_timeline.clock import Window
    from nova_timeline.correlate.slabs import Each
    from nova_timeline.ingest import Piece

    Numbers = npt.NDArray[np.int64]

_FILE = 32  # bits of a place
_PLACE = (1 << _FILE) - 1
_TABLES = ("event", "metric", "evidence")


def _passage_schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"string": pa.string(), "int64": pa.int64()}
    return pa.schema([pa.field(n, kinds[k]) for n, k in clocks.PASSAGES.items()])


@dataclass(slots=True)
class Collection:
    """All that was read, once each."""

    folder: Path
    window: Window
    budget: int
    """Bytes that each spool may hold in memory."""
    readings: list[Reading] = field(default_factory=list[Reading])
    kept: dict[str, list[tuple[str, Count]]] = field(
        default_factory=lambda: {name: [] for name in _TABLES}
    )
    """Table -> source and count of each of its files."""
    repeats: dict[str, Repeats] = field(default_factory=dict[str, Repeats])
    edges: pa.Table = field(default_factory=lambda: schema.empty("edge"))
    _edges: list[pa.Table] = field(default_factory=list["pa.Table"])
    _keys: dict[str, duplicates.Keys] = field(init=False)
    _arrivals: list[pa.Table] = field(default_factory=list["pa.Table"])
    """Of each file of events; see `clocks.arrivals`."""
    _own_receipt: list[bool] = field(default_factory=list[bool])
    _cells: dict[int, int] = field(default_factory=dict[int, int])
    _notable: Spool = field(init=False)
    _points: Spool = field(init=False)
    _passages: Spool = field(init=False)
    _steps: Spool = field(init=False)

    def __post_init__(self) -> None:
        """Open the spools."""
        spilled = self.folder / "spilled"

        def spool(name: str, kinds: pa.Schema, by: str, coded: tuple[str, ...] = ()) -> Spool:
            return Spool(kinds, spilled / name, self.budget, by, coded=coded)

        self._notable = spool("notable", notable.schema(), "time")
        self._points = spool("points", notable.point_schema(), "time")
        self._keys = {
            name: duplicates.Keys(spilled / f"keys-{name}", self.budget) for name in _TABLES
        }
        self._passages = spool("passages", _passage_schema(), "trace", ("clock", "entity"))
        self._steps = spool("steps", steps.schema(), "trace")

    def add(self, piece: Piece) -> None:
        """Take what one task read; pieces come in the order of their tasks."""
        rows = 0
        for name, some in piece.stored.items():
            number = len(self.kept[name])
            store.take_part(self.folder, name, number, some.data)
            self.kept[name].append((piece.source, some.count))
            self._keys[name].append(some.keys.to_numpy())
            rows += some.count.rows if name != "evidence" else 0
        if piece.edges is not None:
            self._edges.append(piece.edges)
            rows += len(piece.edges)
        self.readings.append(Reading(piece.source, rows, tuple(piece.gaps), piece.read))
        self._spool(piece)

    def _spool(self, piece: Piece) -> None:
        """Keep what correlation will look at, under the numbers of its rows."""
        if piece.notable is not None:
            table = _numbered(piece.notable, len(self.kept["event"]) - 1)
            self._notable.append(table)
            self._count(table)
        if piece.points is not None:
            self._points.append(_numbered(piece.points, len(self.kept["metric"]) - 1))
        if piece.passages is not None:
            self._passages.append(piece.passages)
        if piece.steps is not None:
            self._steps.append(_numbered(piece.steps, len(self.kept["event"]) - 1))
        if piece.arrivals is not None:
            self._arrivals.append(piece.arrivals)
            self._own_receipt.append(piece.own_receipt)

    def _count(self, table: pa.Table) -> None:
        """Count notable rows by the grid that stretches of time are cut on."""
        import numpy as np

        cells = (table["time"].to_numpy() - self.window.start) // slabs.GRID
        for cell, n in zip(
            *(a.tolist() for a in np.unique(cells, return_counts=True)), strict=True
        ):
            self._cells[cell] = self._cells.get(cell, 0) + n

    def finish(self, each: Each) -> None:
        """Leave out what was read twice, and write what came in no file of its own."""
        for name in _TABLES:
            keys = self._keys.pop(name)
            found = self.repeats[name] = duplicates.find(self.folder, name, keys)
            own = self._own_receipt if name == "event" else [False] * len(keys)
            mend = [(self.folder, name, n, found, own[n]) for n in found.files()]
            for (_, _, n, *_), (count, lags) in zip(mend, each(_mended, mend), strict=True):
                self.kept[name][n] = (self.kept[name][n][0], count)
                if lags is not None:
                    self._arrivals[n] = lags
            if not self.kept[name]:
                store.write_table(self.folder, name, schema.empty(name))
        self.edges = _once(self._edges)
        store.write_table(self.folder, "edge", self.edges)

    def counts(self) -> Iterator[tuple[str, Count]]:
        """Give source and count of all that is kept and not raw."""
        yield from self.kept["event"]
        yield from self.kept["metric"]
        sources: list[Any] = self.edges["source"].to_pylist()
        yield from ((source, Count(1)) for source in sources)

    def evidence(self) -> Evidence:
        """Give correlation what it looks at."""
        import polars as pl

        dropped = _numbers(self.repeats["metric"])
        taken = self._points.bytes
        few = taken <= _KEPT * self.budget
        parts = min(-(-taken // _PART), _AT_ONCE) if few else -(-taken // self.budget)
        points = _Series(self._points, dropped, max(1, parts), held={} if few else None)
        size = max(1, self.budget // _SLAB_BYTES)
        lags = [pl.DataFrame(lag) for lag in self._arrivals]
        return Evidence(
            Notable(self._notable, self.repeats["event"], self.folder), self._cells, points, lags,
            self._traces(), size, self._requests(),
        )  # fmt: skip

    def _requests(self) -> Sequence[pa.Table]:
        """Give the steps of requests in parts that each hold whole traces."""
        parts = -(-self._steps.bytes // self.budget)  # none where nothing was drawn
        return _Steps(self._steps, _numbers(self.repeats["event"]), parts)

    def _traces(self) -> Iterator[pa.Table]:
        """Give the passages by shares of the traces that each fit into memory."""
        shares = max(1, -(-self._passages.bytes // self.budget))
        for share in range(shares):
            start, stop = _share(share, shares)
            yield self._passages.between(start, stop, list(clocks.PASSAGES))

    def points(self, rows: Sequence[int]) -> pa.Table:
        """Read METRIC rows back by their numbers, in the order asked for."""
        import numpy as np

        asked = np.array(rows, np.int64)
        found = _read_back(self.folder, "metric", self.repeats["metric"], np.unique(asked))
        return in_order(found, "row", asked).drop_columns(["row"])


_KEPT = 2
"""Times its budget that the points of metrics may take to be kept in memory once read."""
_PART = 12 << 20
_AT_ONCE = 8
"""Points that are kept are split into parts of so many bytes, and into so many parts at most: one
part alone would leave all workers but one without work."""
_SLAB_BYTES = 400
"""About what a notable row takes while its stretch of time is looked at."""


@dataclass(frozen=True, slots=True)
class Notable:
    """The notable records without those read twice; see `nova_timeline.correlate.slabs.Rows`."""

    kept: Spool
    repeats: Repeats
    folder: Path
    """The run's; the records that are not notable lie there."""

    def between(self, start: int, stop: int, columns: Sequence[str]) -> pa.Table:
        """Give some columns of the rows whose time lies in ``[start, stop)``."""
        return _without(self.kept.between(start, stop, columns), _numbers(self.repeats))

    def take(self, rows: Numbers, columns: Sequence[str]) -> pa.Table:
        """Give some columns of rows by their numbers, in that order.

        What is not notable, such as what a request does as a rule, is read from the run.
        """
        import numpy as np
        import pyarrow as pa

        found = self.kept.those(rows, columns)
        missing = np.setdiff1d(rows, found["row"].to_numpy())
        if len(missing):
            others = _read_back(self.folder, "event", self.repeats, missing)
            found = pa.concat_tables([found, others.select(found.column_names)])
        table = in_order(found, "row", rows).select([*columns])
        if "event_id" not in columns or not self.repeats.renumbered:
            return table
        ids = arrow.whole(table["event_id"])
        for number, (places, new) in self.repeats.renumbered.items():
            mine = np.flatnonzero(rows >> _FILE == number)
            at = np.minimum(np.searchsorted(places, rows[mine] & _PLACE), len(places) - 1)
            hit = places[at] == rows[mine] & _PLACE
            chosen = new.take(arrow.core().array(at[hit]))
            ids = digest.replaced(ids, mine[hit], chosen)
        place = table.schema.get_field_index("event_id")
        return table.set_column(place, table.field(place), ids)


@dataclass(frozen=True, slots=True)
class _Shares(Parts):
    """Rows of a spool in parts that are about as large as each other."""

    kept: Spool
    dropped: Numbers
    parts: int

    def __len__(self) -> int:
        return self.parts


@dataclass(frozen=True, slots=True)
class _Series(_Shares):
    """The points of metrics in parts that each hold whole series."""

    def _read(self, at: int) -> pa.Table:
        return self._parts([at])[0]

    def _read_all(self) -> list[pa.Table]:
        return self._parts(range(self.parts))

    def _parts(self, wanted: Sequence[int]) -> list[pa.Table]:
        """Read some parts, in one pass over all points."""
        import polars as pl
        import pyarrow as pa

        found = [[self.kept.schema.empty_table()] for _ in wanted]
        for table in self.kept.tables():
            series = pl.DataFrame(table.select(["entity", "metric"])).hash_rows(seed=0)
            part = series % self.parts
            for at, mine in zip(wanted, found, strict=True):
                rows = table.filter(arrow.column(part == at))
                mine.append(_without(rows, self.dropped))
        return [pa.concat_tables(mine) for mine in found]


@dataclass(frozen=True, slots=True)
class _Steps(_Shares):
    """The steps of requests in parts that each hold whole traces."""

    def _read(self, at: int) -> pa.Table:
        start, stop = _share(at, self.parts)
        return _without(self.kept.between(start, stop, list(steps.COLUMNS)), self.dropped)


def _share(at: int, of: int) -> tuple[int, int]:
    """Give the hashes, ``[start, stop)``, that one of so many equal shares holds."""
    width = (1 << 64) // of
    start = -(1 << 63) + at * width
    return start, start + width if at + 1 < of else 1 << 63


def _numbered(table: pa.Table, number: int) -> pa.Table:
    """Put the number of a file into those of its rows."""
    at = table.schema.get_field_index("row")
    rows = arrow.compute().add(table["row"], number << _FILE)
    return table.set_column(at, table.field(at), rows)


def _read_back(folder: Path, name: str, repeats: Repeats, rows: Numbers) -> pa.Table:
    """Read rows of a table from the run by their numbers, ascending, which are added as ``row``."""
    import numpy as np
    import pyarrow as pa

    found = [schema.empty(name)]
    for number in np.unique(rows >> _FILE).tolist():
        places = rows[rows >> _FILE == number] & _PLACE
        gone = repeats.dropped.get(number)
        if gone is not None:
            places = places - np.searchsorted(gone, places)
        path = folder / store.FOLDERS[name] / store.part(number)
        found.append(store.rows_at(path, name, places))
    return pa.concat_tables(found).append_column("row", pa.array(rows))


def _numbers(repeats: Repeats) -> Numbers:
    """List the rows left out, by number."""
    import numpy as np

    none = np.empty(0, np.int64)
    return np.concatenate([none, *(p + (n << _FILE) for n, p in sorted(repeats.dropped.items()))])


def _without(table: pa.Table, dropped: Numbers) -> pa.Table:
    if len(dropped) == 0:
        return table
    pc = arrow.compute()
    return table.filter(pc.invert(pc.is_in(table["row"], value_set=arrow.core().array(dropped))))


def _mended(task: tuple[Path, str, int, Repeats, bool]) -> tuple[Count, pa.Table | None]:
    """Write a file anew without its repeats; count what is left, and how long events took."""
    run, name, number, repeats, own = task
    path = run / store.FOLDERS[name] / store.part(number)
    table = repeats.applied(store.read_file(path, name), number)
    store.write_part(run, name, number, table)
    lags = notable.arrivals(table, own_receipt=own) if name == "event" else None
    return Count.of(table), None if lags is None else arrow.table(lags)


def _once(tables: Sequence[pa.Table]) -> pa.Table:
    """Keep each dependency once."""
    import polars as pl
    import pyarrow as pa

    table = pa.concat_tables([schema.empty("edge"), *tables])
    frame = pl.DataFrame(table.select(["caller", "callee", "kind"])).with_row_index("#")
    key = ["caller", "callee", "kind"]
    return table.take(arrow.column(frame.unique(key, keep="first", maintain_order=True)["#"]))
