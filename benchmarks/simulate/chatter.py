"""What entities log beside the requests that are followed: most of what fails, and the everyday.

A logger passes the first lines of a kind and then samples, as zap and others do; what it passes of
a failure that goes on is drawn as a Poisson process of that rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fixtures.scenario import dice

from .physics import CONNECTING, EDGE_REASONS
from .requests import REFUSAL, Said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from .machines import Machines
    from .physics import Array, Call, State
    from .world import Entity, World

_FIRST, _THEN = 0.6, 0.02
"""Lines of a kind that a logger passes a second: while it is new to it, and after that."""
_FRESH = 20
_ONCE = 0.02
"""Failures a second from which on a failure goes on."""
_BACKGROUND = 0.008
_USUAL = 0.006
_WRITERS = ("service", "worker")


@dataclass(frozen=True, slots=True)
class Loudness:
    """How much of it there is."""

    noise: float = 1.0
    """A factor on errors that have nothing to do with the incident."""


def lines(
    world: World, state: State, calm: State, machines: Machines, seed: int, start: int,
    loud: Loudness,
) -> Iterator[Said]:  # fmt: skip
    """Draw every line that belongs to no request that is followed."""
    for entity in world.of_kind(*_WRITERS, "database"):
        write = _Writer(entity, machines, dice("chatter", seed, entity.name), start)
        yield from _failures(world, state, calm, seed, write)
        yield from _everyday(state, seed, write, loud)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Who writes lines, and on which machine each time."""

    entity: Entity
    machines: Machines
    rng: Random
    start: int

    def __call__(
        self, second: float, level: str, family: str, callee: str = "", millis: int = 0
    ) -> Said:
        time = self.start + int(second * 1_000_000) * 1000
        host = self.machines.pick(self.entity, second, self.rng)
        return Said(time, self.entity.name, host, level, family, callee, "", millis)


def _failures(world: World, state: State, calm: State, seed: int, write: _Writer) -> Iterator[Said]:
    """Draw the lines of each way in which an entity's own work or its calls fail."""
    entity = write.entity
    flow, usual = state.flows[entity.name], calm.flows[entity.name]
    for reason in ("own", "shed"):
        more = np.clip(flow.shares[reason] - usual.shares[reason], 0, 1)
        for second in _times(flow.rate * more, seed, entity.name, reason):
            yield write(second, "ERROR", reason)
    if entity.kind == "database":
        slow = np.clip(flow.latency / np.maximum(usual.latency, 1e-6) - 4, 0, 1)
        for second in _times(
            flow.rate * 0.2 * slow * (flow.latency > 0.05), seed, entity.name, "slow"
        ):
            millis = round(1000 * max(flow.latency[int(second)], 0.2))
            yield write(second, "WARN", "slow", "", millis)
        return
    for edge in world.out(entity.name):
        key = entity.name, edge.callee
        call, quiet, silent = state.calls[key], calm.calls[key], key in state.silent
        for reason in EDGE_REASONS:
            more = np.clip(call.shares[reason] - quiet.shares[reason], 0, 1)
            for second in _times(call.rate * more, seed, entity.name, edge.callee, reason):
                millis = round(1000 * _waited(call, second, reason, silent=silent))
                yield write(second + millis / 1000, "ERROR", reason, edge.callee, millis)


def _waited(call: Call, second: float, reason: str, *, silent: bool) -> float:
    """Say for how many seconds the caller had waited when it wrote that the call failed."""
    limit = float(call.limit[int(second)])
    if reason == "timeout":
        return limit
    if reason in ("pool", "refused"):
        return min(limit, CONNECTING) if silent or reason == "pool" else REFUSAL
    return min(float(call.wait[int(second)]), limit)


def _times(rate: Array, *key: object) -> list[float]:
    """Draw when a logger passes lines about failures of such a rate a second."""
    if not (rate > _ONCE).any():
        return []
    going = rate > _ONCE
    begun = np.flatnonzero(np.diff(going, prepend=False) & going)
    fresh = np.zeros(len(rate), np.bool_)
    last = -10 * _FRESH
    for at in begun.tolist():
        if at - last > 4 * _FRESH:  # a lull does not make it new again
            fresh[at : at + _FRESH] = True
        last = at
    passed = np.minimum(rate, np.where(fresh, _FIRST, _THEN)) * going
    return _poisson(passed, *key)


def _poisson(rate: Array, *key: object) -> list[float]:
    """Draw the times of an inhomogeneous Poisson process with a rate for each second."""
    draw = np.random.default_rng(dice(*key).getrandbits(64))
    counts = draw.poisson(rate)
    at = np.repeat(np.arange(len(rate)), counts)
    found: list[float] = (at + draw.random(len(at))).tolist()
    return found


def _everyday(state: State, seed: int, write: _Writer, loud: Loudness) -> Iterator[Said]:
    """Draw what an entity logs on any day, errors that mean nothing among it."""
    name = write.entity.name
    rate = state.flows[name].rate
    share = rate / max(float(rate.mean()), 1e-6)
    alive = 1 - state.flows[name].shares["down"]
    writes = 1.0 if write.entity.kind in _WRITERS else 0.4
    for second in _poisson(_BACKGROUND * loud.noise * writes * share * alive, seed, name, "bg"):
        yield write(second, "", "background")
    for second in _poisson(_USUAL * writes * share * alive, seed, name, "usual"):
        yield write(second, "INFO", "usual", "", 40)
