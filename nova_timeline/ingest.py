"""Read some partitions of a source: decode, keep the window, name, classify, pack.

This is the unit of work that the engine hands out; it takes and gives only what can be pickled, and
what it gives is small: rows go packed, and apart from them only what correlation will look at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from nova_timeline import arrow, coded, connector, duplicates, knowledge, normalise, packing, schema
from nova_timeline.attempts import persistently
from nova_timeline.connector import Batch, Connector, Gap, Partition
from nova_timeline.correlate import notable, steps
from nova_timeline.coverage import Count
from nova_timeline.errors import TransientError, UnreadableSourceError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from nova_timeline.clock import Window
    from nova_timeline.model import Source
    from nova_timeline.topology import Topology

    Found: TypeAlias = dict[str, list[pa.Table]]

OWN_RECEIPT = frozenset({"journald", "windows_event_log"})
"""Connectors whose receipt is stamped by the clock that stamped the record."""

_CLASSIFIED = "event"
_FEW = frozenset({
    "clock", "kind", "role", "category", "rule", "entity", "service.name", "metric.name", "unit",
    "evidence.uri",
})  # fmt: skip
"""Columns that hold few texts, however many rows there are."""


@dataclass(frozen=True, slots=True)
class Task:
    """Some partitions of one source, small ones together, and all that is needed to read them."""

    source: Source
    partitions: tuple[Partition, ...]
    window: Window
    topology: Topology
    shared: bool = False
    """Whether another source reads some of the same files."""
    folder: Path | None = None
    """Where rows are put, packed; None where whoever does this cannot see the run's disk."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows of one table, packed as they will lie in the run, and what is counted of them."""

    data: Path | pa.Buffer
    """A file of the task's folder, or the bytes of one."""
    count: Count
    keys: pa.Array[Any]
    """Of each row, a number (uint64) that the same row read twice has too; maybe none."""


@dataclass(slots=True)
class Piece:
    """What a task's partitions held: rows to keep, what correlation needs, and what is missing."""

    source: str
    stored: dict[str, Stored] = field(default_factory=dict[str, Stored])
    edges: pa.Table | None = None
    notable: pa.Table | None = None
    points: pa.Table | None = None
    arrivals: pa.Table | None = None
    own_receipt: bool = False
    passages: pa.Table | None = None
    steps: pa.Table | None = None
    gaps: list[Gap] = field(default_factory=list[Gap])
    read: dict[str, int] = field(default_factory=dict[str, int])
    """uri -> records decoded."""


def read(task: Task) -> Piece:
    """Read a task's partitions, put their rows into the project's words, and pack them."""
    piece = Piece(task.source.name)
    found: Found = {}
    reader = connector.load(task.source.use)(task.source.options)
    for partition in task.partitions:
        piece.read.setdefault(partition.uri, 0)
        _read_one(reader, partition, piece, found, task)
    if "edge" in found:
        piece.edges = _named(found.pop("edge"), "edge", task)
    if "metric" in found:
        table = _named(found.pop("metric"), "metric", task)
        piece.points = notable.points(table)
        piece.stored["metric"] = _stored(table, "metric", task)
    if "event" in found:
        table = _named(found.pop("event"), "event", task)
        piece.notable = notable.rows(table)
        piece.own_receipt = own = task.source.use in OWN_RECEIPT
        piece.arrivals = arrow.table(notable.arrivals(table, own_receipt=own))
        piece.passages = arrow.table(notable.passages(table))
        piece.steps = steps.of(table)
        piece.stored["event"] = _stored(table, "event", task)
    if "evidence" in found:
        several = len(found["evidence"]) > len(task.partitions)
        table = _coded(_with_source(_merged(found.pop("evidence"), "evidence"), task.source.name))
        if several:  # batches of one partition may share records
            table = _once(table)
        piece.stored["evidence"] = _stored(table, "evidence" if task.shared else "", task)
    return piece


def _stored(table: pa.Table, keyed: str, task: Task) -> Stored:
    """Pack rows; what is keyed may be read a second time elsewhere."""
    import pyarrow as pa

    none = pa.array([], pa.uint64())
    keys = duplicates.keys(table, keyed) if keyed else none
    if task.folder is None:
        return Stored(packing.packed(table), Count.of(table), keys)
    path = task.folder / f"{uuid4().hex}.parquet"  # another attempt may be at it
    packing.pack(table, path)
    return Stored(path, Count.of(table), keys)


def _read_one(
    reader: Connector, partition: Partition, piece: Piece, found: Found, task: Task
) -> None:
    """Read a partition; whatever goes wrong with its bytes becomes a gap, never a silent loss."""
    uri = partition.uri
    part = _Part()
    gap = None
    try:
        persistently(partial(part.fill, reader, task), partition)
    except PermissionError as error:
        gap = Gap(uri, f"not allowed to read it: {error.strerror}", "denied")
    except (UnreadableSourceError, TransientError, OSError) as error:
        gap = Gap(uri, str(error), "unavailable")
    except Exception as error:  # one source must not take the others down
        said = f"the reader failed ({type(error).__name__}: {error}); please report this file"
        gap = Gap(uri, said, "unavailable")
    piece.gaps += [*part.gaps, gap] if gap else part.gaps
    piece.read[uri] += part.read
    for name, tables in part.found.items():
        found.setdefault(name, []).extend(tables)


@dataclass(slots=True)
class _Part:
    """What one partition held, as far as it was read at the last attempt."""

    read: int = 0
    gaps: list[Gap] = field(default_factory=list[Gap])
    found: Found = field(default_factory=dict[str, list["pa.Table"]])

    def fill(self, reader: Connector, task: Task, partition: Partition) -> None:
        """Read the partition from its beginning."""
        self.read, self.gaps, self.found = 0, [], {}
        for item in reader.read(partition, task.window):
            if isinstance(item, Gap):
                self.gaps.append(item)
            else:
                self.read += item.table.num_rows
                _keep(self.found, item, task)


def _keep(found: Found, item: Batch, task: Task) -> None:
    """Keep the rows inside the window, with the raw records behind them."""
    import pyarrow.compute as pc

    table, raw = item.table, item.evidence
    if item.name != "edge":
        fits: Any = normalise.inside(table, task.window)
        if not pc.all(fits, min_count=0).as_py():
            one_to_one = raw["evidence.locator"].equals(table["evidence.locator"])
            table = table.filter(fits)
            raw = raw.filter(fits if one_to_one else _cited(raw, table))
    if table.num_rows == 0:
        return
    found.setdefault(item.name, []).append(table)
    found.setdefault("evidence", []).append(raw)


def _named(tables: list[pa.Table], name: str, task: Task) -> pa.Table:
    table = _with_source(_merged(tables, name), task.source.name)
    if name == "edge":
        for side in ("caller", "callee"):
            place = table.schema.get_field_index(side)
            table = table.set_column(place, side, task.topology.names(table[side]))
        return coded.written_out(table)
    table = _coded(table)
    if name == _CLASSIFIED:
        # Titles speak of entities by their one name; a rule may name another, which has one too.
        table = normalise.entities(table, task.source, task.topology)
        table = knowledge.classify(table, task.source.use)
        table = normalise.pseudonyms(table)
    return normalise.entities(table, task.source, task.topology)


def _coded(table: pa.Table) -> pa.Table:
    """Code the columns of few texts, so that all that follows looks at each text once."""
    done: list[tuple[Any, pa.Array[Any]]] = []
    for at, name in enumerate(table.column_names):
        if name not in _FEW:
            continue
        plain = table[name]
        # An entity often is its service: to see that takes a tenth of the time that coding does.
        made = next((c for p, c in done if p.equals(plain)), None)
        if made is None:
            made = coded.of(plain)
            done.append((plain, made))
        table = table.set_column(at, name, made)
    return table


def _cited(raw: pa.Table, table: pa.Table) -> Any:
    cited = table["evidence.locator"].combine_chunks()
    return arrow.compute().is_in(raw["evidence.locator"], value_set=cited)


def _with_source(table: pa.Table, source: str) -> pa.Table:
    place = table.schema.get_field_index("source")
    return table.set_column(place, "source", coded.one(source, table.num_rows))


def _merged(tables: list[pa.Table], name: str) -> pa.Table:
    """Join the tables of one name; an empty piece beside them would have all copied later on."""
    import pyarrow as pa

    return pa.concat_tables(tables or [schema.empty(name)])


def _once(evidence: pa.Table) -> pa.Table:
    """Keep each raw record once, however many rows were made of it."""
    import polars as pl

    place = ["evidence.uri", "evidence.locator"]
    frame = pl.DataFrame(evidence.select(place)).with_row_index("#")
    kept = frame.unique(place, keep="first", maintain_order=True)["#"]
    return evidence if len(kept) == len(evidence) else evidence.take(arrow.column(kept))
