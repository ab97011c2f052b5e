"""Every kind of fault there is, how often it is drawn, and a check that it does harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixtures.scenario import dice

from . import faults_of_changes as changed
from . import faults_of_the_day as ambient
from . import physics
from .plan import Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from .physics import Array, State
    from .plan import Fault
    from .world import World

KINDS: Mapping[str, Callable[[Draft], Fault]] = {
    f.__name__: f
    for f in (
        changed.bug, changed.slow_code, changed.leak, changed.pool_cut, changed.timeout_cut,
        changed.ttl_cut, changed.flag_on, changed.scale_down, changed.firewall,
        changed.credentials, changed.parameter, changed.dns_record, ambient.certificate,
        ambient.resolver, ambient.provider, ambient.zone, ambient.surge, ambient.disk_full,
        ambient.host_down, ambient.neighbour, ambient.bad_data, ambient.crash, ambient.quiet,
    )
}  # fmt: skip
WEIGHTS: Mapping[str, float] = {"bug": 2.0, "flag_on": 1.5, "quiet": 1.0, "slow_code": 1.5}
"""How often a kind is drawn; 1 where nothing is said."""
LOOKS: Mapping[str, tuple[str, ...]] = {
    "flag_on": ("code_change", "resource_exhaustion"), "slow_code": ("resource_exhaustion",),
    "leak": ("resource_exhaustion",), "pool_cut": ("resource_exhaustion",),
    "timeout_cut": ("dependency",), "ttl_cut": ("resource_exhaustion",),
    "scale_down": ("resource_exhaustion",), "parameter": ("resource_exhaustion",),
    "zone": ("dependency",),
}  # fmt: skip
"""What a kind looks like to those from whom the one record of what did it was lost: the change's,
or the provider's word. New code throws whoever switched it on, too few instances are busy, and
machines without power do not answer; more than that nobody could know."""
BY_WORDS = frozenset(("certificate", "resolver", "bad_data"))
"""Kinds that lines of logs alone tell from others: where every such line was lost, nobody can know
more than where it is, and to say that what it is is not known is right."""
_HARM = 0.01
_SLOWER = 1.5
_OLDEST = 60.0
_LONG = 180
_BAD = 0.03
_MUCH_SLOWER = 3.0
_LASTS = 5
_TRIES = 40
_MOMENTS = 20
"""Seconds of the busiest moment that tell whether it can be borne: far fewer than a day has."""


class HarmlessError(LookupError):
    """No draw of a kind did harm in this world."""


def drawn(world: World, seed: int, kind: str | None) -> tuple[Fault, Draft, State, State, float]:
    """Draw a fault that harms, of a kind if one is given.

    Returns:
        The fault, what it was drawn from, the world with and without it, and its onset in seconds.

    Raises:
        HarmlessError: no draw of the kind did.
    """
    rng = dice("fault", seed)
    names = list(KINDS)
    for attempt in range(_TRIES):
        name = kind or rng.choices(names, [WEIGHTS.get(n, 1.0) for n in names])[0]
        draft = _draft(world, seed, attempt)
        try:
            fault = KINDS[name](draft)
        except LookupError:
            if kind and attempt > 4:
                break
            continue
        fault = changed.ended(fault, draft)
        # A rise of traffic that lets a change show does no harm by itself.
        usual = physics.Effects(fault.effects.load) if fault.change else draft.effects()
        peak = physics.Effects(np.full(_MOMENTS, usual.load.max()))
        # Where a calm day is too much, there would be another trouble than the fault's.
        if overrun(world, physics.run(world, peak)) or overrun(
            world, calm := physics.run(world, usual)
        ):
            continue
        state = physics.run(world, fault.effects)
        if name == "quiet":
            return fault, draft, state, calm, draft.begin
        onset = first_harm(world, state, calm)
        if name == "surge" and onset is not None:
            _placed(fault, world, state, calm, onset)
        if onset is not None and onset < draft.end and serious(world, state, calm):
            return fault, draft, state, calm, onset
    msg = f"seed {seed}: no {kind or 'fault'} did harm here in {_TRIES} draws; try another seed"
    raise HarmlessError(msg)


def _placed(fault: Fault, world: World, state: State, calm: State, onset: float) -> None:
    """Let a surge be placed where it comes in, or where there is not enough capacity for it."""
    full = [
        n for n in world.order
        if harmed(world, state, calm, n)[: int(onset) + 60].any()
        and state.flows[n].shares["shed"].max() > _HARM
    ]  # fmt: skip
    fault.entities = fault.roots = tuple(dict.fromkeys((world.entry, *full)))


def _draft(world: World, seed: int, attempt: int) -> Draft:
    rng = dice("draft", seed, attempt)
    seconds = rng.randrange(84, 116) * 60
    begin = float(rng.randrange(int(seconds * 0.34), int(seconds * 0.52))) + rng.random()
    end = begin + rng.uniform(14, 38) * 60
    if rng.random() < 0.12:
        end = float(seconds)  # not over when the window ends
    return Draft(rng, world, seconds, begin, min(end, float(seconds)), traffic(seed, seconds))


def traffic(seed: int, seconds: int) -> Array:
    """Draw the usual traffic: a slow swing of the day, and slower and faster noise."""
    draw = np.random.default_rng([seed, 7])
    now = np.arange(seconds)
    swing = 1 + 0.12 * np.sin(2 * np.pi * (now / 14_400 + draw.random()))
    steps = draw.normal(0, 0.035, seconds // 45 + 2)
    slow = np.interp(now, np.arange(len(steps)) * 45, steps)
    return swing * (1 + slow)


def first_harm(world: World, state: State, calm: State) -> float | None:
    """Find the first second from which some entity does worse than it would without the fault."""
    worst = np.zeros(len(calm.flows[world.entry].rate), np.bool_)
    for name in world.order:
        worst |= harmed(world, state, calm, name)
    lasting = np.lib.stride_tricks.sliding_window_view(worst, _LASTS).all(axis=1)
    return float(np.argmax(lasting)) if lasting.any() else None


def overrun(world: World, calm: State) -> bool:
    """Say whether some entity cannot bear even the traffic of a day without a fault."""
    return any(
        calm.flows[n].shares["shed"].max() > _HARM or calm.errors[n].max() > _HARM
        or (calm.flows[n].backlog / np.maximum(calm.flows[n].rate, 1e-3)).max() > _OLDEST
        for n in world.order
    )  # fmt: skip


def serious(world: World, state: State, calm: State) -> bool:
    """Say whether it lasted and was bad enough that somebody would call it an incident."""
    for name in world.order:
        hurt = harmed(world, state, calm, name)
        worst = (state.errors[name] - calm.errors[name])[hurt]
        slower = (state.flows[name].latency / np.maximum(calm.flows[name].latency, 1e-6))[hurt]
        if hurt.sum() >= _LONG and (
            np.quantile(worst, 0.9) >= _BAD or np.quantile(slower, 0.9) >= _MUCH_SLOWER
            or world.entities[name].kind == "worker"
        ):  # fmt: skip
            return True
    return False


def harmed(world: World, state: State, calm: State, name: str) -> npt.NDArray[np.bool_]:
    """Say for each second whether an entity fails, dawdles or lags where else it would not."""
    flow, usual = state.flows[name], calm.flows[name]
    fails = state.errors[name] - calm.errors[name] > _HARM
    slow = flow.latency > _SLOWER * usual.latency
    found: npt.NDArray[np.bool_] = fails | slow
    if world.entities[name].kind == "worker":
        age, before = (f.backlog / np.maximum(f.rate, 1e-3) for f in (flow, usual))
        found = fails | (age - before > _OLDEST)
    return found
