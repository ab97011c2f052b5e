"""What the candidates for root cause are, and what they are judged against."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from nova_timeline.knowledge import plain

from . import affinity, fed, mentioned, peers, pressure, strays, symptoms, trends
from .change_points import direction
from .hazards import Threats
from .reading import Reading, Readings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nova_timeline.topology import Topology

    from .canaries import Comparison
    from .cascades import Cascade
    from .deadlines import Deadline
    from .departures import Departure
    from .episode import Signal
    from .failures import Line
    from .suspects import Suspect
    from .symptoms import Symptom
    from .trends import Trend

DEPTH = 3
"""Dependencies below the root that a change may have touched and still count as near."""
LATE = 120_000_000_000
"""ns; a change this long after the onset cannot have caused it."""
ODD = 0.5
"""The weight of a metric that moved, for all that is known to nobody's harm."""
EARLY = 180_000_000_000
"""ns; what moves less than this ahead of the onset is part of it."""


@dataclass(frozen=True)  # no slots: what is worked out once for all candidates is kept
class Scene:
    """All that candidates are judged against."""

    cascade: Cascade
    onset: int
    topology: Topology
    texts: Mapping[int, str]
    """Signal -> everything its records say, for changes and for the cascade's signals."""
    changes: Sequence[Signal]
    recoveries: Sequence[Signal]
    suspects: Sequence[Suspect] = ()
    """The entities that the failure may come from, the most suspect first."""
    attributes: Mapping[int, Mapping[str, str]] = field(
        default_factory=dict[int, "Mapping[str, str]"]
    )
    """Signal -> the attributes of its records, for changes: diff, files, revision, old and new."""
    troubled: Sequence[Signal] = ()
    """The episode's signals, those of other cascades among them."""
    departures: Sequence[Departure] = ()
    """When metrics began to move; see `departures.find`."""
    trends: Sequence[Trend] = ()
    """What ran at one pace until the failure and stopped; see `trends.find`."""
    canaries: Sequence[Comparison] = ()
    """How versions did that served side by side; see `canaries.find`."""
    lines: Sequence[Line] = ()
    """What those in trouble logged; see `failures.lines`."""
    beside: Sequence[Line] = ()
    """What those logged whom nobody drew, and that are in no trouble themselves."""
    foretold: Sequence[Line] = ()
    """What these began to say of some just as those were changed, long before the onset."""
    ahead: Sequence[Line] = ()
    """What those logged that got worse as they were changed, before all else failed."""
    below_it: Sequence[Line] = ()
    """What those logged as errors that the root calls, and that are in no trouble for all else."""
    deadlines: Sequence[Deadline] = ()
    """What was told to end as it began; see `deadlines.find`."""
    sizes: Mapping[tuple[str, int], tuple[float, float | None]] = field(
        default_factory=dict[tuple[str, int], tuple[float, "float | None"]]
    )
    """How many instances there were before a change and after it; see `sizes.find`."""

    @cached_property
    def blame(self) -> Mapping[str, float]:
        """How suspect each entity is, 0 to 1; those that are not named are not."""
        return {s.entity: s.score for s in self.suspects}

    def text(self, signal: Signal) -> str:
        """Return everything a signal's records say; its title where they were not read."""
        return self.texts.get(signal["signal"], signal["title"])

    def after(self, signal: Signal) -> list[Signal]:
        """List the later changes of the same entity, once the incident had begun."""
        since = max(signal["time"], self.onset)
        return [
            c for c in self._late.get(signal["entity"] or "", ())
            if c["time"] >= since and c["signal"] != signal["signal"]
        ]  # fmt: skip

    def elsewhere(self, signal: Signal) -> int:
        """Count the other changes of the same rule and kind that touched nothing in trouble."""
        return self._harmless[signal["rule"], signal["kind"]] - self._is_harmless(signal)

    @cached_property
    def symptoms(self) -> tuple[Symptom, ...]:
        """What failed, everywhere in the cascade and beside it, the root's first."""
        signs = [*{s["signal"]: s for s in (*self.cascade.signals, *self.troubled)}.values()]
        made = [
            *(symptoms.of_sign(s, self.text(s), self.heart) for s in signs),
            *symptoms.of_lines(self.lines, signs, self.heart),
            *symptoms.of_hearsay((*self.beside, *self.foretold), signs, self.heart),
            *symptoms.of_apart(self.below_it, self.begins, at_root=True),
        ]
        failed = [m.raw for m in made if m.at_root and m.is_error]
        named = mentioned.pointed(self.beside, failed, self.troubled_entities)
        owed = fed.owed(self.beside, failed, self.troubled_entities)
        more = [*named, *(line for line in owed if line not in named)]
        made += symptoms.of_apart(more, self.begins, at_root=False)
        return tuple(sorted(made, key=lambda m: (not m.at_root, m.signal, m.raw)))

    @cached_property
    def unreached(self) -> Mapping[str, frozenset[str]]:
        """The addresses that several cannot reach, and who; see `peers.shared`."""
        return peers.shared(self)

    def since(self, time: int) -> tuple[Symptom, ...]:
        """List what failed, without what had shown before a time.

        It tells nothing of what a change did that came then; nor does what others tell of trouble
        that is theirs.
        """
        return tuple(
            m for m in (*self.symptoms, *self._ahead)
            if (m.time is None or m.time >= time - LATE) and m.entity not in self.outsiders
        )  # fmt: skip

    @cached_property
    def _ahead(self) -> list[Symptom]:
        return symptoms.of_apart(self.ahead, self.begins, at_root=False)

    @cached_property
    def outsiders(self) -> frozenset[str]:
        """Who tells of trouble of their own and is no part of what is ours."""
        told = {s["entity"] or "" for s in self.troubled if s["rule"] in symptoms.NOTICES}
        return frozenset(told) - self.linked

    def threats(self, since: int) -> Threats:
        """Hold what failed since a time, ns, against the kinds of change that break like it."""
        later = self.since(since)
        if len(later) not in self._threats:
            self._threats[len(later)] = Threats(later)
        return self._threats[len(later)]

    @cached_property
    def _threats(self) -> dict[int, Threats]:
        """Symptoms that are late enough, counted: those leave in the order of time -> threats."""
        return {}

    def failure(self, since: int) -> Mapping[str, int]:
        """Give the words of the failure since a time, ns, without entity names.

        Each with the first signal that says it.
        """
        later = self.since(since)
        if len(later) not in self._failures:
            said = {m.raw: m.signal for m in reversed(later)}
            self._failures[len(later)] = {
                w: signal for text, signal in said.items()
                for w in affinity.words(text, self.ignored)
            }  # fmt: skip
        return self._failures[len(later)]

    @cached_property
    def _failures(self) -> dict[int, Mapping[str, int]]:
        """Symptoms, counted as in `_threats` -> the words of the failure."""
        return {}

    @cached_property
    def heart(self) -> frozenset[str]:
        """The root, and what is in trouble below it."""
        return frozenset({self.cascade.root, *(self.troubled_entities & {*self.below})})

    @cached_property
    def identifiers(self) -> Mapping[str, int]:
        """Names of one thing only that the failure speaks of: tables, methods, files.

        Each with the first signal that says it.
        """
        said = {i: m.signal for m in reversed(self.since(0)) for i in affinity.names(m.raw)}
        return {i: signal for i, signal in said.items() if i not in self.entity_names}

    @cached_property
    def entity_names(self) -> frozenset[str]:
        """Every entity's name and the names in it, as they are and written alike."""
        known = {*self.topology.kinds, *self.cascade.entities}
        known |= {s["entity"] or "" for s in (*self.changes, *self.troubled)}
        return frozenset(
            i for n in known for i in (n.casefold(), affinity.joined(n), *affinity.names(n))
        )

    @cached_property
    def troubled_entities(self) -> frozenset[str]:
        """Every entity in trouble, whatever cascade it is in.

        Whose metrics are odd and no more than that, as of one that fewer requests reach, is not,
        nor whose calls failed once or twice.
        """
        signs = (*self.cascade.signals, *self.troubled)
        return frozenset(
            {self.cascade.root}
            | {s["entity"] or "" for s in signs
               if (s["kind"] != "metric_change" or s["weight"] > ODD) and not strays.is_one(s)}
        )  # fmt: skip

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """How much each word tells: the fewer of the changes speak of it, the more."""
        return affinity.rarity(affinity.words(self.text(s), self.ignored) for s in self.changes)

    @cached_property
    def name_weights(self) -> Mapping[str, float]:
        """How much each name of several words tells, as `weights` does of words."""
        return affinity.rarity(Counter(affinity.names(self.text(s))) for s in self.changes)

    @cached_property
    def ignored(self) -> frozenset[str]:
        """The words of every entity's name and other names: topology weighs those."""
        return affinity.name_words(
            {
                *self.topology.aliases,
                *(s["entity"] or "" for s in self.changes),
                *self.cascade.entities,
            }
        )

    @cached_property
    def below(self) -> Mapping[str, int]:
        """What the root depends on, within `DEPTH`, and how many dependencies away."""
        depends = self.topology.dependencies()
        found: dict[str, int] = {}
        level = {self.cascade.root}
        for hops in range(1, DEPTH + 1):
            level = {c for e in level for c in depends.get(e, ())} - {*found, self.cascade.root}
            found |= dict.fromkeys(level, hops)
        return found

    @cached_property
    def depends(self) -> Mapping[str, set[str]]:
        """Entity -> what it depends on directly."""
        return self.topology.dependencies()

    @cached_property
    def poured(self) -> tuple[Departure, ...]:
        """What poured in from outside; see `pressure.poured`."""
        return pressure.poured(self)

    @cached_property
    def linked(self) -> frozenset[str]:
        """Every entity of which a dependency is drawn; most platforms and networks are not."""
        drawn = (e for e in self.topology.edges if e.kind != mentioned.KIND)
        return frozenset(n for e in drawn for n in (e.caller, e.callee))

    @cached_property
    def guests(self) -> Mapping[str, set[str]]:
        """Machine -> what runs on it."""
        found: dict[str, set[str]] = {}
        for e in self.topology.edges:
            if e.kind == "runs_on" or self.topology.kinds.get(e.callee) == "host":
                found.setdefault(e.callee, set()).add(e.caller)
        return found

    @cached_property
    def underway(self) -> tuple[Departure, ...]:
        """What had been on its way to the failure on the entities at its heart, the first first."""
        return tuple(
            d for d in self.departures
            if d.entity in self.heart and d.time < self.onset - EARLY and self._bears(d)
        )  # fmt: skip

    def shown(self, moved: Departure | Trend) -> tuple[int, ...]:
        """Give the first signal that shows a metric that moved, where one was drawn."""
        signs = (
            s["signal"] for s in (*self.cascade.signals, *self.troubled)
            if s["entity"] == moved.entity and s["rule"] == f"metric:{moved.metric}"
        )  # fmt: skip
        return tuple(sorted(signs)[:1])

    @cached_property
    def begins(self) -> tuple[int, ...]:
        """The first signal of the root, where there is one."""
        own = (s["signal"] for s in self.cascade.signals if s["entity"] == self.cascade.root)
        return tuple(own)[:1]

    def _bears(self, moved: Departure) -> bool:
        """Say whether a metric bears on the failure: one that does harm, or one it speaks of.

        A resource that ran short is a part of it.
        """
        meaning = direction(moved.metric)
        telling = pressure.built(self) if meaning == "traffic" else pressure.short(self)
        if meaning in ("worse", "better") or {*self.shown(moved)} & telling:
            return True
        spoken = {w for w in plain(moved.metric).split() if len(w) > 3}
        told = (m for m in self.symptoms if m.count or m.is_error)
        return meaning == "resource" and any(
            w.removesuffix("s") in m.text for m in told for w in spoken
        )

    @cached_property
    def ran_out(self) -> tuple[Trend, ...]:
        """What ran out at one pace, whatever was changed; see `trends.bearing`."""
        return trends.bearing(self)

    def deployed(self, entity: str, since: int) -> Signal | None:
        """Find the first roll-out of an entity after a time and no later than the onset."""
        later = (s for s in self._rollouts.get(entity, ()) if since <= s["time"] <= self.onset)
        return min(later, key=lambda s: (s["time"], s["signal"]), default=None)

    def deployed_last(self, since: int) -> Signal | None:
        """Find the last roll-out to what is in trouble after a time and no later than the onset."""
        every = (s for e in self.troubled_entities for s in self._rollouts.get(e, ()))
        later = (s for s in every if since <= s["time"] <= self.onset)
        return max(later, key=lambda s: (s["time"], s["signal"]), default=None)

    @cached_property
    def _rollouts(self) -> Mapping[str, Sequence[Signal]]:
        found: dict[str, list[Signal]] = {}
        for s in self.changes:
            if s["kind"] == "deploy" and s["entity"]:
                found.setdefault(s["entity"], []).append(s)
        return found

    @cached_property
    def told(self) -> Readings:
        """What the changes say."""
        return Readings(self.changes, self.texts, self.attributes, self.sizes, self.onset)

    @cached_property
    def readings(self) -> Mapping[int, Reading]:
        """What the changes during the incident say: signal -> its reading."""
        return {s["signal"]: self.told.of(s) for late in self._late.values() for s in late}

    def before(self, signal: Signal) -> list[Signal]:
        """List the earlier changes of the same entity, the latest first."""
        earlier = (s for s in self.changes if s["entity"] and s["entity"] == signal["entity"])
        return sorted(
            (s for s in earlier if s["time"] < signal["time"]),
            key=lambda s: (-s["time"], s["signal"]),
        )

    @cached_property
    def _late(self) -> Mapping[str, Sequence[Signal]]:
        found: dict[str, list[Signal]] = {}
        for s in self.changes:
            if s["entity"] and s["time"] >= self.onset:
                found.setdefault(s["entity"], []).append(s)
        return found

    @cached_property
    def _harmless(self) -> Counter[tuple[str | None, str]]:
        return Counter((s["rule"], s["kind"]) for s in self.changes if self._is_harmless(s))

    def _is_harmless(self, change: Signal) -> bool:
        return change["entity"] not in self.cascade.entities and change["time"] < self.onset
