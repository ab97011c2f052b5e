"""The Journal Export Format: where the entries lie, and the values of the fields that are wanted.

https://systemd.io/JOURNAL_EXPORT_FORMATS/: a field is ``NAME=value``, or ``NAME``, a line end, the
value's length (64 bits, little-endian) and the value; an entry ends with an empty line. Kept apart
from `journald` because it imports numba.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nova_timeline import arrow, evidence
from nova_timeline.compiled import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from nova_timeline.evidence import Bytes

_BLOCK = 32 << 20
_SLOTS = 512
_ENDED, _CUT_OFF, _BAD = 0, 1, 2
_LINE_END, _EQUALS = 10, 61
_IN_NAMES = np.zeros(256, np.bool_)
_IN_NAMES[np.frombuffer((string.ascii_letters + string.digits + "_").encode(), np.uint8)] = True

# FNV-1a with 64 bits that wrap, as compiled integers do.
_OFFSET_BASIS = 14695981039346656037 - (1 << 64)
_PRIME = 1099511628211

_Offsets: TypeAlias = npt.NDArray[np.int64]

_SEQUENCE = ("__SEQNUM", "__SEQNUM_ID")


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries found in one stretch of data, and the spans of their wanted fields.

    ``starts`` and ``stops`` have shape (n,); ``value_starts`` and ``value_stops`` (fields, n), with
    a stop of -1 where an entry has no such field. ``reached`` is the offset of the first byte that
    belongs to none of them; ``damaged`` are the offsets of what is no entry.
    """

    data: Bytes
    names: Mapping[str, int]
    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    value_starts: npt.NDArray[np.int64]
    value_stops: npt.NDArray[np.int64]
    reached: int
    damaged: tuple[int, ...]

    def __len__(self) -> int:
        """Count the entries."""
        return len(self.starts)

    def raw(self) -> pa.Array[Any]:
        """Return the entries' bytes without the empty line, large_binary of shape (n,)."""
        return evidence.slices(self.data, self.starts, self.stops)

    def column(self, name: str) -> Any:
        """Return a field's first value in each entry as text, shape (n,); null where absent."""
        import pyarrow as pa

        starts, stops = self.value_starts[self.names[name]], self.value_stops[self.names[name]]
        present = stops >= 0
        if not present.any():
            return pa.nulls(len(self), pa.string())
        # Where there is no such field, the stop of -1 makes an empty stretch.
        values = evidence.slices(self.data, starts, np.maximum(stops, starts))
        return arrow.compute().if_else(pa.array(present, pa.bool_()), text(values), None)


def text(values: pa.Array[Any]) -> Any:
    """Decode UTF-8, putting U+FFFD where a value is not; only the values beside those are split."""
    import pyarrow as pa

    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        if len(values) == 1:
            return pa.array([values[0].as_py().decode("utf-8", "replace")], pa.string())
        half = len(values) // 2
        return pa.concat_arrays([text(values[:half]), text(values[half:])])


def blocks(data: Bytes, names: Sequence[str]) -> Iterator[Entries]:
    """Read a whole dump, about 32 MB at a time."""
    start, size = 0, _BLOCK
    while start < len(data):
        found = read(data, names, start, min(start + size, len(data)))
        # An entry longer than a block is waited for with twice the block.
        size = _BLOCK if found.reached > start else size * 2
        start = found.reached
        yield found


def stream(pieces: Iterator[bytes], names: Sequence[str]) -> Iterator[Entries]:
    """Read a dump that arrives in pieces; numbers that depend on systemd's version are cut out."""
    held = b""
    for piece in pieces:
        held = held + piece if held else piece
        found = read(_without_sequence(held), names, 0, len(held), last=False)
        held = bytes(found.data[found.reached :])
        yield found
    if held:
        yield read(held, names, 0, len(held))


def read(
    data: Bytes, names: Sequence[str], start: int, stop: int, *, last: bool | None = None
) -> Entries:
    """Find the entries in ``[start, stop)`` of data.

    Args:
        data: the bytes.
        names: the fields wanted.
        start: where an entry begins.
        stop: how far to look; an entry that goes on behind it is left for the next call.
        last: whether nothing follows stop; by default, whether stop is the end of data.
    """
    letters = np.frombuffer(data, np.uint8)
    stop = min(stop, len(letters))
    final = stop == len(letters) if last is None else last
    keys, slots = _slots(tuple(names))
    found = _entries(letters, start, stop, final, keys, slots, len(names))
    starts, stops, value_starts, value_stops, reached, damaged = found
    numbers = {name: i for i, name in enumerate(names)}
    bad = tuple(int(at) for at in damaged)
    return Entries(data, numbers, starts, stops, value_starts, value_stops, int(reached), bad)


def _without_sequence(data: bytes) -> bytes:
    """Cut out two fields that only systemd 254 and later print; the cursor holds them."""
    if b"\n__SEQNUM=" not in data:
        return data
    found = read(data, _SEQUENCE, 0, len(data), last=False)
    edges = np.zeros(len(data) + 1, np.int8)
    for i, name in enumerate(_SEQUENCE):
        present = found.value_stops[i] >= 0
        edges[found.value_starts[i][present] - len(name) - 1] += 1
        edges[found.value_stops[i][present] + 1] -= 1
    kept = np.cumsum(edges[:-1], dtype=np.int8) == 0
    remaining: bytes = np.frombuffer(data, np.uint8)[kept].tobytes()
    return remaining


def _slots(names: tuple[str, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int16]]:
    """Lay the names out in an open hash table by FNV-1a."""
    keys = np.zeros(_SLOTS, np.int64)
    slots = np.full(_SLOTS, -1, np.int16)
    for number, name in enumerate(names):
        hashed = _OFFSET_BASIS
        for letter in name.encode():
            hashed = (((hashed ^ letter) * _PRIME + (1 << 63)) % (1 << 64)) - (1 << 63)
        at = hashed & (_SLOTS - 1)
        while slots[at] >= 0:
            at = (at + 1) & (_SLOTS - 1)
        keys[at], slots[at] = hashed, number
    return keys, slots


@kernel(leaf=True)
def _lookup(hashed: int, keys: npt.NDArray[np.int64], slots: npt.NDArray[np.int16]) -> int:
    at = hashed & (_SLOTS - 1)
    while slots[at] >= 0:
        if keys[at] == hashed:
            return int(slots[at])
        at = (at + 1) % _SLOTS
    return -1


@kernel(leaf=True)
def _name(letters: npt.NDArray[np.uint8], at: int, stop: int) -> tuple[int, int]:
    """Return where a field's name ends (-1 when it is none, stop when cut off) and its hash."""
    hashed = _OFFSET_BASIS
    i = at
    while i < stop:
        c = letters[i]
        if c in (_EQUALS, _LINE_END):
            return (i, hashed) if i > at else (-1, hashed)
        if not _IN_NAMES[c]:
            return -1, hashed
        hashed = (hashed ^ int(c)) * _PRIME
        i += 1
    return stop, hashed


@kernel(leaf=True)
def _value(letters: npt.NDArray[np.uint8], at: int, stop: int) -> tuple[int, int, int]:
    """Return (status, start, stop) of the value behind the name that ends at at."""
    if letters[at] == _EQUALS:
        i = at + 1
        while i < stop and letters[i] != _LINE_END:
            i += 1
        return (_ENDED if i < stop else _CUT_OFF), at + 1, i
    if at + 9 > stop:
        return _CUT_OFF, at, at
    length = 0
    for k in range(8):
        length |= int(letters[at + 1 + k]) << (8 * k)
    first = at + 9
    if length < 0 or length >= stop - first:
        return _CUT_OFF, at, at
    last = first + length
    return (_ENDED if letters[last] == _LINE_END else _BAD), first, last


@kernel(leaf=True)
def _entry(
    letters: npt.NDArray[np.uint8],
    start: int,
    stop: int,
    keys: npt.NDArray[np.int64],
    slots: npt.NDArray[np.int16],
    value_starts: npt.NDArray[np.int64],
    value_stops: npt.NDArray[np.int64],
    row: int,
) -> tuple[int, int]:
    """Read one entry; return (status, the offset reached)."""
    value_starts[:, row] = start
    value_stops[:, row] = -1
    i = start
    while i < stop:
        if letters[i] == _LINE_END:
            return _ENDED, i
        end, hashed = _name(letters, i, stop)
        if end < 0:
            return _BAD, i
        if end == stop:
            return _CUT_OFF, i
        status, first, last = _value(letters, end, stop)
        if status != _ENDED:
            return status, i
        field = _lookup(hashed, keys, slots)
        if field >= 0 and value_stops[field, row] < 0:
            value_starts[field, row] = first
            value_stops[field, row] = last
        i = last + 1
    return _CUT_OFF, stop


@kernel()
def _most(letters: npt.NDArray[np.uint8], start: int, stop: int) -> int:
    """Count the empty lines, and one: there are no more entries than that."""
    most = 1
    for k in range(start + 1, stop):
        if letters[k] == _LINE_END and letters[k - 1] == _LINE_END:
            most += 1
    return most


@kernel()
def _empty_line(letters: npt.NDArray[np.uint8], at: int, stop: int) -> int:
    """Return the offset of the first empty line from at on, or stop."""
    while at < stop and not (letters[at] == _LINE_END and letters[at - 1] == _LINE_END):
        at += 1
    return at


@kernel()
def _entries(
    letters: npt.NDArray[np.uint8],
    start: int,
    stop: int,
    final: bool,
    keys: npt.NDArray[np.int64],
    slots: npt.NDArray[np.int16],
    width: int,
) -> tuple[_Offsets, _Offsets, _Offsets, _Offsets, int, _Offsets]:
    most = _most(letters, start, stop)
    starts = np.empty(most, np.int64)
    stops = np.empty(most, np.int64)
    value_starts = np.empty((width, most), np.int64)
    value_stops = np.empty((width, most), np.int64)
    damaged = np.empty(most, np.int64)
    n = 0
    bad = 0
    i = start
    while i < stop:
        if letters[i] == _LINE_END:
            i += 1
            continue
        status, at = _entry(letters, i, stop, keys, slots, value_starts, value_stops, n)
        if status == _CUT_OFF and not final:
            break
        if status == _ENDED or (status == _CUT_OFF and at == stop):
            starts[n] = i
            stops[n] = at
            n += 1
        if status != _ENDED:
            # Go on behind the next empty line.
            at = _empty_line(letters, at + 1, stop)
            if at >= stop and not final:
                break
            damaged[bad] = i
            bad += 1
        i = at + 1
    return (
        starts[:n].copy(),
        stops[:n].copy(),
        value_starts[:, :n].copy(),
        value_stops[:, :n].copy(),
        min(i, stop),
        damaged[:bad].copy(),
    )
