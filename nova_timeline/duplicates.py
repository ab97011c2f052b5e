"""Rows that were read twice: found by numbers first, looked at only where numbers repeat.

Each row has a 64-bit key: the head of an event's identity, a hash of what makes a metric's point or
a raw record one. Keys are sorted a share at a time, and only rows whose key repeats are read back
and judged by all of what identifies them. Nearly always there are none, and nothing is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from nova_timeline import arrow, coded, digest, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa

    Places = npt.NDArray[np.int64]

IDENTITY = {
    "event": ("event_id", "evidence.uri"),
    "metric": ("timestamp", "entity", "metric.name", "value"),
    "evidence": ("evidence.locator", "evidence.uri", "evidence.sha256"),
}
"""Table -> what makes its rows one."""

_AT_ONCE = 4_000_000
_NO_PLACES: list[int] = []


@dataclass(slots=True)
class Repeats:
    """Rows of a table, by file, that stand in it for a second time."""

    dropped: dict[int, Places] = field(default_factory=dict[int, "Places"])
    """File number -> places of rows to leave out, ascending."""
    renumbered: dict[int, tuple[Places, pa.Array[Any]]] = field(
        default_factory=dict[int, "tuple[Places, pa.Array[Any]]"]
    )
    """File number -> places, ascending, of events that get another identity, and those."""

    def files(self) -> list[int]:
        """List the files that do not stay as they are."""
        return sorted({*self.dropped, *self.renumbered})

    def applied(self, table: pa.Table, number: int) -> pa.Table:
        """Give a file's table without its repeats, and with its new identities."""
        import numpy as np

        if number in self.renumbered:
            places, ids = self.renumbered[number]
            at = table.schema.get_field_index("event_id")
            column = digest.replaced(arrow.whole(table["event_id"]), places, ids)
            table = table.set_column(at, table.field(at), column)
        if number in self.dropped:
            keep = np.ones(len(table), bool)
            keep[self.dropped[number]] = False
            table = table.filter(arrow.core().array(keep))
        return table


class Keys(Sequence["npt.NDArray[np.uint64]"]):
    """The keys of the rows of each file of a table, in memory while they are few.

    Args:
        folder: where keys go when they are many.
        budget: bytes that may lie in memory.
    """

    def __init__(self, folder: Path, budget: int = 1 << 62) -> None:
        """Begin with no file."""
        self._folder, self._budget = folder, budget
        self._files: list[npt.NDArray[np.uint64] | Path] = []
        self._held = 0

    def append(self, some: npt.NDArray[np.uint64]) -> None:
        """Add the keys of the next file."""
        import numpy as np

        if self._held + some.nbytes <= self._budget:
            self._held += some.nbytes
            self._files.append(some)
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{len(self._files):05}.npy"
        np.save(path, some)
        self._files.append(path)

    def __len__(self) -> int:
        """Count the files."""
        return len(self._files)

    @overload
    def __getitem__(self, at: int) -> npt.NDArray[np.uint64]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[npt.NDArray[np.uint64]]: ...
    def __getitem__(
        self, at: int | slice
    ) -> npt.NDArray[np.uint64] | Sequence[npt.NDArray[np.uint64]]:
        """Read the keys of a file."""
        import numpy as np

        if isinstance(at, slice):
            return [self[i] for i in range(len(self))[at]]
        found = self._files[at]
        if isinstance(found, Path):
            found = np.load(found)
        return found


def keys(table: pa.Table, name: str) -> pa.Array[Any]:
    """Number the rows of a table, shape (n,), uint64, so that the same row has the same number."""
    import polars as pl
    import pyarrow as pa

    if name == "event":
        return pa.array(digest.heads(arrow.whole(table["event_id"])))
    frame = pl.DataFrame(coded.written_out(table.select(list(IDENTITY[name]))))
    return arrow.column(frame.hash_rows(seed=0)).cast(pa.uint64())


def find(run: Path, name: str, numbered: Sequence[npt.NDArray[np.uint64]]) -> Repeats:
    """Find the rows that stand in a table twice.

    Args:
        run: the folder that its files lie in.
        name: event, metric or evidence.
        numbered: the keys of the rows of each file, in the order of the files; a file without keys
            holds rows that stand nowhere else.
    """
    import numpy as np
    import polars as pl

    found = Repeats()
    for share, shares in _shares(numbered):
        repeated = _repeated(numbered, share, shares)
        if len(repeated) == 0:
            continue
        suspects = [
            _suspects(run, name, number, np.flatnonzero(_among(some, repeated)))
            for number, some in enumerate(numbered)
            if len(some)
        ]
        rows = pl.concat(suspects)
        _judged(rows if name != "event" else _told_apart(rows), name, found)
    return found


def _shares(numbered: Sequence[npt.NDArray[np.uint64]]) -> Iterator[tuple[int, int]]:
    """Share out the keys by their last bits, such that no share is too many to sort at once."""
    total = sum(len(some) for some in numbered)
    shares = 1
    while total // shares > _AT_ONCE:
        shares *= 2
    return ((share, shares) for share in range(shares))


def _repeated(
    numbered: Sequence[npt.NDArray[np.uint64]], share: int, shares: int
) -> npt.NDArray[np.uint64]:
    """Return the keys of a share that stand there more than once, ascending."""
    import numpy as np

    mask = np.uint64(shares - 1)
    mine = [k if shares == 1 else k[(k & mask) == share] for k in numbered]
    ordered = np.sort(np.concatenate([np.empty(0, np.uint64), *mine]))
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _among(some: npt.NDArray[np.uint64], repeated: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    import numpy as np

    at = np.minimum(np.searchsorted(repeated, some), len(repeated) - 1)
    same: npt.NDArray[np.bool_] = repeated[at] == some
    return same


def _suspects(run: Path, name: str, number: int, places: Places) -> pl.DataFrame:
    """Read what identifies some rows of a file, with the places they stand at."""
    import numpy as np
    import polars as pl

    columns = IDENTITY[name]
    path = run / store.FOLDERS[name] / store.part(number)
    table = store.read_file(path, name, columns).take(arrow.core().array(places))
    return pl.DataFrame(table).with_columns(
        file=pl.Series(np.full(len(places), number, np.int64)), place=pl.Series(places)
    )


def _told_apart(rows: pl.DataFrame) -> pl.DataFrame:
    """Give records without an id of their own another identity each time they stand in a file.

    They are known by their bytes, and bytes that stand in one file twice are two records: the n-th
    of them in one file is the n-th in another.
    """
    import polars as pl

    ids = arrow.column(rows["event_id"]).cast(arrow.core().binary(16))
    by_bytes = pl.Series(digest.are_by_bytes(ids))
    nth = pl.int_range(pl.len(), dtype=pl.Int64).over("event_id", "evidence.uri")
    counted = rows.with_columns(nth=nth).with_columns(
        nth=pl.when(by_bytes).then("nth").otherwise(0)
    )
    places = pl.arg_where(counted["nth"] > 0, eager=True).cast(pl.Int64).to_numpy()
    new = digest.numbered(ids, places, counted["nth"].to_numpy()[places])
    return counted.with_columns(pl.Series("event_id", values=new, dtype=pl.Binary))


def _judged(rows: pl.DataFrame, name: str, found: Repeats) -> None:
    """Note which rows are repeats of earlier ones, and which have another identity now."""
    import polars as pl

    identity = ["event_id"] if name == "event" else list(IDENTITY[name])
    again = ~rows.select(pl.struct(identity).is_first_distinct()).to_series()
    for (number,), some in rows.filter(again).group_by("file"):
        held = found.dropped.get(int(number), _NO_PLACES)
        found.dropped[int(number)] = _merged(held, some["place"])
    if name != "event":
        return
    kept = rows.filter(~again, rows["nth"] > 0).sort("file", "place")
    for (number,), some in kept.group_by("file", maintain_order=True):
        places, ids = some["place"], arrow.column(some["event_id"])
        found.renumbered[int(number)] = _with(found.renumbered.get(int(number)), places, ids)


def _merged(held: Sequence[int] | Places, more: pl.Series) -> Places:
    import numpy as np

    return np.sort(np.concatenate([np.asarray(held, np.int64), more.to_numpy()]))


def _with(
    held: tuple[Places, pa.Array[Any]] | None, places: pl.Series, ids: pa.Array[Any]
) -> tuple[Places, pa.Array[Any]]:
    """Add places with their identities to those of another share."""
    import numpy as np
    import pyarrow as pa

    ids = ids.cast(pa.binary(16))
    if held is None:
        return places.to_numpy(), ids
    every = np.concatenate([held[0], places.to_numpy()])
    order = np.argsort(every, kind="stable")
    return every[order], pa.concat_arrays([held[1], ids]).take(arrow.core().array(order))
