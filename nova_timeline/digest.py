"""SHA-256 of many records, and the 16-byte identities made from them.

The hash is the standard library's. The one loop below hands it slices of a single buffer; nothing
is decoded.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

_CHUNK = 1 << 20


def sha256(records: pa.Array[Any]) -> pa.Array[Any]:
    """Digest a (large) binary or string array, shape (n,), into fixed 32-byte binary; nulls as b''."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    column: Any = pc.fill_null(records.cast(pa.large_binary()), b"")
    if len(column) == 0:
        return pa.array([], pa.binary(32))
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    view = memoryview(data if data is not None else b"")
    cuts = bounds.tolist()
    new = hashlib.sha256
    digests = b"".join([new(view[a:b]).digest() for a, b in itertools.pairwise(cuts)])
    return pa.Array.from_buffers(pa.binary(32), len(column), [None, pa.py_buffer(digests)])


def identities(digests: pa.Array[Any], scope: str) -> pa.Array[Any]:
    """Make 16-byte identities of 32-byte digests, kept apart by the scope they are unique in."""
    import numpy as np
    import pyarrow as pa

    halves = np.frombuffer(digests.buffers()[1], np.uint8)
    halves = halves[digests.offset * 32 : (digests.offset + len(digests)) * 32]
    salt = np.frombuffer(hashlib.sha256(scope.encode()).digest()[:16], np.uint8)
    mixed = np.ascontiguousarray(halves.reshape(-1, 32)[:, :16] ^ salt)
    return pa.Array.from_buffers(pa.binary(16), len(digests), [None, pa.py_buffer(mixed.tobytes())])


def of_file(path: Path, length: int | None = None) -> str:
    """Digest the first length bytes of a file (all of it by default), as 64 hex digits."""
    left = path.stat().st_size if length is None else length
    state = hashlib.sha256()
    with path.open("rb") as file:
        while left > 0 and (piece := file.read(min(_CHUNK, left))):
            state.update(piece)
            left -= len(piece)
    return state.hexdigest()
