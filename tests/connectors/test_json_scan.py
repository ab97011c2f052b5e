"""Where JSON values begin and end is found without decoding them."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline.connectors import _json_scan

TEXTS = st.text(st.sampled_from(list('a\\"{}[],: \tü\N{SNOWMAN}')), max_size=40)
LEAVES = st.none() | st.booleans() | st.integers() | TEXTS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
SPACES = st.sampled_from([", ", ",", " ,\n", "\n"])


@settings(deadline=None)  # the first call may compile
@given(st.lists(VALUES, max_size=6), SPACES, st.booleans(), st.data())
def test_values_are_found_and_the_one_cut_off_is_told(
    values: list[object], space: str, ascii_only: bool, data: st.DataObject
) -> None:
    written = [json.dumps(value, ensure_ascii=ascii_only).encode() for value in values]
    whole = space.encode().join(written)
    text = np.frombuffer(b"[" + whole + b"]", np.uint8)
    starts, stops, status, at = _json_scan.values(text, 1, len(text))
    assert [bytes(text[a:b]) for a, b in zip(starts, stops, strict=True)] == written
    assert (status, at) == (_json_scan.COMPLETE, len(text) - 1)

    cut = data.draw(st.integers(1, len(text) - 1))
    first, last, status, at = _json_scan.values(text, 1, cut)
    if status == _json_scan.CUT_OFF:
        assert text[at] in b'"{['
        assert at in starts
    kept = [int(stop) for stop in stops if stop <= (at if status else cut)]
    assert last.tolist()[: len(kept)] == kept
    assert first.tolist() == starts[: len(first)].tolist()
