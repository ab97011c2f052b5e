"""Citations are looked up a part at a time, and found as one join of everything would find them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline import schema, store
from nova_timeline.citations import KEY, Records
from nova_timeline.errors import RunFolderError

Row = tuple[str | None, str, bytes | None]
ROWS: st.SearchStrategy[Row] = st.tuples(
    st.sampled_from(["a.log", "b.log", "c.log", None]),
    st.sampled_from(["bytes=0+5", "bytes=5+5", "bytes=10+5"]),
    st.sampled_from([b"\1" * 32, b"\2" * 32, None]),
)
TABLE = st.lists(st.lists(ROWS, max_size=8), max_size=6)


def written(run: Path, parts: Sequence[Sequence[Row]]) -> Records:
    """Write raw records as parts of a run, and give them to be looked up."""
    holders: dict[str, list[int]] = {}
    for number, rows in enumerate(parts):
        columns = zip(KEY, zip(*rows, strict=True), strict=True) if rows else ()
        kinds: Any = schema.table("evidence")
        arrays: dict[str, Any] = {
            name: pa.array(values, kinds.field(name).type) for name, values in columns
        }
        table = schema.conform("evidence", arrays, len(rows))
        store.write_part(run, "evidence", number, table)
        for uri in {uri for uri, *_ in rows if uri is not None}:
            holders.setdefault(uri, []).append(number)
    return Records(store.files(run, "evidence"), holders)


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    kinds = dict(zip([*KEY], [pl.String(), pl.String(), pl.Binary()], strict=True))
    return pl.DataFrame(rows, kinds, orient="row")


@given(TABLE, TABLE)
def test_what_is_missing_is_what_a_join_of_all_would_miss(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Row]], cited: list[list[Row]]
) -> None:
    records = written(tmp_path_factory.mktemp("run"), parts)
    held = {row for rows in parts for row in rows if None not in row}
    for rows in cited:
        assert records.missing(frame(rows)).rows() == [row for row in rows if row not in held]


def test_parts_of_other_files_are_not_read(tmp_path: Path) -> None:
    mine: Row = ("a.log", "bytes=0+5", b"\1" * 32)
    records = written(tmp_path, [[("b.log", *mine[1:])], [mine], [("c.log", *mine[1:])]])
    for number in (0, 2):
        (tmp_path / "evidence" / store.part(number)).write_bytes(b"damaged")
    assert records.missing(frame([mine, mine])).is_empty()
    with pytest.raises(RunFolderError, match="cannot be read"):
        records.missing(frame([("b.log", *mine[1:])]))
