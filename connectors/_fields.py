"""Fields that go by several names, and arrays inside records.

A cloud's own console, its SDKs and what relays its records spell the same field differently
(``receiveTimestamp``, ``receive_timestamp``, ``receivetimestamp``). A field is declared here as its
JSONPaths parted by `` | ``; the first that holds something counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow, schema
from nova_timeline.connector import Gap

from . import _duck, _json

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    import pyarrow as pa

    from nova_timeline.connector import Partition

    from ._json import Decoded
    from ._lines import Records

_PART = " | "


def decode(
    partition: Partition,
    found: Records,
    fields: Mapping[str, str],
    nothing: tuple[str, ...] = ("",),
) -> Decoded:
    """Decode records into one text column a field; empty texts are null.

    Args:
        partition: for the reports.
        found: the records.
        fields: column name -> JSONPaths parted by `` | ``, in order of preference.
        nothing: the texts by which the source says that there is no value.
    """
    made = _json.decode(partition, found, _paths(fields))
    return replace(made, table=_first(made.table, fields, nothing))


def extract(texts: pl.Series, fields: Mapping[str, str]) -> pl.DataFrame:
    """Read fields of JSON texts; a text that is null or no JSON has none of them."""
    import polars as pl

    found = _json.extract(arrow.column(texts.cast(pl.String)), _paths(fields))
    return _first(found, fields, ("",))


def extract_repeated(
    texts: pl.Series, fields: Mapping[str, str], told: Mapping[str, pl.Expr] | None = None
) -> pl.DataFrame:
    """Read fields of JSON texts many of which are the same; each distinct one is read once.

    Args:
        texts: the JSON texts, shape (n,).
        fields: see `extract`.
        told: further columns, by what the fields tell of each text.
    """
    distinct, codes = _distinct(texts)
    return _spread(extract(distinct, fields).with_columns(**(told or {})), codes)


def repeated(texts: pl.Series, told: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Work out what texts tell many of which are the same; each distinct one is looked at once.

    Args:
        texts: shape (n,).
        told: column name -> what the text, `pl.first`, tells.
    """
    distinct, codes = _distinct(texts)
    return _spread(distinct.to_frame().select(**told), codes)


def _distinct(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the distinct texts, and which of them each text is, shape (n,); null for none."""
    import polars as pl

    coded = arrow.compute().dictionary_encode(arrow.column(texts.cast(pl.String)))
    known = pl.Series("text", values=coded.dictionary, dtype=pl.String)
    return known, pl.Series(values=coded.indices)


def _spread(found: pl.DataFrame, codes: pl.Series) -> pl.DataFrame:
    """Give every text what was found of its kind; what none has is not gathered."""
    import polars as pl

    return pl.DataFrame(
        [
            pl.Series(c.name, [None], dtype=c.dtype).new_from_index(0, len(codes))
            if c.null_count() == len(c)
            else c.gather(codes)
            for c in found
        ]
    )


def unfold(texts: pl.Series, path: str) -> pl.DataFrame:
    """Take the values of an array inside each text, in order.

    Returns:
        ``record`` (which text, from 0) and ``text`` (the value's JSON). What has no array there, or
        is no JSON, gives nothing.
    """
    import polars as pl

    picked = f"unnest(json_extract(CASE WHEN json_valid(t) THEN t ELSE '{{}}' END, '{path}[*]'))"
    query = f"SELECT i, CAST({picked} AS VARCHAR) AS text FROM texts"  # noqa: S608
    numbered = pl.DataFrame({"t": texts}).with_row_index("i").cast({"i": pl.Int64})
    return pl.DataFrame(_duck.run(query, numbered.to_arrow())).rename({"i": "record"})


def keep(found: Decoded, wanted: pl.Series, partition: Partition, what: str) -> Decoded:
    """Leave out the records that are not wanted, and report how many those were."""
    lost = len(wanted) - int(wanted.sum())
    if not lost:
        return found
    first = found.locators[int((~wanted).arg_max() or 0)].as_py()
    reason = f"{lost} of {len(wanted)} records are not {what}; the first is at {first}"
    kept = only(found, wanted)
    return replace(kept, gaps=(*kept.gaps, Gap(partition.uri, reason)))


def only(found: Decoded, wanted: pl.Series) -> Decoded:
    """Take the records that are wanted."""
    import pyarrow as pa

    mask = arrow.column(wanted)
    return replace(
        found,
        table=found.table.filter(wanted),
        raw=pa.concat_arrays([found.raw.filter(mask)]),
        locators=found.locators.filter(mask),
    )


def _paths(fields: Mapping[str, str]) -> dict[str, str]:
    return {
        f"{name}{_PART}{i}": path
        for name, alternatives in fields.items()
        for i, path in enumerate(alternatives.split(_PART))
    }


def attributes(rows: pl.DataFrame, names: Mapping[str, str]) -> pa.Array[Any]:
    """Zip columns into attributes: attribute name -> column; columns of nothing are passed over."""
    kept = {key: rows[c] for key, c in names.items() if rows[c].null_count() < len(rows)}
    return schema.attributes(len(rows), kept)


def _first(
    frame: pl.DataFrame, fields: Mapping[str, str], nothing: tuple[str, ...]
) -> pl.DataFrame:
    """Coalesce the alternatives of each field, passing over those that no record has."""
    import polars as pl

    made: list[pl.Expr] = []
    for name, alternatives in fields.items():
        columns = [f"{name}{_PART}{i}" for i in range(len(alternatives.split(_PART)))]
        given = [
            pl.when(~pl.col(c).is_in(nothing)).then(pl.col(c))
            for c in columns
            if frame[c].null_count() < len(frame)
        ]
        made.append(pl.coalesce(*given, pl.lit(None, pl.String)).alias(name))
    # with_columns gives a field that no record has its full height.
    return frame.with_columns(made).select(*fields)
