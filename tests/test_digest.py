"""Many records are digested as one would be."""

import hashlib
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nova_timeline import _digest_kernel, arrow, digest

RECORDS = st.lists(st.none() | st.binary(max_size=300))


def agrees(records: list[bytes | None], kind: Any, skipped: int) -> None:
    column = arrow.core().array(records, kind)
    expected = [hashlib.sha256(r or b"").digest() for r in records[skipped:]]
    assert digest.sha256(column[skipped:]).to_pylist() == expected


@settings(deadline=None)  # the first call may compile
@given(RECORDS, st.sampled_from([pa.binary(), pa.large_binary()]), st.integers(0, 5))
def test_digests_are_those_of_the_standard_library(
    records: list[bytes | None], kind: Any, skipped: int
) -> None:
    agrees(records, kind, skipped)


@settings(deadline=None)
@given(st.integers(0, 1_000))
def test_digests_of_any_length_are_right(length: int) -> None:
    agrees([bytes(length), b"\xff" * length], pa.binary(), 0)


@pytest.mark.parametrize("skipped", [0, 1, 3])
def test_digests_are_the_same_where_the_c_library_cannot_be_called(
    skipped: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_digest_kernel, "linked", lambda: False)
    agrees([b"a", None, b"bc"], pa.binary(), skipped)


def test_texts_are_digested_by_their_bytes() -> None:
    [made] = digest.sha256(pa.array(["π"])).to_pylist()
    assert made == hashlib.sha256("π".encode()).digest()
