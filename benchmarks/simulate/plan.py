"""What a fault is made of: where it acts and when, the change behind it, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .physics import Effects

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from .changes import Change
    from .physics import Array
    from .world import Place, World


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a machine or a cloud writes once, beside what follows from the load."""

    time: float
    where: str
    what: str
    """A family of `notices`."""
    about: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Draft:
    """What a kind of fault is drawn from."""

    rng: Random
    world: World
    seconds: int
    begin: float
    """When it acts first, at the earliest."""
    end: float
    """When somebody or something puts an end to it."""
    load: Array
    """The factor on the usual traffic, second by second."""

    def effects(self) -> Effects:
        """Start from the traffic alone."""
        return Effects(self.load.copy())


@dataclass(slots=True)
class Fault:
    """One kind of fault, drawn."""

    kind: str
    categories: tuple[str, ...]
    """What a right answer may call it."""
    entities: tuple[str, ...]
    """Where a right answer may place the cause."""
    roots: tuple[str, ...]
    """What a right answer may call the root of the cascade."""
    effects: Effects
    change: Change | None = None
    """The change that caused it."""
    cure: Change | None = None
    """The change that ended it."""
    says: dict[Place, dict[str, str]] = field(default_factory=dict["Place", dict[str, str]])
    """Where -> reason of `physics` -> family of `sayings` that tells of it."""
    notices: list[Notice] = field(default_factory=list[Notice])
    gauges: dict[tuple[str, str], Array] = field(default_factory=dict[tuple[str, str], "Array"])
    """``(entity, gauge)`` -> a share of its limit: memory, disk."""
    details: dict[str, str] = field(default_factory=dict[str, str])
    """What its texts name: a host, a key, a file."""

    @classmethod
    def of(
        cls, kind: str, category: str | tuple[str, ...], where: str | tuple[str, ...],
        effects: Effects, change: Change | None = None, roots: tuple[str, ...] | None = None,
    ) -> Fault:  # fmt: skip
        """Make a fault; its root is where its cause is, if nothing else is said."""
        categories = (category,) if isinstance(category, str) else category
        entities = (where,) if isinstance(where, str) else where
        return cls(kind, categories, entities, roots or entities, effects, change)


def chosen(draft: Draft, *kinds: str, least: int = 1) -> str:
    """Pick an entity of some kinds that others depend on."""
    found = [
        e.name for e in draft.world.of_kind(*kinds)
        if len(draft.world.into(e.name)) >= least and e.name != draft.world.entry
    ]  # fmt: skip
    return draft.rng.choice(found)


def edge_to(draft: Draft, *kinds: str) -> tuple[str, str]:
    """Pick a critical call of a service to an entity of some kinds.

    Raises:
        LookupError: the world has none.
    """
    entities = draft.world.entities
    found = [
        (e.caller, e.callee) for e in draft.world.edges
        if e.critical and entities[e.callee].kind in kinds and entities[e.caller].kind == "service"
        and e.caller != draft.world.entry
    ]  # fmt: skip
    if not found:
        msg = f"no call to any of {kinds}"
        raise LookupError(msg)
    return draft.rng.choice(found)


def calm(draft: Draft) -> Array:
    """Return zeros, one a second."""
    return np.zeros(draft.seconds)
