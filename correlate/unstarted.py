"""What never ran, and what its release then did wrong.

A pod that fits no node, whose volume another holds or whose image there is not has run no line of
its code: what the cluster says is wrong with it is what is wrong with its release.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nova_timeline import knowledge
from nova_timeline.schema import ERROR

from . import faults
from .terms import Term

if TYPE_CHECKING:
    from .episode import Signal
    from .scene import Scene
    from .terms import Candidate

_CODE = "code_change"


def told(release: Candidate, scene: Scene) -> Candidate:
    """Take a release for what the cluster says is wrong with what never ran of it.

    Args:
        release: the change that is named, of which nothing shows what it holds.
        scene: what failed.
    """
    if not release.is_change or (release.category or release.signal["category"]) != _CODE:
        return release
    failed = [s for s in scene.troubled if s["role"] == "fault" and s["table"] == "event"]
    if any(_has_run(s) for s in failed):
        return release
    why = [s for s in failed if s["rule"] in knowledge.unstarted()]
    if not why:
        return release
    first = min(why, key=lambda s: (s["time"], s["signal"]))
    term = Term("what it brought never ran, and the cluster says why", 0.0, (first["signal"],))
    return replace(release, terms=(*release.terms, term), category=first["category"])


def _has_run(fault: Signal) -> bool:
    """Say whether a fault is one of what runs: it says so itself, or a record says why it fails."""
    if fault["rule"] is None:
        return bool(fault["severity"] >= ERROR)
    return faults.says_why(fault) and fault["rule"] not in knowledge.unstarted()
