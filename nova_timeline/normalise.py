"""What every source's rows go through: the window, one name an entity, pseudonyms for people."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, coded

if TYPE_CHECKING:
    import pyarrow as pa

    from nova_timeline.clock import Window
    from nova_timeline.model import Source
    from nova_timeline.topology import Topology

# Two short lists make pseudonyms that people can say; the digest picks.
_TRAITS = ["amber", "azure", "brisk", "calm", "coral", "dusty", "early", "fern",
           "gold", "grey", "hazel", "ivory", "jade", "keen", "lilac", "mint"]  # fmt: skip
_SHAPES = ["arch", "beam", "cove", "delta", "ember", "fjord", "grove", "harbor",
           "inlet", "knoll", "ledge", "mesa", "oak", "pine", "ridge", "stone"]  # fmt: skip


def inside(table: pa.Table, window: Window) -> Any:
    """Say which rows lie in ``[start, end)`` or carry no time: a boolean array, shape (n,)."""
    import pyarrow as pa

    pc = arrow.compute()
    time = table["timestamp"].cast(pa.int64())
    fits = pc.and_(pc.greater_equal(time, window.start), pc.less(time, window.end))
    return pc.fill_null(fits, True)


def entities(table: pa.Table, source: Source, topology: Topology) -> pa.Table:
    """Name each row's entity: by the source's template if it has one, then by the topology.

    Without a template, a service that the topology knows goes before the host it runs on. The
    column comes coded.
    """
    column: Any = table["entity"]
    if source.entity is not None and table.num_rows:
        column = _filled(coded.written_out(table), source.entity)
    elif "service.name" in table.column_names:
        service = topology.known(table["service.name"])
        column = coded.coalesced(service, column) if service.null_count else service
    place = table.schema.get_field_index("entity")
    return table.set_column(place, "entity", topology.names(column))


def _filled(table: pa.Table, template: str) -> Any:
    """Fill a template such as ``{host.name}`` from the columns; null where a column it names is."""
    import pyarrow as pa

    pc = arrow.compute()
    parts: list[Any] = []
    for text, name in re.findall(r"([^{]*)(?:\{([^}]*)\})?", template):
        if text:
            parts.append(pa.scalar(text))
        if name.startswith("attributes.") and "attributes" in table.column_names:
            key = name.removeprefix("attributes.")
            parts.append(pc.map_lookup(table["attributes"], pa.scalar(key), "first"))
        elif name:
            found = name in table.column_names
            parts.append(table[name] if found else pa.nulls(table.num_rows, pa.string()))
    if not any(isinstance(p, (pa.Array, pa.ChunkedArray)) for p in parts):
        return pa.repeat(pa.scalar(template), table.num_rows)
    made = pc.binary_join_element_wise(*parts, pa.scalar(""))
    return pc.coalesce(made, table["entity"])


def pseudonyms(table: pa.Table) -> pa.Table:
    """Replace each actor by a stable pseudonym: the same principal, the same name, everywhere."""
    import pyarrow as pa

    coded = arrow.compute().dictionary_encode(table["actor"].combine_chunks())
    principals: list[str] = coded.dictionary.to_pylist()
    if not principals:
        return table
    names = pa.array([pseudonym(principal) for principal in principals], pa.string())
    place = table.schema.get_field_index("actor")
    return table.set_column(place, pa.field("actor", pa.string()), names.take(coded.indices))


def pseudonym(principal: str) -> str:
    """Name a principal without naming it: ``actor-amber-cove-3f2a``."""
    digest = hashlib.sha256(b"actor\0" + principal.casefold().encode()).digest()
    trait, shape = _TRAITS[digest[0] % 16], _SHAPES[digest[1] % 16]
    return f"actor-{trait}-{shape}-{digest[2:4].hex()}"
