"""Windows x topology: for each effect, the causes that were near in time and in dependencies.

A cause is any signal on the same entity, or on one that it depends on within `HOPS` hops, in
``[t - WINDOW, t + SLACK]``. The cost of a pair is a whole number of microseconds,
``|dt| + prior(kind) + hops * HOP_COST``, with the cause's position as the tie-break: integers give
the same ranking on every machine, and the score ``exp(-cost / TAU)`` is worked out for the few that
are kept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nova_timeline.topology import reach

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
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
    """
    import numpy as np
    import polars as pl

    from . import _window_kernel

    placed = signals.filter(pl.col("entity").is_not_null())
    names = sorted(placed["entity"].unique().to_list())
    near = reach(topology, names, HOPS, nearest_hop)
    coded = placed.with_columns(
        code=pl.col("entity").replace_strict(names, range(len(names)), return_dtype=pl.Int32),
        us=pl.col("time") // 1000,
    )
    effects = coded.filter("is_effect").sort("us", "signal")
    causes = coded.filter("is_cause").sort("code", "us", "signal")
    starts = np.searchsorted(causes["code"].to_numpy(), np.arange(len(names) + 1))
    found = _window_kernel.nearest(
        effects["us"].to_numpy().astype(np.int64),
        effects["code"].to_numpy().astype(np.int32),
        causes["us"].to_numpy().astype(np.int64),
        _prior_costs(causes["kind"]),
        starts.astype(np.int64),
        *(near.starts, near.entities, near.hops),
        *(WINDOW, SLACK, HOP_COST),
        KEEP + 1,  # an effect that is a cause too meets itself
    )
    return _pairs(effects, causes, *found)


def _prior_costs(kinds: pl.Series) -> npt.NDArray[np.int64]:
    """Give what each kind of cause costs (us), shape (n,); an unknown kind costs the most."""
    import numpy as np
    import polars as pl

    cost = {k: round(-TAU * math.log(p)) for k, p in PRIORS.items()}
    coded = kinds.replace_strict(cost, default=max(cost.values()), return_dtype=pl.Int64)
    return coded.to_numpy().astype(np.int64)


def _pairs(
    effects: pl.DataFrame,
    causes: pl.DataFrame,
    found: npt.NDArray[np.int64],
    cost: npt.NDArray[np.int64],
    hops: npt.NDArray[np.int64],
) -> pl.DataFrame:
    """Write out what the kernel found, each of shape (effects * (KEEP + 1),)."""
    import numpy as np
    import polars as pl

    used = np.flatnonzero(found >= 0)
    effect = effects[(used // (KEEP + 1)).tolist()] if len(used) else effects.clear()
    cause = causes[found[used].tolist()] if len(used) else causes.clear()
    return (
        pl.DataFrame(
            {
                "effect": effect["signal"],
                "cause": cause["signal"],
                "delta": effect["time"] - cause["time"],
                "hops": hops[used],
                "score": np.exp(-cost[used] / TAU),
            }
        )
        .filter(pl.col("effect") != pl.col("cause"))
        .group_by("effect", maintain_order=True)
        .head(KEEP)
    )
