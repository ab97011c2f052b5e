"""JSON as exports hold it: lines, arrays, envelopes around arrays, documents one after another.

Records are found by their brackets and decoded by DuckDB, a named path at a time and always as
text: what changes type from record to record cannot break it, and nothing is inferred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nova_timeline import evidence
from nova_timeline.connector import Gap, Partition
from nova_timeline.errors import UnreadableSourceError

from . import _lines
from ._lines import Records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from nova_timeline.evidence import Bytes

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
    if start == len(whole.data):
        return _gather(whole.data, [], gaps)
    if partition.start or partition.stop is not None or _is_lines(whole.data, start):
        first = max(partition.start, whole.first)
        found = _lines.of(whole.data, first, partition.stop)
        spans = list(zip(found.starts.tolist(), found.stops.tolist(), strict=True))
        if spans and not unwrap and not _is_envelope(whole.data, spans[0], envelopes):
            return Records(whole.data, found.starts, found.stops, tuple(gaps))
    else:
        if whole.data[start] not in _OPENING:
            msg = f"{partition.uri} is not JSON: it begins with {bytes(whole.data[:20])!r}"
            raise UnreadableSourceError(msg)
        spans = _documents(whole.data, start, partition.uri, gaps)
    opened = [
        s for span in spans for s in _opened(whole.data, span, envelopes, partition.uri, gaps)
    ]
    if unwrap:
        opened = [_member(whole.data, span, unwrap) or span for span in opened]
    return _gather(whole.data, opened, gaps)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Records that are JSON: one text column a path, and the evidence beside it."""

    table: pa.Table
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
        paths: column name -> JSONPath (``$.resource.labels."pod_name"``). Objects and arrays come
            as their JSON text, numbers and booleans as text, absent and null ones as null.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    raw, locators = found.raw(), found.locators()
    gaps = list(found.gaps)
    text = text_of(raw)
    valid = _are_objects(text)
    if not pc.all(valid, min_count=0).as_py():
        bad = np.flatnonzero(~np.asarray(valid))
        gaps.append(
            Gap(
                partition.uri,
                f"{len(bad)} of {len(raw)} records are not JSON objects; "
                f"the first is at {locators[int(bad[0])].as_py()}",
            )
        )
        text, raw, locators = text.filter(valid), raw.filter(valid), locators.filter(valid)
    return Decoded(extract(text, paths), pa.concat_arrays([raw]), locators, tuple(gaps))


def extract(text: pa.Array[Any] | pa.ChunkedArray[Any], paths: Mapping[str, str]) -> pa.Table:
    """Read JSONPaths of a column of JSON texts into text columns; the texts must be valid JSON."""
    import pyarrow as pa

    if not paths or len(text) == 0:
        none = pa.array([None] * len(text), pa.string())
        return pa.Table.from_pydict(dict.fromkeys(paths, none))
    wanted = ", ".join(f"'{p.replace(chr(39), chr(39) * 2)}'" for p in paths.values())
    picked = ", ".join(f"x[{i}] AS c{i}" for i in range(1, len(paths) + 1))
    # The paths are the connectors' own, and quoted.
    query = f"SELECT {picked} FROM (SELECT json_extract_string(t, [{wanted}]) AS x FROM texts)"  # noqa: S608
    return _query(query, pa.Table.from_pydict({"t": text})).rename_columns(list(paths))


def _are_objects(text: pa.Array[Any]) -> Any:
    import pyarrow as pa

    query = """
        SELECT coalesce(json_valid(t) AND ltrim(t, E' \\t\\r\\n')[1] = '{', false) AS ok FROM texts"""
    return _query(query, pa.Table.from_pydict({"t": text}))["ok"].combine_chunks()


def _query(query: str, texts: pa.Table) -> pa.Table:
    """Run a query over a table called texts; rows keep their order."""
    from . import _duck

    return _duck.run(query, texts)


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


def _documents(data: Bytes, start: int, uri: str, gaps: list[Gap]) -> list[tuple[int, int]]:
    """Find top-level values; an array's values stand for it, even when it is cut off."""
    spans, reached = _values(data, start, len(data))
    if reached is not None:
        inside, deeper = _values(data, reached + 1, len(data))
        if data[reached] == 0x5B:
            gaps.append(_cut_off(uri, deeper if deeper is not None else len(data)))
            return [*spans, *inside]
        return [*spans, (reached, len(data))]
    opened: list[tuple[int, int]] = []
    for first, last in spans:
        opened += _values(data, first + 1, last - 1)[0] if data[first] == 0x5B else [(first, last)]
    return opened


def _opened(
    data: Bytes, span: tuple[int, int], envelopes: Sequence[str], uri: str, gaps: list[Gap]
) -> list[tuple[int, int]]:
    """Return the records inside an envelope, or the span itself when it is none."""
    first, last = span
    if data[first] != 0x7B:
        return [span]
    members, reached = _values(data, first + 1, last)
    keys = [bytes(data[a + 1 : b - 1]).decode("utf-8", "replace") for a, b in members[::2]]
    for name in envelopes:
        if name in keys and 2 * keys.index(name) + 1 < len(members):
            inner = members[2 * keys.index(name) + 1]
            if data[inner[0]] == 0x5B:
                return _values(data, inner[0] + 1, inner[1] - 1)[0]
    if reached is None:
        return [span]
    # Cut off: the array of records may be what is left open.
    if len(members) % 2 and keys[-1] in envelopes and data[reached] == 0x5B:
        inside, deeper = _values(data, reached + 1, last)
        gaps.append(_cut_off(uri, deeper if deeper is not None else last))
        return inside
    gaps.append(_cut_off(uri, reached))
    return []


def _cut_off(uri: str, at: int) -> Gap:
    return Gap(uri, f"the file ends inside a record or before the closing bracket, at byte {at}")


def _values(data: Bytes, start: int, stop: int) -> tuple[list[tuple[int, int]], int | None]:
    """Return the values between start and stop, and where one is cut off, if one is."""
    import numpy as np

    from . import _json_scan

    starts, stops, status, at = _json_scan.values(np.frombuffer(data, np.uint8), start, stop)
    cut = at if status == _json_scan.CUT_OFF else None
    return list(zip(starts.tolist(), stops.tolist(), strict=True)), cut


def _is_envelope(data: Bytes, span: tuple[int, int], envelopes: Sequence[str]) -> bool:
    members, _ = _values(data, span[0] + 1, span[1] - 1)
    keys = {bytes(data[a + 1 : b - 1]).decode("utf-8", "replace") for a, b in members[::2]}
    return not keys.isdisjoint(envelopes)


def _member(data: Bytes, span: tuple[int, int], key: str) -> tuple[int, int] | None:
    members, _ = _values(data, span[0] + 1, span[1] - 1)
    for (a, b), value in zip(members[::2], members[1::2], strict=False):
        if bytes(data[a + 1 : b - 1]) == key.encode():
            return value
    return None


def _gather(data: Bytes, spans: list[tuple[int, int]], gaps: list[Gap]) -> Records:
    import numpy as np

    pairs = np.array(spans, np.int64).reshape(-1, 2)
    return Records(data, pairs[:, 0].copy(), pairs[:, 1].copy(), tuple(gaps))
