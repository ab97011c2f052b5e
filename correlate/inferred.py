"""Who calls whom, for accounts: as the topology says, or inferred from what moves together.

Where no dependency between the entities is known, one is inferred from their excess: if two move
together, the one whose requests usually take longer called the other, since a call lasts as long as
all it waits for, and trouble reaches the caller no earlier than the callee (P. Chen et al.,
"CauseInfer", INFOCOM 2014, tells callers from callees by the lag of their correlation). That is a
guess, and is said to be one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nova_timeline.topology import Topology

    from .excess import Excess
    from .ledger import Ledger

_TOGETHER = 0.8
"""The least correlation of two entities' excess that is taken for one's calling the other."""
_BEFORE, _AFTER = 20, 6  # intervals around the peaks that are held against each other


@dataclass(frozen=True, slots=True)
class Graph:
    """Direct calls between entities."""

    calls: Mapping[str, frozenset[str]]
    entries: frozenset[str]
    """Those that nobody calls, and that call others where any call is known."""
    members: frozenset[str] = frozenset()
    is_inferred: bool = False

    def callees(self, entity: str) -> frozenset[str]:
        """Return what an entity calls directly."""
        return self.calls.get(entity, frozenset())

    def below(self, roots: Iterable[str]) -> set[str]:
        """Return some entities, and all that is called by them, directly or through others.

        Where calls are inferred, any entity may be: what is not known to be called is no proof.
        """
        if self.is_inferred:
            return set(self.members)
        found = set(roots)
        waiting = sorted(found)
        while waiting:
            new = self.callees(waiting.pop()) - found
            found |= new
            waiting += sorted(new)
        return found

    def nearest(self, entity: str, on: set[str]) -> set[str]:
        """Return those of some entities that one calls, directly or through none of them."""
        found: set[str] = set()
        seen = {entity}
        waiting = deque([entity])
        while waiting:
            for callee in sorted(self.callees(waiting.popleft()) - seen):
                seen.add(callee)
                if callee in on:
                    found.add(callee)
                else:
                    waiting.append(callee)
        return found

    def explained(self, entity: str, on: set[str], amounts: Mapping[str, float]) -> float:
        """Add up what an entity's callees have in excess and hand on to it.

        Where calls are inferred, a callee's callees are taken for callees too: the largest counts.
        """
        handed = [amounts[c] for c in self.nearest(entity, on)]
        return max(handed, default=0.0) if self.is_inferred else sum(handed)


def graph(books: Ledger, found: Sequence[Excess], topology: Topology) -> Graph:
    """Take the calls that are known; where there are none between the entities, infer them."""
    held = set(books.entities)
    calls: dict[str, set[str]] = topology.dependencies()
    known = Graph({a: frozenset(b) for a, b in calls.items()}, frozenset())
    if not held & topology.drawn():
        return _inferred(books, found)
    called = {c for some in calls.values() for c in some}
    return Graph(known.calls, frozenset(calls.keys() - called))


def _inferred(books: Ledger, found: Sequence[Excess]) -> Graph:
    import numpy as np

    calls: dict[str, set[str]] = {}
    slow = next((x.usual for x in found if x.mode == "duration"), np.zeros(len(books.entities)))
    for x in found:
        on = np.flatnonzero(x.significant)
        if len(on) < 2:
            continue
        since = max(0, int(x.peak[on].min()) - _BEFORE)
        alike = np.corrcoef(x.by_interval[on, since : int(x.peak[on].max()) + _AFTER])
        for i, j in np.argwhere(alike >= _TOGETHER):
            a, b = int(on[i]), int(on[j])
            if a != b and slow[a] > slow[b] > 0 and x.peak[b] <= x.peak[a] + 1:
                calls.setdefault(books.entities[a], set()).add(books.entities[b])
    called = {c for some in calls.values() for c in some}
    entries = frozenset(set(books.entities) - called)
    return Graph(
        {a: frozenset(b) for a, b in calls.items()},
        entries,
        frozenset(books.entities),
        is_inferred=True,
    )
