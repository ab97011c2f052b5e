"""Faults that nobody's change causes: outside, hardware, time, traffic, data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import effects
from .plan import Fault, Notice, chosen, edge_to

if TYPE_CHECKING:
    from .plan import Draft


def certificate(draft: Draft) -> Fault:
    """Let a certificate expire: connections fail as they are made anew."""
    caller, callee = edge_to(draft, "service", "external", "database")
    found = draft.effects()
    shape = effects.fading(draft.seconds, draft.begin, draft.end, draft.rng.choice((5, 60, 200)))
    del caller
    places = (callee, *(e.caller for e in draft.world.into(callee)))
    fault = Fault.of("certificate", "certificate", places, found)
    for edge in draft.world.into(callee):
        found.refused[edge.caller, callee] = 0.98 * shape
        fault.says[edge.caller, callee] = {"refused": "tls"}
    return fault


def resolver(draft: Draft) -> Fault:
    """Let name resolution fail for one service, so that all its calls fail now and then."""
    name = chosen(draft, "service")
    found = draft.effects()
    shape = effects.between(draft.seconds, draft.begin, draft.end, 20, 20)
    share = draft.rng.uniform(0.25, 0.8)
    fault = Fault.of("resolver", "network", name, found)
    for edge in draft.world.out(name):
        found.refused[name, edge.callee] = share * shape
        fault.says[name, edge.callee] = {"refused": "dns"}
    return fault


def provider(draft: Draft) -> Fault:
    """Let an outside provider answer with errors, or hardly at all."""
    rng = draft.rng
    caller, name = edge_to(draft, "external")
    found = draft.effects()
    shape = effects.between(draft.seconds, draft.begin, draft.end, rng.choice((5, 60)), 60)
    if rng.random() < 0.5:
        found.failing[name] = rng.uniform(0.4, 0.95) * shape
    else:
        found.extra[name] = rng.uniform(6, 20) * shape
    del caller
    places = (name, *(e.caller for e in draft.world.into(name)))
    return Fault.of("provider", ("external_provider", "dependency"), places, found)


def zone(draft: Draft) -> Fault:
    """Let a zone of a cloud lose power or its network: half of what runs there is gone."""
    rng, world = draft.rng, draft.world
    struck = [e for e in world.of_kind("service", "database", "cache", "queue") if e.cloud]
    cloud = rng.choice(sorted({e.cloud for e in struck}))
    inside = [e.name for e in struck if e.cloud == cloud]
    hit = sorted(rng.sample(inside, max(1, len(inside) * 2 // 3)))
    found = draft.effects()
    for name in hit:
        begin = draft.begin + rng.uniform(0, 15)
        shape = effects.between(draft.seconds, begin, draft.end, rng.uniform(5, 40), 90)
        found.down[name] = rng.uniform(0.3, 0.55) * shape
    where = world.zones[cloud]
    fault = Fault.of(
        "zone", ("external_provider", "hardware", "network"), (where, cloud, *hit), found,
        roots=(where, cloud, *hit),
    )  # fmt: skip
    late = draft.begin + rng.uniform(300, 1100)
    # Providers say when it began, to the minute, and not to the second.
    about = {"cloud": cloud, "since": str(round(draft.begin / 60) * 60)}
    fault.notices = [Notice(late, where, "cloud_health", about)]
    if draft.end < draft.seconds:
        fault.notices.append(Notice(draft.end + 240, where, "cloud_healthy", about))
    return fault


def surge(draft: Draft) -> Fault:
    """Let more customers come than there is capacity for."""
    found = draft.effects()
    shape = effects.between(
        draft.seconds, draft.begin, draft.end, draft.rng.choice((20, 120, 400)), 300
    )
    found.load[:] *= effects.factor(shape, draft.rng.uniform(2.4, 4.5))
    return Fault.of("surge", ("traffic", "resource_exhaustion"), draft.world.entry, found)


def disk_full(draft: Draft) -> Fault:
    """Let a disk fill slowly, until writes fail."""
    rng = draft.rng
    store = chosen(draft, "database")
    found = draft.effects()
    shape = effects.between(draft.seconds, draft.begin, draft.end, 30, 10)
    found.failing[store] = rng.uniform(0.3, 0.9) * shape
    fault = Fault.of("disk_full", "resource_exhaustion", store, found)
    fault.says[store] = {"own": "disk"}
    now = np.arange(draft.seconds)
    grown = np.minimum(1.0, 1 - (draft.begin - now) / rng.uniform(15_000, 60_000))
    fault.gauges[store, "disk"] = np.where(now < draft.end, grown, 0.62)
    return fault


def host_down(draft: Draft) -> Fault:
    """Let a machine fail, with all that runs on it."""
    rng = draft.rng
    host, guests = _machine(draft)
    found = draft.effects()
    for name in guests:
        shape = effects.between(draft.seconds, draft.begin, draft.end, 2, 20)
        found.down[name] = shape * 0.5
    fault = Fault.of("host_down", ("hardware", "resource_exhaustion"), (host, *guests), found,
                     roots=(host, *guests))  # fmt: skip
    fault.details["host"] = host
    fault.notices = [Notice(draft.begin - rng.uniform(0.5, 20), host, "hardware")]
    if draft.end < draft.seconds:
        fault.notices.append(Notice(draft.end - 25, host, "boot"))
    return fault


def _machine(draft: Draft) -> tuple[str, list[str]]:
    """Pick a machine that something runs on which others call; give all that runs on it too.

    Raises:
        LookupError: the world has none.
    """
    world = draft.world
    hosts = [h for h in world.hosts if any(len(world.into(g)) for g in world.guests(h))]
    if not hosts:
        msg = "no service has a machine of its own"
        raise LookupError(msg)
    host = draft.rng.choice(hosts)
    return host, world.guests(host)


def neighbour(draft: Draft) -> Fault:
    """Let another process on a shared machine take its processors."""
    rng = draft.rng
    host, guests = _machine(draft)
    found = draft.effects()
    shape = effects.between(draft.seconds, draft.begin, draft.end, 10, 10)
    for name in guests:
        # Half of its requests are served on this machine, with what the other process leaves.
        found.work[name] = effects.factor(shape, rng.uniform(1.4, 2.2))
        found.servers[name] = effects.toward(shape, 1.0, rng.uniform(0.5, 0.65))
    fault = Fault.of("neighbour", ("resource_exhaustion", "hardware"), (host, *guests), found,
                     roots=(host, *guests))  # fmt: skip
    fault.details["host"] = host
    fault.gauges[host, "cpu"] = 0.35 + 0.62 * shape
    fault.notices = [Notice(draft.begin - 1.5, host, "batch_begins")]
    if draft.end < draft.seconds:
        fault.notices.append(Notice(draft.end, host, "batch_ends"))
    return fault


def bad_data(draft: Draft) -> Fault:
    """Let records come that a service or a worker cannot read."""
    rng = draft.rng
    workers = [e.name for e in draft.world.of_kind("worker")]
    name = rng.choice(workers) if workers and rng.random() < 0.6 else chosen(draft, "service")
    found = draft.effects()
    shape = effects.between(draft.seconds, draft.begin, draft.end, 5, 30)
    found.failing[name] = rng.uniform(0.12, 0.7) * shape
    fault = Fault.of("bad_data", "data", name, found)
    fault.says[name] = {"own": "parse"}
    return fault


def crash(draft: Draft) -> Fault:
    """Let a database die and come back cold, several times, with no change to it."""
    rng = draft.rng
    store = chosen(draft, "database")
    found = draft.effects()
    gap = rng.uniform(240, 500)
    times = [float(t) for t in np.arange(draft.begin, min(draft.end, draft.begin + 4 * gap), gap)]
    lasting = rng.uniform(25, 70)
    found.down[store] = effects.restarts(draft.seconds, times, lasting, 1.0)
    cold = np.maximum.reduce(
        [effects.between(draft.seconds, t + lasting, t + lasting + 90, 1, 80) for t in times]
    )
    found.work[store] = effects.factor(cold, 3.0)
    fault = Fault.of("crash", ("dependency", "resource_exhaustion", "hardware"), store, found)
    fault.notices = [Notice(t, store, "db_crash", {"back": str(lasting)}) for t in times]
    return fault


def quiet(draft: Draft) -> Fault:
    """Let nothing happen."""
    return Fault.of("quiet", (), (), draft.effects(), roots=())
