"""Text in which a record begins with an ISO time, and lines without one continue the last record.

CloudWatch Logs exports to S3 so (Amazon CloudWatch Logs User Guide, "Exporting log data to Amazon
S3"): the event's time, a space, the message, which may run over many lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import evidence
from nova_timeline.connector import Gap, Partition
from nova_timeline.errors import UnreadableSourceError

from . import _lines
from ._lines import Records

if TYPE_CHECKING:
    from nova_timeline.evidence import Bytes

_SHAPE = b"dddd-dd-ddTdd:dd:dd"
_STEP = 1 << 20


def records(partition: Partition) -> Records:
    """Find the records whose first line lies in the partition, with the lines that continue them.

    Lines before a file's first time are one record without a time.

    Raises:
        UnreadableSourceError: no line of a whole file begins with a time.
    """
    import numpy as np

    whole = evidence.content(partition.path)
    gaps = [Gap(partition.uri, whole.problem)] if whole.problem else []
    size = len(whole.data)
    lines = _lines.of(whole.data, max(whole.first, partition.start), partition.stop)
    heads = _heads(whole.data, lines.starts)
    begins = lines.starts[heads]
    last = partition.stop is None or partition.stop >= size
    if partition.start == 0 and len(lines) and not heads[0]:
        if last and not len(begins):
            msg = f"{partition.uri} is no log export: no line begins with an ISO time and a space"
            raise UnreadableSourceError(msg)
        begins = np.concatenate([lines.starts[:1], begins])
    if last and size and whole.data[size - 1] != 0x0A and not gaps:
        gaps.append(Gap(partition.uri, "the last line has no line end; it may be cut off"))
    if len(begins) == 0:
        return Records(whole.data, begins, begins, tuple(gaps))
    end = size if last else _next_head(whole.data, int(lines.starts[-1]) + 1)
    stops = _without_line_ends(whole.data, begins, np.append(begins[1:], end))
    return Records(whole.data, begins, stops, tuple(gaps))


def _heads(data: Bytes, starts: Any) -> Any:
    """Say which lines begin with a time; shape (n,)."""
    import numpy as np

    text = np.frombuffer(data, np.uint8)
    found = starts + len(_SHAPE) < len(text)
    for i, wanted in enumerate(_SHAPE):
        at = np.minimum(starts + i, max(len(text) - 1, 0))
        letter = text[at] if len(text) else np.empty(0, np.uint8)
        digit = (letter >= 48) & (letter <= 57)
        found &= digit if wanted == ord("d") else letter == wanted
    return found


def _next_head(data: Bytes, at: int) -> int:
    """Return where the first record at or after an offset begins, or the end of the data."""
    while at < len(data):
        more = _lines.of(data, at, min(at + _STEP, len(data)))
        begins = more.starts[_heads(data, more.starts)]
        if len(begins):
            return int(begins[0])
        at = int(more.starts[-1]) + 1 if len(more) else at + _STEP
    return len(data)


def _without_line_ends(data: Bytes, starts: Any, stops: Any) -> Any:
    import numpy as np

    text = np.frombuffer(data, np.uint8)
    while True:
        ends = (stops > starts) & np.isin(text[stops - 1], (10, 13))
        if not ends.any():
            return stops
        stops = stops - ends
