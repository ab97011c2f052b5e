"""Lines are found as Python finds them, wherever a stretch begins and ends."""

import re

from hypothesis import given
from hypothesis import strategies as st

from nova_timeline.connectors import _lines

PARTS = st.sampled_from(
    [b"\n", b"\r\n", b"\r", b"\n\n", b" ", b"a", b"{}", b"eight of", b"\x8a\x0b"]
)
CONTENT = st.lists(PARTS, max_size=60).map(b"".join)


def plain(data: bytes, start: int, stop: int) -> list[bytes]:
    """Split the lines that begin in a stretch by a regular expression."""
    found = re.finditer(rb"[^\n]+\n?|\n", data)
    lines = (m[0] for m in found if start <= m.start() < stop)
    bare = (line.removesuffix(b"\n").removesuffix(b"\r") for line in lines)
    return [line for line in bare if line]


@given(CONTENT)
def test_all_lines_are_found_without_their_ends(data: bytes) -> None:
    found = _lines.of(data, 0, None)
    lines = [data[a:b] for a, b in zip(found.starts, found.stops, strict=True)]
    assert lines == plain(data, 0, len(data))


@given(CONTENT, st.integers(0, 200), st.integers(0, 200))
def test_a_stretch_has_the_lines_that_begin_in_it(data: bytes, start: int, stop: int) -> None:
    start = min(start, len(data))
    found = _lines.of(data, start, stop)
    lines = [data[a:b] for a, b in zip(found.starts, found.stops, strict=True)]
    assert lines == plain(data, start, stop)


def test_a_column_of_places_grows_with_the_lines() -> None:
    data = b"12345678\n" * 5_000
    found = _lines.of(data, 0, None)
    assert len(found) == 5_000
    assert (found.stops - found.starts == 8).all()
