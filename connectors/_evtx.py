"""Windows' own .evtx files: decoded by the evtx package, cited by the bytes of each record.

Layout of headers: libevtx, "Windows XML Event Log (EVTX) format".
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nova_timeline import evidence
from nova_timeline.errors import MissingExtraError, UnreadableSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from nova_timeline.connector import Partition
    from nova_timeline.evidence import Bytes

MAGIC = b"ElfFile\0"

_HEADER = 4096
_CHUNK = 65536
_BATCH = 1 << 14
_LISTED = 5
_CHUNK_MAGIC = b"ElfChnk\0"
_EPOCH = 116_444_736_000_000_000  # 1970 as a FILETIME
_LAST = _EPOCH + 2**63 // 100
_FLAGS = 120  # where the header keeps its flags
_DIRTY = 0x1
_NO_CHECKSUM = 0x2  # of Windows 10 and later
_LIVE = (
    "the log was in use when it was copied (its dirty flag is set): what Windows had not written "
    "yet is not in it"
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some decoded records, each column of shape (n,).

    ``text`` is the JSON of the evtx package, ``written`` and ``created`` are ns since 1970, null
    where the file has no such time.
    """

    text: pa.Array[Any]
    raw: pa.Array[Any]
    locators: pa.Array[Any]
    written: pa.Array[Any]
    created: pa.Array[Any]


@dataclass
class Log:
    """One .evtx file; ``problems`` and ``notes`` are complete once its pages are read.

    Problems are records that are missing; notes are what is odd about a log that has them all.
    """

    uri: str
    path: Path
    data: Bytes
    problems: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])

    def pages(self) -> Iterator[Page]:
        """Decode the records in the order of the file.

        Raises:
            MissingExtraError: the evtx package is not installed.
            UnreadableSourceError: the file's header is not one.
        """
        import numpy as np

        from . import _evtx_scan

        letters = np.frombuffer(self.data, np.uint8)
        walked = _evtx_scan.records(letters)
        numbers = walked[2]
        at = lost = 0
        taken = np.zeros(len(numbers), np.bool_)
        for texts, ids in _decoded(_parser(self), self.problems):
            places, at = _evtx_scan.matched(np.array(ids, np.int64), numbers, at)
            known = places >= 0
            lost += int((~known).sum())
            taken[places[known]] = True
            if known.any():
                yield _page(self.data, texts, known, [w[places[known]] for w in walked])
        if lost:
            self.problems.append(
                f"{lost} decoded records are not whole in the file and are left out"
            )
        undecoded = numbers[~taken].tolist()
        if undecoded:
            listed = ", ".join(map(str, undecoded[:5])) + (" ..." if len(undecoded) > 5 else "")
            self.problems.append(f"{len(undecoded)} records could not be decoded: {listed}")
        self.problems += _damage(self.data, numbers)
        if _is_dirty(self.data):
            self.notes.append(_LIVE)


def open_log(partition: Partition) -> Log:
    """Map an .evtx file into memory.

    Raises:
        UnreadableSourceError: it ends inside its header.
    """
    data = evidence.content(partition.path).data
    if len(data) < _HEADER:
        msg = f"{partition.uri} is cut off inside its header: it has {len(data)} bytes"
        raise UnreadableSourceError(msg)
    return Log(partition.uri, partition.path, data)


def _parser(log: Log) -> Any:
    try:
        from evtx import PyEvtxParser
    except ImportError as error:
        msg = (
            ".evtx files are read with the evtx package; install it with "
            "pip install 'nova-timeline[windows]'"
        )
        raise MissingExtraError(msg) from error
    missing = -(len(log.data) - _HEADER) % _CHUNK
    try:
        # A chunk that is cut off is only looked at when it is as long as a chunk.
        return PyEvtxParser(
            io.BytesIO(bytes(log.data) + bytes(missing)) if missing else str(log.path)
        )
    except (RuntimeError, OSError) as error:
        msg = f"{log.uri} is not an .evtx file that can be read: {error}"
        raise UnreadableSourceError(msg) from error


def _decoded(parser: Any, problems: list[str]) -> Iterator[tuple[list[str], list[int]]]:
    """Collect the parser's texts and record numbers; it goes on after an error."""
    texts: list[str] = []
    ids: list[int] = []
    errors: list[str] = []
    records = parser.records_json()
    more = True
    while more:
        try:
            for record in records:
                texts.append(record["data"])
                ids.append(record["event_record_id"])
                if len(ids) == _BATCH:
                    break
            else:
                more = False
        except RuntimeError as error:
            errors.append(" ".join(str(error).split()))
        if len(ids) == _BATCH or (ids and not more):
            yield texts, ids
            texts, ids = [], []
    if errors:
        shown = errors[0] if len(errors) == 1 else f"the first of {len(errors)}: {errors[0]}"
        problems.append(f"the parser met damage ({shown[:300]})")


def _page(
    data: Bytes, texts: list[str], known: npt.NDArray[np.bool_], walked: list[npt.NDArray[np.int64]]
) -> Page:
    import pyarrow as pa

    starts, sizes, _, written, created = walked
    text: Any = pa.array(texts, pa.large_string())
    return Page(
        text.filter(pa.array(known)),
        evidence.slices(data, starts, starts + sizes),
        evidence.byte_locators(starts, starts + sizes),
        _times(written),
        _times(created),
    )


def _times(filetimes: npt.NDArray[np.int64]) -> Any:
    """Turn units of 100 ns since 1601 into ns since 1970; what is before 1970 is no time."""
    import pyarrow as pa

    missing = (filetimes < _EPOCH) | (filetimes >= _LAST)
    filetimes[missing] = _EPOCH
    times: Any = pa.array((filetimes - _EPOCH) * 100, pa.int64(), mask=missing)
    return times.cast(pa.timestamp("ns", "UTC"))


def _damage(data: Bytes, numbers: npt.NDArray[np.int64]) -> Iterator[str]:
    """Say what the headers promise and the file does not hold."""
    [following] = struct.unpack_from("<Q", data, 24)
    [chunks] = struct.unpack_from("<H", data, 42)
    [flags] = struct.unpack_from("<I", data, _FLAGS)
    last = int(numbers.max()) if len(numbers) else 0
    length = _HEADER + _CHUNK * chunks
    if len(data) < length:
        yield (
            f"the file is cut off: its header counts {chunks} chunks, {length} bytes, "
            f"and it has {len(data)}"
        )
    # The header of a log that is in use counts what it counted when it was last closed.
    if not _is_dirty(data) and following - 1 > last:
        yield f"the header counts records up to {following - 1}, the last one found is {last}"
    wrong = [
        str(i) for i in range(min(chunks, (len(data) - _HEADER) // _CHUNK)) if not _holds(data, i)
    ]
    if wrong and not flags & _NO_CHECKSUM:
        yield f"the checksum does not hold in chunks {', '.join(wrong)}, counted from 0"


def _is_dirty(data: Bytes) -> bool:
    [flags] = struct.unpack_from("<I", data, _FLAGS)
    return bool(flags & _DIRTY)


def _holds(data: Bytes, number: int) -> bool:
    """Check a chunk's magic and its two CRC-32."""
    start = _HEADER + _CHUNK * number
    chunk = bytes(data[start : start + _CHUNK])
    [free, records] = struct.unpack_from("<II", chunk, 48)
    [header] = struct.unpack_from("<I", chunk, 124)
    return (
        chunk.startswith(_CHUNK_MAGIC)
        and zlib.crc32(chunk[512:free]) == records
        and zlib.crc32(chunk[:120] + chunk[128:512]) == header
    )
