"""The machines that services run on: which of them are up, and how far their clocks are off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fixtures.scenario import SECOND, dice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from .world import Entity, World

SKEWED = 0.6
"""The share of machines whose clock nobody keeps right."""
MOST_SKEW = 5.0
"""Seconds that such a clock is off at most."""


@dataclass(frozen=True, slots=True)
class Machines:
    """What is true of machines in one case."""

    skew: Mapping[str, int]
    """How far a machine's clock is ahead, in ns."""
    outages: Mapping[str, tuple[float, float]] = field(
        default_factory=dict[str, tuple[float, float]]
    )
    """Machine -> from when to when, in seconds, it was down."""

    def up(self, host: str, second: float) -> bool:
        """Say whether a machine runs."""
        begin, end = self.outages.get(host, (0.0, 0.0))
        return not begin <= second < end

    def pick(self, entity: Entity, second: float, rng: Random) -> str:
        """Pick one of an entity's machines that runs; empty where it has none of its own."""
        if not entity.hosts:
            return ""
        running = [h for h in entity.hosts if self.up(h, second)]
        return rng.choice(running or entity.hosts)


def skews(world: World, seed: int, most: float = MOST_SKEW) -> dict[str, int]:
    """Draw how far each machine's clock is off, in ns; most are set wrong or drift, some are right.

    Args:
        world: whose machines.
        seed: decides which.
        most: seconds that a clock is off at most, either way.
    """
    found: dict[str, int] = {}
    for host in world.hosts:
        rng = dice("skew", seed, host)
        off = rng.uniform(-most, most) if rng.random() < SKEWED else rng.uniform(-0.02, 0.02)
        found[host] = int(off * SECOND) // 1000 * 1000
    return found
