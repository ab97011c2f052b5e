"""Whom several cannot reach: a change to one of those who call it breaks no call of the others.

Callers that have nothing to do with one another share only what they call, and the way there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .merged import Change
    from .scene import Scene

ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}:\d{2,5}\b")
"""The address of a peer, with its port."""
_UNREACHED = re.compile(
    r"no route to host|(host|network) (is |was )?(unreachable|down)|i/o timeout"
    r"|connect\w* (refused|timed? ?out|timeout)|could not connect|ECONNREFUSED|EHOSTUNREACH",
    re.IGNORECASE,
)
_OTHERS = 0.12
"""Against a change to one of them: it may still have brought down what they all call."""


def named(text: str) -> frozenset[str]:
    """Name the addresses that an error says could not be reached.

    >>> sorted(named("dial tcp 10.1.2.3:5432: connect: no route to host"))
    ['10.1.2.3:5432']
    >>> named("10.1.2.3:5432 says: too many clients")
    frozenset()
    """
    return frozenset(ADDRESS.findall(text)) if _UNREACHED.search(text) else frozenset()


def shared(scene: Scene) -> Mapping[str, frozenset[str]]:
    """Find the addresses that several cannot reach who do not call one another.

    Returns:
        Address -> those who cannot reach it, without those who only pass on another's words.
    """
    told: dict[str, set[str]] = {}
    for m in scene.symptoms:
        for peer in named(m.raw) if m.is_error else ():
            told.setdefault(peer, set()).add(m.entity)
    own = {p: {e for e in es if not es & scene.depends.get(e, set())} for p, es in told.items()}
    return {p: frozenset(es) for p, es in own.items() if len(es) > 1}


def others(change: Change, scene: Scene) -> list[Term]:
    """Hold against a change that others, which it did not touch, cannot reach the same address."""
    for peer, entities in scene.unreached.items():
        rest = sorted(entities - {change.entity})
        if change.entity in entities and peer.partition(":")[0] not in change.text:
            text = f"{', '.join(rest[:3])} cannot reach {peer} either, which it did not touch"
            shown = tuple(m.signal for m in scene.symptoms if m.entity in rest and peer in m.raw)
            return [Term(text, -_OTHERS, (change.signal["signal"], *shown[:1]), "peer")]
    return []
