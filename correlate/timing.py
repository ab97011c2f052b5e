"""When a change took effect, against when things began to go wrong.

A change may be late to show: what it fills or wears out goes on well until it is full. So the
metrics of what it touched are asked when they began to move, and not only when the failure did.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import delays, innocence, lifetimes, pressure, schedules, strays
from .change_points import direction
from .durations import duration
from .episode import FIRM
from .scene import EARLY
from .terms import Candidate, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .departures import Departure
    from .episode import Signal
    from .merged import Change
    from .scene import Scene

WHEN = 0.2
MOVED = 0.2
"""The most that a change gains by when it came, and by a metric that began to move with it."""

JUST = 0.1
"""What it gains when what it touched failed just as it took effect: changes that had nothing to do
with it often do."""
ALREADY = 0.2
"""What is held against a change that came when errors had begun to come."""

_LATER = 0.3  # against what came well after it had begun
_EXACT = 5_000_000_000  # ns; how far off a stamp may be for all that clocks are known
_TAU_S = 20 * 60.0
_SWITCH_TAU_S = 4 * 60.0  # a switch takes effect at once
_AFTER = 180_000_000_000  # ns; a metric that moves this soon after a change moves with it
_MINUTE = 60_000_000_000
_APART = 20 * _MINUTE
"""How long a metric must stay where it stepped to for that to be no part of what came later."""
_ABOUT = 1.1  # times as far; what is asked for is measured in steps
_UNSURE = 0.6  # of what counts, where what a change touched or was brought by is not known
_DUE = 0.9  # of what counts, where it moved as late as the change itself says
_APPLIED = re.compile(
    r"\.tf(vars)?$|(^|/)(values[\w.-]*|kustomization)\.ya?ml$"
    r"|(^|/)(charts?|helm|k8s|kube(rnetes)?|manifests?|overlays|argo(cd)?|flux|gitops|mesh|istio)/"
    r".*\.(ya?ml|json|hcl|toml)$",
    re.IGNORECASE,
)
"""Files that a controller or a pipeline applies, whatever services are rolled out."""
_SYNCED = 600_000_000_000
"""ns; how soon that is: "software agents continuously observe actual system state and attempt to
apply the desired state" (OpenGitOps, "Principles", 1.0.0); Argo CD asks every three minutes."""
_AT_ONCE_S = 150.0  # a roll-out takes a while
_SWITCHED_S = 60.0
_SKEWED_S = 60.0


@dataclass(frozen=True, slots=True)
class Effect:
    """When a change took effect, and what brought it where its own records do not say."""

    time: int
    brought: Signal | None = None
    applied: bool = False
    """Whether its files were applied without a roll-out."""
    how: str = "came"
    """What happened then."""

    @property
    def within(self) -> int:
        """How soon after it a metric moves with it, in ns."""
        return _SYNCED if self.applied else _AFTER


def effect(change: Change, scene: Scene) -> Effect:
    """Say when a change took effect: a commit that nothing names, with the next roll-out.

    One of files that are applied by themselves did at once, if a metric began to move then. One
    that was rolled out in steps, to a few first, did with the last of them that came in time, or
    with that by which a metric began to move. A schedule does nothing before it asks for a run,
    what works out dates may do nothing else before they turn, and a step of a pipeline works anew
    with each roll-out: the last to what is in trouble counts.
    """
    took = _rolled_out(change, scene)
    run = schedules.first_run(change.settings, took.time, scene.onset)
    if run is not None:
        return replace(took, time=run, how="its schedule first asked for a run")
    lines = () if change.diff is None else (*change.diff.gone, *change.diff.new)
    turn = schedules.turn(lines, took.time, scene.onset)
    moved = any(_moved_with(took, d) for d in _own(scene.underway, change, scene))
    if turn is not None and not moved:
        return replace(took, time=turn, how="the dates that it writes or reads first turned")
    return took


def _rolled_out(change: Change, scene: Scene) -> Effect:
    """Say when a change came to where it runs."""
    time: int = change.signal["time"]
    if not change.is_only_text:
        return Effect(_step(change, scene))
    if time > scene.onset:
        return Effect(time)
    carrier = scene.deployed(change.entity or scene.cascade.root, time)
    if innocence.puts_out(change):
        carrier = scene.deployed_last(time) or carrier
    applied = Effect(time, applied=True)
    if _is_applied(change) and any(
        _moved_with(applied, d) for d in _own(scene.underway, change, scene)
    ):
        return applied
    return Effect(time) if carrier is None else Effect(carrier["time"], carrier)


def _is_applied(change: Change) -> bool:
    return bool(change.files) and all(_APPLIED.search(f) for f in change.files)


def _step(change: Change, scene: Scene) -> int:
    """Give the time of the roll-out of a change that mattered, where there were several."""
    time: int = change.signal["time"]
    steps = {s["time"] for s in change.records if s["kind"] == change.signal["kind"] == "deploy"}
    late = sorted(t for t in steps if time < t <= scene.onset + _MINUTE)
    moved = [d for d in scene.underway if d.entity in (change.entity, scene.cascade.root)]
    if not late or any(_moved_with(Effect(time), d) for d in moved):
        return time
    last: int = late[-1]
    return last


def _says_other(took: Effect, scene: Scene) -> bool:
    """Say whether what brought a change says itself what it brought, which is another."""
    return took.brought is not None and scene.told.of(took.brought).is_told


def lived(took: Effect, change: Change, scene: Scene) -> int:
    """Say how long a change was live before anything was seen to go wrong, in ns."""
    moved = [d.time for d in _own(scene.underway, change, scene)]
    return min((*moved, scene.onset)) - took.time


def came(took: Effect, change: Change, scene: Scene) -> Term:
    """Weigh how long before the failure a change came, or before a metric that led up to it."""
    moved = min(_own(scene.underway, change, scene), key=lambda d: d.time, default=None)
    shown = (change.signal["signal"],)
    reference = scene.onset
    if moved is not None and took.time <= moved.time + _slack(scene):
        reference, shown = moved.time, (*shown, *scene.shown(moved))
    seconds = (reference - took.time) / 1e9
    what = "the onset" if reference == scene.onset else "the first metric that moved"
    if seconds < 0 and moved is not None and reference != scene.onset:
        steps = duration(moved.step / 1e9)
        text = f"came as the first metric moved, as far as its steps of {steps} tell"
        return Term(text, WHEN, shown, "time")
    if seconds < 0:
        return Term(f"came {duration(-seconds)} after {what}", WHEN / 3, shown, "time")
    tau = _SWITCH_TAU_S if change.signal["kind"] == "feature_flag" else _TAU_S
    sure = 1.0 if change.entity and not _says_other(took, scene) else _UNSURE
    weight = WHEN * math.exp(-seconds / tau) * sure
    how = "" if took.brought is None else ", with the next roll-out"
    return Term(f"{took.how} {duration(seconds)} before {what}{how}", weight, shown, "time")


def at_once(took: Effect, change: Change, scene: Scene) -> list[Term]:
    """Let it count that what failed failed just as a change to it took effect."""
    seconds = (scene.onset - took.time) / 1e9
    here = change.entity and change.entity in scene.heart
    soon = _SWITCHED_S if change.signal["kind"] == "feature_flag" else _AT_ONCE_S
    if not here or not -_SKEWED_S <= seconds <= soon or _was_worse(took, change, scene):
        return []
    shown = (change.signal["signal"], *scene.begins)
    return [Term(f"{change.entity} failed just as it took effect", JUST, shown, "just")]


def _was_worse(took: Effect, change: Change, scene: Scene) -> bool:
    """Say whether what a change touched had been getting worse for a while when it took effect."""
    return any(
        d.entity == change.entity and direction(d.metric) == "worse"
        and took.time > d.time + max(_AFTER, 3 * d.step)
        for d in scene.departures
    )  # fmt: skip


def already(took: Effect, change: Change, scene: Scene) -> list[Term]:
    """Hold against a change that errors were coming already when it took effect.

    Metrics come once a minute, and tell no more than that; errors are stamped as they are written.
    """
    since = scene.onset - EARLY
    for s in scene.cascade.signals:
        told = s["table"] == "event" and s["role"] == "fault" and s["weight"] >= FIRM
        ahead = took.time - s["time"] - s["precision"]
        if told and s["count"] > strays.FEW and s["time"] >= since and ahead > _EXACT:
            text = f"errors had been coming for {duration(ahead / 1e9)}: {s['title']}"
            return [Term(text, -ALREADY, (change.signal["signal"], s["signal"]), "already")]
    return []


def began(took: Effect, change: Change, scene: Scene) -> list[Term]:
    """Hold the time of a change against when metrics of what it touched began to move."""
    if not change.entity and took.brought is None and not took.applied:
        return []
    entity = change.entity or scene.cascade.root
    for d in _early(entity, scene):
        asked = _is_asked_for(d, took, scene) or _is_poured_on(d, entity, scene)
        if _moved_with(took, d) and not asked:
            how = "climb" if d.climbs else "move"
            ahead = duration((scene.onset - d.time) / 1e9)
            whose = d.metric if d.entity == entity else f"{d.metric} of {d.entity}"
            text = f"{whose} began to {how} as it took effect, {ahead} before the onset"
            own = change.entity and d.entity == entity and not _says_other(took, scene)
            sure = 1.0 if own else _UNSURE
            return [Term(text, MOVED * sure, (change.signal["signal"], *scene.shown(d)), "began")]
    beside = (
        _foretold(took, change, scene) or _began_there(change, scene) or _due(took, change, scene)
    )
    if beside:
        return beside
    for d in _own(scene.underway, change, scene):
        if took.time > d.time + max(_AFTER, 3 * d.step):
            long = duration((took.time - d.time) / 1e9)
            text = f"{d.metric} had been on its way for {long} when it came"
            return [Term(text, -_LATER, (change.signal["signal"], *scene.shown(d)), "began")]
    return _spent(took, change, scene) or _stepped(took, change, scene)


def _foretold(took: Effect, change: Change, scene: Scene) -> list[Term]:
    """Let it count that what got so bad later had got a little worse as a change took effect."""
    for d in scene.departures:
        if d.before is None or direction(d.metric) not in ("worse", "better"):
            continue
        stepped = replace(d, time=d.before)
        ahead = scene.onset - d.before
        if d.entity == change.entity and ahead >= _APART and _moved_with(took, stepped):
            text = (f"{d.metric} stepped as it took effect, {duration(ahead / 1e9)} before the"
                    " onset, and stayed there until all of it came")  # fmt: skip
            return [Term(text, MOVED, (change.signal["signal"], *scene.shown(d)), "began")]
    return []


def _began_there(change: Change, scene: Scene) -> list[Term]:
    """Let a metric count that began to move where and when a change came to another place too.

    What one roll-out brings to several may break one of them, and show at whoever lives on that.
    """
    places = {s["entity"]: s for s in change.also if s["kind"] != "commit"}
    for d in scene.departures:
        s = places.get(d.entity) if d.entity != change.entity else None
        if s is not None and d.time < scene.onset - EARLY and moved_at(s["time"], d):
            text = f"{d.metric} of {d.entity} began to move as it came there"
            shown = (s["signal"], *scene.shown(d))
            return [Term(text, MOVED * _UNSURE, shown, "began")]
    return []


def _due(took: Effect, change: Change, scene: Scene) -> list[Term]:
    """Let a metric of what a change touched count that moved just when its own words say.

    Of what it lets wait, nothing shows before the wait is over.
    """
    if not change.entity or change.diff is None:
        return []
    spans = sorted(delays.told((*change.diff.gone, *change.diff.new)))
    ended = lifetimes.passed(change, took.time, scene)
    if ended is not None:
        shown = (change.signal["signal"], *scene.begins)
        return [Term(ended, MOVED * _DUE, shown, "began")]
    for d in _early(change.entity, scene) if spans else ():
        if d.entity != change.entity:
            continue
        off = d.time - took.time
        span = next((n for n in spans if abs(off - n) <= max(d.step, _MINUTE)), None)
        if span is not None:
            wait, ahead = duration(span / 1e9), duration((scene.onset - d.time) / 1e9)
            text = f"{d.metric} began to move {wait} after it, the time of which its lines speak"
            shown = (change.signal["signal"], *scene.shown(d))
            return [Term(f"{text}, {ahead} before the onset", MOVED * _DUE, shown, "began")]
    return []


def _is_asked_for(d: Departure, took: Effect, scene: Scene) -> bool:
    """Say whether a metric rose as more was asked for, which began before and with no change.

    How busy something is grows as what comes to it does (the utilization law: P. Denning and J.
    Buzen, ACM Computing Surveys 10, 1978), and so does what it asks of others.
    """
    means = direction(d.metric)
    if means == "traffic":
        askers = {e for e, needs in scene.depends.items() if d.entity in needs}
    else:
        askers = {d.entity} if means == "resource" else set[str]()
    return any(
        t.entity in askers and t.time < d.time and direction(t.metric) == "traffic"
        and 1 < d.times <= _ABOUT * t.times and not _moved_with(took, t)
        for t in scene.departures
    )  # fmt: skip


def _is_poured_on(d: Departure, entity: str, scene: Scene) -> bool:
    """Say whether a metric moved as much more poured in where what was changed sends nothing.

    A change can make more of what its own service asks for, and not of what comes from outside.
    """
    ours = pressure.reached([entity], scene.depends)
    return any(
        t.entity not in ours and t.entity != d.entity and abs(t.time - d.time) <= 2 * d.step
        for t in scene.poured
    )


def outdone(found: Sequence[Candidate]) -> list[Candidate]:
    """Hold against changes that what led up to the failure began only as a later one took effect.

    Args:
        found: the changes, judged.
    """
    firsts: dict[str, Candidate] = {}
    for c in sorted(found, key=lambda c: (c.signal["time"], c.signal["signal"])):
        if c.place and any(t.about == "began" and t.weight >= MOVED for t in c.terms):
            firsts.setdefault(c.place, c)
    return [_behind(c, firsts.get(c.place)) for c in found]


def _behind(c: Candidate, later: Candidate | None) -> Candidate:
    """Add what speaks against a change where a later one on the same entity set things moving."""
    moved = any(t.about == "began" for t in c.terms)
    if later is None or moved or c.signal["time"] + _AFTER >= later.signal["time"]:
        return c
    [with_it, *_] = (t for t in later.terms if t.about == "began" and t.weight >= MOVED)
    text = f"nothing moved with it, but with another later: {with_it.text}"
    return replace(c, terms=(*c.terms, Term(text, -MOVED, with_it.signals, "began")))


def _spent(took: Effect, change: Change, scene: Scene) -> list[Term]:
    """Hold against a change that a resource of the root had come to its limit before it."""
    near = (change.entity or scene.cascade.root) == scene.cascade.root
    for s in scene.cascade.signals if near else ():
        own = s["entity"] == scene.cascade.root and s["kind"] == "metric_change"
        if own and " stands at " in s["title"] and s["time"] + _AFTER < took.time:
            long = duration((took.time - s["time"]) / 1e9)
            text = f"{s['title']}: so it was {long} before it came"
            return [Term(text, -_LATER, (change.signal["signal"], s["signal"]), "began")]
    return []


def _moved_with(took: Effect, d: Departure) -> bool:
    """Say whether a metric began to move as a change took effect."""
    return moved_at(took.time, d, took.within)


def moved_at(time: int, d: Departure, within: int = _AFTER) -> bool:
    """Say whether a metric began to move at a time, or so soon after it (ns) as shows at once."""
    return -max(d.step, _MINUTE) <= d.time - time <= max(within, 3 * d.step)


def _stepped(took: Effect, change: Change, scene: Scene) -> list[Term]:
    """Let a state count that a change to what the root depends on altered, the failure with it.

    A state is what neither failures nor load are counted by, as the routes that are announced.
    """
    if change.entity == scene.cascade.root or change.entity not in scene.heart:
        return []
    for d in scene.departures:
        is_state = not d.climbs and direction(d.metric) in ("size", "unknown")
        if d.entity == change.entity and is_state and _moved_with(took, d):
            text = f"{d.metric} changed as it took effect"
            shown = (change.signal["signal"], *scene.shown(d))
            return [Term(text, MOVED * _UNSURE, shown, "began")]
    return []


def _early(entity: str, scene: Scene) -> list[Departure]:
    """List what moved ahead of the onset: an entity's own, then that of what it calls.

    What an entity is given to do more of is often seen first where it hands that on.
    """
    near = (entity, *sorted(scene.depends.get(entity, ())))
    early = (d for d in scene.departures if d.entity in near and d.time < scene.onset - EARLY)
    return sorted(early, key=lambda d: near.index(d.entity))


def _slack(scene: Scene) -> int:
    """Give how far a coarse metric may be off, in ns."""
    return max((2 * d.step for d in scene.underway), default=0)


def _own(moved: tuple[Departure, ...], change: Change, scene: Scene) -> list[Departure]:
    """Take what moved on what a change touched, or on the root where that is not known."""
    return [
        d for d in moved if d.entity in (change.entity or scene.cascade.root, scene.cascade.root)
    ]
