"""What load, saturation, retries, timeouts and pools make of a fault, second by second.

A fluid model: every entity has, for each second, a rate of requests, a latency and shares of
requests that fail for some reason. Load runs down the calls, latency and failure run up them, and
retries couple the two; a few rounds settle it. Waiting follows Sakasegawa's approximation of the
M/M/c queue (Annals of the Institute of Statistical Mathematics 29, 1977), overload a fluid queue
with a limit; requests that wait for others hold threads and connections (Little's law), and what
finds none is refused; the share of calls that outlast a timeout is that of a lognormal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .world import Edge, Entity, Place, World

Array: TypeAlias = npt.NDArray[np.float64]
Curves: TypeAlias = "dict[Place, Array]"

SPREAD = 0.5
"""Sigma of the logarithm of a latency."""
CONNECTING = 3.0
"""Seconds that a caller waits for a connection at most."""
BUSY = 0.97
"""Utilisation beyond which a queue grows."""
_ROUNDS = 6
_RETRIED = 0.4
"""The most that retries add to the calls of a second: clients have budgets for them."""
_CALM = 1e-6
_SETTLED = 2e-4
_GONE = 0.999
_CLEAR = 12.5
"""A timeout so many times a latency is never reached."""

EDGE_REASONS: tuple[str, ...] = ("timeout", "refused", "upstream", "pool")
"""Why a call fails: too slow, not reachable, answered with an error, no connection left."""


def _none() -> Curves:
    return {}


@dataclass(frozen=True, slots=True)
class Effects:
    """What changes over time, an array of one value a second each; what is left out stays as is.

    Keys are an entity's name, or ``(caller, callee)`` for the last four.
    """

    load: Array
    """A factor on the requests at the entry."""
    work: Curves = field(default_factory=_none)
    """A factor on an entity's own work for a request."""
    servers: Curves = field(default_factory=_none)
    """A factor on how much it can work on at once."""
    failing: Curves = field(default_factory=_none)
    """A share of its requests that fail besides."""
    down: Curves = field(default_factory=_none)
    """A share of the time, or of its instances, that it does not answer at all."""
    extra: Curves = field(default_factory=_none)
    """Seconds that each request takes besides, without keeping anything busy."""
    fanout: Curves = field(default_factory=_none)
    refused: Curves = field(default_factory=_none)
    """A share of calls that find nobody."""
    timeout: Curves = field(default_factory=_none)
    """Seconds, in place of the call's own."""
    pool: Curves = field(default_factory=_none)
    """Connections, in place of the call's own."""
    silent: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Calls that get no answer at all where they find nobody, so that their caller waits."""


def _either(shares: Mapping[str, Array]) -> Array:
    """Return the share that fails for any of several reasons."""
    first, *others = shares.values()
    passed = 1 - first
    for share in others:
        passed = passed * (1 - share)
    return 1 - passed


@dataclass(slots=True)
class Flow:
    """What one entity does, second by second."""

    rate: Array
    latency: Array
    """Seconds that a request takes at the median."""
    alone: Array
    """Those of them that it does not wait for others."""
    busy: Array
    """Utilisation, 0 to 1."""
    shares: dict[str, Array]
    """Reason -> share of its requests that it fails for it by itself: ``own``, its fault; ``shed``,
    no thread or place left; ``down``, it is not there."""
    held: Array
    """Requests that it holds."""
    backlog: Array
    """Messages that wait, for a worker."""

    @property
    def own(self) -> Array:
        """Return the share of requests that it fails by itself."""
        return _either(self.shares)


@dataclass(slots=True)
class Call:
    """What one kind of call comes to, second by second."""

    rate: Array
    """Attempts a second."""
    shares: dict[str, Array]
    """Reason -> share of attempts that fail for it."""
    wait: Array
    """Seconds that the caller waits, retries included."""
    limit: Array
    """Its timeout in seconds."""

    @property
    def failed(self) -> Array:
        """Return the share of attempts that fail."""
        return _either(self.shares)


@dataclass(slots=True)
class State:
    """What the world does, second by second."""

    flows: dict[str, Flow]
    calls: dict[tuple[str, str], Call]
    errors: dict[str, Array]
    """Entity -> the share of its requests that fail, for whatever reason."""
    silent: set[tuple[str, str]]
    """See `Effects`."""


def run(world: World, effects: Effects, rounds: int = _ROUNDS) -> State:
    """Work out what every entity does; a calm day settles in two rounds."""
    seconds = len(effects.load)
    nothing = np.zeros(seconds)
    state = State({}, {}, dict.fromkeys(world.order, nothing), effects.silent)
    for edge in world.edges:
        quiet = dict.fromkeys(EDGE_REASONS, nothing)
        state.calls[edge.caller, edge.callee] = Call(nothing, quiet, nothing, nothing)
    for _ in range(rounds):
        before = dict(state.errors)
        _push(world, effects, state)
        for name in reversed(world.order):
            _settle(world, effects, state, world.entities[name])
        if all(np.abs(state.errors[n] - before[n]).max() < _SETTLED for n in world.order):
            break
    return state


def _push(world: World, effects: Effects, state: State) -> None:
    """Send load down the calls; a call that fails is tried again."""
    seconds = len(effects.load)
    rates = {name: np.zeros(seconds) for name in world.order}
    rates[world.entry] = world.rate * effects.load
    for name in world.order:
        if world.entities[name].kind == "worker":
            rates[name] = _consumed(world, effects, state, name)
        for edge in world.out(name):
            key = edge.caller, edge.callee
            call = state.calls[key]
            made = rates[name] * edge.fanout * _given(effects.fanout, key, 1.0)
            made = made * _passed(state, name) * (1 + _again(edge, call))
            # Half of what it was: load and failure chase one another otherwise.
            call.rate = made if state.flows.get(name) is None else (call.rate + made) / 2
            if world.entities[name].kind != "worker" or world.entities[edge.callee].kind != "queue":
                rates[edge.callee] = rates[edge.callee] + call.rate
    for name, rate in rates.items():
        if name in state.flows:
            state.flows[name].rate = rate
        else:
            calm = np.zeros(seconds)
            state.flows[name] = Flow(rate, calm, calm, calm, {}, calm, calm)


def _again(edge: Edge, call: Call) -> Array:
    """Return the attempts made for each call besides the first."""
    more = sum((call.failed**i for i in range(1, edge.retries + 1)), np.zeros(len(call.rate)))
    return np.minimum(more, _RETRIED)


def _passed(state: State, name: str) -> Array | float:
    """Return the share of requests that get as far as calling others."""
    if name not in state.flows or not state.flows[name].shares:
        return 1.0
    shares = state.flows[name].shares
    return (1 - shares["shed"]) * (1 - shares["down"]) * (1 - shares["own"])


def _consumed(world: World, effects: Effects, state: State, worker: str) -> Array:
    """Say how many messages a worker takes a second, and keep what waits in its flow."""
    seconds = len(effects.load)
    queue = next(e.callee for e in world.out(worker) if world.entities[e.callee].kind == "queue")
    published = [e for e in world.into(queue) if e.caller != worker]
    arriving = sum(
        (state.calls[e.caller, queue].rate * (1 - state.calls[e.caller, queue].failed)
         for e in published), np.zeros(seconds),
    )  # fmt: skip
    entity = world.entities[worker]
    flow = state.flows.get(worker)
    slow = np.maximum(flow.latency if flow else 0.0, entity.demand)
    up = 1 - _given(effects.down, worker, 0.0)
    reached = 1 - state.calls[worker, queue].failed
    able = entity.servers * _given(effects.servers, worker, 1.0) * up * reached / slow
    # What fails goes back to the queue, and is taken again.
    kept = 1 - 0.8 * state.errors[worker]
    backlog, _ = _overload(arriving, able * kept, 1e9)
    taken = np.minimum(able, arriving + np.maximum(backlog, 0))
    if flow:
        flow.backlog = backlog
    return taken


def _settle(world: World, effects: Effects, state: State, entity: Entity) -> None:
    """Work out an entity's latency and failures, those of what it calls being known."""
    flow, name = state.flows[entity.name], entity.name
    waits = np.zeros(len(flow.rate))
    survives = np.ones(len(flow.rate))
    for edge in world.out(name):
        call = state.calls[name, edge.callee]
        _attempt(effects, state, edge, call)
        needed = np.minimum(edge.fanout * _given(effects.fanout, (name, edge.callee), 1.0), 1.0)
        many = edge.fanout * _given(effects.fanout, (name, edge.callee), 1.0)
        waits = waits + many * call.wait
        if edge.critical:
            survives = survives * (1 - needed * call.failed ** (edge.retries + 1))
    demand = entity.demand * _given(effects.work, name, 1.0)
    down = _given(effects.down, name, 0.0)
    servers = np.maximum(entity.servers * _given(effects.servers, name, 1.0) * (1 - down), 0.05)
    arriving = flow.rate * (1 - down)
    capacity = servers / demand
    flow.busy = np.clip(arriving / capacity, 0, BUSY)
    power = np.sqrt(2 * (servers + 1)) - 1
    queueing = demand * flow.busy**power / (servers * (1 - flow.busy))
    limit = entity.threads * 2
    backlog, shed = _overload(arriving, capacity * BUSY, limit)
    flow.alone = demand + queueing + backlog / capacity + _given(effects.extra, name, 0.0)
    flow.latency = flow.alone + waits
    flow.held = arriving * flow.latency
    full = np.clip(1 - entity.threads / np.maximum(flow.held, _CALM), 0, 1)
    own = 1 - (1 - entity.failing) * (1 - _given(effects.failing, name, 0.0))
    refused = 1 - (1 - shed) * (1 - full)
    refused = (flow.shares.get("shed", refused) + refused) / 2
    flow.shares = {"own": _whole(own, flow.rate), "shed": refused,
                   "down": _whole(down, flow.rate)}  # fmt: skip
    flow.held = np.minimum(flow.held, entity.threads)
    state.errors[name] = 1 - (1 - flow.own) * survives


def _attempt(effects: Effects, state: State, edge: Edge, call: Call) -> None:
    """Work out one kind of call: how long its caller waits, and for what reasons it fails."""
    key = edge.caller, edge.callee
    callee = state.flows[edge.callee]
    timeout = _whole(_given(effects.timeout, key, edge.timeout), call.rate)
    late = _beyond(callee.latency, timeout)
    call.limit = timeout
    answered = np.minimum(callee.latency, timeout)
    pool = _given(effects.pool, key, edge.pool)
    lacking = np.zeros(len(call.rate))
    if edge.pool:
        held = call.rate * (answered + _own_share(state, edge))
        lacking = np.clip(1 - pool / np.maximum(held, _CALM), 0, 1)
    down = callee.shares.get("down", np.zeros(len(call.rate)))
    gone = 1 - (1 - _given(effects.refused, key, 0.0)) * (1 - down)
    # What is down altogether answers nothing, with errors neither.
    answers = np.maximum(1 - down, _CALM)
    inner = np.where(down < _GONE, 1 - (1 - state.errors[edge.callee]) / answers, 0.0)
    call.shares = {"timeout": late, "refused": _whole(gone, call.rate),
                   "upstream": np.clip(inner, 0, 1), "pool": lacking}  # fmt: skip
    # A call without a connection waits for one as long as it may.
    in_vain = np.minimum(timeout, CONNECTING)
    once = answered * (1 - lacking) + in_vain * lacking
    if key in effects.silent:
        once = once + gone * in_vain
    call.wait = once * (1 + _again(edge, call))


def _own_share(state: State, edge: Edge) -> Array:
    """Return for how long a caller keeps a connection while it does its own work, by call."""
    alone = state.flows[edge.caller].alone
    return alone / max(edge.fanout, 1.0)


def _beyond(latency: Array, timeout: Array) -> Array:
    """Return the share of a lognormal with these medians that lies beyond the timeouts."""
    if (timeout > _CLEAR * latency).all():
        return np.zeros(len(latency))
    z = (np.log(timeout) - np.log(np.maximum(latency, _CALM))) / SPREAD
    # The logistic curve nearest to the normal distribution; its tail is cut, for calm is calm.
    share = 1 / (1 + np.exp(np.clip(1.702 * z, -60, 60)))
    return np.where(share < 2e-4, 0.0, share)


def _overload(arriving: Array, capacity: Array, limit: float) -> tuple[Array, Array]:
    """Let what cannot be worked on queue up to a limit: the backlog, and the share turned away."""
    from . import _backlog_kernel

    if not (arriving > capacity).any():
        return np.zeros(len(arriving)), np.zeros(len(arriving))
    return _backlog_kernel.backlog(arriving, _whole(capacity, arriving).copy(), limit)


def _given(values: Curves, key: Place, usual: float) -> Array:
    """Return what an effect says over time, or the usual value."""
    found = values.get(key)
    return np.asarray(usual) if found is None else found


def _whole(value: Array, like: Array) -> Array:
    return np.broadcast_to(value, like.shape)
