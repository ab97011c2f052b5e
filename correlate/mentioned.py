"""Who needs whom where no topology draws it: who fails, and whom its records name as they do.

Services are drawn, from their spans or by hand; what lies beneath and beside them seldom is: a
broker, a scheduler, an agent on every node. Their names stand in the errors of those that need
them, though, and in the alerts about those, and a name there is as good as an edge. (Errors have
been followed so between services by X. Zhao et al., "lprof", OSDI 2014, by what they identify.)
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from nova_timeline.schema import ERROR

from . import fed, heard
from .episode import FIRM

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping, Sequence

    import polars as pl

    from nova_timeline.topology import Topology

    from .episode import Signal
    from .failures import Line

KIND = "named"
"""The kind of a dependency that records tell of."""
LETTERS = 4
"""A shorter name is met by chance."""
_REPLICA = r"(?:-[a-z0-9]*\d[a-z0-9]*)*"  # of a name, as instances add to it


def extended(found: pl.DataFrame, topology: Topology, lines: Mapping[int, str]) -> Topology:
    """Add the dependencies that records tell of, where one of the two is in no other.

    Args:
        found: the signals; see `nova_timeline.correlate.signals.gather`.
        topology: who depends on whom; where nothing is drawn, nothing is added, as then everything
            may hang together anyhow.
        lines: see `heard.lines`.
    """
    drawn = topology.drawn()
    known = {*found["entity"].drop_nulls().unique().to_list(), *topology.kinds}
    if not drawn or not known - drawn:
        return topology
    told = Counter(
        (s["entity"], name)
        for s in _telling(found, known)
        for name in mentioned(heard.text(s, lines), _others(s["entity"], known, drawn))
    )
    told.update(p for p in fed.pairs(found) if not drawn.issuperset(p))
    one_way = [(a, b, KIND) for (a, b), many in told.items() if many > told[b, a]]
    return topology.with_edges(sorted(one_way))


def mentioned(text: str, names: Iterable[str]) -> list[str]:
    """Find the names that stand in a text as a name of their own, or as that of an instance.

    A name that is one plain word may be just that word, and counts where an address or a quoted
    name would stand only.
    """
    folded = text.casefold()
    return [n for n in names if n.casefold() in folded and pattern(n).search(text)]


def pointed(beside: Sequence[Line], failed: Sequence[str], known: Container[str]) -> list[Line]:
    """Take the errors of those whom what failed names, and that nobody drew.

    What an error is about, as a device, a disk or a tenant, may tell itself what ails it.

    Args:
        beside: what those logged whom nobody drew.
        failed: what the errors of those in trouble say.
        known: those in trouble.
    """
    errors = [x for x in beside if x.severity >= ERROR and x.entity not in known]
    about = sorted({x.entity for x in errors if len(x.entity) >= LETTERS})
    named = {e for text in failed for e in mentioned(text, about)} if about else set[str]()
    return [x for x in errors if x.entity in named]


def pattern(name: str) -> re.Pattern[str]:
    """Give what finds a name as `mentioned` does."""
    said = re.escape(name) + _REPLICA
    if re.search(r"[\W\d_]", name):
        return re.compile(rf"(?<![\w-]){said}(?![\w-])", re.IGNORECASE)
    return re.compile(
        rf"(?<=[=/@\"'`]){said}(?![\w-])|(?<![\w-]){said}(?=[:/]\d|\.\w+[.:/\s])", re.IGNORECASE
    )


def _others(entity: str, known: Collection[str], drawn: Collection[str]) -> list[str]:
    """List whom an entity may be found to need: anybody, or whoever is in no drawing."""
    return sorted(
        n for n in known
        if n != entity and len(n) >= LETTERS and not (entity in drawn and n in drawn)
    )  # fmt: skip


def _telling(found: pl.DataFrame, known: Iterable[str]) -> Sequence[Signal]:
    """Take the firm faults and the alerts that speak of any entity by its name, once each."""
    import polars as pl

    firm = found.filter(
        "is_effect", pl.col("weight") >= FIRM, pl.col("table") == "event",
        pl.col("entity").is_not_null(),
    ).unique(["entity", "title"], keep="first", maintain_order=True)  # fmt: skip
    names = sorted(n for n in known if len(n) >= LETTERS)
    spoken = pl.col("title").str.extract_many(names, ascii_case_insensitive=True)
    return firm.filter(spoken.list.unique().list.len() > 0).to_dicts()
