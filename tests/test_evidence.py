"""Where a record lies is written so that it can be read again."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline import evidence

PLACES = st.integers(0, 2**62)


@settings(deadline=None)  # the first call may compile
@given(st.lists(st.tuples(PLACES, PLACES)))
def test_locators_name_the_offset_and_the_length(spans: list[tuple[int, int]]) -> None:
    starts = np.array([a for a, _ in spans], np.int64)
    lengths = np.array([n for _, n in spans], np.int64)
    made = evidence.byte_locators(starts, starts + lengths).to_pylist()
    assert made == [f"bytes={a}+{n}" for a, n in spans]


def test_what_is_cut_out_is_what_its_locator_leads_to(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"zero\n\none\ntwo")
    starts, stops = np.array([0, 5, 6, 10]), np.array([4, 5, 9, 13])
    data = (tmp_path / "a.log").read_bytes()
    cut = evidence.slices(data, starts, stops).to_pylist()
    locators = [str(made) for made in evidence.byte_locators(starts, stops)]
    assert cut == [b"zero", b"", b"one", b"two"]
    assert evidence.reread(tmp_path / "a.log", locators).to_pylist() == cut


@settings(deadline=None)  # the first call may compile
@given(st.binary(max_size=40), st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_what_a_file_no_longer_holds_is_not_read_again(
    data: bytes, spans: list[tuple[int, int]]
) -> None:
    odd = ["", "row=7", "bytes=+1", "bytes=0+99999999999999999999", "bytes=0+-1", "bytes=1"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.log"
        path.write_bytes(data)
        said = [*odd, *(f"bytes={a}+{n};line=1" for a, n in spans)]
        again = evidence.reread(path, said).to_pylist()
    held = [data[a : a + n] if a + n <= len(data) else None for a, n in spans]
    assert again == [*(None for _ in odd), *held]


@settings(deadline=None)  # the first call may compile
@given(st.binary(max_size=64), st.data())
def test_stretches_are_cut_wherever_they_lie(content: bytes, data: st.DataObject) -> None:
    """In any order, overlapping or empty; out of bytes or of a view of them."""
    places = st.integers(0, len(content))
    spans = [sorted(span) for span in data.draw(st.lists(st.tuples(places, places)))]
    starts = np.array([a for a, _ in spans], np.int64)
    stops = np.array([b for _, b in spans], np.int64)
    expected = [content[a:b] for a, b in spans]
    assert evidence.slices(content, starts, stops).to_pylist() == expected
    assert evidence.slices(memoryview(content), starts, stops).to_pylist() == expected


@settings(deadline=None)  # the first call may compile
@given(st.binary(max_size=64), st.data())
def test_pairs_of_stretches_are_cut_and_joined(content: bytes, data: st.DataObject) -> None:
    places = st.integers(0, len(content))
    span = st.tuples(places, places).map(sorted)
    both = data.draw(st.lists(st.tuples(span, span)))
    first, second = (
        tuple(np.array([one[side][end] for one in both], np.int64) for end in (0, 1))
        for side in (0, 1)
    )
    expected = [content[a:b] + content[c:d] for (a, b), (c, d) in both]
    made = evidence.pairs(content, (first[0], first[1]), (second[0], second[1]))
    assert made.to_pylist() == expected
