"""What all JSON exports of the clouds have in common: names, wrapped records, lines in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nova_timeline.connector import Connector, Option

from . import _json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nova_timeline.connector import Partition

    from ._lines import Records

GLOBS = ("*.json", "*.json.gz", "*.jsonl", "*.jsonl.gz", "*.ndjson")
"""File names of JSON as the clouds' tools, buckets and APIs write it."""


class JsonExport(Connector):
    """Read what a cloud exports as JSON; each format says what its records mean."""

    globs = GLOBS
    options: ClassVar = {
        "unwrap": Option("a key whose value is the record, where each is wrapped in an object"),
    }

    def partitions(self, uri: str, path: Path, piece: int = 32 << 20) -> Iterator[Partition]:
        """Split JSON lines; a document, such as a page of an API, is one piece."""
        yield from _json.partitions(uri, path, piece)

    def records(self, partition: Partition, envelopes: Sequence[str]) -> Records:
        """Find the records, in any of the envelopes and unwrapped as the incident file asks.

        Raises:
            UnreadableSourceError: the content is not JSON at all.
        """
        return _json.records(partition, envelopes, self.settings["unwrap"])
