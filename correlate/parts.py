"""Tables in parts that are read when they are asked for: never all at once, unless they are few."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Parts(Sequence["pa.Table"]):
    """Parts that together are all there is, in their order."""

    held: dict[int, pa.Table] | None = field(default=None, kw_only=True)
    """Parts read before, by their place, where they are few enough to be kept: every stage looks
    at all of them. None where each is to be read anew."""

    @overload
    def __getitem__(self, at: int) -> pa.Table: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[pa.Table]: ...
    def __getitem__(self, at: int | slice) -> pa.Table | Sequence[pa.Table]:
        """Read a part, or take it as it was read before.

        Raises:
            IndexError: there are fewer.
        """
        if isinstance(at, slice):
            return [self[i] for i in range(len(self))[at]]
        place = range(len(self))[at]
        if self.held is None:
            return self._read(place)
        if place not in self.held:
            self.held.update(enumerate(self._read_all()))
        return self.held[place]

    def _read_all(self) -> Iterable[pa.Table]:
        """Read every part, in their order."""
        return (self._read(at) for at in range(len(self)))

    @abstractmethod
    def _read(self, at: int) -> pa.Table:
        """Read a part from where it is kept."""
