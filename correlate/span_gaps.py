"""Time that calls lose between the caller's span and the callee's: the network, and what queues.

A caller's span lasts until the answer is back, the callee's only while it works on it. What lies
between is the same whatever the two clocks say (Sigelman et al., "Dapper", Google 2010, takes the
network's time from the same pair). Calls are slow by what was usual of the same pair before.

A slow edge is the callee's doing, unless most of what its caller calls, through two edges or more,
is slow: then it is the caller's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import slowdowns, steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

KEY = ("caller", "callee")
FELT = 3.0
"""Nats; an edge that scores less is not slow."""
_SEVERAL = 2
_MOST = 0.5


def calls(part: pl.DataFrame) -> pl.DataFrame:
    """Pair the spans of a part with the one span in another entity that each is the parent of.

    Args:
        part: see `steps.of`; it holds whole traces.

    Returns:
        caller, callee, time, row (of the caller's span), lasted, inside (how long the callee's
        lasted), one row a call.
    """
    import polars as pl

    spans = part.filter(pl.col("kind") >= steps.SPAN)
    inner = (
        spans.filter(pl.col("parent") != 0)
        .group_by("trace", "parent")
        .agg(pl.len().alias("children"), callee=pl.col("entity").first(),
             inside=pl.col("lasted").first())
        .filter(pl.col("children") == 1)
    )  # fmt: skip
    outer = spans.select("trace", "time", "row", "lasted", parent="span", caller="entity")
    return outer.join(inner, on=["trace", "parent"]).filter(pl.col("caller") != pl.col("callee"))


def cells(part: pl.DataFrame) -> pl.DataFrame:
    """Count the calls of a part by how long they were on the way; see `slowdowns.cells`."""
    import polars as pl

    way = (pl.col("lasted") - pl.col("inside")).clip(lower_bound=0)
    return slowdowns.cells(calls(part).with_columns(length=way), KEY)


def blamed(edges: pl.DataFrame) -> dict[str, list[Mapping[str, Any]]]:
    """Say whose doing the slow edges are: entity -> its edges, with their ``share`` of the score.

    What a callee is blamed for counts by the share of the calls into it that slow edges carry.
    """
    import polars as pl

    slow = pl.col("score") >= FELT
    calls = pl.col("n")
    callers = edges.group_by("caller").agg(
        several=slow.sum() >= _SEVERAL,
        most=calls.filter(slow).sum() > _MOST * calls.sum(),
    )
    own = callers.filter("several", "most")["caller"]
    slow_calls = calls.filter(slow & ~pl.col("by_caller"))
    placed = edges.with_columns(
        by_caller=pl.col("caller").is_in(own.implode()),
    ).with_columns(
        share=pl.when("by_caller")
        .then(1.0)
        .otherwise(slow_calls.sum().over("callee") / calls.sum().over("callee")),
        entity=pl.when("by_caller").then("caller").otherwise("callee"),
    )  # fmt: skip
    # one that slows all it calls slows the answers it gives too
    rest = placed.filter(slow, pl.col("by_caller") | ~pl.col("callee").is_in(own.implode()))
    found: dict[str, list[Mapping[str, Any]]] = {}
    order = rest.sort(["score", *KEY], descending=[True, False, False])
    for edge in order.to_dicts():
        found.setdefault(edge["entity"], []).append(edge)
    return found
