"""What a connector is, and how one is found by name.

A connector is a module of ``nova_timeline.connectors`` (or an entry point in the group of that
name) that defines one subclass of `Connector`. It declares what it reads and decodes one partition
at a time; the engine does the looping, the threads and the retries.
"""

from __future__ import annotations

import inspect
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from nova_timeline import arrow, digest, evidence, schema
from nova_timeline.errors import OptionError, UnknownConnectorError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from importlib.metadata import EntryPoint

    import pyarrow as pa

    from nova_timeline.clock import Window

GROUP = "nova_timeline.connectors"
PIECE = 24 << 20
"""Bytes of a file of lines that one worker reads at a time."""

_TO_LOOK = os.R_OK | os.X_OK
"""What a folder must allow for its files to be found."""

TableName: TypeAlias = Literal["event", "metric", "edge"]


@dataclass(frozen=True, slots=True)
class Partition:
    """A piece of a source that one worker reads on its own.

    ``uri`` is what citations say, ``path`` is where the bytes are now. ``[start, stop)`` are byte
    offsets, used by connectors that can begin in the middle of a file: a record belongs to the
    partition in which its first byte lies.
    """

    uri: str
    path: Path
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that should have been evidence and could not be read."""

    uri: str
    reason: str
    state: str = "partial"


@dataclass(frozen=True, slots=True)
class Batch:
    """Some decoded records: a table of `nova_timeline.schema`, and the raw bytes behind it."""

    name: TableName
    table: pa.Table
    evidence: pa.Table


@dataclass(frozen=True, slots=True)
class Option:
    """One setting a source may carry in the incident file."""

    help: str
    type: type = str
    default: Any = None
    choices: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Files:
    """What a path in the incident file leads to: files to read, and neighbours passed over."""

    found: tuple[tuple[str, Path], ...]
    passed_over: tuple[str, ...] = field(default=())
    closed: tuple[str, ...] = field(default=())
    """Folders on the way that this user may not look into."""


class Connector(ABC):
    """Read one kind of evidence source into batches."""

    summary: ClassVar[str]
    """One line for `nova-timeline connectors`."""
    globs: ClassVar[tuple[str, ...]]
    """File names this source is found under when the incident file names a folder."""
    options: ClassVar[Mapping[str, Option]] = MappingProxyType({})
    """The settings it takes besides use, name, path and entity."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Check the options against those declared and keep them with their defaults.

        Raises:
            OptionError: an option that is not declared, of another type, or not among its choices.
        """
        given = dict(options or {})
        name = type(self).__module__.rpartition(".")[2]
        for key, value in given.items():
            _check_option(name, key, value, self.options)
        for key, option in self.options.items():
            if option.required and key not in given:
                msg = f"{name} needs the option {key!r} ({option.help})"
                raise OptionError(msg)
        self.settings: dict[str, Any] = {k: o.default for k, o in self.options.items()} | given

    def files(self, base: Path, path: str) -> Files:
        """Find the files behind a path: a file, a folder (searched whole) or a glob."""
        return find_files(base, path, self.globs)

    def partitions(self, uri: str, path: Path, piece: int = PIECE) -> Iterator[Partition]:
        """Split a file so that workers can share it; one piece unless overridden."""
        del piece
        yield Partition(uri, path)

    @abstractmethod
    def read(self, partition: Partition, window: Window | None = None) -> Iterator[Batch | Gap]:
        """Decode a partition.

        The window is a hint: rows outside it may be left out when that saves work, and are left
        out afterwards in any case. Rows without a readable time are always given.

        Raises:
            UnreadableSourceError: the bytes are not of this format.
        """

    def reread(self, path: Path, locators: Sequence[str]) -> pa.Array[Any]:
        """Return the raw bytes at each locator, large_binary of shape (n,).

        They are null where there is no such record any more.
        """
        return evidence.reread(path, locators)


def batch(
    name: TableName,
    partition: Partition,
    *,
    raw: pa.Array[Any],
    locators: pa.Array[Any],
    columns: Mapping[str, Any],
    scope: str = "",
    native: pa.Array[Any] | pa.ChunkedArray[Any] | None = None,
    record: pa.Array[Any] | None = None,
) -> Batch:
    """Seal decoded columns with the evidence behind them.

    Args:
        name: event, metric or edge.
        partition: where the records came from.
        raw: the records' bytes, large_binary, shape (m,).
        locators: where each record lies, string, shape (m,).
        columns: column name -> array of shape (n,), or one value for every row; columns left out
            are null. Identity and evidence columns are filled in here.
        scope: what a native id is unique within (an account, a log name); part of the identity.
        native: the ids the source itself gives its records, string, shape (n,); where null, the raw
            bytes are the identity, with the row's place among those of its record. Events only.
        record: for each row, the number of its record, int64, shape (n,); by default row i comes
            from record i.
    """
    digests = digest.sha256(raw)
    cited = {
        "evidence.sha256": digests,
        "evidence.uri": partition.uri,
        "evidence.locator": locators,
    }
    store = schema.conform("evidence", cited | {"raw": raw}, len(raw))
    filled: dict[str, Any] = {**columns, **cited}
    if record is not None:
        filled["evidence.sha256"] = digests.take(record)
        filled["evidence.locator"] = locators.take(record)
    if name == "event":
        ids = _identities(filled["evidence.sha256"], native, scope)
        filled["event_id"] = ids if record is None else _placed(ids, record)
    return Batch(name, schema.conform(name, filled, len(filled["evidence.sha256"])), store)


def _identities(digests: pa.Array[Any], native: Any, scope: str) -> pa.Array[Any]:
    """Identify each event by the id its source gave it, or by its bytes where it gave none."""
    if native is None:
        return digest.identities(digests, scope, by_bytes=True)
    whole = arrow.whole(native)
    named = digest.sha256(whole)
    if whole.null_count:
        named = arrow.whole(arrow.compute().if_else(whole.is_valid(), named, digests))
    return digest.identities(named, scope, by_bytes=whole.is_null())


def _placed(ids: pa.Array[Any], record: pa.Array[Any]) -> pa.Array[Any]:
    """Tell rows of one record apart that have no id but its bytes; the first keeps them as is."""
    import numpy as np

    places = np.flatnonzero(digest.are_by_bytes(ids))
    whose = np.asarray(record, np.int64)[places]
    order = np.argsort(whose, kind="stable")
    _, first, count = np.unique(whose[order], return_index=True, return_counts=True)
    nth = np.empty(len(places), np.int64)
    nth[order] = np.arange(len(places)) - np.repeat(first, count)
    return digest.numbered(ids, places, nth)


def find_files(base: Path, path: str, globs: tuple[str, ...]) -> Files:
    """Find files by name, in a stable order; uris are relative to base where the path is."""
    places = sorted(_glob(base, path))
    folders = [p for p in places if _is_folder(p)]
    inside = sorted({p for folder in folders for p in folder.rglob("*") if _is_file(p)})
    fits = [p for p in inside if any(fnmatch(p.name.lower(), g.lower()) for g in globs)]
    named = [p for p in places if p not in folders and (_is_file(p) or not _is_pattern(path))]
    others = sorted({*inside} - {*fits, *named})
    shut = {p for p in (*_above(base, path), *_below(folders)) if not os.access(p, _TO_LOOK)}
    return Files(
        tuple((_uri(base, p, path), p) for p in sorted({*fits, *named})),
        tuple(_uri(base, p, path) for p in others),
        tuple(_uri(base, p, path) for p in sorted(shut)),
    )


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - pathlib fails within a closed folder


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - pathlib fails within a closed folder


def _is_pattern(path: str) -> bool:
    return any(c in path for c in "*?[")


def _above(base: Path, path: str) -> Iterator[Path]:
    """List the folders that the way to a path goes through."""
    steps = Path(path).parents
    return (p for step in steps for p in _glob(base, str(step)) if _is_folder(p))


def _below(folders: Iterable[Path]) -> Iterator[Path]:
    """List folders and all folders in them, also those that `os.walk` cannot look into."""
    for folder in folders:
        yield folder
        for place, inside, _ in os.walk(folder):
            yield from (Path(place, name) for name in inside)


def _glob(base: Path, pattern: str) -> Iterator[Path]:
    if not _is_pattern(pattern):
        whole = base / pattern
        return iter([whole] if os.path.exists(whole) else [])  # noqa: PTH110 - closed is not there
    if Path(pattern).is_absolute():
        anchor = Path(Path(pattern).anchor)
        return anchor.glob(str(Path(pattern).relative_to(anchor)))
    return base.glob(pattern)


def _uri(base: Path, file: Path, path: str) -> str:
    """Name a file as the incident file would, so that a moved folder keeps its identities."""
    if Path(path).is_absolute():
        return file.as_posix()
    return Path(os.path.relpath(file, base)).as_posix()


def _check_option(name: str, key: str, value: object, options: Mapping[str, Option]) -> None:
    if key not in options:
        msg = f"{name} takes no option {key!r}{nearest(key, options)}"
        raise OptionError(msg)
    option = options[key]
    if not isinstance(value, option.type) or (option.type is int and isinstance(value, bool)):
        msg = f"option {key!r} of {name} must be {option.type.__name__}, not {value!r}"
        raise OptionError(msg)
    if option.choices and value not in option.choices:
        msg = f"option {key!r} of {name} cannot be {value!r}{nearest(str(value), option.choices)}"
        raise OptionError(msg)


def available() -> list[str]:
    """Name every connector, importing none."""
    return sorted({*_shipped(), *_entry_points()})


@cache
def _shipped() -> frozenset[str]:
    """Find this project's own."""
    from pkgutil import iter_modules

    here = [str(Path(__file__).parent / "connectors")]
    return frozenset(m.name for m in iter_modules(here) if not m.name.startswith("_"))


@cache
def _entry_points() -> Mapping[str, EntryPoint]:
    """Find what other distributions add; what is installed does not change while we run."""
    from importlib.metadata import entry_points

    return {e.name: e for e in entry_points(group=GROUP)}


def load(name: str) -> type[Connector]:
    """Import the connector called name.

    Raises:
        UnknownConnectorError: there is none of that name.
    """
    from importlib import import_module

    known = available()
    if name not in known:
        msg = f"no connector is called {name!r}{nearest(name, known)}"
        raise UnknownConnectorError(msg)
    outside = _entry_points()
    module = outside[name].load() if name in outside else import_module(f"{GROUP}.{name}")
    [found] = [
        c
        for c in vars(module).values()
        if inspect.isclass(c) and issubclass(c, Connector) and c.__module__ == module.__name__
    ]
    return found
