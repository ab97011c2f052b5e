"""Why each effect: the change that preceded it, and the fault further down that explains it.

The window x topology join proposes; what the ranking learned about each change decides between
those it proposed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import windows
from .durations import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

    from nova_timeline.topology import Topology

    from .episode import Signal

LEAST = 0.15
"""A link that scores less is not worth a reader's time."""
_CHANGES = 2
_UNJUDGED = 0.5


@dataclass(frozen=True, slots=True)
class Link:
    """An effect, one of its causes, and the reasons."""

    effect: int
    cause: int
    relation: str
    delta: int
    hops: int
    score: float
    reasons: tuple[str, ...]


def find(signals: pl.DataFrame, topology: Topology, judged: Mapping[int, float]) -> list[Link]:
    """Link effects with causes.

    Args:
        signals: the signals table; see `nova_timeline.correlate.signals.gather`.
        topology: who depends on whom.
        judged: change (position) -> its score as a root cause, where it was ranked.
    """
    import polars as pl

    rows: dict[int, Signal] = {s["signal"]: s for s in signals.to_dicts()}
    change = pl.col("role") == "change"
    share = pl.col("cause").replace_strict(dict(judged), default=_UNJUDGED, return_dtype=pl.Float64)
    changes = windows.link(signals.with_columns(is_cause=change), topology).with_columns(
        score=pl.col("score") * (0.05 + 0.95 * (share if judged else _UNJUDGED))
    )
    faults = windows.link(
        signals.with_columns(is_cause=pl.col("role") == "fault"), topology, nearest_hop=1
    )
    found = [
        *(_link("preceded_by", r, rows, judged) for r in _best(changes, _CHANGES)),
        *(_link("explained_by", r, rows, {}) for r in _best(faults, 1)),
    ]
    return sorted(found, key=lambda k: (k.effect, -k.score, k.cause))


def _best(links: pl.DataFrame, keep: int) -> Iterable[Mapping[str, float]]:
    """Keep the best few of each effect."""
    import polars as pl

    return (
        links.filter(pl.col("score") >= LEAST)
        .sort("effect", "score", "cause", descending=[False, True, False])
        .group_by("effect", maintain_order=True)
        .head(keep)
        .iter_rows(named=True)
    )


def _link(
    relation: str, row: Mapping[str, float], rows: Mapping[int, Signal], judged: Mapping[int, float]
) -> Link:
    effect, cause = rows[int(row["effect"])], rows[int(row["cause"])]
    delta, hops = int(row["delta"]), int(row["hops"])
    reasons = [_when(delta), _where(effect, cause, hops)]
    if cause["signal"] in judged:
        reasons.append(f"judged {judged[cause['signal']]:.2f} of 1 as a root cause")
    return Link(
        effect["signal"], cause["signal"], relation, delta, hops, float(row["score"]),
        tuple(reasons),
    )  # fmt: skip


def _when(delta: int) -> str:
    seconds = delta / 1e9
    if seconds < 0:
        return f"stamped {duration(-seconds)} after it, within the slack of clocks and intervals"
    return f"{duration(seconds)} before it"


def _where(effect: Signal, cause: Signal, hops: int) -> str:
    if hops == 0:
        return f"on the same entity, {cause['entity']}"
    steps = "dependency" if hops == 1 else "dependencies"
    return f"on {cause['entity']}, {hops} {steps} down from {effect['entity']}"
