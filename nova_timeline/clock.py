"""Time: one type (nanoseconds since 1970, UTC), every digit kept, none invented.

A text without a zone is not a time unless its source says which zone it meant, and a text that
cannot be read is null: a row never borrows a time from its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from nova_timeline import arrow

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Numbers: TypeAlias = npt.NDArray[np.int64]
    Flags: TypeAlias = npt.NDArray[np.bool_]

NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""How many nanoseconds one unit of an integer timestamp is worth."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time ``[start, end)`` in nanoseconds since 1970 UTC."""

    start: int
    end: int

    def __contains__(self, time: int) -> bool:
        """Say whether a time lies inside; the end does not."""
        return self.start <= time < self.end


@dataclass(frozen=True, slots=True)
class Times:
    """A column of times: ``timestamp[ns, UTC]`` and how coarse each one is, in ns (int64).

    Both are null where the source gave nothing that can be read as a time. ``without_zone`` counts
    the rows that are null only because no zone was given.
    """

    timestamp: pa.Array[Any]
    precision: pa.Array[Any]
    without_zone: int = 0


def nanoseconds(moment: datetime) -> int:
    """Convert an aware datetime to nanoseconds since 1970 UTC, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def rfc3339(time: int, precision: int = 1) -> str:
    """Write nanoseconds since 1970 as RFC 3339 UTC with the digits the precision allows.

    >>> rfc3339(1_772_544_600_120_000_000, 1_000_000)
    '2026-03-03T13:30:00.120Z'
    """
    seconds, fraction = divmod(time, 1_000_000_000)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    digits = 0
    while digits < _FRACTION_DIGITS and 10 ** (_FRACTION_DIGITS - digits) > precision:
        digits += 1
    # A coarse clock never hides digits that are there.
    while digits < _FRACTION_DIGITS and fraction % 10 ** (_FRACTION_DIGITS - digits):
        digits += 1
    return f"{text}.{fraction:09d}"[: 20 + digits].rstrip(".") + "Z"


def parse(text: pa.Array[Any] | pa.ChunkedArray[Any], *, naive_is_utc: bool = False) -> Times:
    """Read a column of RFC 3339 texts (``T`` or a space, up to nine digits, any offset).

    Args:
        text: strings, shape (n,); nulls stay null.
        naive_is_utc: take texts without a zone as UTC, for sources that document it; otherwise
            they are null and counted.
    """
    from nova_timeline.rfc3339 import READ, WITHOUT_ZONE
    from nova_timeline.rfc3339 import parse as kernel

    status, ns, precision = kernel(*arrow.letters(text))
    naive = status == WITHOUT_ZONE
    known = status == READ
    if naive_is_utc:
        known |= naive
    return _times(ns, precision, known, 0 if naive_is_utc else int(naive.sum()))


def epoch(numbers: pa.Array[Any] | pa.ChunkedArray[Any], unit: str) -> Times:
    """Read a column of integers (or their decimal text) counted from 1970 in ``s, ms, us, ns``.

    Text with a fraction (``1772544600.123``) keeps its digits. What is no number, or does not fit
    ``timestamp[ns]``, is null.
    """
    import pyarrow as pa

    from nova_timeline._epoch_kernel import parse as kernel

    read, ns, precision = kernel(*arrow.letters(numbers.cast(pa.string())), NANOSECONDS[unit])
    return _times(ns, precision, read)


def _times(ns: Numbers, precision: Numbers, known: Flags, without_zone: int = 0) -> Times:
    """Put what a kernel read into columns, null where it is not known."""
    import pyarrow as pa

    missing = None if known.all() else ~known
    return Times(
        pa.array(ns, pa.int64(), mask=missing).cast(pa.timestamp("ns", "UTC")),
        pa.array(precision, pa.int64(), mask=missing),
        without_zone,
    )
