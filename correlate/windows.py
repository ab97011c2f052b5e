"""Windows x topology: for each effect, the causes that were near in time and in dependencies.

A cause is any signal on the same entity, or on one that it depends on within `HOPS` hops, in
``[t - WINDOW, t + SLACK]``. The cost of a pair is a whole number of microseconds,
``|dt| + prior(kind) + hops * HOP_COST``; a tie goes to the first by entity, time and position.
Integers give the same ranking on every machine, and the score ``exp(-cost / TAU)`` is worked out
for the few that are kept. How they are found is told in `candidates`.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

from nova_timeline.topology import adjacency

from . import candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from nova_timeline.topology import Topology

WINDOW = 45 * 60_000_000  # us
SLACK = 60_000_000  # us; a cause may be stamped this much after its effect
TAU = 15 * 60_000_000  # us
HOP_COST = 4 * 60_000_000  # us; log(decay) * TAU for a decay of 0.77 a hop
HOPS = 3
KEEP = 5

PRIORS = {
    "config_change": 0.9,
    "deploy": 0.9,
    "feature_flag": 0.9,
    "operator_action": 0.7,
    "scaling": 0.6,
    "commit": 0.5,
    "health": 0.8,
    "host": 0.8,
    "log": 0.6,
    "metric_change": 0.6,
    "alert": 0.4,
}
"""How likely a signal of a kind is a cause at all, before anything else is known."""


def link(signals: pl.DataFrame, topology: Topology, *, nearest_hop: int = 0) -> pl.DataFrame:
    """Join effects with their candidate causes.

    Args:
        signals: one row a signal, with ``signal`` (int64, position), ``time`` (int64 ns,
            corrected), ``entity``, ``kind`` (text), ``is_effect`` and ``is_cause`` (bool).
        topology: who depends on whom.
        nearest_hop: 1 to leave out causes on the effect's own entity.

    Returns:
        effect, cause (positions), delta (ns, effect minus cause), hops, score; by effect, then best
        first; at most `KEEP` causes an effect.

    Warns:
        RuntimeWarning: an entity depends on more others than are looked at.
    """
    import numpy as np
    import polars as pl

    placed = signals.filter(pl.col("entity").is_not_null())
    named = {*placed["entity"], *topology.drawn()}
    codes = {name: code for code, name in enumerate(sorted(named))}
    coded = placed.with_columns(
        code=pl.col("entity").replace_strict(codes, return_dtype=pl.Int32),
        us=pl.col("time") // 1000,
        class_=_classes(),
    ).sort("code", "us", "signal")
    timed = coded.with_row_index("id").sort("us", "signal")
    found = candidates.cheapest(
        timed["us"].to_numpy(),
        timed["code"].to_numpy(),
        timed["class_"].to_numpy(),
        adjacency(topology, codes),
        _costs(nearest_hop),
        ids=timed["id"].to_numpy(),
    )
    _warn_of_cuts(found.cut.tolist(), sorted(named))
    effect, cause = coded[found.effect], coded[found.cause]
    return pl.DataFrame(
        {
            "effect": effect["signal"],
            "cause": cause["signal"],
            "delta": effect["time"] - cause["time"],
            "hops": found.hops.astype(np.int64),
            "score": np.exp(-found.cost / TAU),
        }
    )


def _classes() -> pl.Expr:
    """Number what the cost of a signal hangs on: ``4 * kind + 2 * is_cause + is_effect``.

    A kind that `PRIORS` does not name comes after those that it does.
    """
    import polars as pl

    kind = pl.col("kind").replace_strict(
        list(PRIORS), range(len(PRIORS)), default=len(PRIORS), return_dtype=pl.Int8
    )
    role = 2 * pl.col("is_cause").cast(pl.Int8) + pl.col("is_effect").cast(pl.Int8)
    return (4 * kind + role).cast(pl.Int8)


def _costs(nearest_hop: int) -> candidates.Costs:
    """Give the costs by class; an unknown kind costs the most."""
    prior = [round(-TAU * math.log(p)) for p in PRIORS.values()]
    prior.append(max(prior))
    classes = range(4 * len(prior))
    return candidates.Costs(
        effects=[c % 2 == 1 for c in classes],
        priors=[prior[c // 4] if c % 4 >= 2 else candidates.NO_CAUSE for c in classes],
        window=WINDOW,
        slack=SLACK,
        hop_cost=HOP_COST,
        hops=HOPS,
        first_hop=nearest_hop,
        keep=KEEP,
    )


def _warn_of_cuts(cut: Sequence[int], names: Sequence[str]) -> None:
    """Say whose dependencies were too many to look at all of them."""
    if cut:
        msg = (
            f"{len(cut)} entities, {names[cut[0]]!r} first, depend on more than "
            f"{candidates.MOST_NEAR:,} others within {HOPS} hops: causes on the others were not "
            "looked for; leave edges to what everything depends on out of the topology"
        )
        warnings.warn(msg, RuntimeWarning, stacklevel=3)
