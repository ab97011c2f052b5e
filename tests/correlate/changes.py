"""Changes made up for tests, by their diff, files and title, and which are feared."""

import json
from collections.abc import Iterable
from typing import Any

from nova_timeline import knowledge
from nova_timeline.correlate import merged
from nova_timeline.correlate.episode import Signal
from nova_timeline.correlate.hazards import Threats

from .scenes import signal


def record(
    number: int, minutes: float, entity: str | None, title: str, *, kind: str = "deploy",
    diff: str = "", files: Iterable[str] = (), revision: str = "",
) -> tuple[Signal, dict[str, str]]:  # fmt: skip
    """Make one record of a change, and the attributes that it has."""
    held = {"diff": diff, "vcs.ref.head.revision": revision}
    held["files"] = json.dumps([*files]) if files else ""
    made = signal(number, minutes, entity, "change", kind=kind, title=title)
    return made, {k: v for k, v in held.items() if v}


def change(
    title: str = "x", diff: str = "", files: Iterable[str] = (), **over: Any
) -> merged.Change:
    """Make a change of one commit."""
    one, held = record(0, 30, None, title, kind="commit", diff=diff, files=files, **over)
    return merged.Change(one, (), ("\n".join((title, diff)),), (held,))


def feared(known: Threats) -> dict[str, float]:
    """Say how well what failed fits each kind of change that breaks like it."""
    found = {h.id: known.of(h) for h in knowledge.hazards()}
    return {h: threat.share for h, threat in found.items() if threat is not None}
