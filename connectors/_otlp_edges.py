"""Who calls whom, as spans tell: a parent in another service, or what a client says it talks to.

OpenTelemetry semantic conventions: ``peer.service``, ``server.address`` (``net.peer.name`` before
1.21). Parents are looked for in the same partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline import arrow

from . import _json, _otlp

if TYPE_CHECKING:
    import polars as pl

_PEERS = {
    "peer.service": '$."peer.service"',
    "server.address": '$."server.address"',
    "net.peer.name": '$."net.peer.name"',
}
# A sidecar or a proxy on the same machine says nothing of who is behind it.
_SELF = r"^(?i:localhost|127\.[\d.]+|\[?::1\]?|0\.0\.0\.0)$"


def of(spans: pl.DataFrame) -> pl.DataFrame:
    """Find the calls between services.

    Args:
        spans: ``record, trace, span, parent, kind, attributes, entity, start``, one row a span.

    Returns:
        ``caller, callee, record`` (of the first span that shows the call), ``first`` and ``last``
        (when the calls began, ns), one row a pair, by record.
    """
    import polars as pl

    calls = _nested(spans)
    # A call whose other side is among the spans is named by that side.
    answered = calls.select("trace", span="parent")
    columns = ["record", "caller", "callee", "start"]
    every = pl.concat([calls.select(columns), _named(spans, answered).select(columns)])
    return (
        every.sort("record", maintain_order=True)
        .group_by("caller", "callee", maintain_order=True)
        .agg(pl.col("record").first(), first=pl.col("start").min(), last=pl.col("start").max())
    )


def _nested(spans: pl.DataFrame) -> pl.DataFrame:
    """Find spans whose parent is another service's."""
    import polars as pl

    parents = spans.select("trace", parent="span", caller="entity").unique(
        ["trace", "parent"], keep="first", maintain_order=True
    )
    inner = spans.filter(pl.col("parent").is_not_null()).with_columns(callee="entity")
    joined = inner.join(parents, on=["trace", "parent"], how="inner", maintain_order="left")
    return joined.filter(pl.col("caller") != pl.col("callee"))


def _named(spans: pl.DataFrame, answered: pl.DataFrame) -> pl.DataFrame:
    """Find client spans that name their peer and that no span of another service answers."""
    import polars as pl

    clients = spans.filter((pl.col("kind") == "client") & pl.col("entity").is_not_null())
    clients = clients.join(answered, on=["trace", "span"], how="anti", maintain_order="left")
    attributes = arrow.column(_otlp.objects(clients["attributes"]))
    peers = _json.extract(attributes, _PEERS)
    peer = peers.select(
        pl.coalesce(pl.when(~pl.col(n).str.contains(_SELF)).then(n) for n in _PEERS)
    ).to_series()
    named = clients.with_columns(caller="entity", callee=peer.replace("", None))
    return named.filter(pl.col("caller") != pl.col("callee"))
