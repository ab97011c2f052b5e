"""Turns what was said into text, by who says it and what the fault makes them say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fixtures.scenario import dice

from . import sayings, vocabulary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from .physics import State
    from .plan import Fault
    from .requests import Said
    from .world import Entity, World

_STORE_SAYS = {"timeout": "sql.timeout", "refused": "sql.refused"}


@dataclass(frozen=True, slots=True)
class Written:
    """A line as it was written."""

    time: int
    entity: str
    host: str
    level: str
    body: str
    trace_id: str = ""
    family: str = ""
    """Of `sayings`; empty for what a notice says."""


class Wording:
    """Finds the text of each line; a bug or a bad record has the same stack each time."""

    def __init__(
        self, world: World, fault: Fault, state: State, seed: int, start: int,
        acts: tuple[int, int],
    ) -> None:  # fmt: skip
        """Remember who there is, what went wrong, and from when to when (ns) it acted."""
        self.world, self.fault, self.seed, self.acts = world, fault, seed, acts
        self.state, self.start = state, start
        self.rng = dice("words", seed)
        self.stacks = {name: self._stack(name) for name in world.entities}

    def _stack(self, name: str) -> dict[str, str]:
        """Draw where in its code an entity fails: the same place whenever it does."""
        rng = dice("stack", self.seed, name)
        return {"field": rng.choice(vocabulary.FIELDS), "cls": rng.choice(vocabulary.CLASSES),
                "verb": rng.choice(vocabulary.VERBS), "n": str(rng.randrange(20, 300))}  # fmt: skip

    def written(self, said: Said) -> Written:
        """Write a line."""
        entity = self.world.entities[said.entity]
        rng = self.rng
        family = said.family
        if family == "usual":
            level, body = "INFO", self._form(rng.choice(sayings.USUAL), entity, said, rng)
            if entity.kind == "database":
                body = f"checkpoint complete: wrote {rng.randrange(200, 3000)} buffers"
        else:
            family = family if family == "background" else self._family(entity, said)
            if family == "background":
                level, body = self._background(entity, said, rng)
            else:
                about = self._about(entity, said, rng)
                level, body = said.level, sayings.text(family, entity.language, about)
        return Written(said.time, said.entity, said.host, level, body, said.trace_id, family)

    def _background(self, entity: Entity, said: Said, rng: Random) -> tuple[str, str]:
        texts = sayings.OF_A_STORE if entity.kind == "database" else sayings.BACKGROUND
        level, form = rng.choice(texts)
        return level, self._form(form, entity, said, rng)

    def _family(self, entity: Entity, said: Said) -> str:
        """Find what the line tells of: the fault's own words, or those of any such failure."""
        acts = self.acts[0] <= said.time < self.acts[1]
        says = self.fault.says if acts else {}
        if entity.kind == "database":
            own = says.get(entity.name, {}).get("own")
            words = {"own": f"db.{own}" if own else "background", "shed": "db.clients"}
            return words.get(said.family, "db.slow")
        if said.family == "own":
            return says.get(entity.name, {}).get("own") or "background"
        told = says.get((entity.name, said.callee), {}).get(said.family)
        callee = self.world.entities.get(said.callee)
        if callee is not None and callee.kind == "external" and said.family == "upstream":
            return told or "outside"
        if told or callee is None or callee.kind != "database":
            return told or said.family
        if said.family == "upstream":
            return self._of_store(callee.name, said, says.get(callee.name, {}).get("own"))
        return _STORE_SAYS.get(said.family, said.family)

    def _of_store(self, store: str, said: Said, own: str | None) -> str:
        """Find with what error a database turned a query down: it was full, or what it says."""
        shares = self.state.flows[store].shares
        second = min(int((said.time - self.start) / 1e9), len(shares["shed"]) - 1)
        if shares["shed"][second] > shares["own"][second]:
            return "sql.clients"
        return f"sql.{own or 'other'}"

    def _form(self, form: str, entity: Entity, said: Said, rng: Random) -> str:
        return form.format_map(self._about(entity, said, rng))

    def _about(self, entity: Entity, said: Said, rng: Random) -> Mapping[str, str]:
        callee = self.world.entities.get(said.callee)
        address = (callee.address or f"{callee.name}.{self.world.org}.internal") if callee else ""
        millis = said.millis or rng.randrange(20, 400)
        return {
            "org": self.world.org, "service": entity.name, "callee": said.callee,
            "address": address, "path": rng.choice(vocabulary.PATHS), "ms": str(millis),
            "seconds": f"{millis / 1000:g}", "id": f"{rng.getrandbits(48):012x}",
            "pool": self.fault.details.get("pool", "20"), "user": entity.name,
            "code": rng.choice(("500", "503", "503", "502")),
            **self.stacks[entity.name],
            "why": "a call it depends on failed" if rng.random() < 0.5 else "no answer in time",
        }  # fmt: skip
