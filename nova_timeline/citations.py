"""Look up what rows cite among the raw records of a run, a part of them at a time.

Tables and raw records lie in the order in which sources were read, so rows that lie together cite
records that lie together. A lookup therefore begins where the last one ended, and goes to other
parts only with what is still missing, and only to those that hold records of the same file.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from nova_timeline import store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl

KEY = ("evidence.uri", "evidence.locator", "evidence.sha256")
"""What a row says of the record behind it."""

_NEAR = 2
"""Parts kept in memory: what lies together may lie on both sides of an edge."""


class Records:
    """The raw records of a run by place and digest.

    Args:
        parts: the files of the evidence table, in the order of reading.
        holders: uri -> numbers of the parts that hold records of that file, ascending.
    """

    def __init__(self, parts: Sequence[Path], holders: Mapping[str, Sequence[int]]) -> None:
        """Begin at the first part."""
        self._parts, self._holders = parts, holders
        self._near: dict[int, pl.DataFrame] = {}
        self._last = 0

    def missing(self, cited: pl.DataFrame) -> pl.DataFrame:
        """Give the rows that cite what is not there, in their order.

        Args:
            cited: rows with the columns of `KEY`; a null among these is never there.

        Raises:
            RunFolderError: a part cannot be read.
        """
        left = cited
        for number in self._likely(cited["evidence.uri"].unique()):
            rest = left.join(self._read(number), on=KEY, how="anti", maintain_order="left")
            if len(rest) < len(left):
                self._last = number
            left = rest
            if left.is_empty():
                break
        return left

    def _likely(self, uris: Iterable[str | None]) -> Iterator[int]:
        """List the parts that hold records of some files, from the last that was of use onwards."""
        known = (self._holders.get(uri, ()) for uri in uris if uri is not None)
        numbers = sorted({number for some in known for number in some})
        at = bisect_left(numbers, self._last)
        yield from numbers[at:]
        yield from numbers[:at]

    def _read(self, number: int) -> pl.DataFrame:
        import polars as pl

        if number not in self._near:
            while len(self._near) >= _NEAR:
                del self._near[next(iter(self._near))]
            table = store.read_file(self._parts[number], "evidence", KEY)
            self._near[number] = pl.DataFrame(table)
        return self._near[number]
