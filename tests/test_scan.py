"""Many words are found in many texts as they would be one by one."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline import arrow
from nova_timeline.knowledge import _scan

LETTERS = st.text("abAB é", max_size=8)
WORDS = st.lists(st.text("ab ", min_size=5, max_size=9), min_size=1, max_size=6, unique=True)


def found(words: list[str], texts: list[str]) -> list[tuple[int, int]]:
    rows, numbers = _scan.find(_scan.index(words), *arrow.letters(pa.array(texts, pa.string())))
    return list(zip(rows.tolist(), numbers.tolist(), strict=True))


@settings(deadline=None)  # the first call may compile
@given(WORDS, st.data())
def test_finds_what_looking_for_each_word_finds(words: list[str], data: st.DataObject) -> None:
    pieces = st.lists(LETTERS | st.sampled_from(words), max_size=4).map("".join)
    texts = data.draw(st.lists(pieces, max_size=6))
    expected = [
        (row, number)
        for row, text in enumerate(texts)
        for number, word in enumerate(words)
        if word in text.lower()
    ]
    assert found(words, texts) == expected


@pytest.mark.parametrize("texts", [[], [""], ["a"], ["abc"], ["", "ab"]])
def test_texts_too_short_to_hold_a_word_hold_none(texts: list[str]) -> None:
    assert found(["broken"], texts) == []
