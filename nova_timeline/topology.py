"""The topology: entities by one name each, and who depends on whom.

File format (TOML, or JSON with the same keys)::

    [[entity]]
    name = "checkout"
    kind = "service"                    # free text
    aliases = ["ecs:checkout", "checkout-*"]   # other names, globs allowed, ignoring case

    [[edge]]
    caller = "checkout"
    callee = "payments"
    kind = "calls"                      # calls, runs_on, reads, ...

A fault travels from a callee to its callers, and from a host to what runs on it. A ReplicaSet of
Kubernetes that the file does not name is its Deployment, where the file names that.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeGuard

from nova_timeline import coded
from nova_timeline.errors import IncidentFileError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_KEYS = {"entity": {"name", "kind", "aliases"}, "edge": {"caller", "callee", "kind"}}
REPLICA_SET_HASH = "[bcdfghjklmnpqrstvwxz2456789]{8,10}"
"""What follows the name of a Deployment, and a hyphen, in those of its ReplicaSets (Kubernetes,
``rand.SafeEncodeString``)."""
_REPLICA_SET = re.compile(rf"(.+)-{REPLICA_SET_HASH}")
_REQUIRED = {"entity": ("name",), "edge": ("caller", "callee")}


@dataclass(frozen=True, slots=True)
class Edge:
    """The caller depends on the callee."""

    caller: str
    callee: str
    kind: str = "calls"


@dataclass(frozen=True, slots=True)
class Topology:
    """Entities, their other names, and their dependencies."""

    kinds: Mapping[str, str] = field(default_factory=dict[str, str])
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    """Lower-cased other name, or glob, -> name."""
    edges: tuple[Edge, ...] = ()
    written: frozenset[str] = frozenset()
    """Names that stand in the topology file, as they stand there."""

    def name(self, found: str) -> str:
        """Return the one name of an entity; an unknown one keeps its own.

        >>> Topology(written=frozenset({"checkout"})).name("checkout-6d5f7c9b8")
        'checkout'
        """
        folded = found.casefold()
        if folded in self.aliases:
            return self.aliases[folded]
        for pattern, name in self.aliases.items():
            if any(c in pattern for c in "*?[") and fnmatchcase(folded, pattern):
                return name
        owner = _REPLICA_SET.fullmatch(found)
        if owner and owner[1] in self.written and found not in self.written:
            return self.name(owner[1])
        return found

    def names(self, column: pa.Array[Any] | pa.ChunkedArray[Any]) -> pa.Array[Any]:
        """Rename a column of entities, shape (n,); the names come coded."""
        return coded.mapped(column, self.name)

    def known(self, column: pa.Array[Any] | pa.ChunkedArray[Any]) -> pa.Array[Any]:
        """Rename a column as `names` does, with null where the topology has no such entity."""

        def name(found: str) -> str | None:
            named = self.name(found)
            return named if named in self.kinds else None

        return coded.mapped(column, name)

    def with_edges(self, found: Iterable[tuple[str, str, str]]) -> Topology:
        """Add discovered dependencies, under the one name of each entity."""
        new = {Edge(self.name(a), self.name(b), kind) for a, b, kind in found}
        known = {(e.caller, e.callee) for e in self.edges}
        extra = sorted(
            (e for e in new if e.caller != e.callee and (e.caller, e.callee) not in known),
            key=lambda e: (e.caller, e.callee, e.kind),
        )
        return Topology(self.kinds, self.aliases, (*self.edges, *extra), self.written)

    def drawn(self) -> frozenset[str]:
        """Name the entities of which a dependency is drawn."""
        return frozenset(n for e in self.edges for n in (e.caller, e.callee))

    def dependencies(self) -> dict[str, set[str]]:
        """Map each entity to those it depends on directly."""
        found: dict[str, set[str]] = {}
        for edge in self.edges:
            found.setdefault(edge.caller, set()).add(edge.callee)
        return found


@dataclass(frozen=True, slots=True)
class Reach:
    """For each entity code, those within k hops and how many hops, in CSR form, nearest first."""

    starts: npt.NDArray[np.int64]
    entities: npt.NDArray[np.int32]
    hops: npt.NDArray[np.int8]


def reach(topology: Topology, entities: list[str], k: int, first: int = 0) -> Reach:
    """Find what each entity depends on, first to k hops away (0 is itself), by hops and name.

    All entities go one hop at a time together (breadth-first search by levels).
    """
    import numpy as np

    names = sorted({*entities, *topology.drawn()})
    rank = {name: i for i, name in enumerate(names)}
    own = {name: i for i, name in enumerate(entities)}
    codes = np.array([own.get(name, -1) for name in names], np.int32)
    below = adjacency(topology, rank)
    # An entity and one that it depends on are one number, in whose order they are wanted.
    level = np.array([i * len(names) + rank[name] for i, name in enumerate(entities)], np.int64)
    seen, found = level, [level[:0]]
    for hops in range(k + 1):
        found += [level[codes[level % len(names)] >= 0]] if hops >= first else []
        if hops < k:
            level = np.setdiff1d(_onward(level, below), seen, assume_unique=True)
            seen = np.concatenate([seen, level])
    far = np.repeat(np.arange(len(found)) + first - 1, [len(pairs) for pairs in found])
    whole = np.concatenate(found)
    order = np.argsort(whole // max(1, len(names)), kind="stable")
    of, to = np.divmod(whole[order], max(1, len(names)))
    starts = np.searchsorted(of, np.arange(len(entities) + 1))
    return Reach(starts, codes[to], far[order].astype(np.int8))


def _onward(pairs: npt.NDArray[np.int64], below: Adjacency) -> npt.NDArray[np.int64]:
    """Take pairs, each a number, one hop further; every pair once, in order."""
    import numpy as np

    at = pairs % max(1, len(below.starts) - 1)
    counts = below.starts[at + 1] - below.starts[at]
    ends = np.cumsum(counts)
    back = below.starts[at] - ends + counts
    places: npt.NDArray[Any] = np.arange(int(counts.sum())) + np.repeat(back, counts)
    to: npt.NDArray[np.int64] = np.repeat(pairs - at, counts) + below.targets[places]
    to.sort()  # quicker than np.unique, which hashes
    return to[np.diff(to, prepend=-1) > 0]


@dataclass(frozen=True, slots=True)
class Adjacency:
    """For each entity code, what it depends on directly: ``targets[starts[e]:starts[e + 1]]``."""

    starts: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int32]


def adjacency(topology: Topology, entities: Mapping[str, int]) -> Adjacency:
    """Lay out direct dependencies by the codes of entities, which count from 0 in this order."""
    import numpy as np

    below = topology.dependencies()
    rows = [sorted(entities[c] for c in below.get(name, ()) if c in entities) for name in entities]
    starts = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return Adjacency(starts, np.array([c for row in rows for c in row], np.int32))


def load(path: Path) -> Topology:
    """Read a topology file.

    Raises:
        IncidentFileError: it cannot be read, or a table in it is not an entity or an edge.
    """
    try:
        data = path.read_bytes()
        parsed: Any = json.loads(data) if path.suffix == ".json" else tomllib.loads(data.decode())
    except (OSError, ValueError) as error:
        msg = f"{path}: the topology cannot be read: {error}"
        raise IncidentFileError(msg) from error
    return parse(parsed, str(path))


def parse(given: Mapping[str, Any], place: str) -> Topology:
    """Check and build a topology from its tables; place is named in messages."""
    for key in given:
        if key not in _KEYS:
            msg = f"{place}: unknown table {key!r}{nearest(key, _KEYS)}"
            raise IncidentFileError(msg)
    for kind in _KEYS:
        for number, table in enumerate(given.get(kind, []), 1):
            _check(f"{place}: [[{kind}]] number {number}", kind, table)
    aliases: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for entity in given.get("entity", []):
        name = entity["name"]
        kinds[name] = entity.get("kind", "")
        for alias in (name, *entity.get("aliases", ())):
            other = aliases.setdefault(alias.casefold(), name)
            if other != name:
                msg = f"{place}: {alias!r} is said to be both {other!r} and {name!r}"
                raise IncidentFileError(msg)
    rows = [(e["caller"], e["callee"], e.get("kind", "calls")) for e in given.get("edge", [])]
    written = frozenset((*kinds, *(name for a, b, _ in rows for name in (a, b))))
    plain = Topology(kinds, aliases, (), written)
    return plain.with_edges(rows)


def is_table(value: object) -> TypeGuard[dict[str, Any]]:
    """Say whether a value of a TOML or JSON file is a table."""
    return isinstance(value, dict)


def _check(where: str, kind: str, table: object) -> None:
    if not is_table(table):
        msg = f"{where} must be a table"
        raise IncidentFileError(msg)
    for key in table:
        if key not in _KEYS[kind]:
            msg = f"{where}: unknown key {key!r}{nearest(key, _KEYS[kind])}"
            raise IncidentFileError(msg)
    for key in _REQUIRED[kind]:
        if not isinstance(table.get(key), str):
            msg = f"{where} needs {key!r}, a text"
            raise IncidentFileError(msg)
