"""Parts are read when asked for, once where they are few enough to be held."""

from dataclasses import dataclass, field

import pyarrow as pa
import pytest

from nova_timeline.correlate.parts import Parts


@dataclass(frozen=True, slots=True)
class Read(Parts):
    """Three parts that tell which of them were read."""

    asked: list[int] = field(default_factory=list[int])

    def __len__(self) -> int:
        """Count them."""
        return 3

    def _read(self, at: int) -> pa.Table:
        self.asked.append(at)
        return pa.table({"at": [at]})


def places(tables: list[pa.Table]) -> list[int]:
    return [table["at"][0].as_py() for table in tables]


def test_parts_that_are_held_are_read_once() -> None:
    parts = Read(held={})
    assert parts.asked == []
    assert places([*parts, *parts, parts[-1]]) == [0, 1, 2, 0, 1, 2, 2]
    assert parts.asked == [0, 1, 2]


def test_parts_that_are_not_held_are_read_anew() -> None:
    parts = Read()
    assert places([*parts, *parts[1:]]) == [0, 1, 2, 1, 2]
    assert parts.asked == [0, 1, 2, 1, 2]


@pytest.mark.parametrize("held", [None, {}])
def test_there_is_no_part_after_the_last(held: dict[int, pa.Table] | None) -> None:
    with pytest.raises(IndexError):
        Read(held=held)[3]
