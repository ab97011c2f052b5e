"""What is told of trouble by others than those in it, and who was in trouble before them.

Who watches over many (a scheduler, an autoscaler, a controller) logs under a name of its own what
ails those that it names, often from the first minute after a change that shows only hours later.
And who sends people away does well itself: it shows where they go next, which it never calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import mentioned, timing
from .change_points import direction

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from .departures import Departure
    from .failures import Line

SOON = 600_000_000_000
"""ns; what begins to be said of one this soon after a change to it is said of what that did."""


def first(changed: Mapping[str, Sequence[int]], about: Iterable[str], until: int) -> int:
    """Say when one of some was changed first, ns; a later time where none was before that."""
    return min((t for e in about for t in changed.get(e, ()) if t < until), default=until)


def foretold(
    told: Iterable[Line], changed: Mapping[str, Sequence[int]], about: Sequence[str], until: int
) -> list[Line]:
    """Take what others began to say of one in trouble just as that was changed.

    Args:
        told: what others say more often since the `first` change than before.
        changed: when each entity was changed, ns.
        about: those in trouble.
        until: ns; changes that came later are not looked at.
    """
    times = {e: [t for t in changed.get(e, ()) if t < until] for e in about}
    return [
        line for line in told
        if line.since is not None and any(
            any(0 <= line.since - t <= SOON for t in times[e])
            for e in mentioned.mentioned("\n".join(line.texts), about)
        )
    ]  # fmt: skip


def ahead(
    moved: Iterable[Departure], changed: Mapping[str, Sequence[int]], apart: Container[str],
    onset: int,
) -> dict[str, int]:  # fmt: skip
    """Find who got worse just as it was changed, before all else failed, and when, ns.

    Args:
        moved: the metrics that left their level, in the order of time.
        changed: when each entity was changed, ns.
        apart: whom to look for: those that are drawn and in no trouble for all else.
        onset: ns; when all else failed.
    """
    found: dict[str, int] = {}
    for d in moved:
        with_it = any(timing.moved_at(t, d) for t in changed.get(d.entity, ()))
        if d.entity in apart and d.time < onset and with_it and direction(d.metric) == "worse":
            found.setdefault(d.entity, d.time - d.step)
    return found
