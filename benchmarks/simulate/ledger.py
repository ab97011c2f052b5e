"""Records on their way into files, and what is true of each: known by the digest of its bytes."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """One record as its source writes it."""

    raw: bytes
    time: int | None = None
    """When it truly happened, in ns; None for what tells of several moments."""
    clock: str = ""
    """The machine whose clock stamped it; empty for a service's, which is right."""
    coarse: int = 0
    """How coarse its stamp is, in ns."""
    change: str = ""
    """The change that it is a record of."""


def compact(document: Any) -> bytes:
    """Write JSON without spaces."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(slots=True)
class Ledger:
    """The records of a case by file, until they are written."""

    files: defaultdict[str, list[Record]] = field(
        default_factory=lambda: defaultdict[str, list[Record]](list)
    )
    frames: dict[str, tuple[bytes, bytes, bytes]] = field(
        default_factory=dict[str, tuple[bytes, bytes, bytes]]
    )
    """File -> what stands before, between and after its records."""
    whole: set[str] = field(default_factory=set[str])
    """Files whose frame holds them already, as they are not text."""

    def add(self, path: str, frame: tuple[bytes, bytes, bytes], records: Sequence[Record]) -> None:
        """Put records into a file."""
        if records:
            self.frames[path] = frame
            self.files[path] += records

    def binary(self, path: str, data: bytes, records: Sequence[Record]) -> None:
        """Put a file that is already written beside the records in it."""
        self.frames[path] = data, b"", b""
        self.files[path] = list(records)
        self.whole.add(path)

    def drop(self, path: str) -> None:
        """Take a file away."""
        del self.files[path]
        del self.frames[path]
        self.whole.discard(path)

    def write(self, folder: Path) -> None:
        """Write every file."""
        for path, records in self.files.items():
            head, between, tail = self.frames[path]
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            body = b"" if path in self.whole else between.join(r.raw for r in records)
            place.write_bytes(head + body + tail)

    def digests(self) -> Iterator[tuple[str, Record]]:
        """Yield every record with the digest that a citation of it has."""
        for records in self.files.values():
            for record in records:
                yield hashlib.sha256(record.raw).hexdigest(), record


LINES = (b"", b"\n", b"\n")
ARRAY = (b"[\n", b",\n", b"\n]\n")


def inside(name: str, tail: bytes = b"]}\n") -> tuple[bytes, bytes, bytes]:
    """Frame the records as an array that is the member of an object."""
    return f'{{"{name}":[\n'.encode(), b",\n", b"\n" + tail
