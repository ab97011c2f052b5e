"""What the steps of requests hold against entities: broken orders of steps, slow ways, slow work.

Three methods look at the same counts: `log_order`, `span_gaps` and `self_time`. A log likelihood
ratio weighted by its effect becomes a score between 0 and 1, so that overwhelming evidence of one
kind does not count for more than being certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow

from . import log_order, self_time, slowdowns, span_gaps, steps, templates
from .suspects import Charge, Sign

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from .suspects import Case

HALF = 10.0
"""Nats that are half of being certain."""
LEAST = 3.0
"""Nats; what scores less is chance among so many series."""
SHOWN = 6
"""Entities that each method charges at most."""
_CITED = 3
_TITLE = 90
_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Count:
    """All that is counted of the steps of requests."""

    order: pl.DataFrame
    """What follows what; see `log_order.counted`."""
    gaps: pl.DataFrame
    """How long calls are on the way; see `slowdowns.cells`."""
    own: pl.DataFrame
    """What spans take themselves."""
    failures: pl.DataFrame
    """How spans come out; see `self_time.failures`."""


@dataclass(frozen=True, slots=True)
class Found:
    """A fault that one of the methods saw, before the records that prove it are read."""

    entity: str
    nats: float
    first: int
    """ns; when it began, by the clock of the record that shows it."""
    end: int
    rows: tuple[int, ...]
    """The record that shows it first, and others that say what it is."""
    about: Mapping[str, Any]


def charges(case: Case) -> Iterable[Charge]:
    """Charge entities with what the steps of requests show."""
    if len(case.evidence.steps) == 0:
        return []
    count = counted(case)
    made = {
        "log order": broken(case, count.order),
        "span gaps": late(count.gaps),
        "self time": busy(count.own),
        "own errors": failing(count.failures),
    }
    known = _records(case, {row for some in made.values() for f in some for row in f.rows})
    return [_charge(case, name, f, known) for name, some in made.items() for f in some]


def counted(case: Case) -> Count:
    """Count the steps of all parts."""
    import polars as pl

    parts = [[pl.DataFrame(t) for t in some] for some in case.each(_of_part, case.evidence.steps)]
    order, gaps, own, failures = zip(*parts, strict=True)
    return Count(
        log_order.merged(order),
        slowdowns.merged(gaps, span_gaps.KEY),
        slowdowns.merged(own, self_time.KEY),
        log_order.merged(failures),
    )


def _of_part(part: pa.Table) -> tuple[pa.Table, ...]:
    import polars as pl

    frame = pl.DataFrame(part)
    made = (
        log_order.cells(frame), span_gaps.cells(frame),
        self_time.cells(frame), self_time.failures(frame),
    )  # fmt: skip
    return tuple(arrow.table(m) for m in made)


def broken(case: Case, cells: pl.DataFrame) -> list[Found]:
    """Find the worst break of order of each entity that no deeper one explains."""
    import polars as pl

    breaks = log_order.find(cells).filter(pl.col("score") >= LEAST)
    if breaks.is_empty():
        return []
    sent = arrow.table(breaks)
    owned = pl.concat(
        pl.DataFrame(t) for t in case.each(_Owned(sent), case.evidence.steps)
    ).group_by("entity", "what").agg(pl.col("bad", "own").sum())  # fmt: skip
    kept = breaks.join(owned, on=["entity", "what"]).with_columns(
        pl.col("score") * pl.col("own") / pl.col("bad")
    )
    worst = _worst(kept.filter(pl.col("score") >= LEAST), ["entity", "what"])
    return [_break(row, cells) for row in worst]


@dataclass(frozen=True, slots=True)
class _Owned:
    """`log_order.owned` of one part; an engine can send it elsewhere."""

    breaks: pa.Table

    def __call__(self, part: pa.Table) -> pa.Table:
        import polars as pl

        return arrow.table(log_order.owned(pl.DataFrame(part), pl.DataFrame(self.breaks)))


def _worst(found: pl.DataFrame, key: Sequence[str]) -> list[dict[str, Any]]:
    """Keep the worst of each entity, of the worst entities."""
    order = found.sort(["score", *key], descending=[True] + [False] * len(key))
    return order.unique("entity", keep="first", maintain_order=True).head(SHOWN).to_dicts()


def _break(row: Mapping[str, Any], cells: pl.DataFrame) -> Found:
    """Say what followed before a break, and what follows in it."""
    import polars as pl

    mine = cells.filter(entity=row["entity"], what=row["what"])
    inside = pl.col("bucket").is_between(row["first"], row["stop"], closed="left")
    before = mine.filter(pl.col("bucket") < row["first"])
    usual = before.filter(~pl.col("bad")).sort("n", "time", descending=[True, False])
    bad = mine.filter(inside, pl.col("bad")).sort("time", "row")
    first = bad.row(0, named=True)
    told = [first["row"], *bad["then_row"].drop_nulls().head(1)]
    instead = usual["then_row"].drop_nulls().head(1).to_list()
    return Found(
        row["entity"], row["score"], first["time"], row["stop"] * steps.GRID,
        (*told, *instead),
        {"share": row["effect"], "count": int(bad["n"].sum()), "bad": len(told) > 1,
         "usual": bool(instead)},
    )  # fmt: skip


def failing(cells: pl.DataFrame) -> list[Found]:
    """Find the entities whose spans fail, when they did not, with no failed span below."""
    import polars as pl

    worst = _worst(log_order.find(cells).filter(pl.col("score") >= LEAST), self_time.KEY)
    return [_break(row, cells) for row in worst]


def late(cells: pl.DataFrame) -> list[Found]:
    """Find the entities that calls are held up on the way to, or from."""
    edges = slowdowns.find(cells, span_gaps.KEY, alike=True)
    found: list[Found] = []
    for entity, some in span_gaps.blamed(edges).items():
        nats = sum(e["score"] * e["share"] for e in some)
        if nats >= LEAST:
            found.append(_slow(entity, nats, some, cells, span_gaps.KEY))
    return sorted(found, key=lambda f: (-f.nats, f.entity))[:SHOWN]


def busy(cells: pl.DataFrame) -> list[Found]:
    """Find the entities whose own work takes longer."""
    import polars as pl

    slow = slowdowns.find(cells, self_time.KEY).filter(pl.col("score") >= LEAST)
    return [
        _slow(row["entity"], row["score"], [row], cells, self_time.KEY)
        for row in _worst(slow, self_time.KEY)
    ]


def _slow(
    entity: str, nats: float, some: Sequence[Mapping[str, Any]], cells: pl.DataFrame,
    key: Sequence[str],
) -> Found:  # fmt: skip
    """Point at the first slow span of the worst of some series."""
    import polars as pl

    from . import _slow_kernel as kernel

    worst = some[0]
    mine = cells.filter(**{k: worst[k] for k in key}).filter(
        pl.col("bucket").is_between(worst["first"], worst["stop"], closed="left"),
        pl.col("place") > worst["last"],
    )
    shown = mine.sort("time", "row")
    about = {
        "share": worst["rise"], "count": int(mine["n"].sum()),
        "limit": kernel.length_of(worst["last"]), "others": len(some) - 1,
    }  # fmt: skip
    about |= {k: worst[k] for k in key if k != "what"}
    rows = shown["row"].head(_CITED).to_list()
    return Found(entity, nats, shown["time"][0], worst["stop"] * steps.GRID, tuple(rows), about)


def _records(case: Case, rows: set[int]) -> dict[int, dict[str, Any]]:
    """Read what the records say that faults are told by."""
    import numpy as np

    wanted = np.array(sorted(rows), np.int64)
    columns = ["body", "clock", "timestamp_precision"]
    if len(wanted) == 0:
        return {}
    told = case.evidence.rows.take(wanted, columns).to_pylist()
    return dict(zip(wanted.tolist(), told, strict=True))


def _charge(
    case: Case, method: str, found: Found, known: Mapping[int, Mapping[str, Any]]
) -> Charge:
    record = known[found.rows[0]]
    off = case.offsets.get(record["clock"] or "", 0)
    said = [templates.text(known[row]["body"] or "")[:_TITLE].strip() for row in found.rows]
    title, text = _words(method, found, said)
    category = {"span gaps": "network"}.get(method)
    sign = Sign(
        time=found.first - off,
        end=max(found.first, found.end) - off,
        title=title,
        table="event",
        row=found.rows[0],
        rows=found.rows[1:],
        rule=f"steps:{method.replace(' ', '-')}",
        kind="log",
        clock=record["clock"],
        precision=record["timestamp_precision"] or 1,
        count=found.about["count"],
    )
    return Charge(found.entity, method, found.nats / (found.nats + HALF), text, category, sign)


def _words(method: str, found: Found, said: Sequence[str]) -> tuple[str, str]:
    """Put what was found into words: the title of its moment, and the reason."""
    about = found.about
    part = f"{about['share']:.0%}"
    if method == "log order":
        follows = f"'{said[1]}'" if about["bad"] else "nothing"
        then = f", before it was '{said[-1]}'" if about["usual"] else ""
        title = f"'{said[0]}' is followed by {follows}{then}"
        return title, f"its requests go another way than before, {part} more of them: {title}"
    if method == "own errors":
        title = f"'{said[0]}' fails, with nothing below it failing"
        return title, f"its own work fails, {part} more of it than before: {title}"
    limit = f"{about['limit'] / _MS:.0f} ms"
    if method == "self time":
        title = f"'{said[0]}' takes more than {limit}"
        return title, f"its own work is slow, {part} more of it than before: {title}"
    calls = f"{about['caller']} to {about['callee']}"
    title = f"Calls from {calls} are more than {limit} on the way"
    return title, f"calls to or from it are held up, {part} more of them than before: {title}"
