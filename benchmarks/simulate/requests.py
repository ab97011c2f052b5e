"""Requests followed through the world one by one: their spans, and what is logged about them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fixtures.scenario import SECOND, Span, dice, hexid

from .physics import CONNECTING

if TYPE_CHECKING:
    from random import Random

    from .machines import Machines
    from .physics import State
    from .world import Edge, Entity, World

TRACED = 0.03
"""Requests a second that are traced."""
_SIGMA = 0.35
_DEEPEST = 8
REFUSAL = 0.004
"""Seconds until a caller is told that nobody is there."""
_CONNECTING = 0.0015
_ERROR_TYPES = {"timeout": "timeout", "refused": "connection_error", "pool": "pool_timeout"}
"""OpenTelemetry's attribute ``error.type``, of few values."""
SERVER, CLIENT = 2, 3
"""Kinds of spans."""


@dataclass(frozen=True, slots=True)
class Said:
    """A line that somebody writes: who, when, why; its text comes later."""

    time: int
    """ns after 1970, on a clock that is right."""
    entity: str
    host: str
    level: str
    family: str
    callee: str = ""
    trace_id: str = ""
    millis: int = 0


@dataclass(slots=True)
class Walk:
    """The requests that were followed."""

    spans: list[Span] = field(default_factory=list[Span])
    lines: list[Said] = field(default_factory=list[Said])


@dataclass(slots=True)
class _Trip:
    """One request on its way."""

    world: World
    state: State
    machines: Machines
    rng: Random
    walk: Walk
    trace: str
    start: int
    second: int
    number: int = 0
    followed: bool = True
    """Whether its spans are kept."""

    def span_id(self) -> str:
        self.number += 1
        return hexid(16, self.trace, self.number)

    def serve(self, entity: Entity, at: float, parent: str, depth: int) -> tuple[float, bool]:
        """Let an entity serve a request; return when it is done and whether it failed."""
        flow, i, rng = self.state.flows[entity.name], self.second, self.rng
        host = self.machines.pick(entity, self.second, rng)
        span = self.span_id()
        if rng.random() < flow.shares["shed"][i]:
            done = at + 0.002
            self._server(entity, host, span, parent, at, done, failed=True)
            return done, True
        spent = flow.alone[i] * math.exp(rng.gauss(0, _SIGMA))
        now, failed = at + spent * 0.4, False
        if rng.random() < flow.shares["own"][i]:
            done = at + spent * 0.7
            why = Said(self._ns(done), entity.name, host, "ERROR", "own", "", self.trace)
            self.walk.lines.append(why)
            self._server(entity, host, span, parent, at, done, failed=True)
            return done, True
        for edge in self.world.out(entity.name) if depth < _DEEPEST else ():
            many = int(edge.fanout) + (rng.random() < edge.fanout % 1)
            for _ in range(min(many, 2)):
                now, lost = self._ask(entity, edge, host, now, span, depth)
                if lost and edge.critical:
                    failed = True
                    break
            if failed:
                break
        done = now + spent * 0.6
        self._server(entity, host, span, parent, at, done, failed=failed)
        return done, failed

    def _ask(
        self, caller: Entity, edge: Edge, host: str, at: float, parent: str, depth: int
    ) -> tuple[float, bool]:
        """Make one call, with its retries; return when it is over and whether it failed."""
        callee = self.world.entities[edge.callee]
        if caller.kind == "worker" and callee.kind == "queue":
            return at, False
        why = ""
        for _ in range(edge.retries + 1):
            span = self.span_id()
            began = at
            at, why = self._attempt(edge, callee, at, span, depth)
            self._client(caller, callee, host, span, parent, began, at, why)
            if not why:
                return at, False
            millis = round((at - began) * 1000)
            time = self._ns(at)
            self.walk.lines.append(
                Said(time, caller.name, host, "ERROR", why, callee.name, self.trace, millis)
            )
            at += 0.02
        return at, True

    def _attempt(
        self, edge: Edge, callee: Entity, at: float, span: str, depth: int
    ) -> tuple[float, str]:
        """Try once; return when it is over and the reason why it failed, if it did."""
        shares, i = self.state.calls[edge.caller, edge.callee].shares, self.second
        if self.rng.random() < shares["pool"][i]:
            return at + min(edge.timeout, CONNECTING), "pool"
        if self.rng.random() < shares["refused"][i]:
            silent = (edge.caller, edge.callee) in self.state.silent
            return at + (min(edge.timeout, CONNECTING) if silent else REFUSAL), "refused"
        done, failed = self.serve(callee, at + _CONNECTING, span, depth + 1)
        limit = float(self.state.calls[edge.caller, edge.callee].limit[i])
        if done - at > limit:
            return at + limit, "timeout"
        return done + _CONNECTING, "upstream" if failed else ""

    def _ns(self, at: float) -> int:
        return self.start + int(at * 1_000_000) * 1000

    def _server(
        self, entity: Entity, host: str, span: str, parent: str, at: float, done: float, *,
        failed: bool,
    ) -> None:  # fmt: skip
        if entity.kind not in ("service", "worker"):
            return
        name = "process" if entity.kind == "worker" else f"POST /v1/{entity.name}"
        self._keep(entity.name, host, span, parent, at, done, name, SERVER, {}, failed=failed)
        if host or failed or self.rng.random() < 0.12:
            family = "gave_up" if failed else "usual"
            level = "ERROR" if failed else "INFO"
            line = Said(self._ns(done), entity.name, host, level, family, "", self.trace,
                        round((done - at) * 1000))  # fmt: skip
            self.walk.lines.append(line)

    def _client(
        self, caller: Entity, callee: Entity, host: str, span: str, parent: str, at: float,
        done: float, why: str,
    ) -> None:  # fmt: skip
        systems = {"database": "postgresql", "cache": "redis"}
        about = {"server.address": callee.address or callee.name}
        if callee.kind in systems:
            about["db.system.name"] = systems[callee.kind]
        if callee.kind != "service":
            about["peer.service"] = callee.name
        if why:
            about["error.type"] = _ERROR_TYPES.get(why, "503")
        name = "query" if callee.kind in systems else f"POST /v1/{callee.name}"
        self._keep(caller.name, host, span, parent, at, done, name, CLIENT, about, failed=bool(why))

    def _keep(
        self, service: str, host: str, span: str, parent: str, at: float, done: float, name: str,
        kind: int, about: dict[str, str], *, failed: bool,
    ) -> None:  # fmt: skip
        if self.followed:
            made = Span(self.trace, span, parent, service, host, name, kind, self._ns(at),
                        self._ns(done), failed, about)  # fmt: skip
            self.walk.spans.append(made)


def follow(world: World, state: State, machines: Machines, seed: int, start: int) -> Walk:
    """Follow a sample of the requests at the entry, and of the messages that workers take.

    Args:
        world: who calls whom.
        state: what the fault makes of it.
        machines: which of them are there.
        seed: decides which requests.
        start: the window's start, in ns.
    """
    rng = dice("walk", seed)
    walk = Walk()
    seconds = len(state.flows[world.entry].rate)
    doors = [(world.entry, TRACED)]
    doors += [(e.name, TRACED / 4) for e in world.of_kind("worker")]
    for name, rate in doors:
        usual = float(state.flows[name].rate[:60].mean())
        time, number = 0.0, 0
        while (time := time + rng.expovariate(rate)) < seconds - 30:
            # As many are followed as come: of a surge more, of a standstill fewer.
            if rng.random() > min(float(state.flows[name].rate[int(time)]) / usual, 1.0):
                continue
            number += 1
            trace = hexid(32, seed, name, number)
            trip = _Trip(
                world, state, machines, rng, walk, trace, start + int(time) * SECOND, int(time)
            )
            trip.serve(world.entities[name], time % 1, "", 0)
    return walk
