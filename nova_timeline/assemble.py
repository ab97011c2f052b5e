"""Write out an analysis as a timeline: moments with citations, phases, cascades, ranked causes."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nova_timeline.correlate import verdicts
from nova_timeline.model import (
    Cascade,
    Cause,
    Citation,
    Coverage,
    Findings,
    Impact,
    Incident,
    Moment,
    Phase,
    Reason,
    RootCause,
    RuledOut,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from nova_timeline.correlate.analysis import Analysis
    from nova_timeline.correlate.causes import Link
    from nova_timeline.correlate.episode import Signal
    from nova_timeline.correlate.slabs import Rows
    from nova_timeline.correlate.terms import Candidate, Term

INCIDENT = "incident"
NONE = "no incident found"
SHOWN_CAUSES = 5
CONTRIBUTES = 0.35
"""The least score of a change, other than the root cause, that is called a contributing factor."""

_EXCERPT = 240
_SURGE = 15 * 60_000_000_000  # ns; traffic that rose this long before the onset bears on it
_SECOND = 1_000_000_000
_CHANGE_IDS = (
    "change.id",
    "vcs.ref.head.revision",
    "deployment.id",
    "feature_flag.key",
    "event.id",
)
_CATEGORY = {"deploy": "code_change", "commit": "code_change", "config_change": "config_change",
             "feature_flag": "feature_flag", "scaling": "scaling"}  # fmt: skip


_METRIC = ("metric.name", "value", "unit", "entity")
_CITED = ("source", "evidence.uri", "evidence.locator", "evidence.sha256", "evidence.url")
_EVENT = ("event_id", "actor", "body", "event_name", "attributes")


@dataclass(slots=True)
class _Writer:
    """Turns signals into moments, and rows into citations, once each."""

    rows: Mapping[tuple[str, int], Mapping[str, Any]]
    """Table and number -> what is told of a cited row."""
    analysis: Analysis
    citations: dict[str, Citation] = field(default_factory=dict[str, Citation])
    ids: dict[int, str] = field(default_factory=dict[int, str])

    def cite(self, table: str, rows: Sequence[int]) -> tuple[str, ...]:
        """Cite rows of a table by id."""
        found: list[str] = []
        for row in (self.rows[table, number] for number in rows):
            place = (
                f"{row['evidence.uri']}\0{row['evidence.locator']}\0{row['evidence.sha256'].hex()}"
            )
            key = "e" + hashlib.sha256(place.encode()).hexdigest()[:12]
            self.citations[key] = Citation(
                key, row["source"], row["evidence.uri"], row["evidence.locator"],
                row["evidence.sha256"].hex(), row["evidence.url"], _excerpt(row),
            )  # fmt: skip
            found.append(key)
        return tuple(dict.fromkeys(found))


def _excerpt(row: Mapping[str, Any]) -> str:
    if "metric.name" in row:
        return (
            f"{row['entity']} {row['metric.name']} = {row['value']:g} {row['unit'] or ''}".strip()
        )
    text = row["body"] or row["event_name"] or ""
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"


def findings(
    incident: Incident,
    notable: Rows,
    points: Callable[[Sequence[int]], pa.Table],
    coverage: tuple[Coverage, ...],
    analysis: Analysis,
) -> Findings:
    """Assemble the timeline from the evidence and what correlation made of it.

    Args:
        incident: what was looked at.
        notable: where event rows are read back by their numbers.
        points: reads METRIC rows back by their numbers.
        coverage: how much of each source could be seen.
        analysis: the signals and what they amount to.
    """
    writer = _Writer(_cited_rows(notable, points, analysis), analysis)
    moments = _moments(writer)
    written = {writer.ids[s]: m for s, m in moments.items()}
    phases = {name: Phase(p.time, writer.ids[p.signal]) for name, p in analysis.phases.items()}
    named = {p.moment: name for name, p in reversed(phases.items())}
    cascades = tuple(_cascades(analysis, writer.ids))
    inside = {m: c.id for c in reversed(cascades) for m in c.moments}
    ordered = [
        replace(m, phase=named.get(m.id), cascade=inside.get(m.id))
        for m in sorted(written.values(), key=lambda m: (m.time, m.id))
    ]
    return Findings(
        incident=incident,
        verdict=NONE if analysis.episode is None else INCIDENT,
        coverage=coverage,
        clocks=analysis.clocks,
        phases=phases,
        moments=tuple(_with_order(ordered, _clocks(analysis, writer.ids))),
        cascades=cascades,
        root_causes=tuple(_root_causes(writer, moments)),
        ruled_out=tuple(
            RuledOut(writer.ids[one.candidate.signal["signal"]], _reasons(one.terms, moments))
            for one in analysis.ruled_out
        ),
        impact=_impact(analysis),
        evidence=dict(sorted(writer.citations.items())),
    )


def _cited_rows(
    notable: Rows, points: Callable[[Sequence[int]], pa.Table], analysis: Analysis
) -> dict[tuple[str, int], dict[str, Any]]:
    """Read back every row that a signal rests on, once."""
    import numpy as np
    import polars as pl

    cited = analysis.signals.select("table", pl.concat_list("row", "rows").alias("row"))
    pairs = cited.explode("row").unique().sort("table", "row")
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for name, columns in (("event", (*_CITED, *_EVENT)), ("metric", (*_CITED, *_METRIC))):
        numbers: list[int] = pairs.filter(pl.col("table") == name)["row"].to_list()
        if not numbers:
            continue
        table = (
            notable.take(np.array(numbers, np.int64), columns)
            if name == "event"
            else points(numbers).select(list(columns))
        )
        rows = zip(numbers, table.to_pylist(), strict=True)
        found |= {(name, number): row for number, row in rows}
    return found


def _moments(writer: _Writer) -> dict[int, Moment]:
    """Write a moment for every signal."""
    signals: list[Signal] = writer.analysis.signals.to_dicts()
    for s in signals:
        writer.ids[s["signal"]] = _moment_id(writer, s)
    by_effect: dict[int, list[Link]] = {}
    for link in writer.analysis.links:
        by_effect.setdefault(link.effect, []).append(link)
    unsure = {c.clock: c.uncertainty_ns for c in writer.analysis.clocks}
    return {
        s["signal"]: _moment(writer, s, by_effect.get(s["signal"], ()), unsure) for s in signals
    }


def _moment_id(writer: _Writer, s: Signal) -> str:
    """Name a moment by its first evidence and the part it plays, which no other order changes."""
    parts = [s["table"], s["kind"], s["role"], s["rule"] or "", s["title"]]
    if s["table"] == "event":
        parts.append(writer.rows["event", s["row"]]["event_id"].hex())
    else:
        parts += [s["entity"] or "", str(s["time"])]
    return "m" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def _moment(writer: _Writer, s: Signal, links: Sequence[Link], unsure: Mapping[str, int]) -> Moment:
    actor: str | None = None
    change_id: str | None = None
    if s["table"] == "event":
        row = writer.rows["event", s["row"]]
        actor = row["actor"]
        if s["role"] == "change":
            held: dict[str, str] = dict(row["attributes"] or ())
            change_id = next((held[k] for k in _CHANGE_IDS if k in held), None)
    return Moment(
        id=writer.ids[s["signal"]],
        time=s["time"],
        end_time=s["end"],
        entity=s["entity"] or "",
        kind=s["kind"],
        title=s["title"],
        role=s["role"],
        category=s["category"] or (_CATEGORY.get(s["kind"]) if s["role"] == "change" else None),
        rule=s["rule"],
        precision_ns=s["precision"],
        uncertainty_ns=s["precision"] // 2 + unsure.get(s["clock"] or "", 0),
        severity=s["severity"],
        count=s["count"],
        actor=actor,
        change_id=change_id,
        evidence=writer.cite(s["table"], (s["row"], *s["rows"])),
        caused_by=tuple(Cause(writer.ids[k.cause], k.score, k.reasons) for k in links),
    )


def _clocks(analysis: Analysis, ids: Mapping[int, str]) -> dict[str, str]:
    pairs = analysis.signals.select("signal", "clock").iter_rows()
    return {ids[s]: clock for s, clock in pairs if clock}


def _with_order(moments: Sequence[Moment], clocks: Mapping[str, str]) -> list[Moment]:
    """Mark the moments whose place cannot be told: the vaguer of each pair that may be swapped.

    Two stamps of one clock keep their order. A happens-before link keeps it too.
    """
    vague = [False] * len(moments)
    for i, (a, b) in enumerate(itertools.pairwise(moments)):
        same = a.id in clocks and clocks[a.id] == clocks.get(b.id) and a.time != b.time
        if same or b.time - a.time >= a.uncertainty_ns + b.uncertainty_ns:
            continue
        vague[i] |= a.uncertainty_ns >= b.uncertainty_ns
        vague[i + 1] |= b.uncertainty_ns >= a.uncertainty_ns
    return [replace(m, order="uncertain") if v else m for m, v in zip(moments, vague, strict=True)]


def _cascades(analysis: Analysis, ids: Mapping[int, str]) -> list[Cascade]:
    """Write the cascades that reach beyond one entity."""
    return [
        Cascade(
            id=f"c{number}",
            root_entity=c.root,
            root_moment=ids[next(s["signal"] for s in c.signals if s["entity"] == c.root)],
            moments=tuple(ids[s["signal"]] for s in c.signals),
            entities=c.entities,
        )
        for number, c in enumerate((c for c in analysis.cascades if len(c.entities) > 1), 1)
    ]


def _root_causes(writer: _Writer, moments: Mapping[int, Moment]) -> list[RootCause]:
    analysis = writer.analysis
    ranked = analysis.candidates[:SHOWN_CAUSES]
    if not ranked:
        return []
    named = ranked[0] if ranked[0].is_change else None
    contributing = _contributing(writer, named)
    found: list[RootCause] = []
    for number, c in enumerate(ranked, 1):
        cause = _root_cause(moments, number, c, analysis.confidence[number - 1])
        if number == 1:
            found.append(replace(cause, contributing=contributing))
        else:
            lacking = _reasons(verdicts.behind(ranked[0], c), moments)
            found.append(replace(cause, behind=lacking))
    return found


def _contributing(writer: _Writer, named: Candidate | None) -> tuple[str, ...]:
    """List what made it worse or let it through: rival changes that fit, and a surge of traffic."""
    analysis = writer.analysis
    began = analysis.phases["onset"].time
    fits = [
        c.signal for c in analysis.candidates
        if c is not named and c.is_change and c.score >= CONTRIBUTES and _bears(c)
    ]  # fmt: skip
    surges = [
        s for s in analysis.episode.signals
        if s["category"] == "traffic" and s["kind"] == "metric_change"
        and "rose" in s["title"] and 0 <= began - s["time"] <= _SURGE
    ] if analysis.episode else []  # fmt: skip
    found = [s for s in (*surges[:2], *fits) if named is None or s is not named.signal]
    return tuple(dict.fromkeys(writer.ids[s["signal"]] for s in found))[:SHOWN_CAUSES]


def _bears(found: Candidate) -> bool:
    """Say whether a change touched the root or something below it, and was not shown innocent."""
    from nova_timeline.correlate.reach import FELT

    place = next((t.weight for t in found.terms if t.about == "place"), 0.0)
    innocent = any(t.weight < 0 for t in found.terms if t.about in ("nature", "undone"))
    return place > FELT and not innocent


def _root_cause(
    moments: Mapping[int, Moment], rank: int, found: Candidate, sure: float
) -> RootCause:
    s = found.signal
    moment = moments[s["signal"]]
    terms = sorted(found.reasons, key=lambda t: -abs(t.weight))
    return RootCause(
        rank=rank,
        moment=moment.id,
        entity=found.place,
        category=found.category
        or moment.category
        or ("infrastructure_change" if found.is_change else "unknown"),
        change_id=_change_id(found, moments) if found.is_change else None,
        score=found.score,
        confidence=sure,
        title=_told(found, moment),
        reasons=_reasons(terms, moments),
    )


def _reasons(terms: Iterable[Term], moments: Mapping[int, Moment]) -> tuple[Reason, ...]:
    """Write terms out, each citing the first record of every signal that it rests on."""
    return tuple(
        Reason(t.text, t.weight, tuple(e for n in t.signals for e in moments[n].evidence[:1]))
        for t in terms
    )


def _told(found: Candidate, moment: Moment) -> str:
    """Write one line about a cause; what came from outside says itself what it is."""
    if found.is_change:
        return moment.title
    if found.category is not None:
        return f"No change explains this; {found.terms[0].text}. It begins with: {moment.title}"
    return f"No change explains this; it begins with: {moment.title}"


def _change_id(found: Candidate, moments: Mapping[int, Moment]) -> str | None:
    """Name the change: by its revision where a commit is known, else by its own id."""
    commits = [s for s in (*found.also, found.signal) if s["kind"] == "commit"]
    ordered = [moments[s["signal"]].change_id for s in (*commits, found.signal, *found.also)]
    return next((i for i in ordered if i), None)


def _impact(analysis: Analysis) -> Impact:
    steps = analysis.phases
    entities = analysis.episode.entities if analysis.episode else ()

    def since(name: str) -> float | None:
        if name not in steps or "onset" not in steps:
            return None
        return round((steps[name].time - steps["onset"].time) / _SECOND, 3)

    return Impact(
        since("recovered"), since("detected"), since("recovered"), entities, analysis.errors
    )
