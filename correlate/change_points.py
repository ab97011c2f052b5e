"""Where a metric leaves its level, and where it comes back.

Binary segmentation on the mean (Scott & Knott, Biometrics 30, 1974) with a robust noise scale: the
median absolute first difference, which level shifts do not inflate (von Neumann, 1941), with a
floor for series that hardly move. The first level is the baseline. The onset is then walked back
from the split to the first point that left the baseline for good.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from ._shares import even, frozen, in_threads

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

FEWEST = 8
"""A series with fewer points has no baseline to leave."""
_ABSURD = 1e100  # stands for "no limit" and the like, and its sums would overflow

_WORSE_UP = re.compile(
    r"err|fail|fault|5xx|4xx|50[0-9]|(?<!\d)4(0[0-9]|2[29])(?!\d)|latenc|duration|response_?time|responsetime|throttl|timeout"
    r"|reject|satur|queue|lag|depth|backlog|restart|retr|drop|refus|unhealthy|evict|oom|wait"
    r"|exception|abort|deadlock|dead_?letter|dlq|duplicat|stale|violation|mismatch|invalid|denied|corrupt"
    r"|discrepan|revo(ked|cation)|lock(ed)?_?outs?(?![a-z])|delay|pending|overdue|stall|tombstone|dead_?tup|bloat|unack|nack|steal(?!th)|conflict"
    r"|(active|unmerged|delta)_?parts|compaction_?debt|l0_?files|under_?replicated|offline_?partition",
    re.IGNORECASE,
)
_WORSE_DOWN = re.compile(
    r"avail|success|(?<!un)healthy|uptime|hit_?rat|throughput|ready|\bup$|running", re.IGNORECASE
)
_BANDWIDTH = re.compile(
    r"(network|net|disk|volume|transmit|receive|read|write)_?throughput", re.IGNORECASE
)
"""What passes over a line or to a disk: less of it is what less work makes of it."""
_RESOURCE = re.compile(
    r"cpu|memor|disk|storage|connection|thread|heap|fd|inode|iops|credit|swap"
    r"|(burst|io|byte)_?balance|transaction_?ids",
    re.IGNORECASE,
)
_SPARE = re.compile(
    r"free|avail|remaining|balance|credit|headroom|idle|\bleft\b|_left$", re.IGNORECASE
)
ARRIVES = re.compile(
    r"(?:messages?|msgs?|records?|events?|files?|documents?|webhooks?|payloads?)_?"
    r"(?:in(?=_?per|_?total|_?rate|$)|received|ingested|arriv\w+|incoming|inbound)(?![a-z])"
    r"|(?<![a-z])(?:incoming|inbound|ingress|ingested|received)_?"
    r"(?:messages?|msgs?|records?|events?|files?|documents?|webhooks?|payloads?)(?![a-z])",
    re.IGNORECASE,
)
"""Metrics of what comes in without being asked for an answer."""
_TRAFFIC = re.compile(
    rf"request|rps|qps|traffic|invocation|call|\bhits?\b|bytes|packets|count|{ARRIVES.pattern}",
    re.IGNORECASE,
)
COUNTS_INSTANCES = re.compile(
    r"desired_?(task|capacity|count|replicas|instances)|group_?desired|(instance|task|replica)_?count"
    r"|(^|[_./])replicas(_desired)?($|[.{])|observed_?capacity",
    re.IGNORECASE,
)
"""Metrics of how many instances of something there are to be."""


def is_spare(metric: str) -> bool:
    """Say whether a metric of a resource tells what is left of it, and not what is used."""
    return _SPARE.search(metric) is not None


def direction(metric: str) -> str:
    """Say what a rise of this metric means: worse, better, size, resource, traffic or unknown."""
    if _WORSE_UP.search(metric):
        return "worse"
    if _BANDWIDTH.search(metric):
        return "resource"
    if _WORSE_DOWN.search(metric):
        return "better"
    if COUNTS_INSTANCES.search(metric):
        return "size"
    if _RESOURCE.search(metric):
        return "resource"
    return "traffic" if _TRAFFIC.search(metric) else "unknown"


def find(metrics: pl.DataFrame) -> pl.DataFrame:
    """Find every excursion of every series.

    Args:
        metrics: ``row`` (int64), ``time`` (int64 ns), ``entity``, ``metric`` (text), ``value``.

    Returns:
        One row an excursion: entity, metric, first, back (ns, null if it stays off), baseline,
        level, deviation (in noise scales), step (ns between points), first_row, back_row.
    """
    import numpy as np
    import polars as pl

    from . import _change_point_kernel as kernel

    known = metrics.filter(pl.col("value").is_finite(), pl.col("value").abs() < _ABSURD)
    time, row = frozen(known["time"], np.int64), frozen(known["row"], np.int64)
    rows, starts = _series(known, time, row)
    search = partial(_search, frozen(known["value"], np.float64), rows, starts)
    parts = in_threads(search, even(starts))
    owner, place, figures = (np.concatenate(p) for p in zip(*parts, strict=True))
    first, back = rows[place[:, 0]], rows[place[:, 1]]
    found: pl.DataFrame = known.select("entity", "metric")[first].with_columns(
        first=time[first],
        back=time[back],
        baseline=figures[:, 0],
        level=figures[:, 1],
        deviation=(figures[:, 1] - figures[:, 0]) / figures[:, 2],
        step=kernel.steps(time, rows, starts, owner),
        first_row=row[first],
        back_row=row[back],
    )
    ended = pl.lit(pl.Series(place[:, 1] >= 0))
    back_on = pl.when(ended).then(pl.col("back", "back_row"))
    return found.with_columns(back_on).sort("first", "entity", "metric", maintain_order=True)


def _search(
    values: Floats, rows: Ints, starts: Ints, first: int, stop: int
) -> tuple[Ints, Ints, Floats]:
    """Find the excursions of the series first to stop."""
    from . import _change_point_kernel as kernel

    return kernel.excursions(values, rows, starts, first, stop, FEWEST)


def _series(known: pl.DataFrame, time: Ints, number: Ints) -> tuple[Ints, Ints]:
    """Bring together the rows of each series, in the order of time and then of number.

    Returns:
        Rows, shape (n,), those of one series after another's, by the names of entity and metric;
        and where each series begins among them, shape (series + 1,).
    """
    import numpy as np

    from . import _change_point_kernel as kernel

    entity, metric = _by_name(known["entity"]), _by_name(known["metric"])
    rows = kernel.sorted_by(kernel.sorted_by(np.arange(len(known)), metric), entity)
    starts = kernel.starts(rows, entity, metric)
    mixed = np.concatenate(
        in_threads(partial(kernel.disordered, rows, starts, time, number), even(starts))
    )
    if mixed.any():
        series = np.repeat(np.arange(len(mixed)), np.diff(starts))
        places = np.flatnonzero(mixed[series])
        wrong = rows[places]
        rows[places] = wrong[np.lexsort((number[wrong], time[wrong], series[places]))]
    return rows, starts


def _by_name(names: pl.Series) -> npt.NDArray[np.int32]:
    """Number the names in a column in their own order, from 1; null, 0, comes before all."""
    import numpy as np
    import polars as pl

    coded = names.cast(pl.Categorical(pl.Categories.random()))
    distinct = coded.drop_nulls().unique()
    place = distinct.to_physical().cast(pl.Int64).to_numpy()
    numbers = np.zeros(int(place.max(initial=-1)) + 2, np.int32)
    numbers[place] = distinct.cast(pl.String).rank("ordinal").to_numpy()
    # The last place stays at 0, for null.
    return frozen(numbers[coded.to_physical().fill_null(len(numbers) - 1)], np.int32)
