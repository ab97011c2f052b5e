"""The whole of the correlation, stage after stage, on tables that are already read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from nova_timeline.schema import ERROR

from . import (
    accounting,
    canaries,
    cascades,
    causes,
    clocks,
    deadlines,
    departures,
    episode,
    failures,
    gone,
    handed_on,
    heard,
    ledger,
    mentioned,
    metric_signals,
    named,
    overheard,
    phases,
    planned,
    ranking,
    signals,
    silent,
    sizes,
    slabs,
    strays,
    suspects,
    touched,
    traced,
    trends,
    triggers,
    verdicts,
    watched,
)
from .phases import Phase
from .scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    import polars as pl
    import pyarrow as pa

    from nova_timeline.clock import Window
    from nova_timeline.model import ClockEstimate
    from nova_timeline.topology import Topology

    from .cascades import Cascade
    from .episode import Episode, Signal, Trouble
    from .slabs import Each, Rows, Slabs
    from .suspects import Charge
    from .terms import Candidate

_RIVALS = 400
"""Changes that are judged at most: on or below the cascade first, then the nearest in time."""
_TOLD = 2_000
"""Signals of the cascade whose records are read for what failed: the nearest to the onset."""
_TEXT = 8000
_ENDLESS = re.compile(r"(\S{300})\S+")
"""What is no word but a key, an image or a dump: cut off, or patterns go over it for long."""
_METHODS: tuple[Callable[[suspects.Case], Iterable[Charge]], ...] = (traced.charges,)
"""What else looks for the entities that a failure may come from; see `suspects`."""
_TELLS = re.compile(
    r"exception|error|stack|statement|peer|host|url|upstream|server\.address|method|function"
    r"|start_?time",
    re.IGNORECASE,
)
_SINCE = re.compile(r"start_?time", re.IGNORECASE)
"""Attributes of a failure's records that say what failed."""
_BESIDE = 30 * 60_000_000_000
"""ns; how far around the onset is looked for what goes with it."""
_BEFORE = 60_000_000_000
"""ns; how much sooner an entity must have failed to be what the trouble of another came from."""
_SLAB = 500_000
_FULL = 0.99
"""The score of a suspect that all evidence of its kind is against."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that correlation looks at, wherever it is kept."""

    rows: Rows
    """The notable records; see `notable.rows`."""
    counts: Mapping[int, int]
    """Cell of `slabs.GRID` -> notable records in it."""
    series: Sequence[pa.Table]
    """The points of metrics, in parts that each hold whole series; see `notable.points`."""
    arrivals: Sequence[pl.DataFrame] = ()
    """See `clocks.arrivals`."""
    passages: Iterable[pa.Table] = ()
    """See `clocks.passages`; parts that each hold whole traces."""
    slab: int = _SLAB
    """Notable records to hold at once."""
    steps: Sequence[pa.Table] = ()
    """See `steps.of`; parts that each hold whole traces."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the evidence amounts to, before it is written out as moments."""

    clocks: tuple[ClockEstimate, ...]
    signals: pl.DataFrame
    links: Sequence[causes.Link]
    episode: Episode | None
    charges: tuple[Charge, ...] = ()
    """What each method holds against entities; see `suspects`."""
    cascades: tuple[Cascade, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    confidence: Sequence[float] = ()
    ruled_out: Sequence[verdicts.RuledOut] = ()
    phases: Mapping[str, Phase] = field(default_factory=dict[str, Phase])
    errors: int = 0


def run(
    evidence: Evidence,
    topology: Topology,
    window: Window,
    *,
    affected: tuple[str, ...] = (),
    usual_until: int | None = None,
    each: Each = slabs.one_by_one,
) -> Analysis:
    """Correlate events and metrics.

    Args:
        evidence: what was drawn from the sources.
        topology: who depends on whom, discovered edges included.
        window: the incident's.
        affected: entities that the incident file names as affected.
        usual_until: ns; no incident is looked for before it, what came before is what is usual.
        each: how a function is applied to every stretch of time; an engine's ``map``.
    """
    lags = clocks.merged_arrivals(evidence.arrivals)
    estimates = clocks.estimate(lags, clocks.shared(evidence.passages), topology)
    cut = slabs.cut(evidence.rows, evidence.counts, estimates, window, evidence.slab)
    moved = metric_signals.excursions(evidence.series, each)
    told = signals.of_events(cut, window, each)
    found = _placed(cut.rows, signals.gather(told, moved), topology)
    found = watched.connected(watched.weighed(found, cut.rows))
    case = suspects.Case(evidence, found, topology, window, each, usual_until, cut.offsets)
    accounts = accounting.account(case, ledger.keep(evidence.series, each))
    charges = (*accounts.charges, *(charge for method in _METHODS for charge in method(case)))
    found = accounting.weighed(found, accounts, topology)
    found = signals.joined(found, suspects.signs(charges, found))
    found = signals.joined(found, gone.faults(evidence.series, topology, each))
    topology = mentioned.extended(found, topology, heard.lines(cut.rows, found))
    found = strays.placed(strays.lightened(found, topology))
    said = heard.lines(cut.rows, found)
    found = signals.joined(found, silent.spoken_for(found, topology, said))
    find = partial(episode.find, topology=topology, affected=affected, usual_until=usual_until)
    found, trouble = planned.set_apart(found, cut.rows, find)
    if trouble is None:
        return Analysis(estimates, found, causes.find(found, topology, {}), None, charges)
    so_far = Analysis(estimates, found, (), trouble, charges)
    named_one = named.root(trouble, topology, said)
    return _explained(cut, evidence.series, topology, window, so_far, trouble, named_one, each)


def _explained(
    cut: Slabs, series: Sequence[pa.Table], topology: Topology, window: Window,
    so_far: Analysis, trouble: Episode, named_one: str | None, each: Each,
) -> Analysis:  # fmt: skip
    """Add cascades, phases, ranked causes and links to an analysis that found an episode."""
    found = so_far.signals
    blamed = suspects.find(so_far.charges, found)
    sure = suspects.clear(blamed)
    charged = guilty(trouble, named_one, sure, topology)

    def told(root: str | None) -> tuple[tuple[Cascade, ...], Phase, Scene, tuple[Candidate, ...]]:
        split = cascades.find(trouble, topology, root)
        named_so = named_one is not None and named_one == root
        held = handed_on.to_root(blamed, split[0]) if named_so else blamed
        began = phases.onset(trouble, split)
        scene = _scene(cut, found, topology, window, split[0], began, trouble, series, each)
        scene = replace(scene, suspects=held)
        return split, began, scene, ranking.rank(scene)

    split, began, scene, ranked = told(charged)
    acted = ranking.where_it_acted(ranked, scene)
    if acted is not None:
        again = told(acted)
        best = again[-1][0]
        if best.signal == ranked[0].signal or best.score > ranked[0].score:
            split, began, scene, ranked = again
    steps = {"onset": began} | phases.later(found, trouble, began, split[0].root)
    judged = {c.signal["signal"]: c.score for c in ranked if c.is_change}
    return Analysis(
        so_far.clocks, found, causes.find(found, topology, judged), trouble, so_far.charges, split,
        ranked, ranking.confidence(ranked), verdicts.ruled_out(ranked, began.time), steps,
        _errors(cut, trouble, steps, each),
    )  # fmt: skip


def guilty(
    trouble: Episode, named_one: str | None, sure: suspects.Suspect | None, topology: Topology
) -> str | None:
    """Name the entity that the failure comes from, as errors name it or as the accounts do.

    Who hands trouble on is often charged with it where those below keep no books, so that errors
    count for more; unless the charge is full and its trouble came before that of the one named.
    """
    if sure is None:
        return named_one
    began = {t.entity: t for t in sorted(trouble.troubles, key=lambda t: -t.onset)}
    if named_one is None:
        return None if _is_handed_up(sure.entity, began, topology) else sure.entity
    pointed = began[named_one]
    charged = began.get(sure.entity, pointed)
    first = charged.begun + cascades.SLACK < pointed.onset
    return sure.entity if first and sure.score >= _FULL else named_one


def _is_handed_up(charged: str, began: Mapping[str, Trouble], topology: Topology) -> bool:
    """Say whether something that an entity depends on told of a failure of its own before it did.

    What is handed on through a queue is in nobody's books.
    """
    if charged not in began:
        return False
    since = began[charged].onset - _BEFORE
    told = (began[e] for e in cascades.reachable(began, topology)[charged])
    return any(
        s["table"] == "event" and s["role"] == "fault" and s["weight"] >= episode.FIRM
        and s["count"] > strays.FEW and since - _BESIDE <= s["time"] <= since
        for t in told for s in t.signals
    )  # fmt: skip


def _scene(
    cut: Slabs, found: pl.DataFrame, topology: Topology, window: Window, cascade: Cascade,
    began: Phase, trouble: Episode, series: Sequence[pa.Table], each: Each,
) -> Scene:  # fmt: skip
    """Set out what candidates are judged against."""
    rows = found.to_dicts()
    changes = [s for s in rows if s["role"] == "change"]
    recoveries = [
        s for s in rows
        if s["role"] in ("recovery", "alert_resolved") and (s["entity"] or "") in cascade.depth
    ]  # fmt: skip
    beside = [
        s for s in rows
        if s["role"] == "fault" and abs(s["time"] - began.time) <= _BESIDE
        and (s["category"] == "external_provider" or triggers.is_outside(s))
    ]  # fmt: skip
    bad = {s["signal"]: s for s in (*trouble.signals, *beside)}
    moved = [(s["entity"], s["rule"].removeprefix("metric:")) for s in rows
             if s["kind"] == "metric_change" and s["role"] == "fault" and s["entity"]]  # fmt: skip
    changed: dict[str, list[int]] = {}
    for s in changes:
        changed.setdefault(s["entity"] or "", []).append(s["time"])
    needs = topology.dependencies()
    about = sorted({*cascade.entities, *(s["entity"] or "" for s in bad.values())})
    since, until = began.time - _BESIDE, began.time + _BESIDE
    drawn = topology.drawn()
    called = needs.get(cascade.root, set()) - {*about}
    left = departures.find(series, moved, began.time, each)
    ahead = overheard.ahead(left, changed, drawn - {*about}, began.time)
    early, worse = overheard.first(changed, about, since), min(ahead.values(), default=since)
    counts = failures.count(cut, {since, early, worse}, until, window, each)
    lines, others = partial(failures.lines, cut), drawn | {*about}
    scene = Scene(
        cascade, began.time, topology, {}, changes, recoveries,
        canaries=canaries.find(series, changed, began.time, each),
        sizes=sizes.find(series, changed, each),
        troubled=[bad[n] for n in sorted(bad)],
        departures=left,
        trends=trends.find(
            series, {*about, *(c for e in about for c in needs.get(e, ()))}, began.time, each
        ),
        deadlines=deadlines.find(cut, began.time, each),
        lines=lines(counts[since], about),
        beside=lines(counts[since], others, of_others=True),
        foretold=overheard.foretold(
            lines(counts[early], others, of_others=True), changed, about, since
        ),
        ahead=lines(counts[worse], ahead),
        below_it=[x for x in lines(counts[since], called) if x.severity >= ERROR],
    )  # fmt: skip
    near = _nearest(changes, {*cascade.depth, *scene.below}, began.time, _RIVALS)
    told = _nearest(
        [*{s["signal"]: s for s in (*cascade.signals, *bad.values())}.values()],
        (),
        began.time,
        _TOLD,
    )
    texts, held = _texts(cut.rows, [*near, *told])
    return replace(scene, texts=texts, attributes=held, changes=near)


def _placed(kept: Rows, found: pl.DataFrame, topology: Topology) -> pl.DataFrame:
    """Name the entity of changes whose records name none, where their words do."""
    import polars as pl

    lost = found.filter(pl.col("role") == "change", pl.col("entity").is_null()).to_dicts()
    if not lost:
        return found
    texts, held = _texts(kept, lost)
    others = found["entity"].drop_nulls().unique().sort().to_list()
    told = [(s["title"], _files(held.get(s["signal"], {})) or texts[s["signal"]]) for s in lost]
    named = touched.entities(told, topology, others)
    places = pl.Series("signal", [s["signal"] for s in lost], pl.Int64)
    by = pl.DataFrame({"signal": places, "named": pl.Series("named", named, pl.String)})
    return (
        found.join(by, on="signal", how="left", maintain_order="left")
        .with_columns(entity=pl.coalesce("entity", "named"))
        .drop("named")
    )


def _files(attributes: Mapping[str, str]) -> str:
    """Give the files that a change names; its diff may name others in passing."""
    return attributes.get("files", "")


def _nearest(
    found: Sequence[Signal], close: Container[str], onset: int, keep: int
) -> Sequence[Signal]:
    """Keep some of many signals: those on close entities first, then the nearest in time."""
    if len(found) <= keep:
        return found
    ordered = sorted(
        found, key=lambda s: (s["entity"] not in close, abs(s["time"] - onset), s["signal"])
    )
    return sorted(ordered[:keep], key=lambda s: s["signal"])


def _texts(
    kept: Rows, wanted: Sequence[Signal]
) -> tuple[dict[int, str], dict[int, dict[str, str]]]:
    """Put together all that the records behind some signals say, and the attributes of changes."""
    import numpy as np

    said = {s["signal"]: [s["title"]] for s in wanted}
    held = dict[int, dict[str, str]]()
    pairs = [
        (s["signal"], row)
        for s in wanted
        if s["table"] == "event"
        for row in (s["row"], *s["rows"])
    ]
    if not pairs:
        return {signal: _cut(parts[0]) for signal, parts in said.items()}, held
    rows = np.array([row for _, row in pairs], np.int64)
    found = kept.take(rows, ["body", "role", "attributes"])
    bodies, roles = found["body"].to_pylist(), found["role"].to_pylist()
    given = found["attributes"]
    for at, (signal, _) in enumerate(pairs):
        said[signal].append(bodies[at] or "")
        attributes: Sequence[tuple[str, str | None]] = given[at].as_py() or ()
        if roles[at] == "change":
            known = {k: v for k, v in attributes if v}
            said[signal].extend(known.values())
            held[signal] = known | held.get(signal, {})
        else:
            given_here = ((k, v) for k, v in attributes if v)
            told = ((k, v) for k, v in given_here if _TELLS.search(k) or _SINCE.search(v))
            said[signal].extend(f"{k}: {v}" if _SINCE.search(k) else v for k, v in told)
    return {signal: _cut("\n".join(parts)) for signal, parts in said.items()}, held


def _cut(text: str) -> str:
    """Keep what is looked at of a text."""
    return _ENDLESS.sub(r"\1", text[:_TEXT])


def _errors(cut: Slabs, trouble: Episode, steps: Mapping[str, Phase], each: Each) -> int:
    """Count the error records of the entities in trouble while it lasted."""
    over = steps.get("recovered")
    count = partial(
        signals.errors,
        entities=trouble.entities,
        since=steps["onset"].time,
        until=None if over is None else over.time,
    )
    return sum(each(count, cut))
