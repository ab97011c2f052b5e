"""Raw records: the bytes of a source, where each record lies in them, and how to read it again.

A locator is text. ``bytes=OFFSET+LENGTH`` names a stretch of the file's content, which is the file
itself, or what a gzip file unpacks to, or the UTF-8 form of a UTF-16 file. Connectors whose records
are no stretch of bytes write locators of their own and read them back themselves.
"""

from __future__ import annotations

import contextlib
import mmap
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from nova_timeline import arrow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Bytes: TypeAlias = bytes | memoryview | mmap.mmap
    Offsets: TypeAlias = npt.NDArray[np.int64]

_GZIP = b"\x1f\x8b"
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds once unpacked, and what is wrong with it, if anything."""

    data: Bytes
    problem: str | None = None

    @property
    def first(self) -> int:
        """Where the text begins: after a byte order mark, if there is one."""
        return len(_UTF8_MARK) if self.data[: len(_UTF8_MARK)] == _UTF8_MARK else 0


def content(path: Path) -> Content:
    """Map a file into memory, unpacking gzip and recoding UTF-16.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(4)
        if head[:2] == _GZIP:
            return _unpacked(head + file.read())
        if head[:2] in _UTF16 and head[2:4] != b"\0\0":
            return _recoded((head + file.read())[2:], _UTF16[head[:2]])
        if not head:
            return Content(b"")
        return Content(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _unpacked(packed: bytes) -> Content:
    """Unpack every gzip member (RFC 1952), keeping what can be had of a damaged one."""
    parts: list[bytes] = []
    while packed[:2] == _GZIP:
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(packed))
        except zlib.error as error:
            parts.append(_salvage(packed))
            return Content(b"".join(parts), f"the gzip stream is damaged: {error}")
        if not member.eof:
            return Content(b"".join(parts), "the gzip stream is cut off")
        packed = member.unused_data.lstrip(b"\0")
    problem = "there are bytes after the gzip stream" if packed else None
    return Content(b"".join(parts), problem)


def _salvage(packed: bytes) -> bytes:
    """Unpack in small steps until the damage."""
    member = zlib.decompressobj(wbits=31)
    parts: list[bytes] = []
    with contextlib.suppress(zlib.error):
        parts.extend(member.decompress(packed[i : i + 256]) for i in range(0, len(packed), 256))
    return b"".join(parts)


def _recoded(data: bytes, encoding: str) -> Content:
    try:
        return Content(data.decode(encoding).encode())
    except UnicodeDecodeError as error:
        text = data.decode(encoding, errors="replace")
        return Content(text.encode(), f"not all of it is {encoding}: {error.reason}")


def slices(data: Bytes, starts: Offsets, stops: Offsets) -> pa.Array[Any]:
    """Cut n stretches out of data, one after another, into a large_binary array, shape (n,)."""
    return _binaries(*_cut(data, starts, stops))


def pairs(
    data: Bytes, first: tuple[Offsets, Offsets], second: tuple[Offsets, Offsets]
) -> pa.Array[Any]:
    """Cut n pairs of stretches out of data, each pair joined; large_binary, shape (n,).

    Args:
        data: the content.
        first: where the first stretch of each pair starts and stops, each of shape (n,).
        second: where the second one does.
    """
    import numpy as np

    starts, stops = (np.stack(both, axis=1).ravel() for both in zip(first, second, strict=True))
    joined, bounds = _cut(data, starts, stops)
    return _binaries(joined, bounds[::2].copy())


def _cut(
    data: Bytes, starts: Offsets, stops: Offsets
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Copy n stretches one after another; return the bytes, and n + 1 offsets into them."""
    import numpy as np

    from nova_timeline import _slice_kernel

    bounds = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(stops - starts, out=bounds[1:])
    # Large arrays of numpy's lie in large pages, which are quicker to get than malloc's small ones.
    cut = np.empty(int(bounds[-1]), np.uint8)
    _slice_kernel.copy(np.frombuffer(data, np.uint8), starts, cut, bounds)
    return cut, bounds


def _binaries(content: npt.NDArray[np.uint8], bounds: npt.NDArray[np.int64]) -> pa.Array[Any]:
    """View bytes as n binaries, at n + 1 offsets."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(bounds.data), pa.py_buffer(content.data)]
    return pa.Array.from_buffers(pa.large_binary(), len(bounds) - 1, buffers)


_SPAN = r"^bytes=(?<start>\d{1,18})\+(?<length>\d{1,18})(?:;|$)"


def byte_locators(starts: Offsets, stops: Offsets) -> pa.Array[Any]:
    """Write ``bytes=OFFSET+LENGTH`` for each stretch, shape (n,)."""
    from nova_timeline import _locator_kernel

    made: pa.Array[Any] = arrow.texts(*_locator_kernel.spans(starts, stops))
    return made


def reread(path: Path, locators: Sequence[str]) -> pa.Array[Any]:
    """Return the bytes at each ``bytes=`` locator, shape (n,); null where the file has none."""
    import polars as pl
    import pyarrow as pa

    data = content(path).data
    said = pl.Series("said", locators, dtype=pl.String).to_frame()
    places = said.select(pl.col("said").str.extract_groups(_SPAN)).unnest("said")
    starts, lengths = places.cast(pl.Int64).get_columns()
    there = (starts + lengths <= len(data)).fill_null(value=False)
    if not there.any():
        return pa.nulls(len(locators), pa.large_binary())
    starts, lengths = (column.filter(there) for column in (starts, lengths))
    spans = (column.to_numpy(writable=True) for column in (starts, starts + lengths))
    found = slices(data, *spans)
    return found if there.all() else found.take(arrow.column(there.cum_sum().set(~there, None) - 1))
