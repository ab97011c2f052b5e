"""Files of lines: where each line lies, and how such a file is shared between workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nova_timeline import evidence
from nova_timeline.connector import Gap, Partition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from nova_timeline.evidence import Bytes, Offsets


@dataclass(frozen=True, slots=True)
class Records:
    """Stretches of a file's content, one a record, and what was wrong on the way."""

    data: Bytes
    starts: Offsets
    stops: Offsets
    gaps: tuple[Gap, ...] = ()

    def __len__(self) -> int:
        """Count the records."""
        return len(self.starts)

    def raw(self) -> pa.Array[Any]:
        """Return the records' bytes, large_binary of shape (n,)."""
        return evidence.slices(self.data, self.starts, self.stops)

    def locators(self) -> pa.Array[Any]:
        """Return where each record lies, string of shape (n,)."""
        return evidence.byte_locators(self.starts, self.stops)


def partitions(uri: str, path: Path, piece: int) -> Iterator[Partition]:
    """Split a plain file of lines by byte offsets; a packed or recoded one is a single piece."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(2)
    if head in (b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff") or size <= piece:
        yield Partition(uri, path)
        return
    for start in range(0, size, piece):
        yield Partition(uri, path, start, min(start + piece, size))


def lines(partition: Partition) -> Records:
    """Find the lines that begin in the partition, without their line ends; blank ones left out."""
    whole = evidence.content(partition.path)
    found = of(whole.data, max(whole.first, partition.start), partition.stop)
    gaps = (Gap(partition.uri, whole.problem),) if whole.problem else ()
    return Records(whole.data, found.starts, found.stops, gaps)


def of(data: Bytes, start: int, stop: int | None) -> Records:
    """Find the lines that begin in ``[start, stop)`` of data."""
    import numpy as np

    from . import _line_kernel
    from ._json_tokens_kernel import words_of

    text = np.frombuffer(data, np.uint8)
    start, until = bounds(text, start, stop)
    if start >= (len(text) if stop is None else min(stop, len(text))):
        none = np.empty(0, np.int64)
        return Records(data, none, none)
    return Records(data, *_line_kernel.lines(text, words_of(text), start, until))


def bounds(text: Any, start: int, stop: int | None) -> tuple[int, int]:
    """Move both ends of a stretch of bytes to where a line begins, at or after them.

    Args:
        text: the content, uint8 of shape (n,).
        start: where the stretch begins.
        stop: where it ends; None for the end of the content.
    """
    last = len(text) if stop is None else min(stop, len(text))
    if start and text[start - 1 : start].tolist() not in ([10], [0xBF]):
        start = _line_after(text, start)
    if last >= len(text):
        return start, len(text)
    return start, last if text[last - 1] == 10 else _line_after(text, last)


def _line_after(text: Any, at: int) -> int:
    """Return where the first line after offset at begins."""
    import numpy as np

    step = 1 << 16
    for i in range(at, len(text), step):
        found = np.flatnonzero(text[i : i + step] == 10)
        if len(found):
            return int(found[0]) + i + 1
    return len(text)
