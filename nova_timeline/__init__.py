"""Correlate evidence from five systems into an ordered, cited incident timeline.

>>> import nova_timeline as nova
>>> timeline = nova.reconstruct(nova.Incident.load("incident.toml"))  # doctest: +SKIP
>>> timeline.root_causes[0].title, timeline.phases["onset"].time  # doctest: +SKIP

Nothing heavy is imported until something is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nova_timeline import postmortem, verify
    from nova_timeline.config import Incident
    from nova_timeline.errors import NovaTimelineError
    from nova_timeline.pipeline import reconstruct
    from nova_timeline.timeline import Timeline

_HOMES = {
    "Incident": "config",
    "NovaTimelineError": "errors",
    "Timeline": "timeline",
    "reconstruct": "pipeline",
}
_MODULES = ("postmortem", "verify")

__all__ = ["Incident", "NovaTimelineError", "Timeline", "postmortem", "reconstruct", "verify"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name in _MODULES:
        return import_module(f"nova_timeline.{name}")
    if name in _HOMES:
        return getattr(import_module(f"nova_timeline.{_HOMES[name]}"), name)
    msg = f"module 'nova_timeline' has no attribute {name!r}"
    raise AttributeError(msg)
