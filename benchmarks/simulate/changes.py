"""What people change, harmful or not: deploys, commits, settings, flags, capacity, infrastructure.

Nothing in a change's words says whether it did harm: authors believe in what they do. A change
that did no harm may well look bold, and one that did may look small.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fixtures.scenario import hexid

from . import vocabulary
from .authored import BENIGN, TRIVIAL

if TYPE_CHECKING:
    from random import Random

    from .authored import Patch
    from .world import World


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that somebody changed."""

    time: float
    """Seconds after the window's start at which it took effect, or a rollout began."""
    how: str
    """deploy, commit, config, flag, scale or infra."""
    entity: str
    message: str
    key: str = ""
    old: str = ""
    new: str = ""
    path: str = ""
    diff: str = ""
    actor: str = "deploy-pipeline"
    api: str = ""
    """For infrastructure: the call, as ``service:Verb``."""
    lasting: float = 0.0
    """Seconds that a rollout took."""
    reverts: bool = False

    @property
    def ident(self) -> str:
        """Return a key that no other change has."""
        return hexid(40, self.how, self.entity, self.message, round(self.time * 1000))

    def undone(self, time: float) -> Change:
        """Return the change that takes this one back."""
        message = f'Revert "{self.message}"' if self.how == "deploy" else self.message
        return replace(
            self, time=time, message=message, old=self.new, new=self.old,
            diff=_swapped(self.diff), lasting=self.lasting / 2, reverts=True,
        )  # fmt: skip


def _swapped(diff: str) -> str:
    """Turn a patch around."""
    sides = {"+": "-", "-": "+"}
    lines = diff.splitlines()
    return "\n".join(
        line if line[:3] in ("---", "+++") else sides.get(line[:1], line[:1]) + line[1:]
        for line in lines
    )


def deploy(
    rng: Random, world: World, entity: str, time: float, patch: Patch, how: str = "deploy"
) -> Change:
    """Make a deploy, or a commit alone, of a patch to a service."""
    made = filled(rng, world, entity, patch)
    return Change(
        time, how, entity, made.message, path=made.path, diff=made.diff(),
        actor=rng.choice(vocabulary.PEOPLE), lasting=rng.uniform(30, 200),
    )  # fmt: skip


def filled(rng: Random, world: World, entity: str, patch: Patch) -> Patch:
    """Put names into a patch's places."""
    language = world.entities[entity].language
    suffix = {"java": "java", "python": "py", "go": "go", "node": "ts", "dotnet": "cs"}[language]
    callees = [e.callee for e in world.out(entity)] or [entity]
    words = {
        "service": entity, "field": rng.choice(vocabulary.FIELDS), "ext": suffix,
        "cls": rng.choice(vocabulary.CLASSES), "verb": rng.choice(vocabulary.VERBS),
        "path": rng.choice(vocabulary.PATHS), "callee": rng.choice(callees),
        "n": str(rng.randrange(3, 60)),
    }  # fmt: skip
    return replace(
        patch, message=patch.message.format_map(words), path=patch.path.format_map(words),
        old=patch.old.format_map(words), new=patch.new.format_map(words),
    )  # fmt: skip


def benign(rng: Random, world: World, entity: str, time: float, *, trivial: bool) -> Change:
    """Make a deploy of something that does no harm, or a commit that no behaviour depends on."""
    patch = rng.choice(TRIVIAL if trivial else BENIGN)
    how = "commit" if trivial and rng.random() < 0.5 else "deploy"
    return deploy(rng, world, entity, time, patch, how)
