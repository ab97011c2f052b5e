"""What is read of distinct texts is what would be read of each."""

import json

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from nova_timeline.connectors import _fields

NAMES = st.lists(st.none() | st.sampled_from(["projects/a/logs/x", "projects/b", "", "π/y"]))
TEXTS = st.lists(
    st.none()
    | st.sampled_from(['{"a": "x/y", "b": "1"}', '{"b": "2"}', "{}", "no JSON", json.dumps("π")])
)
FIELDS = {"a": "$.a", "b": "$.b", "c": "$.c"}


@given(NAMES)
def test_each_of_repeated_texts_tells_what_it_would_tell_alone(names: list[str | None]) -> None:
    texts = pl.Series("name", names, dtype=pl.String)
    told = {
        "project": pl.first().str.extract("^projects/([^/]+)"),
        "last": pl.first().str.split("/").list.last(),
        "none": pl.first().str.extract("(nothing)"),
    }
    assert_frame_equal(_fields.repeated(texts, told), texts.to_frame().select(**told))


@settings(deadline=None)  # the first call may compile
@given(TEXTS)
def test_fields_of_repeated_texts_are_those_of_each(given_texts: list[str | None]) -> None:
    texts = pl.Series(given_texts, dtype=pl.String)
    told = {"last": pl.col("a").str.split("/").list.last()}
    found = _fields.extract_repeated(texts, FIELDS, told)
    assert_frame_equal(found, _fields.extract(texts, FIELDS).with_columns(**told))
