"""Faults that a change causes: code, settings, flags, capacity, infrastructure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from . import authored, changes, effects, vocabulary
from .changes import Change
from .plan import Fault, Notice, chosen, edge_to

if TYPE_CHECKING:
    from .plan import Draft


def bug(draft: Draft) -> Fault:
    """Let a deploy raise on a share of the requests."""
    name = chosen(draft, "service")
    made = changes.deploy(
        draft.rng, draft.world, name, draft.begin, draft.rng.choice(authored.BUGS)
    )
    share = draft.rng.choice((0.04, 0.15, 0.4, 0.8))
    found = draft.effects()
    shape = effects.between(draft.seconds, draft.begin, draft.end, made.lasting, 60)
    found.failing[name] = share * shape
    fault = Fault.of("bug", "code_change", name, found, made)
    fault.says[name] = {"own": "bug"}
    return fault


def slow_code(draft: Draft) -> Fault:
    """Let a deploy take more work for each request, or ask the database more often."""
    rng, world = draft.rng, draft.world
    found = draft.effects()
    if rng.random() < 0.5:
        name = chosen(draft, "service")
        made = changes.deploy(rng, world, name, draft.begin, rng.choice(authored.SLOW))
        shape = effects.between(draft.seconds, draft.begin, draft.end, made.lasting, 60)
        found.work[name] = effects.factor(shape, rng.uniform(3, 7))
        return Fault.of("slow_code", "code_change", name, found, made)
    name, store = edge_to(draft, "database")
    made = changes.deploy(rng, world, name, draft.begin, rng.choice(authored.CHATTY))
    shape = effects.between(draft.seconds, draft.begin, draft.end, made.lasting, 60)
    found.fanout[name, store] = effects.factor(shape, rng.uniform(8, 20))
    return Fault.of("slow_code", "code_change", name, found, made, roots=(name, store))


def leak(draft: Draft) -> Fault:
    """Let a deploy keep memory: collection takes more and more, and processes are killed."""
    rng, world = draft.rng, draft.world
    name = chosen(draft, "service")
    # The deploy is long before what it does shows.
    made = changes.deploy(rng, world, name, draft.begin - 300, rng.choice(authored.LEAKS))
    minutes = rng.uniform(12, 24)
    full = made.time + 60 * minutes
    memory = np.zeros(draft.seconds)
    now = np.arange(draft.seconds)
    deaths = [float(t) for t in np.arange(full, draft.end, 60 * minutes)]
    since = np.maximum.reduce([np.where(now >= b, b, 0) for b in (made.time, *deaths)])
    grown = np.clip((now - since) / (60 * minutes), 0, 1)
    memory = np.where((now >= made.time) & (now < draft.end), 0.38 + 0.62 * grown, 0.38)
    found = draft.effects()
    found.work[name] = 1 + 9 * np.clip((memory - 0.8) / 0.2, 0, 1) ** 2
    found.down[name] = effects.restarts(draft.seconds, deaths, rng.uniform(10, 35), 0.5)
    fault = Fault.of("leak", "code_change", name, found, made)
    fault.gauges[name, "memory"] = memory
    fault.notices = [Notice(t, name, "oom") for t in deaths]
    return fault


def pool_cut(draft: Draft) -> Fault:
    """Let a smaller connection pool run out, at once or when traffic rises."""
    rng = draft.rng
    caller, store = edge_to(draft, "database")
    edge = next(e for e in draft.world.out(caller) if e.callee == store)
    need = _connections(draft, caller, store)
    delayed = rng.random() < 0.4
    size = int(need * 1.3) if delayed else int(need * rng.uniform(0.4, 0.85))
    if size < 1 or size >= edge.pool or (delayed and size < need * 1.1):
        msg = f"{caller} needs {need:.1f} connections: no whole number is a little too few"
        raise LookupError(msg)
    time = draft.begin - (rng.uniform(600, 1500) if delayed else 0)
    made = Change(
        time, "config", caller, f"{caller}: right-size the connection pool",
        f"{caller}.db.pool.max_size", str(int(edge.pool)), str(size),
        actor=rng.choice(vocabulary.PEOPLE),
    )  # fmt: skip
    found = draft.effects()
    if delayed:
        found.load[:] *= effects.factor(
            effects.between(draft.seconds, draft.begin, draft.end + 900, 120, 300), 1.45
        )
    shape = effects.between(draft.seconds, time, draft.end, 8, 8)
    found.pool[caller, store] = effects.toward(shape, edge.pool, size)
    fault = Fault.of("pool_cut", "config_change", caller, found, made, roots=(caller, store))
    fault.says[caller, store] = {"pool": "pool"}
    fault.details["pool"] = str(size)
    return fault


def _connections(draft: Draft, caller: str, callee: str) -> float:
    """Work out how many connections a caller holds on a calm day."""
    from . import physics

    calm = physics.run(draft.world, physics.Effects(np.ones(30)), 2)
    edge = next(e for e in draft.world.out(caller) if e.callee == callee)
    own = calm.flows[caller].alone / max(edge.fanout, 1.0)
    held = calm.calls[caller, callee].rate * (calm.flows[callee].latency + own)
    return float(held[-1])


def timeout_cut(draft: Draft) -> Fault:
    """Let a timeout that is too short cut calls off that would have been answered."""
    from . import physics

    rng = draft.rng
    caller, callee = edge_to(draft, "service", "external")
    edge = next(e for e in draft.world.out(caller) if e.callee == callee)
    calm = physics.run(draft.world, physics.Effects(np.ones(30)), 2)
    then = float(calm.flows[callee].latency[-1]) * rng.uniform(0.8, 1.5)
    found = draft.effects()
    shape = effects.between(draft.seconds, draft.begin, draft.end, 6, 6)
    found.timeout[caller, callee] = effects.toward(shape, edge.timeout, then)
    made = Change(
        draft.begin, "config", caller, f"{caller}: fail fast when {callee} is slow",
        f"{caller}.{callee}.timeout_ms", str(int(edge.timeout * 1000)), str(int(then * 1000)),
        actor=rng.choice(vocabulary.PEOPLE),
    )  # fmt: skip
    fault = Fault.of("timeout_cut", "config_change", caller, found, made)
    fault.says[caller, callee] = {"timeout": "timeout"}
    return fault


def ttl_cut(draft: Draft) -> Fault:
    """Let a cache forget sooner, so that its database is asked for nearly everything."""
    world, rng = draft.world, draft.rng
    owners = [
        (e.caller, s.callee) for e in world.edges for s in world.out(e.caller)
        if world.entities[e.callee].kind == "cache" and world.entities[s.callee].kind == "database"
    ]  # fmt: skip
    if not owners:
        msg = "no service has both a cache and a database"
        raise LookupError(msg)
    caller, store = rng.choice(owners)
    found = draft.effects()
    shape = effects.fading(draft.seconds, draft.begin, draft.end, rng.uniform(60, 240))
    found.fanout[caller, store] = effects.factor(shape, rng.uniform(10, 24))
    message = f"{caller}: fresher {rng.choice(vocabulary.FIELDS)}"
    made = Change(draft.begin, "config", caller, message,
                  f"{caller}.cache.ttl_seconds", "900", rng.choice(("5", "10")),
                  actor=rng.choice(vocabulary.PEOPLE))  # fmt: skip
    return Fault.of("ttl_cut", "config_change", caller, found, made, roots=(caller, store))


def flag_on(draft: Draft) -> Fault:
    """Let a feature flag send a share of requests down a path that fails, or costs too much."""
    rng = draft.rng
    name = chosen(draft, "service")
    found = draft.effects()
    shape = effects.between(draft.seconds, draft.begin, draft.end, 20, 10)
    costly = rng.random() < 0.4
    share = rng.choice((0.1, 0.25, 0.5))
    if costly:
        found.work[name] = effects.factor(shape, rng.uniform(3, 6))
    else:
        found.failing[name] = share * shape
    key = f"{name}.{rng.choice(vocabulary.VERBS)}_{rng.choice(vocabulary.FIELDS)}_v2"
    new = "true" if costly else f"{int(share * 100)}%"
    made = Change(draft.begin, "flag", name, key, key, "false" if costly else "0%", new,
                  actor=rng.choice(vocabulary.PEOPLE))  # fmt: skip
    fault = Fault.of("flag_on", "feature_flag", name, found, made)
    fault.says[name] = {"own": "bug"}
    return fault


def scale_down(draft: Draft) -> Fault:
    """Let fewer instances carry the load, which some time later is too much for them."""
    rng = draft.rng
    busy = [e.name for e in draft.world.of_kind("service") if e.servers > 3]
    name = rng.choice(busy or [chosen(draft, "service")])
    delayed = rng.random() < 0.5
    time = draft.begin - (rng.uniform(400, 1200) if delayed else 0)
    found = draft.effects()
    if delayed:
        found.load[:] *= effects.factor(
            effects.between(draft.seconds, draft.begin, draft.end + 900, 240, 300), 1.45
        )
    before = draft.world.instances(name)
    wanted = _busy(draft, name) / (0.78 if delayed else rng.uniform(1.05, 1.4))
    after = max(1, int(before * wanted) + delayed)
    shape = effects.between(draft.seconds, time, draft.end, 40, 90)
    found.servers[name] = effects.toward(shape, 1.0, after / before)
    made = Change(time, "scale", name, f"{name}: fewer instances, it is idle most of the day",
                  "desired_count", str(before), str(after),
                  actor=rng.choice(vocabulary.PEOPLE))  # fmt: skip
    return Fault.of("scale_down", ("scaling", "config_change"), name, found, made)


def _busy(draft: Draft, name: str) -> float:
    """Work out an entity's utilisation on a calm day."""
    from . import physics

    calm = physics.run(draft.world, physics.Effects(np.ones(30)), 2)
    return float(calm.flows[name].busy[-1])


def firewall(draft: Draft) -> Fault:
    """Let a rule close a port: calls fail as the connections that stand run out."""
    rng = draft.rng
    caller, callee = edge_to(draft, "database", "service")
    found = draft.effects()
    shape = effects.fading(draft.seconds, draft.begin, draft.end, rng.choice((10, 90, 400)))
    found.refused[caller, callee] = 0.97 * shape
    entity = draft.world.entities[callee]
    verbs = {"aws": "ec2:RevokeSecurityGroupIngress", "gcp": "v1.compute.firewalls.patch"}
    made = Change(
        draft.begin, "infra", callee, f"tighten ingress of {callee}", "ingress", "10.0.0.0/8",
        "10.20.0.0/16", actor=rng.choice(vocabulary.PEOPLE),
        api=verbs.get(entity.cloud, "Microsoft.Network/networkSecurityGroups/securityRules/write"),
    )  # fmt: skip
    categories = ("infrastructure_change", "network", "config_change")
    found.silent.add((caller, callee))
    fault = Fault.of("firewall", categories, (callee, caller), found, made, roots=(callee, caller))
    fault.says[caller, callee] = {"refused": "connect_timeout"}
    return fault


def credentials(draft: Draft) -> Fault:
    """Let a rotated secret lock a service out of its store, once what it holds has run out."""
    rng = draft.rng
    caller, store = edge_to(draft, "database")
    found = draft.effects()
    lifetime = rng.choice((20, 180, 500))
    shape = effects.fading(draft.seconds, draft.begin, draft.end, lifetime)
    found.refused[caller, store] = 0.98 * shape
    verbs = {
        "aws": "secretsmanager:PutSecretValue",
        "gcp": "google.cloud.secretmanager.v1.SecretManagerService.AddSecretVersion",
    }
    cloud = draft.world.entities[caller].cloud
    made = Change(
        draft.begin, "infra", caller, f"rotate the database password of {caller}", "secret",
        "version 7", "version 8", actor=rng.choice(vocabulary.PEOPLE),
        api=verbs.get(cloud, "Microsoft.KeyVault/vaults/secrets/write"),
    )  # fmt: skip
    categories = ("config_change", "infrastructure_change", "certificate")
    fault = Fault.of("credentials", categories, (caller, store), found, made, roots=(caller, store))
    fault.says[caller, store] = {"refused": "auth"}
    return fault


def parameter(draft: Draft) -> Fault:
    """Let a database's setting take effect some time after it was written, and hurt all clients."""
    rng = draft.rng
    store = chosen(draft, "database")
    delay = rng.choice((5.0, 240.0, 900.0))
    found = draft.effects()
    shape = effects.between(draft.seconds, draft.begin + delay, draft.end, 10, 10)
    key, old, new, reason = rng.choice(
        (
            ("statement_timeout", "30000", "150", "statement"),
            ("work_mem", "65536", "512", ""),
            ("max_connections", "400", "40", "clients"),
        )
    )
    if reason:
        found.failing[store] = rng.uniform(0.15, 0.6) * shape
    else:
        found.work[store] = effects.factor(shape, 1.15 / max(_busy(draft, store), 0.03))
    made = Change(draft.begin, "config", store, f"{store}: {key}", key, old, new,
                  actor=rng.choice(vocabulary.PEOPLE))  # fmt: skip
    fault = Fault.of("parameter", ("config_change", "infrastructure_change"), store, found, made)
    if reason:
        fault.says[store] = {"own": reason}
    if delay > 100:
        fault.notices.append(Notice(draft.begin + delay - 4, store, "db_restart"))
    return fault


def dns_record(draft: Draft) -> Fault:
    """Let a changed name lead nowhere, as caches of the old answer run out."""
    rng = draft.rng
    caller, callee = edge_to(draft, "service")
    found = draft.effects()
    shape = effects.fading(draft.seconds, draft.begin, draft.end, rng.choice((60, 150, 300)))
    for edge in draft.world.into(callee):
        found.refused[edge.caller, callee] = 0.95 * shape
    cloud = draft.world.entities[callee].cloud
    verbs = {"aws": "route53:ChangeResourceRecordSets", "gcp": "dns.changes.create"}
    address = draft.world.entities[callee].address
    made = Change(
        draft.begin, "infra", callee, f"point {address} at the new balancer", address,
        "10.2.14.7", "10.2.41.7", actor=rng.choice(vocabulary.PEOPLE),
        api=verbs.get(cloud, "Microsoft.Network/privateDnsZones/A/write"),
    )  # fmt: skip
    categories = ("network", "infrastructure_change", "config_change")
    fault = Fault.of(
        "dns_record",
        categories,
        (callee, caller),
        found,
        made,
        roots=(callee, *(e.caller for e in draft.world.into(callee))),
    )
    for edge in draft.world.into(callee):
        fault.says[edge.caller, callee] = {"refused": "unreachable"}
    return fault


def ended(fault: Fault, draft: Draft) -> Fault:
    """Add the change that ends a fault which a change caused."""
    if fault.change is None or draft.end >= draft.seconds:
        return fault
    return replace(fault, cure=fault.change.undone(draft.end))
