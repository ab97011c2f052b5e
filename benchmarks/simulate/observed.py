"""What monitoring sees of the world: a point a minute for each metric that a platform has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fixtures.scenario import MINUTE, Series, dice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .changes import Change
    from .physics import Array, Flow, State
    from .plan import Fault
    from .world import Entity, World

REQUESTS, ERRORS, LATENCY, CPU, MEMORY = "requests", "errors", "latency", "cpu", "memory"
CONNECTIONS, DISK, AGE, WAITING, HITS = "connections", "disk", "age", "waiting", "hits"
INSTANCES = "instances"

# platform -> gauge -> name, statistic (GCP: the metric's kind), unit
NAMES: dict[str, dict[str, tuple[str, str, str]]] = {
    "ecs": {
        REQUESTS: ("RequestCount", "Sum", "Count"),
        ERRORS: ("HTTPCode_Target_5XX_Count", "Sum", "Count"),
        LATENCY: ("TargetResponseTime", "p99", "Seconds"),
        CPU: ("CPUUtilization", "Average", "Percent"),
        MEMORY: ("MemoryUtilization", "Average", "Percent"),
        INSTANCES: ("DesiredTaskCount", "Average", "Count"),
    },
    "linux": {
        REQUESTS: ("RequestCount", "Sum", "Count"),
        ERRORS: ("HTTPCode_Target_5XX_Count", "Sum", "Count"),
        LATENCY: ("TargetResponseTime", "p99", "Seconds"),
        INSTANCES: ("GroupDesiredCapacity", "Average", "None"),
    },
    "run": {
        REQUESTS: ("run.googleapis.com/request_count{2xx}", "DELTA", "1"),
        ERRORS: ("run.googleapis.com/request_count{5xx}", "DELTA", "1"),
        LATENCY: ("run.googleapis.com/request_latencies", "GAUGE", "ms"),
        CPU: ("run.googleapis.com/container/cpu/utilization", "GAUGE", "10^2.%"),
        MEMORY: ("run.googleapis.com/container/memory/utilization", "GAUGE", "10^2.%"),
        INSTANCES: ("run.googleapis.com/container/instance_count", "GAUGE", "1"),
    },
    "containerapp": {
        REQUESTS: ("Requests", "total", "Count"),
        ERRORS: ("Requests{5xx}", "total", "Count"),
        LATENCY: ("ResponseTime", "average", "MilliSeconds"),
        CPU: ("CpuPercentage", "average", "Percent"),
        MEMORY: ("MemoryPercentage", "average", "Percent"),
        INSTANCES: ("Replicas", "average", "Count"),
    },
    "windows": {
        REQUESTS: ("requests/count", "total", "Count"),
        ERRORS: ("requests/failed", "total", "Count"),
        LATENCY: ("requests/duration", "average", "MilliSeconds"),
        INSTANCES: ("ObservedCapacity", "average", "Count"),
    },
    "rds": {
        CPU: ("CPUUtilization", "Average", "Percent"),
        CONNECTIONS: ("DatabaseConnections", "Average", "Count"),
        LATENCY: ("ReadLatency", "Average", "Seconds"),
        DISK: ("FreeStorageSpace", "Average", "Bytes"),
    },
    "cloudsql": {
        CPU: ("cloudsql.googleapis.com/database/cpu/utilization", "GAUGE", "10^2.%"),
        CONNECTIONS: ("cloudsql.googleapis.com/database/postgresql/num_backends", "GAUGE", "1"),
        DISK: ("cloudsql.googleapis.com/database/disk/utilization", "GAUGE", "10^2.%"),
    },
    "azpg": {
        CPU: ("cpu_percent", "average", "Percent"),
        CONNECTIONS: ("active_connections", "average", "Count"),
        DISK: ("storage_percent", "average", "Percent"),
    },
    "elasticache": {
        HITS: ("CacheHitRate", "Average", "Percent"),
        CONNECTIONS: ("CurrConnections", "Average", "Count"),
    },
    "memorystore": {HITS: ("redis.googleapis.com/stats/cache_hit_ratio", "GAUGE", "1")},
    "azredis": {HITS: ("cacheHitRate", "average", "Percent")},
    "sqs": {
        WAITING: ("ApproximateNumberOfMessagesVisible", "Average", "Count"),
        AGE: ("ApproximateAgeOfOldestMessage", "Maximum", "Seconds"),
    },
    "pubsub": {
        WAITING: ("pubsub.googleapis.com/subscription/num_undelivered_messages", "GAUGE", "1"),
        AGE: ("pubsub.googleapis.com/subscription/oldest_unacked_message_age", "GAUGE", "s"),
    },
    "servicebus": {WAITING: ("ActiveMessages", "average", "Count")},
    "host.linux": {
        CPU: ("cpu_usage_active", "Average", "Percent"),
        MEMORY: ("mem_used_percent", "Average", "Percent"),
        DISK: ("disk_used_percent", "Average", "Percent"),
    },
    "host.windows": {CPU: ("Percentage CPU", "average", "Percent")},
}  # fmt: skip
_SYSTEMS = {"aws": "cloudwatch", "gcp": "gcp", "azure": "azure"}
_LAG = 40.0
"""Seconds until as many instances run as are asked for."""
_NOISE = {LATENCY: 0.07, CPU: 0.05, MEMORY: 0.01, DISK: 0.0004, CONNECTIONS: 0.06, HITS: 0.01,
          WAITING: 0.1, AGE: 0.1}  # fmt: skip
_BUCKET = 107_374_182_400.0
"""Bytes of a database's disk."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric of one entity: what it is, and the series that monitoring keeps."""

    entity: str
    platform: str
    gauge: str
    series: Series


@dataclass(frozen=True, slots=True)
class _Watch:
    """What is looked at."""

    world: World
    state: State
    fault: Fault
    changes: Sequence[Change]
    seed: int
    start: int


def metrics(
    world: World, state: State, fault: Fault, changes: Sequence[Change], seed: int, start: int
) -> Iterator[Gauge]:
    """Draw every metric; the window's start, in ns, is that of a minute."""
    watch = _Watch(world, state, fault, changes, seed, start)
    for name in world.order:
        entity = world.entities[name]
        for gauge, about in NAMES.get(entity.platform, {}).items():
            values = _minutes(watch, entity, gauge)
            yield _gauge(watch, name, entity.platform, gauge, about, values)
    for host in world.hosts:
        platform = "host.windows" if host.startswith("win-") else "host.linux"
        for gauge, about in NAMES[platform].items():
            values = _on_host(watch, host, gauge)
            yield _gauge(watch, host, platform, gauge, about, values)


def _gauge(
    watch: _Watch, name: str, platform: str, gauge: str, about: tuple[str, str, str], values: Array
) -> Gauge:
    metric, statistic, unit = about
    scaled = values * _scale(gauge, unit)
    if metric == "FreeStorageSpace":
        scaled = (1 - values) * _BUCKET
    points = tuple(
        (watch.start + i * MINUTE, round(float(v), 4))
        for i, v in enumerate(scaled)
        if np.isfinite(v)
    )
    plain, _, label = metric.partition("{")
    labels = {"response_code_class": label.rstrip("}")} if label else {}
    cloud = {"host.windows": "azure", "host.linux": "aws"}.get(platform)
    system = _SYSTEMS[cloud or watch.world.entities[name].cloud]
    return Gauge(
        name, platform, gauge, Series(system, name, plain, statistic, unit, points, labels)
    )


def _scale(gauge: str, unit: str) -> float:
    if gauge == LATENCY:
        return 1000.0 if unit in ("ms", "MilliSeconds") else 1.0
    if unit == "Percent":
        return 100.0
    return 1.0


def _minutes(watch: _Watch, entity: Entity, gauge: str) -> Array:
    """Return a gauge's value in each whole minute of the window."""
    flow = watch.state.flows[entity.name]
    draw = np.random.default_rng(dice("metric", watch.seed, entity.name, gauge).getrandbits(64))
    if gauge in (REQUESTS, ERRORS):
        served = flow.rate * (1 - flow.shares["down"] * 0.5)
        rate = served * (watch.state.errors[entity.name] if gauge == ERRORS else 1.0)
        return draw.poisson(_per_minute(rate) * 60).astype(np.float64)
    if gauge == INSTANCES:
        return np.round(_per_minute(_instances(watch, entity)))
    values = _per_minute(_instant(watch, entity, flow, gauge))
    noisy = values * np.exp(draw.normal(0, _NOISE[gauge], len(values)))
    return np.minimum(noisy, 1.0) if gauge in (CPU, MEMORY, DISK, HITS) else noisy


def _instant(watch: _Watch, entity: Entity, flow: Flow, gauge: str) -> Array:
    """Return a gauge's true value second by second."""
    told = watch.fault.gauges.get((entity.name, gauge))
    if told is not None:
        return told
    own = dice("usual", watch.seed, entity.name, gauge).random()
    level = np.full(
        len(flow.rate), {MEMORY: 0.35, DISK: 0.3, HITS: 0.85}.get(gauge, 0.0) + 0.1 * own
    )
    if gauge == LATENCY:
        slow = 2.2 if entity.kind != "database" else 1.0  # p99 of a lognormal, by its median
        return np.minimum(flow.latency * slow, 60.0)
    if gauge == CPU:
        return flow.busy * 0.92 + 0.03
    if gauge == CONNECTIONS:
        return flow.held * 1.5 + 4
    if gauge == HITS:
        return level - 0.75 * _cold(watch, entity)
    return _waiting(watch, entity, gauge) if gauge in (WAITING, AGE) else level


def _instances(watch: _Watch, entity: Entity) -> Array:
    """Return how many instances of a service run: every cloud publishes it as a metric."""
    usual = float(watch.world.instances(entity.name))
    many = np.full(len(watch.state.flows[entity.name].rate), usual)
    for change in watch.changes:
        if change.how == "scale" and change.entity == entity.name:
            many[int(change.time + _LAG) :] = float(change.new)
    return many


def _waiting(watch: _Watch, queue: Entity, gauge: str) -> Array:
    """Return how many messages wait in a queue, or for how many seconds the oldest does."""
    worker = next(
        e.caller for e in watch.world.into(queue.name)
        if watch.world.entities[e.caller].kind == "worker"
    )  # fmt: skip
    taken = watch.state.flows[worker]
    waiting = taken.backlog + taken.rate * 0.4
    return waiting if gauge == WAITING else 1 + waiting / np.maximum(taken.rate, 0.05)


def _cold(watch: _Watch, cache: Entity) -> Array | float:
    """Say how much of what a cache is asked for it has forgotten, where its lifetime was cut."""
    if watch.fault.kind != "ttl_cut":
        return 0.0
    callers = {e.caller for e in watch.world.into(cache.name)}
    for place, many in watch.fault.effects.fanout.items():
        if place[0] in callers:
            return np.clip((many - 1) / max(float(many.max()) - 1, 1e-6), 0, 1)
    return 0.0


def _on_host(watch: _Watch, host: str, gauge: str) -> Array:
    """Return a machine's gauge: what its services take, and what else runs on it."""
    draw = np.random.default_rng(dice("metric", watch.seed, host, gauge).getrandbits(64))
    guests = [watch.state.flows[g] for g in watch.world.guests(host)]
    told = watch.fault.gauges.get((host, gauge))
    if told is None and gauge == CPU:
        # A machine has room for its guests in proportion to what they usually need.
        names = watch.world.guests(host)
        rooms = [watch.world.entities[n].servers * watch.world.entities[n].demand for n in names]
        shares = [_taken(watch, n) for n in names]
        told = 0.06 + 0.9 * np.average(shares, axis=0, weights=rooms)
    own = dice("usual", watch.seed, host, gauge).random()
    level = np.full(len(guests[0].busy), 0.3 + 0.35 * own) if told is None else told
    if gauge == MEMORY:
        level = np.maximum.reduce([level, *_leaks(watch, host)])
    values = _per_minute(np.clip(level, 0, 1)) * np.exp(
        draw.normal(0, _NOISE[gauge], len(guests[0].busy) // 60)
    )
    if host == watch.fault.details.get("host") and watch.fault.kind == "host_down":
        down = watch.fault.effects.down[watch.world.guests(host)[0]]
        values = np.where(_per_minute(down) > 0.2, np.nan, values)
    return np.minimum(values, 1.0)


def _taken(watch: _Watch, name: str) -> Array:
    """Return the share of its usual capacity that an entity's own work takes on each machine."""
    entity, work = watch.world.entities[name], watch.fault.effects.work.get(name)
    share = watch.state.flows[name].rate * entity.demand / entity.servers
    # What another process takes away makes no more work of this one.
    if work is not None and watch.fault.kind != "neighbour":
        share = share * work
    return np.minimum(share, 1.0)


def _leaks(watch: _Watch, host: str) -> list[Array]:
    """Return the memory of what leaks on a machine."""
    guests = watch.world.guests(host)
    return [v for (name, gauge), v in watch.fault.gauges.items()
            if gauge == MEMORY and name in guests]  # fmt: skip


def _per_minute(values: Array) -> Array:
    whole = len(values) // 60
    means: Array = values[: whole * 60].reshape(whole, 60).mean(axis=1)
    return means
