"""What entities show of their own: broken orders of steps, slow ways, slow work, full resources.

Methods that look at requests step by step (`log_order`, `span_gaps`, `self_time`) and one that
looks at resources (`saturation`) charge entities. Evidence of each becomes a score between 0 and 1
by a curve that is flat at both ends (see `charged.certainty`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow

from . import charged, log_order, saturation, self_time, slowdowns, span_gaps, steps
from .charged import Found, certainty

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from .suspects import Case, Charge

HALF = 8.0
"""Nats that are half of being certain."""
LEAST = 3.0
"""Nats; what scores less is chance among so many series."""
SHOWN = 6
"""Entities that each method charges at most."""
_CITED = 3


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


def charges(case: Case) -> Iterable[Charge]:
    """Charge entities with what they show of their own."""
    found = full(case)
    if len(case.evidence.steps):
        count = counted(case)
        found += [
            *broken(case, count.order), *late(count.gaps), *busy(count.own),
            *failing(count.failures),
        ]  # fmt: skip
    since = case.usual_until
    recent = [f for f in found if since is None or f.end > since]
    return charged.charges(case, charged.together(recent))


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
    worst = _worst(kept.filter(pl.col("score") >= LEAST), *self_time.KEY)
    return [_break("log order", row, cells) for row in worst]


@dataclass(frozen=True, slots=True)
class _Owned:
    """`log_order.owned` of one part; an engine can send it elsewhere."""

    breaks: pa.Table

    def __call__(self, part: pa.Table) -> pa.Table:
        import polars as pl

        return arrow.table(log_order.owned(pl.DataFrame(part), pl.DataFrame(self.breaks)))


def _worst(found: pl.DataFrame, *key: str, by: str = "score") -> list[dict[str, Any]]:
    """Keep the worst of each entity, of the worst entities."""
    order = found.sort([by, *key], descending=[True] + [False] * len(key))
    return order.unique("entity", keep="first", maintain_order=True).head(SHOWN).to_dicts()


def _break(method: str, row: Mapping[str, Any], cells: pl.DataFrame) -> Found:
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
        row["entity"], method, certainty(row["score"], HALF), first["time"],
        row["stop"] * steps.GRID,
        (*told, *instead),
        {"share": row["effect"], "count": int(bad["n"].sum()), "bad": len(told) > 1,
         "usual": bool(instead)},
    )  # fmt: skip


def failing(cells: pl.DataFrame) -> list[Found]:
    """Find the entities whose spans fail, when they did not, with no failed span below."""
    import polars as pl

    worst = _worst(log_order.find(cells).filter(pl.col("score") >= LEAST), *self_time.KEY)
    return [_break("own errors", row, cells) for row in worst]


def late(cells: pl.DataFrame) -> list[Found]:
    """Find the entities that calls are held up on the way to, or from."""
    edges = slowdowns.find(cells, span_gaps.KEY, alike=True)
    found: list[Found] = []
    for entity, some in span_gaps.blamed(edges).items():
        nats = sum(e["score"] * e["share"] for e in some)
        if nats >= LEAST:
            found.append(_slow("span gaps", entity, nats, some, cells))
    return sorted(found, key=lambda f: (-f.score, f.entity))[:SHOWN]


def busy(cells: pl.DataFrame) -> list[Found]:
    """Find the entities whose own work takes longer."""
    import polars as pl

    slow = slowdowns.find(cells, self_time.KEY).filter(pl.col("score") >= LEAST)
    return [
        _slow("self time", row["entity"], row["score"], [row], cells)
        for row in _worst(slow, *self_time.KEY)
    ]


def full(case: Case) -> list[Found]:
    """Find the entities with a resource that ran full, each by the fullest."""
    found: list[Found] = []
    for row in _worst(
        saturation.find(case.evidence.series, case.each), "entity", "metric", by="above"
    ):
        score = certainty(row["above"], saturation.HALF)
        told = {k: row[k] for k in ("metric", "usual", "level")} | {"count": 1}
        rows = (row["row"],)
        found.append(
            Found(
                row["entity"], "saturation", score, row["first"], row["last"], rows, told, "metric"
            )
        )
    return found


def _slow(
    method: str, entity: str, nats: float, some: Sequence[Mapping[str, Any]], cells: pl.DataFrame,
) -> Found:  # fmt: skip
    """Point at the first slow span of the worst of some series."""
    import polars as pl

    from . import _slow_kernel as kernel

    worst = some[0]
    key = span_gaps.KEY if method == "span gaps" else self_time.KEY
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
    score = certainty(nats, HALF)
    end = worst["stop"] * steps.GRID
    return Found(entity, method, score, shown["time"][0], end, tuple(rows), about)
