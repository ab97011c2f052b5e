"""What polars hands over to Arrow says the same, whichever of them writes the texts out."""

from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline import arrow, schema

TEXTS = st.lists(st.none() | st.text(max_size=20), max_size=8)


@given(TEXTS, st.integers(0, 8))
def test_texts_are_handed_over_row_by_row(texts: list[str | None], first: int) -> None:
    given_texts = pl.Series(texts, dtype=pl.String)[first:]
    made: Any = arrow.column(given_texts)
    assert made.type == pa.large_string()
    assert made.to_pylist() == texts[first:]
    assert arrow.uncopied(given_texts).to_pylist() == texts[first:]


@given(TEXTS)
def test_texts_fill_a_column_of_a_table(texts: list[str | None]) -> None:
    table = schema.conform("event", {"body": pl.Series(texts, dtype=pl.String)}, len(texts))
    assert table["body"].to_pylist() == texts


def test_what_is_no_text_keeps_its_type() -> None:
    assert arrow.column(pl.Series([1, None])).equals(pa.array([1, None], pa.int64()))
    categories = pl.Series(["a", "b"], dtype=pl.Categorical)
    filled = schema.conform("event", {"entity": categories}, 2)
    assert filled["entity"].to_pylist() == ["a", "b"]
