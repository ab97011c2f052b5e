"""SHA-256 of many records, and the 16-byte identities made from them.

The hash is OpenSSL's, called from compiled code; where that cannot be had, the standard library's.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING, Any

from nova_timeline import arrow

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_CHUNK = 1 << 20


def sha256(records: pa.Array[Any]) -> pa.Array[Any]:
    """Digest a (large) binary or string array, shape (n,), into fixed 32 bytes; nulls as b''."""
    import pyarrow as pa

    from nova_timeline import _digest_kernel

    data, offsets = arrow.letters(records)
    if len(records) == 0:
        return pa.array([], pa.binary(32))
    by_kernel = _digest_kernel.linked()
    made = _digest_kernel.sha256(data, offsets) if by_kernel else _by_hashlib(data, offsets)
    return pa.Array.from_buffers(pa.binary(32), len(records), [None, pa.py_buffer(made.data)])


def _by_hashlib(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    import numpy as np

    view, new = data.data, hashlib.sha256
    made = [new(view[a:b]).digest() for a, b in itertools.pairwise(offsets.tolist())]
    return np.frombuffer(b"".join(made), np.uint8)


def identities(
    digests: pa.Array[Any], scope: str, *, by_bytes: bool | pa.Array[Any]
) -> pa.Array[Any]:
    """Make 16-byte identities of 32-byte digests, kept apart by the scope they are unique in.

    Args:
        digests: of the native ids, or of the raw bytes where there is none, shape (n,).
        scope: what the ids are unique within.
        by_bytes: whether the raw bytes were digested; the identity's first bit keeps that.
    """
    import numpy as np
    import pyarrow as pa

    salt = np.frombuffer(hashlib.sha256(scope.encode()).digest()[:16], np.uint8)
    mixed = _matrix(digests, 32)[:, :16] ^ salt
    mark = by_bytes if isinstance(by_bytes, bool) else np.asarray(by_bytes)
    mixed[:, 0] = (mixed[:, 0] & 0x7F) | np.where(mark, 0x80, 0).astype(np.uint8)
    return _packed(np.ascontiguousarray(mixed), pa.binary(16))


def are_by_bytes(ids: pa.Array[Any]) -> npt.NDArray[np.bool_]:
    """Say which identities are those of raw bytes, shape (n,)."""
    return _matrix(ids, 16)[:, 0] >= 0x80


def numbered(
    ids: pa.Array[Any], places: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64]
) -> pa.Array[Any]:
    """Mix numbers into the identities at some places; 0 leaves one as it is."""
    import numpy as np
    import pyarrow as pa

    mixed = _matrix(ids, 16).copy()
    salt = np.ascontiguousarray(numbers).astype("<u8").view(np.uint8).reshape(-1, 8)
    mixed[places, 8:] ^= salt
    return _packed(mixed, pa.binary(16))


def replaced(
    ids: pa.Array[Any], places: npt.NDArray[np.int64], new: pa.Array[Any]
) -> pa.Array[Any]:
    """Put other identities, shape (len(places),), at some places of a column of them."""
    import pyarrow as pa

    mixed = _matrix(ids, 16).copy()
    mixed[places] = _matrix(new, 16)
    return _packed(mixed, pa.binary(16))


def heads(ids: pa.Array[Any]) -> npt.NDArray[np.uint64]:
    """Return the first eight bytes of each identity as a number, shape (n,)."""
    import numpy as np

    return np.ascontiguousarray(_matrix(ids, 16)[:, :8]).view("<u8").ravel()


def _matrix(column: Any, width: int) -> npt.NDArray[np.uint8]:
    """View fixed-width binary, shape (n,), as bytes of shape (n, width)."""
    import numpy as np

    if len(column) == 0:
        return np.empty((0, width), np.uint8)
    flat = np.frombuffer(column.buffers()[1], np.uint8)
    return flat[column.offset * width : (column.offset + len(column)) * width].reshape(-1, width)


def _packed(matrix: npt.NDArray[np.uint8], kind: Any) -> pa.Array[Any]:
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(matrix), [None, pa.py_buffer(matrix.tobytes())])


def of_file(path: Path, length: int | None = None) -> str:
    """Digest the first length bytes of a file (all of it by default), as 64 hex digits."""
    left = path.stat().st_size if length is None else length
    state = hashlib.sha256()
    with path.open("rb") as file:
        while left > 0 and (piece := file.read(min(_CHUNK, left))):
            state.update(piece)
            left -= len(piece)
    return state.hexdigest()
