"""Who there is and who calls whom: a service topology drawn in layers, on the clouds it runs on.

Entry -> front ends -> services (one of them a hub) -> stores, caches, queues, outside providers;
workers consume the queues. Every entity runs on one platform, which decides what records there are
of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from fixtures.scenario import dice

from . import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

SERVICE_PLATFORMS: tuple[str, ...] = ("ecs", "run", "containerapp", "linux", "windows")
_STORES: Mapping[str, tuple[str, ...]] = {
    "database": ("rds", "cloudsql", "azpg"),
    "cache": ("elasticache", "memorystore", "azredis"),
    "queue": ("sqs", "pubsub", "servicebus"),
}
CLOUDS: Mapping[str, str] = {
    **dict.fromkeys(("ecs", "rds", "elasticache", "sqs", "linux"), "aws"),
    **dict.fromkeys(("run", "cloudsql", "memorystore", "pubsub"), "gcp"),
    **dict.fromkeys(("containerapp", "azpg", "azredis", "servicebus", "windows"), "azure"),
}
"""Platform -> the cloud whose monitoring watches it."""
ZONES: Mapping[str, str] = {"aws": "eu-west-1b", "gcp": "europe-west1-b", "azure": "westeurope-2"}
"""Cloud -> the zone that half of what runs there is in."""


Place: TypeAlias = str | tuple[str, str]
"""An entity, or a call as ``(caller, callee)``."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A service, a store, a host or a provider."""

    name: str
    kind: str
    """service, worker, database, cache, queue, host or external."""
    platform: str
    language: str = "go"
    hosts: tuple[str, ...] = ()
    address: str = ""
    demand: float = 0.01
    """Seconds of its own work for a request."""
    servers: float = 16.0
    """How many requests it can work on at once."""
    threads: float = 400.0
    """How many it can hold at once, those that wait for others included."""
    failing: float = 0.0005
    """The share of its requests that always fail by themselves."""

    @property
    def cloud(self) -> str:
        """Name the cloud that watches it; empty for what none does."""
        return CLOUDS.get(self.platform, "")


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls from one entity to another; for a queue, what is published or consumed."""

    caller: str
    callee: str
    fanout: float = 1.0
    """Calls for each of the caller's requests."""
    timeout: float = 3.0
    retries: int = 1
    critical: bool = True
    """Whether the caller's request fails with the call."""
    pool: float = 0.0
    """Connections that the caller holds at most; 0 for no limit."""


@dataclass(frozen=True, slots=True)
class World:
    """A topology, and how much goes through it."""

    seed: int
    org: str
    entry: str
    entities: Mapping[str, Entity]
    edges: tuple[Edge, ...]
    order: tuple[str, ...]
    """What carries requests, callers before callees."""
    rate: float
    """Requests a second at the entry."""
    hosts: tuple[str, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict[str, str])
    """Cloud -> the zone that half of what runs there is in."""

    def out(self, name: str) -> list[Edge]:
        """List the calls that an entity makes."""
        return [e for e in self.edges if e.caller == name]

    def into(self, name: str) -> list[Edge]:
        """List the calls that an entity takes."""
        return [e for e in self.edges if e.callee == name]

    def of_kind(self, *kinds: str) -> list[Entity]:
        """List the entities of some kinds that carry requests."""
        return [self.entities[n] for n in self.order if self.entities[n].kind in kinds]

    def guests(self, host: str) -> list[str]:
        """Name what runs on a host."""
        return [e.name for e in self.entities.values() if host in e.hosts]

    def instances(self, name: str) -> int:
        """Say how many instances of a service run until somebody changes that."""
        return dice("instances", self.seed, name).choice((4, 6, 8, 12))

    def above(self, name: str) -> set[str]:
        """Name everything that depends on an entity, at any distance."""
        found: set[str] = set()
        level = {name}
        while level:
            level = {e.caller for e in self.edges if e.callee in level} - found
            found |= level
        return found


def draw(seed: int) -> World:
    """Draw a world; the same seed gives the same one."""
    rng = dice("world", seed)
    org, names = rng.choice(vocabulary.DOMAINS)
    picked = rng.sample(names, len(names))
    layers: dict[str, list[str]] = {
        "front": rng.sample(vocabulary.FRONTS, rng.randrange(1, 4)),
        "middle": picked[: rng.randrange(3, 8)],
        "hub": [rng.choice(vocabulary.HUBS)],
        "worker": rng.sample(vocabulary.WORKERS, rng.randrange(0, 3)),
    }
    platforms: list[str] = rng.sample(SERVICE_PLATFORMS, rng.randrange(2, 5))
    entities = dict(_stores(rng, layers, platforms)) | _services(rng, org, layers, platforms)
    edges = tuple(_edges(rng, layers, entities))
    linked = {n for e in edges for n in (e.caller, e.callee)}
    entities = {n: e for n, e in entities.items() if n in linked}
    order = _callers_first(entities, edges)
    rate = rng.choice((40.0, 90.0, 200.0, 400.0))
    sized = _sized(rng, entities, edges, order, rate)
    edges = tuple(_pooled(sized, edges, order, rate))
    hosts = tuple(sorted({h for e in sized.values() for h in e.hosts}))
    return World(seed, org, "edge", sized, edges, order, rate, hosts, ZONES)


def _stores(
    rng: Random, layers: Mapping[str, list[str]], platforms: list[str]
) -> Iterator[tuple[str, Entity]]:
    """Draw databases, caches, queues and providers, on the clouds that the services run on."""
    clouds = {CLOUDS[p] for p in platforms}

    def platform(kind: str) -> str:
        near = [p for p in _STORES[kind] if CLOUDS[p] in clouds]
        return rng.choice(near or list(_STORES[kind]))

    owners = rng.sample(layers["middle"], min(rng.randrange(1, 4), len(layers["middle"])))
    for owner in (*owners, layers["hub"][0]):
        yield f"{owner}-db", Entity(f"{owner}-db", "database", platform("database"))
    for owner in rng.sample(layers["middle"], rng.randrange(0, 3)):
        yield f"{owner}-cache", Entity(f"{owner}-cache", "cache", platform("cache"))
    for worker in layers["worker"]:
        yield f"{worker}-queue", Entity(f"{worker}-queue", "queue", platform("queue"))
    for name, address in rng.sample(vocabulary.PROVIDERS, rng.randrange(1, 4)):
        yield name, Entity(name, "external", "external", address=address)


def _services(
    rng: Random, org: str, layers: Mapping[str, list[str]], platforms: list[str]
) -> dict[str, Entity]:
    """Draw the services; those on machines of their own get two or three of them."""
    found: dict[str, Entity] = {}
    shared = [f"app-{i}" for i in range(1, 4)]
    names = ["edge", *layers["front"], *layers["middle"], *layers["hub"], *layers["worker"]]
    for name in names:
        platform = rng.choice(platforms)
        if name == "edge" and "linux" in platforms:
            platform = "linux"
        hosts: tuple[str, ...] = ()
        if platform == "linux":
            hosts = (f"{name}-1", f"{name}-2") if rng.random() < 0.5 else tuple(shared[:2])
        elif platform == "windows":
            hosts = ("win-app-1", "win-app-2")
        kind = "worker" if name in layers["worker"] else "service"
        language = "dotnet" if platform == "windows" else rng.choice(vocabulary.LANGUAGES)
        found[name] = Entity(
            name, kind, platform, language, hosts, f"{name}.{org}.internal",
            failing=rng.choice((0.0001, 0.0004, 0.001)),
        )  # fmt: skip
    return found


def _edges(
    rng: Random, layers: Mapping[str, list[str]], entities: Mapping[str, Entity]
) -> Iterator[Edge]:
    """Draw who calls whom; a fan-out below one means that not every request needs the call."""
    middle, hub = layers["middle"], layers["hub"][0]
    providers = [n for n, e in entities.items() if e.kind == "external"]
    spread = 1 / len(layers["front"])
    for front in layers["front"]:
        yield Edge("edge", front, spread, timeout=10.0, retries=0)
        yield _call(rng, front, hub, 0.9)
    called = dict.fromkeys(middle, 0)
    for front in layers["front"]:
        for name in rng.sample(middle, min(len(middle), rng.randrange(2, 4))):
            called[name] += 1
            yield _call(rng, front, name, rng.choice((0.3, 0.5, 0.8)))
    for i, name in enumerate(middle):
        later = middle[i + 1 :]
        if later and rng.random() < 0.55:
            called[target := rng.choice(later)] += 1
            yield _call(rng, name, target, rng.choice((0.5, 1.0)))
        if not called[name]:
            yield _call(rng, rng.choice(layers["front"]), name, 0.4)
        if rng.random() < 0.5:
            yield _call(rng, name, hub, 0.5)
        if rng.random() < 0.35 or i == 0:
            provider = rng.choice(providers)
            yield Edge(name, provider, 0.6, timeout=rng.choice((2.0, 5.0)), retries=1,
                       critical=rng.random() < 0.8)  # fmt: skip
    yield from _to_stores(rng, layers, entities)


def _call(rng: Random, caller: str, callee: str, fanout: float) -> Edge:
    """Draw a call between services."""
    return Edge(
        caller, callee, fanout, timeout=rng.choice((1.0, 2.0, 3.0, 5.0)),
        retries=rng.choice((0, 1, 1, 2)), critical=rng.random() < 0.85,
    )  # fmt: skip


def _to_stores(
    rng: Random, layers: Mapping[str, list[str]], entities: Mapping[str, Entity]
) -> Iterator[Edge]:
    stores = [n for n in entities if n.endswith("-db")]
    for name in (*layers["middle"], *layers["hub"]):
        own = f"{name}-db" if f"{name}-db" in stores else None
        target = own or (rng.choice(stores[:-1]) if rng.random() < 0.5 else None)
        if target:
            pool = rng.choice((10.0, 20.0, 40.0))
            yield Edge(name, target, rng.choice((1.0, 2.0)), timeout=5.0, retries=0, pool=pool)
        if f"{name}-cache" in entities:
            yield Edge(name, f"{name}-cache", 2.0, timeout=0.5, retries=0, critical=False)
    for worker in layers["worker"]:
        yield Edge(rng.choice(layers["middle"]), f"{worker}-queue", 0.5, timeout=1.0, retries=2)
        yield Edge(worker, f"{worker}-queue", 1.0, timeout=20.0, retries=0)
        yield Edge(worker, rng.choice(stores), 1.0, timeout=5.0, retries=0, pool=10.0)


def _callers_first(entities: Mapping[str, Entity], edges: tuple[Edge, ...]) -> tuple[str, ...]:
    """Sort entities so that callers stand before callees."""
    found: list[str] = []
    left = dict.fromkeys(entities)
    while left:
        ready = [n for n in left if not any(e.callee == n and e.caller in left for e in edges)]
        found += ready
        for name in ready:
            del left[name]
    return tuple(found)


def _sized(
    rng: Random, entities: Mapping[str, Entity], edges: tuple[Edge, ...], order: tuple[str, ...],
    rate: float,
) -> dict[str, Entity]:  # fmt: skip
    """Give each entity the capacity that its load needs, and some more, as operators do."""
    load = loads(entities, edges, order, rate)
    demands = {"database": 0.004, "cache": 0.0005, "queue": 0.002, "external": 0.12, "worker": 0.08}
    found: dict[str, Entity] = {}
    for name in order:
        entity = entities[name]
        demand = demands.get(entity.kind, 0.018) * rng.uniform(0.6, 1.8)
        carried = max(load[name], 0.5)
        busy = rng.uniform(0.3, 0.6)
        servers = max(2.0, round(carried * demand / busy + 0.5))
        if entity.kind == "external":
            servers = 10_000.0
        threads = max(24.0, servers * rng.choice((8.0, 16.0, 30.0)))
        found[name] = replace(entity, demand=demand, servers=servers, threads=threads)
    return found


def _pooled(
    entities: Mapping[str, Entity], edges: tuple[Edge, ...], order: tuple[str, ...], rate: float
) -> Iterator[Edge]:
    """Give each pool of connections three times what it needs on a usual day, or more."""
    load = loads(entities, edges, order, rate)
    for edge in edges:
        took = entities[edge.caller].demand + edge.fanout * entities[edge.callee].demand
        needed = load[edge.caller] * took * 3 * 1.5
        yield replace(edge, pool=max(edge.pool, float(round(needed)))) if edge.pool else edge


def loads(
    entities: Mapping[str, Entity], edges: tuple[Edge, ...], order: tuple[str, ...], rate: float
) -> dict[str, float]:
    """Work out how many requests a second each entity gets on a usual day."""
    load = dict.fromkeys(order, 0.0) | {"edge": rate}
    for name in order:
        for edge in edges:
            if edge.caller == name and entities[name].kind != "worker":
                load[edge.callee] += load[name] * edge.fanout
    # A worker takes what is published to its queue, and asks its store once for each.
    asks = [e for e in edges if entities[e.caller].kind == "worker"]
    for edge in asks:
        if entities[edge.callee].kind == "queue":
            load[edge.caller] = load[edge.callee]
    for edge in asks:
        if entities[edge.callee].kind != "queue":
            load[edge.callee] += load[edge.caller] * edge.fanout
    return load
