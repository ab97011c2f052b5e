"""Strays: a call that failed once and nothing after it, as happens on any day.

Where thousands of requests a minute are served, one of them meets a connection that has just been
closed or a packet that was lost, and every caller above it logs the failure as firmly as it logs an
outage. It is trouble only where it goes on, or where something else tells of trouble nearby.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from nova_timeline import knowledge

from .episode import FIRM

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from nova_timeline.topology import Topology

    from .episode import Signal

FEW = 2
"""Records that are no more than a stray."""
NEAR = 60_000_000_000
"""ns; how far apart a stray and what makes it more than that are at most."""
LIGHT = 0.5
"""What a stray weighs."""
_OF_CALLS = ("dependency", "network", "external_provider")
"""Categories of failures that one single call can meet by bad luck."""
_OF_TRANSACTIONS = ("database.deadlock", "queues.bad-data")
"""Rules of what befalls a single transaction now and then: another in its way, a bad value."""
_DOWN = "database.unavailable"
_WAITS = {
    "containers.scheduling": "containers.scheduled",
    "containers.image-pull": "containers.image-pulled",
}
"""Rule of a pod that waits for something, room on a node or an image -> that it got it."""
_SOON = 300_000_000_000
"""ns; how long a pod waits at most where a cluster adds a node for it as it should."""
_TAKEN_AWAY = "scaling.kubernetes"
_NODE_GONE = "containers.node-not-ready"
_DRAINED = 1_800_000_000_000
"""ns; how long it takes at most until a node is gone that whoever scales the cluster takes away."""


def is_one(sign: Signal) -> bool:
    """Say whether a sign is a stray: a record or two that `lightened` took the weight off."""
    few = sign["table"] == "event" and sign["role"] == "fault" and sign["count"] <= FEW
    return bool(few and sign["weight"] <= LIGHT)


def lightened(found: pl.DataFrame, topology: Topology) -> pl.DataFrame:
    """Take the weight off failures of single calls that nothing else goes with.

    Args:
        found: the signals; see `nova_timeline.correlate.signals.gather`.
        topology: who depends on whom: company is looked for on an entity and those next to it.
    """
    import polars as pl

    firm = found.filter("is_effect", pl.col("weight") >= FIRM)
    lone = [s for s in firm.to_dicts() if _is_single(s) and not _is_down(s, topology)]
    if not lone:
        return found
    alone = {s["signal"] for s in lone}
    others = ~pl.col("signal").is_in(sorted(alone)) & (pl.col("precision") <= NEAR)
    times = _times(firm.filter(others).to_dicts())
    beside = _neighbours(topology)
    light = [
        s["signal"]
        for s in lone
        if not any(
            _has_company(s, times.get(e, ())) for e in {s["entity"] or ""} | _beside(s, beside)
        )
    ]
    weight = pl.when(pl.col("signal").is_in(light)).then(LIGHT).otherwise(pl.col("weight"))
    return found.with_columns(weight=weight)


def placed(found: pl.DataFrame) -> pl.DataFrame:
    """Take the weight off pods that got room or an image soon, and off nodes taken away as asked.

    "Pods that can't be scheduled" are what makes the Cluster Autoscaler add a node (Kubernetes,
    "Node Autoscaling"), and a pull that fails is tried again.

    Args:
        found: the signals; see `nova_timeline.correlate.signals.gather`.
    """
    import polars as pl

    gone = _as_asked(found)
    wanted = pl.col("rule").replace_strict(_WAITS, default=None, return_dtype=pl.String)
    given = found.filter(pl.col("rule").is_in([*_WAITS.values()])).select(
        "entity", there="time", given="rule"
    )
    waits = found.with_columns(given=wanted).filter(pl.col("given").is_not_null())
    soon = pl.col("there").is_between("time", pl.col("time") + _SOON)
    got = waits.join(given, on=["entity", "given"]).filter(soon)["signal"]
    light = pl.col("signal").is_in([*got, *gone])
    return found.with_columns(weight=pl.when(light).then(LIGHT).otherwise(pl.col("weight")))


def _as_asked(found: pl.DataFrame) -> pl.Series:
    """List the faults of nodes that whoever scales the cluster takes away."""
    import polars as pl

    asked = found.filter(rule=_TAKEN_AWAY, role="change").select("entity", asked="time")
    faults = found.filter(rule=_NODE_GONE).join(asked, on="entity")
    after = pl.col("time").is_between("asked", pl.col("asked") + _DRAINED)
    return faults.filter(after)["signal"]


def _is_single(sign: Signal) -> bool:
    """Say whether a sign is a failure of a call or two, and no alert, metric or burst."""
    return bool(
        sign["role"] == "fault"
        and sign["table"] == "event"
        and sign["rule"] is not None
        and (sign["category"] in _OF_CALLS or sign["rule"] in _OF_TRANSACTIONS)
        and sign["count"] <= FEW
    )


def _is_down(sign: Signal, topology: Topology) -> bool:
    """Say whether something tells that it is down itself: that befalls no single call alone.

    What lasts until it is told to be over is said once, as of a line to another network.
    """
    if sign["rule"] in knowledge.lasting():
        return True
    return sign["rule"] == _DOWN and topology.kinds.get(sign["entity"] or "") == "database"


def _times(lasting: list[Signal]) -> Mapping[str, list[int]]:
    """List when each entity's lasting signs began, in order."""
    times: dict[str, list[int]] = {}
    for s in lasting:
        times.setdefault(s["entity"] or "", []).append(s["time"])
    return {e: sorted(t) for e, t in times.items()}


def _has_company(sign: Signal, times: list[int] | tuple[int, ...]) -> bool:
    at = bisect_left(times, sign["time"] - NEAR)
    return at < len(times) and times[at] <= sign["time"] + NEAR


def _beside(sign: Signal, beside: Mapping[str, set[str]]) -> set[str]:
    """Say whose trouble makes more of a stray: a transaction is in nobody's way but its like's."""
    return set() if sign["rule"] in _OF_TRANSACTIONS else beside.get(sign["entity"] or "", set())


def _neighbours(topology: Topology) -> dict[str, set[str]]:
    """Map each entity to those that call it or that it calls."""
    beside: dict[str, set[str]] = {}
    for edge in topology.edges:
        beside.setdefault(edge.caller, set()).add(edge.callee)
        beside.setdefault(edge.callee, set()).add(edge.caller)
    return beside
