"""What else was changed: unrelated, harmless, near in time or place; none of it did anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.scenario import dice

from . import changes, vocabulary
from .changes import Change

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from .plan import Draft, Fault
    from .world import World

USUAL = 4
"""Harmless changes of a window, on average."""


def drawn(
    world: World, draft: Draft, fault: Fault, onset: float, seed: int, many: float = USUAL
) -> list[Change]:
    """Draw the harmless changes of a window.

    Two thirds of them lie within a quarter of an hour before the onset, where they can be taken for
    the cause; of those some are of the entities that failed.
    """
    rng = dice("decoys", seed)
    count = min(rng.randrange(int(many // 2), int(many * 1.5) + 1), 40) if many else 0
    hurt = {*fault.roots, *fault.entities}
    hurt |= {a for n in hurt if n in world.entities for a in world.above(n)}
    calm = [n for n in world.order if n not in hurt and world.entities[n].cloud]
    near = [n for n in world.order if n in hurt and world.entities[n].cloud]
    found: list[Change] = []
    for _ in range(count):
        close = rng.random() < 0.66
        time = onset - rng.uniform(5, 900) if close else rng.uniform(30, draft.seconds - 60)
        where = near if near and rng.random() < 0.45 else calm or near
        services = [n for n in where if world.entities[n].kind in ("service", "worker")]
        make = rng.choice(_MAKERS)
        if services:
            found.append(make(rng, world, rng.choice(services), max(time, 20.0)))
    return _scaled_once(found, fault)


def _scaled_once(found: list[Change], fault: Fault) -> list[Change]:
    """Leave out that somebody adds instances to what was scaled in the same window already."""
    scaled = {fault.change.entity} if fault.change and fault.change.how == "scale" else set[str]()
    kept: list[Change] = []
    for change in found:
        if change.how != "scale" or change.entity not in scaled:
            kept.append(change)
        if change.how == "scale":
            scaled.add(change.entity)
    return kept


def _benign(rng: Random, world: World, name: str, time: float) -> Change:
    return changes.benign(rng, world, name, time, trivial=False)


def _trivial(rng: Random, world: World, name: str, time: float) -> Change:
    return changes.benign(rng, world, name, time, trivial=True)


def _setting(rng: Random, world: World, name: str, time: float) -> Change:
    del world
    key, old, new = rng.choice(
        (
            ("log.level", "info", "warning"),
            ("metrics.interval_seconds", "30", "60"),
            ("banner.text", "welcome", "welcome back"),
            ("export.batch_size", "200", "250"),
            ("session.cookie_days", "14", "30"),
            ("http.client.max_idle", "64", "96"),
            ("db.pool.max_size", "40", "36"),
            ("db.pool.max_size", "20", "24"),
            ("upstream.timeout_ms", "5000", "4500"),
            ("cache.ttl_seconds", "900", "600"),
        )
    )
    return Change(time, "config", name, f"{name}: {key}", f"{name}.{key}", old, new,
                  actor=rng.choice(vocabulary.PEOPLE))  # fmt: skip


def _flag(rng: Random, world: World, name: str, time: float) -> Change:
    del world
    key = f"{name}.{rng.choice(vocabulary.VERBS)}_{rng.choice(vocabulary.FIELDS)}_v2"
    old, new = rng.choice((("false", "true"), ("0%", "10%"), ("10%", "25%")))
    return Change(time, "flag", name, key, key, old, new, actor=rng.choice(vocabulary.PEOPLE))


def _more(rng: Random, world: World, name: str, time: float) -> Change:
    before = world.instances(name)
    after = before + rng.choice((1, 2))
    return Change(time, "scale", name, f"{name}: more instances for the evening", "desired_count",
                  str(before), str(after), actor=rng.choice(vocabulary.PEOPLE))  # fmt: skip


_MAKERS: tuple[Callable[[Random, World, str, float], Change], ...] = (
    _benign, _benign, _benign, _trivial, _trivial, _setting, _setting, _flag, _flag, _more,
)  # fmt: skip
