"""JSON as exports hold it: lines, arrays, envelopes around arrays, documents one after another.

Records are found by their brackets and walked once for all the paths that are wanted, always as
text: what changes type from record to record cannot break it, and nothing is inferred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from nova_timeline import arrow, evidence
from nova_timeline.connector import Gap, Partition
from nova_timeline.errors import UnreadableSourceError

from . import _lines
from ._lines import Records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl
    import pyarrow as pa

    from nova_timeline.evidence import Bytes, Offsets

    _Spans: TypeAlias = tuple[Offsets, Offsets]  # where values begin, and where they end

_SNIFF = 1 << 20
_OPENING = (0x7B, 0x5B)  # { and [


def partitions(uri: str, path: Path, piece: int) -> Iterator[Partition]:
    """Split JSON lines by byte offsets; any other form of JSON is a single piece."""
    with path.open("rb") as file:
        head = file.read(_SNIFF)
    if _is_lines(head, 0):
        yield from _lines.partitions(uri, path, piece)
    else:
        yield Partition(uri, path)


def records(
    partition: Partition, envelopes: Sequence[str] = (), unwrap: str | None = None
) -> Records:
    """Find the records of a JSON file: the values of an array, of an envelope, or the lines.

    Args:
        partition: the file, or the part of it that holds lines.
        envelopes: keys whose array holds the records when the file, or a line, is an object around
            them (``Records``, ``value`` ...). The first that is there counts.
        unwrap: a key whose value is the record, for exports that wrap each record in an object.

    Raises:
        UnreadableSourceError: the content is not JSON at all.
    """
    whole = evidence.content(partition.path)
    gaps = [Gap(partition.uri, whole.problem)] if whole.problem else []
    start = _skip_space(whole.data, whole.first)
    cut = -1
    if partition.start or partition.stop is not None or _is_lines(whole.data, start):
        lines = _lines.of(whole.data, max(partition.start, whole.first), partition.stop)
        spans = lines.starts, lines.stops
    elif start == len(whole.data) or whole.data[start] in _OPENING:
        spans, cut = _documents(whole.data, start, partition.uri, gaps)
    else:
        msg = f"{partition.uri} is not JSON: it begins with {bytes(whole.data[:20])!r}"
        raise UnreadableSourceError(msg)
    opened = _opened(whole.data, spans, envelopes, partition.uri, gaps) if envelopes else None
    if opened is not None:
        spans = opened
    elif cut >= 0:
        spans = spans[0][:-1], spans[1][:-1]
        gaps.append(_cut_off(partition.uri, cut))
    if unwrap:
        spans = _unwrapped(whole.data, spans, unwrap)
    return Records(whole.data, *spans, tuple(gaps))


@dataclass(frozen=True, slots=True)
class Decoded:
    """Records that are JSON: one text column a path, and the evidence beside it."""

    table: pl.DataFrame
    raw: pa.Array[Any]
    locators: pa.Array[Any]
    gaps: tuple[Gap, ...]

    def __len__(self) -> int:
        """Count the records."""
        return len(self.raw)


def decode(partition: Partition, found: Records, paths: Mapping[str, str]) -> Decoded:
    """Read named JSONPaths of every record; what is no JSON object is left out and reported.

    Args:
        partition: for the reports.
        found: the records.
        paths: column name -> JSONPath (``$.resource.labels."pod_name"``); see `_json_walk.walk`.
    """
    import numpy as np
    import polars as pl
    import pyarrow as pa

    from . import _json_kernel, _json_walk

    raw, locators = found.raw(), found.locators()
    walked = _json_walk.walk(text_of(raw), paths)
    table, gaps = walked.table, found.gaps
    valid = walked.state == _json_kernel.OBJECT
    bad = np.flatnonzero(~valid)
    if len(bad):
        said = f"{len(bad)} of {len(raw)} records are not JSON objects"
        first = f"the first is at {locators[int(bad[0])].as_py()}"
        gaps = (*gaps, Gap(partition.uri, f"{said}; {first}"))
        kept = pl.Series(valid)
        mask = arrow.column(kept)
        table = table.filter(kept)
        raw, locators = pa.concat_arrays([raw.filter(mask)]), locators.filter(mask)
    return Decoded(table, raw, locators, gaps)


def extract(text: pa.Array[Any] | pa.ChunkedArray[Any], paths: Mapping[str, str]) -> pl.DataFrame:
    """Read JSONPaths of a column of JSON texts into text columns; see `_json_walk.walk`."""
    from . import _json_walk

    return _json_walk.walk(text, paths).table


def text_of(raw: pa.Array[Any]) -> pa.Array[Any]:
    """Decode UTF-8, putting U+FFFD where a record is not (only those records are looked at)."""
    import pyarrow as pa

    try:
        return raw.cast(pa.large_string())
    except pa.ArrowInvalid:
        return pa.array(
            [bytes(r.as_buffer()).decode("utf-8", "replace") for r in raw], pa.large_string()
        )


def _is_lines(data: Bytes, start: int) -> bool:
    """Say whether the first line that is not empty is a whole JSON object, and not the only one."""
    import numpy as np

    from . import _json_scan

    start = _skip_space(data, start)
    if data[start : start + 1] != b"{":
        return False
    line = data[start : start + _SNIFF]
    end = line.find(b"\n") if isinstance(line, bytes) else bytes(line).find(b"\n")
    if end < 0:
        return False
    text = np.frombuffer(line, np.uint8)
    starts, _, status, _ = _json_scan.values(text, 0, end)
    if len(starts) != 1 or status != _json_scan.COMPLETE:
        return False
    return _skip_space(data, start + end) < len(data)


def _skip_space(data: Bytes, at: int) -> int:
    while at < len(data) and data[at] in (32, 9, 10, 13):
        at += 1
    return at


def _documents(data: Bytes, start: int, uri: str, gaps: list[Gap]) -> tuple[_Spans, int]:
    """Find top-level values; an array's values stand for it, even when it is cut off.

    Returns:
        The values; and where the last of them is cut off, if it is an object, else -1.
    """
    import numpy as np

    from . import _json_scan as scan

    text = np.frombuffer(data, np.uint8)
    starts, stops, status, at = scan.values(text, start, len(text))
    if status == scan.COMPLETE:
        return scan.elements(text, starts, stops)[:2], -1
    found = scan.elements(text, np.append(starts, at), np.append(stops, len(text)))
    if text[at] == _OPENING[0]:
        return found[:2], at
    gaps.append(_cut_off(uri, found[2] if found[2] >= 0 else len(text)))
    return found[:2], -1


def _opened(
    data: Bytes, spans: _Spans, envelopes: Sequence[str], uri: str, gaps: list[Gap]
) -> _Spans | None:
    """Put the records inside envelopes in their place; what is no envelope stays.

    Returns:
        None when the first value is none: then no other is taken for one.
    """
    import numpy as np

    from . import _json_scan as scan

    inner = _under(data, (spans[0][:1], spans[1][:1]), envelopes, _OPENING[1])
    if not (inner[:, 0] >= 0).any():
        return None
    if len(spans[0]) > 1:
        inner = _under(data, spans, envelopes, _OPENING[1])
    there, broken = inner[:, 0] >= 0, inner[:, 2] >= 0
    kept = there | ~broken  # one cut off before its records has none to give
    starts = np.where(there, inner[:, 0], spans[0])[kept]
    stops = np.where(there, inner[:, 1], spans[1])[kept]
    first, last, cut = scan.elements(np.frombuffer(data, np.uint8), starts, stops)
    if broken.any():
        gaps.append(_cut_off(uri, max(cut, int(inner[broken, 2][-1])), int(broken.sum())))
    return first, last


def _unwrapped(data: Bytes, spans: _Spans, key: str) -> _Spans:
    """Put the value under a key in the place of each object that has it."""
    import numpy as np

    inner = _under(data, spans, (key,), 0)
    there = (inner[:, 0] >= 0) & (inner[:, 2] < 0)
    return np.where(there, inner[:, 0], spans[0]), np.where(there, inner[:, 1], spans[1])


def _under(data: Bytes, spans: _Spans, keys: Sequence[str], opening: int) -> Offsets:
    """Find values by their key in each object; see `_json_scan.under`."""
    import numpy as np

    from . import _json_scan

    words = [key.encode() for key in keys]
    bounds = np.cumsum([0, *map(len, words)]).astype(np.int64)
    letters = np.frombuffer(b"".join(words), np.uint8)
    return _json_scan.under(np.frombuffer(data, np.uint8), *spans, letters, bounds, opening)


def _cut_off(uri: str, at: int, count: int = 1) -> Gap:
    said = f"the file ends inside a record or before the closing bracket, at byte {at}"
    if count > 1:
        said = f"{count} objects end before their closing bracket, the last at byte {at}"
    return Gap(uri, said)
