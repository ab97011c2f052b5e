"""What was said, where a title has no room for it: an error's end often names who failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .episode import FIRM

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from .episode import Signal
    from .slabs import Rows

_CLIPPED = 150
"""Letters of a title from which on something may have been cut off."""
_LONGEST = 600


def lines(kept: Rows, found: pl.DataFrame) -> Mapping[int, str]:
    """Read the first lines of the records behind firm faults whose titles were cut.

    What comes after the first line, a stack as a rule, names all that the code passes through; so
    do the long lines of which no rule knows what they tell.

    Args:
        kept: the records.
        found: the signals; see `nova_timeline.correlate.signals.gather`.

    Returns:
        Row of the EVENT table -> its first line.
    """
    import polars as pl

    cut = found.filter(
        pl.col("role") == "fault", pl.col("table") == "event", pl.col("weight") >= FIRM,
        pl.col("title").str.len_chars() >= _CLIPPED, pl.col("rule").is_not_null(),
    )  # fmt: skip
    rows = cut["row"].unique().sort()
    if len(rows) == 0:
        return {}
    bodies = pl.Series(kept.take(rows.to_numpy(), ["body"])["body"]).fill_null("")
    first = bodies.str.slice(0, _LONGEST).str.strip_chars().str.split("\n").list.first()
    return dict(zip(rows.to_list(), first.to_list(), strict=True))


def text(sign: Signal, known: Mapping[int, str]) -> str:
    """Put a sign's title and what was cut off it together."""
    more = known.get(sign["row"], "") if sign["table"] == "event" else ""
    return f"{sign['title']}\n{more}" if more else str(sign["title"])
