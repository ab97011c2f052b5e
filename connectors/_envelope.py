"""What stands around the records of an export: notes on the pages, above all that more follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nova_timeline import arrow
from nova_timeline.connector import Gap, Partition

from . import _json
from ._lines import Records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

MORE = {
    "next": "$.nextToken",  # AWS
    "Next": "$.NextToken",
    "page": "$.nextPageToken",  # Google Cloud
    "link": "$.nextLink",  # Azure
    "odata": '$."@odata.nextLink"',
}
"""What to read of an envelope for `unfinished`: the names of "there is another page"."""


def around(
    partition: Partition, found: Records, paths: Mapping[str, str]
) -> tuple[pl.DataFrame, Any]:
    """Read what stands around the records: JSONPaths of each document, and where it begins.

    Args:
        partition: the file.
        found: its records; where they are the documents themselves there is nothing around them.
        paths: column name -> JSONPath.

    Returns:
        The columns, one row a document, and the documents' byte offsets, int64 of the same length.
    """
    import numpy as np
    import polars as pl

    documents = _documents(partition, found)
    if documents is None:
        return pl.DataFrame(schema=dict.fromkeys(paths, pl.String)), np.empty(0, np.int64)
    return inside(_hollow(found, documents), paths), documents.starts


def _documents(partition: Partition, found: Records) -> Records | None:
    """Find the documents the records are in; None where they are in none, or split over pieces."""
    import numpy as np

    if partition.start or partition.stop is not None:
        return None
    documents = _json.records(partition)
    same = len(documents) == len(found) and np.array_equal(documents.starts, found.starts)
    return None if same else documents


def _hollow(found: Records, documents: Records) -> pl.Series:
    """Write documents without their records: small, however many there were."""
    import numpy as np
    import polars as pl

    first = np.searchsorted(found.starts, documents.starts)
    last = np.searchsorted(found.starts, documents.stops)
    kept: list[str] = []
    for start, stop, i, j in zip(documents.starts, documents.stops, first, last, strict=True):
        inner, outer = (found.starts[i], found.stops[j - 1]) if i < j else (stop, stop)
        rest = bytes(found.data[start:inner]) + bytes(found.data[outer:stop])
        kept.append(rest.decode("utf-8", "replace"))
    return pl.Series(values=kept, dtype=pl.String)


def unfinished(partition: Partition, pages: pl.DataFrame) -> Iterator[Gap]:
    """Report a last page that names a next one, as ``--max-items`` leaves behind."""
    named = [name for name in MORE if len(pages) and pages[name][-1]]
    for name in named[:1]:
        yield Gap(partition.uri, f"the export stops at a page; more follow ({MORE[name][2:]})")


def last_page(partition: Partition, found: Records) -> Iterator[Gap]:
    """Report an export that stops before its last page."""
    documents = _documents(partition, found)
    if documents is not None and len(documents):
        last = Records(documents.data, documents.starts[-1:], documents.stops[-1:])
        yield from unfinished(partition, inside(_hollow(found, last), MORE))


def inside(texts: pl.Series, paths: Mapping[str, str]) -> pl.DataFrame:
    """Read JSONPaths of texts that may hold a JSON object; rows that do not are null throughout."""
    import polars as pl

    from . import _json_kernel, _json_walk

    walked = _json_walk.walk(arrow.column(texts), paths)
    objects = pl.Series(walked.state == _json_kernel.OBJECT)
    if objects.all():
        return walked.table
    return walked.table.select(pl.when(objects).then(pl.all()))
