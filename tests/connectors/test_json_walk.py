"""The walk over JSON gives what DuckDB's JSON functions give, whatever it is fed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nova_timeline.connectors import _duck, _json_kernel, _json_rewrite_kernel, _json_walk

if TYPE_CHECKING:
    from collections.abc import Sequence

PATHS = (
    "$",
    "$.a",
    "$.b",
    "$.a.b",
    "$.a.b.c",
    '$."a.b"',
    '$."é"',
    "$.a[0]",
    "$.a[1].b",
    "$.b[0][1]",
    "$[0]",
    "$[1].a",
    "$.a[-1]",
)
NAMES = {f"c{i}": path for i, path in enumerate(PATHS)}


def by_duckdb(texts: Sequence[str | None]) -> tuple[list[bool], list[list[str | None]]]:
    """Read PATHS of each text with DuckDB; say which texts are JSON."""
    listed = "[" + ", ".join(f"'{path}'" for path in PATHS) + "]"
    query = f"""
        SELECT coalesce(json_valid(t), false) AS valid,
            json_extract_string(CASE WHEN json_valid(t) THEN t END, {listed}) AS found
        FROM texts"""  # noqa: S608
    table = _duck.run(query, pa.table({"t": pa.array(texts, pa.string())}))
    rows = zip(table["valid"].to_pylist(), table["found"].to_pylist(), strict=True)
    nothing: list[str | None] = [None] * len(PATHS)
    valid, found = zip(*rows, strict=True) if len(texts) else ((), ())
    return list(valid), [one or nothing for one in found]


def agree(texts: Sequence[str | None]) -> None:
    walked = _json_walk.walk(pa.array(texts, pa.large_string()), NAMES)
    valid, found = by_duckdb(texts)
    assert (walked.state != _json_kernel.BROKEN).tolist() == valid
    assert [list(row) for row in walked.table.rows()] == found


KEYS = st.sampled_from(["a", "b", "c", "a.b", "é", "aa", "", "b\n", '"', "\U0001f600"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    TEXTS,
    st.text('\\"/\b\f\n\r\t\x00\x1f\x7fé€\U0001f600', max_size=14),
)


class Pairs(list[tuple[str, Any]]):
    """An object whose keys may repeat."""


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(st.tuples(KEYS, inner), max_size=5).map(Pairs)
    ),
    max_leaves=12,
)
SPACES = st.text(" \t\r\n", max_size=2)
NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)
WORDS = st.sampled_from(
    ["nan", "NaN", "-Infinity", "inf", "-0", "-0.0", "1.50", "tru", "01", "1.", "+1", ".5", "NULL"]
)


@st.composite
def written(draw: st.DrawFn) -> str:
    """Write a value as JSON with odd spaces, escapes, numbers and commas."""

    def string(text: str) -> str:
        if draw(st.booleans()):
            return json.dumps(text, ensure_ascii=draw(st.booleans()))
        points = text.encode("utf-16-be")
        units = [points[i : i + 2].hex() for i in range(0, len(points), 2)]
        return '"' + "".join(f"\\u{unit}" for unit in units) + '"'

    def write(value: Any) -> str:
        space = draw(SPACES)
        if isinstance(value, Pairs):
            inner = [f"{space}{string(k)}{space}:{write(v)}" for k, v in value]
            return closed("{", inner, "}")
        if isinstance(value, list):
            return closed("[", [write(v) for v in value], "]")  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, str):
            return string(value)
        if draw(st.integers(0, 9)) == 0:
            return draw(NUMBERS | WORDS)
        return space + json.dumps(value)

    def closed(opening: str, inner: list[str], closing: str) -> str:
        comma = "," if inner and draw(st.integers(0, 9)) == 0 else ""
        return opening + ",".join(inner) + comma + draw(SPACES) + closing

    return draw(SPACES) + write(draw(VALUES)) + draw(SPACES)


@settings(max_examples=60, deadline=None)
@given(st.lists(written(), max_size=8))
def test_the_walk_reads_what_duckdb_reads(texts: list[str]) -> None:
    agree(texts)


@settings(deadline=None)
@given(st.lists(written(), min_size=1, max_size=3), st.lists(st.integers(0, 2), max_size=9))
def test_keys_that_come_again_are_read_as_at_first(texts: list[str], again: list[int]) -> None:
    agree([texts[which % len(texts)] for which in again])


@pytest.mark.parametrize("length", range(1, 20))
def test_keys_that_differ_late_are_told_apart(length: int) -> None:
    long = "a" * length
    texts = [f'{{"{long[:-1]}{end}":1,"a":2}}' for end in ("a", "b", "a", '":3,"c', "a")]
    texts += [f'{{"{long}":{{"{long}":[{{"{long}":1}}]}},"{long}":2}}'] * 2
    agree(texts)


@settings(max_examples=40, deadline=None)
@given(st.lists(NUMBERS | WORDS, min_size=1, max_size=40))
@example(["0.000001", "0.0000001", "0.0000015", "1.0", "100000.0", "0.0", "9007199254740993.0"])
@example(["123456789012345.6", "0.123456789012345", "0.000123456789012345", "99999999999999.99"])
def test_numbers_are_written_as_duckdb_writes_them(numbers: list[str]) -> None:
    agree([*numbers, *(f'{{"a":[{number}, 1]}}' for number in numbers)])


@settings(max_examples=60, deadline=None)
@given(written(), st.data())
def test_damaged_texts_are_told_from_whole_ones(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    put = data.draw(st.text('{}[]",:\\u0 1e.-tn\x00\x1f/', max_size=3))
    agree([text[:cut], text[:cut] + put + text[cut:], text[:cut] + text[cut + 1 :], text])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.text('{}[]",:\\u0d8 1e.-tnaA\n', max_size=12), max_size=20))
def test_noise_is_no_json_to_either(texts: list[str | None]) -> None:
    agree(texts)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2,"b":[1,2]}',
        '{"a":{"b":1},"a":{"b":2,"c":3}}',
        '{"a":null,"a":2}',
        '{"\\u0061":{"\\u0062":7}}',
        '{"a":"\\ud83d\\ude00","b":"\\ud83d"}',
        '{"a":"\\ude00"}',
        '{"a":"\\u0000"}',
        '{"a":["\\u0000\\u001f\\u007f\\/\\u00e9\\b\\f\\n\\r\\t\\"\\\\"]}',
        '{"a" : { "b" : [ 1 , 2.50 , "x y" , { } , [ ] ] , } , }',
        '{"a":1}}',
        '{"a":1]',
        '{"a":[1}',
        "[,]",
        "{,}",
        '{"a":,}',
        '{"a"}',
        '{"a":1 "b":2}',
        '{"a":1,,"b":2}',
        "{1:2}",
        "\ufeff{}",
        "",
        " ",
        '"',
        '"\\',
        '"\\u',
        '"\\u00',
        '"\\ud83d\\u',
        "-",
        "t",
        "n",
        "1e",
        "1e+",
    ],
)
def test_corners(text: str) -> None:
    agree([text, f'{{"a":[1,{text}]}}', text[:-1], text + text])


def test_depth_costs_no_stack() -> None:
    deep = 100_000
    texts = [
        "[" * deep + "]" * deep,
        '{"a":' * deep + "1" + "}" * deep,
        "[" * deep,
        '{"b":' + "[" * deep + "1.50" + "]" * deep + "}",
        "[" * deep + "}" * deep,
    ]
    agree(texts)


def test_values_of_every_length_are_whole() -> None:
    agree([json.dumps({"a": "x" * n, "b": ["é" * n, "y" * n]}) for n in range(40)])
    agree(['{"a":"xy"}'])


def test_texts_of_a_slice_are_the_slice() -> None:
    texts = pa.array(['{"a":1}', '{"a":22}', None, '{"a":"\\n"}'], pa.string())
    assert _json_walk.walk(texts.slice(1), {"a": "$.a"}).table["a"].to_list() == ["22", None, "\n"]


@pytest.mark.slow
def test_buffers_longer_than_a_view_reaches_are_cut_into_windows() -> None:
    """Offsets of views have 31 bits."""
    records = [f'{{"a":"{n:020}"}}'.encode() for n in range(3)]
    gap = _json_rewrite_kernel.WINDOW + 1000
    text = np.full(2 * gap + len(records[0]), 32, np.uint8)
    bounds = np.array([0, gap, 2 * gap, len(text)])
    for record, at in zip(records, (0, gap, 2 * gap), strict=True):
        text[at : at + len(record)] = np.frombuffer(record, np.uint8)
    texts = pa.Array.from_buffers(
        pa.large_string(), 3, [None, pa.py_buffer(bounds.data), pa.py_buffer(text.data)]
    )
    walked = _json_walk.walk(texts, {"a": "$.a"})
    assert walked.table["a"].to_list() == [f"{n:020}" for n in range(3)]


def test_no_texts_and_no_paths() -> None:
    assert _json_walk.walk(pa.array([], pa.string()), {"a": "$.a"}).table.schema == {"a": pl.String}
    walked = _json_walk.walk(pa.array(["{}", "x"]), {})
    assert walked.table.width == 0
    assert np.array_equal(walked.state, [_json_kernel.OBJECT, _json_kernel.BROKEN])


def test_a_path_that_may_find_several_values_is_refused() -> None:
    with pytest.raises(duckdb.BinderException, match="wildcards"):
        _json_walk.walk(pa.array(["{}"]), {"a": "$.a[*]", "b": "$.b"})
