"""Bodies that differ only in their variable parts are one template."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline.correlate import templates


def same(a: str, b: str) -> bool:
    one, other = templates.codes(pa.array([a, b]))
    return bool(one == other)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("request 17 took 23 ms", "request 9001 took 4 ms"),
        ("connect to 10.0.0.1:5432 refused", "connect to 192.168.17.254:80 refused"),
        (
            "id=550e8400-e29b-41d4-a716-446655440000 gone",
            "id=1b4e28ba-2fa1-11d2-883f-abcdefabcdef gone",
        ),
        ("at 2026-03-03T13:30:00.123Z start", "at 2025-12-31T00:00:00Z start"),
        ("pod checkout-7f9c8d-x2x9k evicted", "pod checkout-6b5d4c-q8z1m evicted"),
    ],
)
def test_only_the_variable_parts_differ(a: str, b: str) -> None:
    assert same(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("connection refused", "connection reset"),
        ("user 1 in", "user 1 out"),
        ("", "x"),
        ("a b", "ab"),
    ],
)
def test_other_words_are_another_template(a: str, b: str) -> None:
    assert not same(a, b)


@settings(deadline=None)  # the first call may compile
@given(st.lists(st.one_of(st.none(), st.text(max_size=80)), max_size=30))
def test_a_column_and_its_slices_agree(bodies: list[str | None]) -> None:
    column = pa.array(bodies, pa.string())
    whole = templates.codes(column)
    assert len(whole) == len(bodies)
    for i in range(len(bodies)):
        assert templates.codes(column.slice(i, 1))[0] == whole[i]


def test_a_template_is_written_for_people() -> None:
    assert (
        templates.text("connect to 10.0.0.1:5432 refused after 3 tries")
        == "connect to <*> refused after <*> tries"
    )
