"""Read one partition of a source: decode, keep the window, name, classify.

This is the unit of work that the engine hands out; it takes and gives only what can be pickled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, connector, knowledge, normalise, schema
from nova_timeline.connector import Batch, Connector, Gap, Partition
from nova_timeline.errors import UnreadableSourceError

if TYPE_CHECKING:
    import pyarrow as pa

    from nova_timeline.clock import Window
    from nova_timeline.model import Source
    from nova_timeline.topology import Topology

_CLASSIFIED = "event"


@dataclass(frozen=True, slots=True)
class Task:
    """Some partitions of one source, small ones together, and all that is needed to read them."""

    source: Source
    partitions: tuple[Partition, ...]
    window: Window
    topology: Topology


@dataclass(slots=True)
class Piece:
    """What a task's partitions held: tables by name, what is missing, and how much was read."""

    source: str
    tables: dict[str, list[pa.Table]] = field(default_factory=dict[str, list["pa.Table"]])
    gaps: list[Gap] = field(default_factory=list[Gap])
    read: dict[str, int] = field(default_factory=dict[str, int])
    """uri -> records decoded."""


def read(task: Task) -> Piece:
    """Read a task's partitions and put their rows into the project's words."""
    piece = Piece(task.source.name)
    reader = connector.load(task.source.use)(task.source.options)
    for partition in task.partitions:
        piece.read.setdefault(partition.uri, 0)
        _read_one(reader, partition, piece, task)
    for name in ("event", "metric", "edge"):
        if name in piece.tables:
            piece.tables[name] = [_named(merged([piece], name), name, task)]
    return piece


def _read_one(reader: Connector, partition: Partition, piece: Piece, task: Task) -> None:
    """Read a partition; whatever goes wrong with its bytes becomes a gap, never a silent loss."""
    uri = partition.uri
    try:
        for item in reader.read(partition, task.window):
            if isinstance(item, Gap):
                piece.gaps.append(item)
            else:
                _keep(piece, uri, item, task)
    except PermissionError as error:
        piece.gaps.append(Gap(uri, f"not allowed to read it: {error.strerror}", "denied"))
    except (UnreadableSourceError, OSError) as error:
        piece.gaps.append(Gap(uri, str(error), "unavailable"))
    except Exception as error:  # one source must not take the others down
        said = f"the reader failed ({type(error).__name__}: {error}); please report this file"
        piece.gaps.append(Gap(uri, said, "unavailable"))


def _keep(piece: Piece, uri: str, item: Batch, task: Task) -> None:
    """Keep the rows inside the window, with the raw records behind them."""
    import pyarrow.compute as pc

    piece.read[uri] += item.table.num_rows
    table, raw = item.table, item.evidence
    if item.name != "edge":
        fits: Any = normalise.inside(table, task.window)
        if not pc.all(fits, min_count=0).as_py():
            one_to_one = raw["evidence.locator"].equals(table["evidence.locator"])
            table = table.filter(fits)
            raw = raw.filter(fits if one_to_one else _cited(raw, table))
    if table.num_rows == 0:
        return
    piece.tables.setdefault(item.name, []).append(table)
    piece.tables.setdefault("evidence", []).append(_with_source(raw, task.source.name))


def _named(table: pa.Table, name: str, task: Task) -> pa.Table:
    import pyarrow as pa

    table = _with_source(table, task.source.name)
    if name == "edge":
        for side in ("caller", "callee"):
            place = table.schema.get_field_index(side)
            table = table.set_column(
                place, pa.field(side, pa.string()), task.topology.names(table[side])
            )
        return table
    if name == _CLASSIFIED:
        # Titles speak of entities by their one name; a rule may name another, which has one too.
        table = normalise.entities(table, task.source, task.topology)
        table = knowledge.classify(table, task.source.use)
        table = normalise.pseudonyms(table)
    return normalise.entities(table, task.source, task.topology)


def _cited(raw: pa.Table, table: pa.Table) -> Any:
    cited = table["evidence.locator"].combine_chunks()
    return arrow.compute().is_in(raw["evidence.locator"], value_set=cited)


def _with_source(table: pa.Table, source: str) -> pa.Table:
    import pyarrow as pa

    place = table.schema.get_field_index("source")
    named = pa.repeat(pa.scalar(source), table.num_rows)
    return table.set_column(place, pa.field("source", pa.string()), named)


def merged(pieces: list[Piece], name: str) -> pa.Table:
    """Join the tables of one name from all pieces."""
    import pyarrow as pa

    found = [t for piece in pieces for t in piece.tables.get(name, ())]
    return pa.concat_tables([schema.empty(name), *found])
