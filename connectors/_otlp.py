"""What logs, metrics and spans of OTLP/JSON have in common: where they lie, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, clock, evidence
from nova_timeline.connector import Gap, Partition
from nova_timeline.errors import UnreadableSourceError

from . import _duck, _json, _lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    from nova_timeline.evidence import Bytes

# OpenTelemetry resource semantic conventions; deployment.environment is the old name.
_RESOURCE = {
    "service.name": '$."service.name"',
    "host.name": '$."host.name"',
    "cloud.provider": '$."cloud.provider"',
    "cloud.region": '$."cloud.region"',
    "cloud.account.id": '$."cloud.account.id"',
    "k8s.cluster.name": '$."k8s.cluster.name"',
    "k8s.namespace.name": '$."k8s.namespace.name"',
    "k8s.deployment.name": '$."k8s.deployment.name"',
    "k8s.pod.name": '$."k8s.pod.name"',
    "k8s.node.name": '$."k8s.node.name"',
    "deployment.environment.name": '$."deployment.environment.name"',
    "old_environment": '$."deployment.environment"',
    "workload": '$."k8s.statefulset.name"',
    "daemon": '$."k8s.daemonset.name"',
    "function": '$."faas.name"',
    "instance": '$."service.instance.id"',
}
_CUT_OFF, _FOREIGN = 1, 2  # as _otlp_scan has them


@dataclass(frozen=True, slots=True)
class Found:
    """The records of a partition: where each lies, its signal, and its resource's number."""

    partition: Partition
    data: Bytes
    records: npt.NDArray[np.int64]  # shape (n, 4), see _otlp_scan.records
    owners: npt.NDArray[np.int64]  # shape (m, 2): where each resource starts and stops
    resources: pl.DataFrame  # one row a resource: entity, clock and the columns of EVENT
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Signal:
    """The records of one signal, decoded, each with the resource it belongs to."""

    partition: Partition
    table: pl.DataFrame
    owner: pl.DataFrame  # the resource of each record, row by row
    places: npt.NDArray[np.int64]  # shape (4, n): where resource and record start and stop
    data: Bytes  # what they are places of
    raw: pa.Array[Any]
    locators: pa.Array[Any]
    gaps: tuple[Gap, ...]


def find(partition: Partition) -> Found:
    """Find the records of a file, or of the part of it that holds lines.

    Raises:
        UnreadableSourceError: nothing in it is OTLP/JSON.
    """
    import numpy as np

    from . import _otlp_scan as scan

    whole = evidence.content(partition.path)
    gaps = [Gap(partition.uri, whole.problem)] if whole.problem else []
    text = np.frombuffer(whole.data, np.uint8)
    lines = _lines.of(whole.data, max(partition.start, whole.first), partition.stop)
    starts, stops = lines.starts, lines.stops
    records, owners, status = scan.records(text, starts, stops, scan.KEYS, scan.BOUNDS)
    in_lines = partition.start > 0 or partition.stop is not None or (status == scan.COMPLETE).any()
    if not in_lines and len(starts):
        # A document over several lines, or several such.
        starts, stops = starts[:1], stops[-1:]
        records, owners, status = scan.records(text, starts, stops, scan.KEYS, scan.BOUNDS)
        if len(records) == 0 and not (status == scan.COMPLETE).any() and not _mentions(whole.data):
            msg = f"{partition.uri} is not OTLP/JSON: it has no resourceLogs, -Metrics or -Spans"
            raise UnreadableSourceError(msg)
    for state, said in (
        (_CUT_OFF, "end inside a record, or are damaged"),
        (_FOREIGN, "hold no resourceLogs, resourceMetrics or resourceSpans"),
    ):
        bad = np.flatnonzero(status == state)
        if len(bad):
            at = f"the first begins at byte {int(starts[bad[0]])}"
            gaps.append(Gap(partition.uri, f"{len(bad)} of {len(starts)} documents {said}; {at}"))
    missing = owners[:, 1] == 0
    owners[:, 1] = np.maximum.accumulate(owners[:, 1])
    owners[missing, 0] = owners[missing, 1]  # an empty stretch, in order with the others
    resources = _resources(whole.data, owners)
    return Found(partition, whole.data, records, owners, resources, tuple(gaps))


def _mentions(data: Bytes) -> bool:
    head = bytes(data[:4096])
    return any(key in head for key in (b'"resourceLogs"', b'"resourceMetrics"', b'"resourceSpans"'))


def decode(found: Found, signal: int, paths: Mapping[str, str]) -> Signal:
    """Decode the records of one signal; what is no JSON object is left out and reported."""
    import numpy as np
    import polars as pl

    mine = found.records[found.records[:, 2] == signal]
    starts, stops = mine[:, 0].copy(), mine[:, 1].copy()
    records = _lines.Records(found.data, starts, stops)
    decoded = _json.decode(found.partition, records, paths)
    if len(decoded) < len(mine):
        kept = [int(str(t).partition("+")[0][6:]) for t in decoded.locators.to_pylist()]
        mine = mine[np.isin(starts, kept)]
    owner = mine[:, 3]
    table = decoded.table.with_columns(
        pl.when(pl.col(n) != "").then(n).alias(n) for n in decoded.table.columns
    )
    return Signal(
        found.partition,
        table,
        found.resources[owner],
        np.concatenate([found.owners[owner].T, mine[:, :2].T]),
        found.data,
        decoded.raw,
        decoded.locators,
        decoded.gaps,
    )


def _resources(data: Bytes, owners: npt.NDArray[np.int64]) -> pl.DataFrame:
    """Decode each resource once; one that is missing or damaged has no names."""
    import polars as pl

    raw = evidence.slices(data, owners[:, 0].copy(), owners[:, 1].copy())
    text = pl.Series(values=raw, dtype=pl.Binary).cast(pl.String, strict=False)
    listed = "json_extract(t, '$.attributes')::VARCHAR"
    query = f"SELECT CASE WHEN json_valid(t) THEN {listed} END AS a FROM texts"  # noqa: S608
    attributes = pl.Series(values=_duck.run(query, pl.DataFrame({"t": text}).to_arrow())["a"])
    names = _json.extract(arrow.column(objects(attributes)), _RESOURCE)
    service = pl.col("service.name")
    # The SDKs' own word for "nobody told me".
    known = pl.when(~service.str.starts_with("unknown_service")).then(service)
    entity = pl.coalesce(
        known,
        "k8s.deployment.name",
        "workload",
        "daemon",
        "function",
        "k8s.pod.name",
        service,
        "host.name",
    )
    return names.with_columns(
        pl.coalesce("deployment.environment.name", "old_environment").alias(
            "deployment.environment.name"
        ),
        entity=entity,
        clock=_clock(entity),
    ).drop("old_environment", "workload", "daemon", "function", "instance")


def _clock(entity: pl.Expr) -> pl.Expr:
    """Name the machine's clock as its own logs do, by its short name; else whatever wrote it."""
    import polars as pl

    host = pl.col("host.name").str.to_lowercase()
    address = host.str.contains(r"^[\d.]+$|:")
    short = pl.when(address).then(host).otherwise(host.str.split(".").list.first())
    machine = pl.coalesce(short, "k8s.node.name", "instance", entity)
    return pl.coalesce(pl.concat_str(pl.lit("host:"), machine), pl.lit("service:otlp"))


def plain(wrapped: pl.Series) -> pl.Series:
    """Take the AnyValue wrapping off JSON texts; nulls stay null."""
    import polars as pl
    import pyarrow as pa

    from . import _otlp_values as values

    if len(wrapped) == 0:
        return pl.Series([], dtype=pl.String)
    text, bounds, _ = _buffers(wrapped.fill_null(""))
    out, ends = values.bare(text, bounds)
    buffers: list[Any] = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(out.tobytes())]
    made = pl.Series(values=pa.Array.from_buffers(pa.large_string(), len(wrapped), buffers))
    return made.set(wrapped.is_null(), None)


def objects(attributes: pl.Series) -> pl.Series:
    """Turn lists of KeyValues into JSON objects; ``{}`` where there is none."""
    made = plain(attributes).fill_null("{}")
    return made.set(~made.str.starts_with("{"), "{}")


def text_of(wrapped: pl.Series) -> pl.Series:
    """Read AnyValues as text: a string as it is, a map or list as its JSON."""
    bare = arrow.column(plain(wrapped).fill_null("null"))
    return _json.extract(bare, {"v": "$"})["v"]


def as_map(attributes: pl.Series, extra: Mapping[str, pl.Series]) -> Any:
    """Turn JSON objects into the map column, columns of our own first; nulls left out."""
    import pyarrow as pa

    from . import _otlp_values as values

    if extra:
        attributes = _with_members(attributes, extra)
    text, bounds, buffer = _buffers(attributes)
    found, before = values.members(text, bounds)
    keys = _unescaped(evidence.slices(buffer, found[:, 0].copy(), found[:, 1].copy()), None)
    contents = _unescaped(
        evidence.slices(buffer, found[:, 2].copy(), found[:, 3].copy()), found[:, 4] == 1
    )
    offsets: Any = pa.array(before, pa.int32())
    return arrow.maps(offsets, keys, contents)


def _with_members(attributes: pl.Series, extra: Mapping[str, pl.Series]) -> pl.Series:
    import polars as pl

    frame = pl.DataFrame({f"c{i}": column for i, column in enumerate(extra.values())})
    own = ", ".join(f"'{name}', c{i}" for i, name in enumerate(extra))
    query = f"SELECT CAST(json_object({own}) AS VARCHAR) AS o FROM texts"  # noqa: S608
    made = pl.DataFrame(
        {"o": pl.Series(values=_duck.run(query, frame.to_arrow())["o"]), "a": attributes}
    )
    joined = pl.concat_str(pl.col("o").str.strip_suffix("}"), pl.lit(","), pl.col("a").str.slice(1))
    return made.select(pl.when(pl.col("a") == "{}").then("o").otherwise(joined)).to_series()


def _unescaped(texts: Any, strings: Any) -> Any:
    """Read the insides of JSON strings (where strings says so); few have a backslash."""
    import polars as pl
    import pyarrow as pa

    column = pl.Series(values=texts.cast(pa.large_string()), dtype=pl.String)
    escaped = column.str.contains("\\", literal=True)
    if strings is not None:
        escaped &= pl.Series(strings)
    places = escaped.arg_true()
    if len(places):
        whole = '"' + column.gather(places) + '"'
        read = _json.extract(arrow.column(whole), {"v": "$"})["v"]
        column = column.scatter(places, read)
    return arrow.column(column).cast(pa.string())


def _buffers(texts: pl.Series) -> tuple[Any, Any, bytes]:
    """Return the bytes of a column of texts, and where each begins."""
    import numpy as np
    import pyarrow as pa

    column: Any = texts.to_arrow().cast(pa.large_string())
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    buffer = data if data is not None else b""
    return np.frombuffer(buffer, np.uint8), bounds, buffer


def nanoseconds(texts: pl.Series) -> pl.Series:
    """Read int64 nanoseconds, given as text or number; 0 is OTLP's word for unknown."""
    import polars as pl
    import pyarrow as pa

    read = clock.epoch(arrow.column(texts), "ns")
    ns = pl.Series(values=read.timestamp.cast(pa.int64()))
    return ns.set(ns == 0, None)


def timestamps(ns: pl.Series) -> Any:
    """Return nanoseconds as the column type of times."""
    import pyarrow as pa

    return ns.to_arrow().cast(pa.timestamp("ns", "UTC"))
