"""A coded column says of each row what the texts written out say."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_timeline import arrow, coded

TEXTS = st.lists(st.sampled_from(["", "a", "b", "cart", "Zürich", None]), max_size=12)
PIECES = st.lists(TEXTS, max_size=4)
NAMES = {"a": "b", "b": "b", "cart": None}


def column(texts: list[str | None]) -> Any:
    return pa.array(texts, pa.string())


def sound(made: Any, texts: list[str | None]) -> None:
    """Hold that a column is coded, that it says these texts, and that each is in it once."""
    assert made.type == pa.dictionary(pa.int32(), pa.string())
    assert made.to_pylist() == texts
    assert made.dictionary.null_count == 0
    assert len(made.dictionary.unique()) == len(made.dictionary)
    assert coded.plain(made).equals(column(texts))


@given(PIECES)
def test_a_column_in_pieces_is_coded_as_one(pieces: list[list[str | None]]) -> None:
    whole = [text for piece in pieces for text in piece]
    kind: Any = pa.dictionary(pa.int32(), pa.string())
    sound(coded.of(arrow.core().chunked_array([*map(column, pieces)], pa.string())), whole)
    coded_pieces = [coded.of(column(piece)) for piece in pieces]
    sound(coded.of(arrow.core().chunked_array(coded_pieces, kind)), whole)


@given(TEXTS, st.data())
def test_what_is_left_of_a_coded_column_is_coded(texts: list[str | None], data: Any) -> None:
    kept = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    some = coded.of(column(texts)).filter(pa.array(kept, pa.bool_()))
    left = [text for text, keep in zip(texts, kept, strict=True) if keep]
    sound(coded.of(some), left)
    assert coded.among(some, ["a", ""]).to_pylist() == [text in ("a", "") for text in left]


@given(TEXTS)
def test_texts_are_mapped_row_by_row(texts: list[str | None]) -> None:
    def name(text: str) -> str | None:
        return NAMES.get(text, text)

    expected = [None if text is None else name(text) for text in texts]
    sound(coded.mapped(column(texts), name), expected)
    sound(coded.mapped(coded.of(column(texts)), name), expected)
    sound(coded.mapped(column(texts), str), texts)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["b", "c", None]))))
def test_the_second_column_fills_what_the_first_lacks(
    rows: list[tuple[str | None, str | None]],
) -> None:
    first, second = column([a for a, _ in rows]), column([b for _, b in rows])
    expected = [b if a is None else a for a, b in rows]
    sound(coded.coalesced(first, second), expected)
    sound(coded.coalesced(coded.of(first), coded.of(second)), expected)


@given(TEXTS, st.data())
def test_texts_are_put_into_some_rows(texts: list[str | None], data: Any) -> None:
    places = st.integers(0, max(0, len(texts) - 1))
    rows = data.draw(st.lists(places, unique=True, max_size=len(texts)))
    new = data.draw(
        st.lists(st.sampled_from(["a", "new", None]), min_size=len(rows), max_size=len(rows))
    )
    expected = list(texts)
    for row, text in zip(rows, new, strict=True):
        expected[row] = expected[row] if text is None else text
    before = coded.of(column(texts))
    made = coded.replaced(before, np.array(rows, np.int64), column(new))
    sound(made, expected)
    assert before.to_pylist() == texts


@pytest.mark.parametrize("length", [0, 3])
def test_one_text_is_said_of_every_row(length: int) -> None:
    sound(coded.one("cart", length), ["cart"] * length)


def test_only_coded_columns_of_a_table_are_written_out() -> None:
    columns: dict[str, Any] = {
        "number": pa.array([1, 2]),
        "text": column(["a", None]),
        "coded": coded.of(column(["a", None])),
    }
    made = coded.written_out(pa.table(columns))
    assert made.equals(pa.table(columns | {"coded": columns["text"]}))


def test_a_column_without_texts_is_coded_as_nulls() -> None:
    sound(coded.of(column([None, None])), [None, None])
    sound(coded.of(column([])), [])
