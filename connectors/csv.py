"""Delimited text with a header (RFC 4180): logs, metrics or edges, by a field map.

A quoted field may hold delimiters and line ends; a doubled quote in it is one quote. The raw record
is the record's bytes without its line end. Empty fields are null. A file with quotes is one piece,
since only they say where a record ends; one without is shared like any file of lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nova_timeline import evidence
from nova_timeline.connector import PIECE, Batch, Connector, Gap, Option, Partition
from nova_timeline.errors import OptionError, UnreadableSourceError

from . import _field_map, _lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import polars as pl

    from nova_timeline.clock import Window
    from nova_timeline.evidence import Bytes, Offsets

_BATCH = 1 << 18
_MOST_COLUMNS = 4096


class Csv(Connector):
    """Delimited text with a header: logs, metrics or edges, by a field map."""

    summary = "CSV and TSV with a header (logs, metrics, edges), by a field map"
    globs = ("*.csv", "*.csv.gz", "*.tsv", "*.tsv.gz")
    options: ClassVar[Mapping[str, Option]] = {
        **_field_map.OPTIONS,
        "delimiter": Option("the character between fields; a comma, or a tab in *.tsv, by default"),
    }

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Check the options and the field map.

        Raises:
            OptionError: see `_field_map.checked`; also a delimiter that is not one ASCII character.
        """
        super().__init__(options)
        self.fields = _field_map.checked(self.settings)
        delimiter = self.settings["delimiter"]
        if delimiter is not None and (
            len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'
        ):
            msg = (
                f"option 'delimiter' of csv is one ASCII character and no quote, not {delimiter!r}"
            )
            raise OptionError(msg)

    def partitions(self, uri: str, path: Path, piece: int = PIECE) -> Iterator[Partition]:
        """Split a file by byte offsets where no quote can hold a line end."""
        if path.stat().st_size <= piece or _has_quotes(evidence.content(path).data):
            yield Partition(uri, path)
        else:
            yield from _lines.partitions(uri, path, piece)

    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode the records, some hundred thousand at a time."""
        import numpy as np

        from . import _rows

        del window
        whole = evidence.content(partition.path)
        if whole.problem:
            yield Gap(partition.uri, whole.problem)
        delimiter = self._delimiter(partition)
        text = np.frombuffer(whole.data, np.uint8)
        header, at = _header(whole.data, text, whole.first, delimiter, partition.uri)
        missing: tuple[str, ...] | None = None
        ragged = short = 0
        at, until = _lines.bounds(text, max(at, partition.start), partition.stop)
        for part in _parts(whole.data, header, at, until, delimiter):
            picked = _field_map.from_header(self.fields, header, part.column)
            if missing is not None:
                picked = _field_map.Picked(picked.columns, picked.wide)
            missing = picked.missing
            found = _rows.Evidence(partition, part.raw(), part.locators())
            yield from _rows.rows(self.fields, picked, found, "csv")
            ragged += int((part.counts != len(header)).sum())
            short = int((part.counts[-1:] < len(header)).sum())
            if part.unclosed:
                yield _unclosed(partition, part.reached, len(text))
                return
        if ragged:
            said = f"{ragged} records do not have the header's {len(header)} fields"
            yield Gap(partition.uri, said)
        if until == len(text) > 0 and text[-1] != ord("\n"):
            said = "the last line has no line end; it may have been cut off"
            yield Gap(partition.uri, said, "partial" if short else "complete")

    def _delimiter(self, partition: Partition) -> int:
        given: str | None = self.settings["delimiter"]
        if given is None:
            given = "\t" if ".tsv" in partition.path.suffixes else ","
        return ord(given)


def _has_quotes(data: Bytes) -> bool:
    return isinstance(data, memoryview) or data.find(b'"') >= 0


def _header(data: Bytes, text: Any, first: int, delimiter: int, uri: str) -> tuple[list[str], int]:
    """Read the names in the first record; return them and where the records begin."""
    import numpy as np

    from . import _csv_scan

    while first < len(text) and text[first] in (10, 13):
        first += 1
    if first == len(text):
        return [], first
    starts, stops = np.empty(_MOST_COLUMNS, np.int64), np.empty(_MOST_COLUMNS, np.int64)
    count, _, after, unclosed = _csv_scan.record(text, first, delimiter, starts, stops)
    if unclosed or count > _MOST_COLUMNS or b"\0" in bytes(data[first:after]):
        msg = f"{uri} does not begin with a header of delimited text"
        raise UnreadableSourceError(msg)
    spans = zip(starts[:count].tolist(), stops[:count].tolist(), strict=True)
    try:
        names = [bytes(data[a:b]).decode().strip() for a, b in spans]
    except UnicodeDecodeError as error:
        msg = f"the header of {uri} is not UTF-8: {error.reason}"
        raise UnreadableSourceError(msg) from error
    plain = [
        n[1:-1].replace('""', '"') if n[:1] == '"' == n[-1:] and len(n) > 1 else n for n in names
    ]
    return plain, after


@dataclass(frozen=True, slots=True)
class _Part:
    """Some records: where each and each of its fields lies."""

    data: Bytes
    header: list[str]
    starts: Offsets
    stops: Offsets
    field_starts: Offsets  # shape (columns, n)
    field_stops: Offsets
    counts: Offsets
    reached: int
    unclosed: bool

    def raw(self) -> Any:
        return evidence.slices(self.data, self.starts, self.stops)

    def locators(self) -> Any:
        return evidence.byte_locators(self.starts, self.stops)

    def column(self, name: str) -> pl.Series:
        """Return a column as text, unquoted, empty fields as null."""
        import polars as pl

        k = self.header.index(name)
        cut = evidence.slices(self.data, self.field_starts[k].copy(), self.field_stops[k].copy())
        text = pl.Series(values=_field_map.texts(cut), dtype=pl.String)
        quoted = text.str.starts_with('"')
        if quoted.any():
            inside = text.str.strip_chars_end().str.strip_prefix('"').str.strip_suffix('"')
            text = text.zip_with(~quoted, inside.str.replace_all('""', '"', literal=True))
        return text.set(text == "", None)


def _parts(data: Bytes, header: list[str], at: int, until: int, delimiter: int) -> Iterator[_Part]:
    """Find the records between two offsets, some at a time."""
    import numpy as np

    from . import _csv_scan

    text = np.frombuffer(data, np.uint8)[:until]
    while at < until:
        part = _Part(data, header, *_csv_scan.records(text, at, delimiter, len(header), _BATCH))
        yield part
        if part.unclosed:
            return
        at = part.reached


def _unclosed(partition: Partition, at: int, size: int) -> Gap:
    said = f"a quote in the record at byte {at} is never closed: {size - at} bytes lost"
    return Gap(partition.uri, said)
