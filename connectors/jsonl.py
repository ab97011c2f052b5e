"""JSON lines of any application: logs, metrics or edges, by a field map.

Also reads a JSON array, documents one after another, and an array inside an object (option
``records``). A source in the map is a key, a dotted path (``http.route`` is tried as one key, then
as a path) or a JSONPath that begins with ``$``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nova_timeline.connector import PIECE, Batch, Connector, Gap, Option, Partition

from . import _field_map, _json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nova_timeline.clock import Window


class JsonLines(Connector):
    """JSON lines of any application: logs, metrics or edges, by a field map."""

    summary = "JSON lines of any application (logs, metrics, edges), by a field map"
    globs = ("*.jsonl", "*.ndjson", "*.jsonl.gz", "*.ndjson.gz", "*.json", "*.json.gz")
    options: ClassVar[Mapping[str, Option]] = {
        **_field_map.OPTIONS,
        "records": Option("the key whose array holds the records, where an object is around them"),
    }

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Check the options and the field map.

        Raises:
            OptionError: see `nova_timeline.connector.Connector` and `_field_map.checked`.
        """
        super().__init__(options)
        self.fields = _field_map.checked(self.settings)

    def partitions(self, uri: str, path: Path, piece: int = PIECE) -> Iterator[Partition]:
        """Split JSON lines; any other form of JSON is one piece."""
        yield from _json.partitions(uri, path, piece)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode the records."""
        from . import _rows

        del window
        envelope = self.settings["records"]
        found = _json.records(partition, (envelope,) if envelope else ())
        wide = {name: (name,) for name in self.fields.values}
        wanted = _field_map.paths(dict(self.fields.sources)) | {
            f"values.{name}": path for name, path in _field_map.paths(wide).items()
        }
        decoded = _field_map.decode(partition, found, wanted)
        yield from decoded.gaps
        columns = _field_map.first_present(decoded.table)
        picked = _field_map.Picked(
            {
                name: columns[name]
                for name in self.fields.sources
                if columns[name].null_count() < len(decoded)
            },
            {name: columns[f"values.{name}"] for name in self.fields.values},
        )
        evidence = _rows.Evidence(partition, decoded.raw, decoded.locators)
        yield from _rows.rows(self.fields, picked, evidence, "jsonl")
