"""Suspects: the entities that the failure comes from, by the evidence of several methods.

A method looks at one kind of evidence (the accounting of metrics, the order of logs, spans) and
charges entities with what it found. Charges against one entity add up: methods see different
faults, and what two of them say independently is surer than what one says. Every charge rests on
signals of the timeline; where an entity shows none yet, the charge brings its own, so that whatever
is said of it is cited.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .episode import NEAR
from .metric_signals import HARM
from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from nova_timeline.clock import Window
    from nova_timeline.topology import Topology

    from .analysis import Evidence
    from .episode import Signal
    from .slabs import Each

CLEAR = 0.5
"""The least score of a suspect that is plainly where the failure comes from."""
LEAD = 1.2
"""How many times the runner-up's score that takes."""
SHOWN = 5
"""Suspects that become candidates for the root cause."""
_LEAST = 0.05
_CITED = 3
_LASTS = 60 * 60_000_000_000  # ns; faults later than this after a sign are other trouble


@dataclass(frozen=True, slots=True)
class Case:
    """What a method looks at."""

    evidence: Evidence
    signals: pl.DataFrame
    """Those that were drawn so far; see `nova_timeline.correlate.signals.gather`."""
    topology: Topology
    window: Window
    each: Each
    """How a function is applied to every part; an engine's ``map``."""
    usual_until: int | None = None
    """ns; what came before it only tells what is usual."""
    offsets: Mapping[str, int] = field(default_factory=dict[str, int])
    """Clock -> ns that it is ahead; what is not among the signals yet is to be corrected."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A fault that a method saw where the timeline may show none yet, with the rows that prove it.

    Times in ns; ``table`` is ``event`` or ``metric``, and rows are numbers of its rows.
    """

    time: int
    title: str
    table: str
    row: int
    rule: str
    """What names the rule of the same sign at another time: ``accounting:errors``."""
    rows: tuple[int, ...] = ()
    end: int | None = None
    precision: int = 1
    kind: str = "metric_change"
    clock: str | None = None
    severity: int = 17
    count: int = 1
    weight: float = HARM


@dataclass(frozen=True, slots=True)
class Charge:
    """What one method holds against one entity."""

    entity: str
    method: str
    score: float
    """0 to 1: how much of what failed this explains."""
    text: str
    """The reason in plain words."""
    category: str | None = None
    sign: Sign | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """An entity that the failure may come from."""

    entity: str
    score: float
    """0 to 1."""
    category: str | None
    terms: tuple[Term, ...]
    """The reasons, a charge each; their weights add up to the score."""
    signal: Signal
    """The fault on it that stands for it in the timeline."""


def signs(charges: Iterable[Charge], found: pl.DataFrame) -> pl.DataFrame:
    """Lay out the faults that charges bring, where the entity shows no fault of its own by then.

    Args:
        charges: of all methods.
        found: the signals so far; see `nova_timeline.correlate.signals.gather`.

    Returns:
        Rows to be added to the signals; see `nova_timeline.correlate.signals.joined`.
    """
    import polars as pl

    from . import signals

    shown, alarmed = _faults(found), _faults(found, "alert_firing")
    new: dict[tuple[str, str, int], dict[str, Any]] = {}
    for charge in sorted(charges, key=lambda c: -c.score):
        sign = charge.sign
        known = shown.get(charge.entity, [])
        if charge.score < _LEAST:  # no suspect, and shown to be in trouble by its alert
            known = known + alarmed.get(charge.entity, [])
        if sign is None or any(_near(s, sign) for s in known):
            continue
        place = (charge.entity, sign.table, sign.row)
        new.setdefault(place, _row(charge, sign))
    return pl.DataFrame(list(new.values()), schema=signals.types(), orient="row")


def find(charges: Iterable[Charge], found: pl.DataFrame) -> tuple[Suspect, ...]:
    """Put the charges of all methods together by entity, the most suspect first.

    The scores of an entity add up; where one's are more than 1, all are scaled down alike. An
    entity without any fault among the signals is left out: nothing could be cited.

    Args:
        charges: of all methods; of two by one method against one entity the heavier counts.
        found: the signals, with those that `signs` added.
    """
    heaviest: dict[tuple[str, str], Charge] = {}
    for charge in charges:
        key = (charge.entity, charge.method)
        if key not in heaviest or charge.score > heaviest[key].score:
            heaviest[key] = charge
    by_entity: dict[str, list[Charge]] = {}
    for _, charge in sorted(heaviest.items()):
        by_entity.setdefault(charge.entity, []).append(charge)
    shown = _faults(found)
    totals = {e: sum(c.score for c in some) for e, some in by_entity.items() if e in shown}
    scale = max((1.0, *totals.values()))
    suspects = [
        _suspect(e, by_entity[e], shown[e], scale)
        for e, total in totals.items()
        if total / scale >= _LEAST
    ]
    return tuple(sorted(suspects, key=lambda s: (-round(s.score, 9), s.entity)))


def clear(suspects: Sequence[Suspect]) -> Suspect | None:
    """Return the suspect that is plainly ahead of the others; None where none is."""
    if not suspects or suspects[0].score < CLEAR:
        return None
    ahead = len(suspects) == 1 or suspects[0].score >= LEAD * suspects[1].score
    return suspects[0] if ahead else None


def _suspect(entity: str, charges: list[Charge], shown: Sequence[Signal], scale: float) -> Suspect:
    ordered = sorted(charges, key=lambda c: (-c.score, c.method))
    cited = [_cited(c, shown) for c in ordered]
    terms = tuple(
        Term(c.text, c.score / scale, tuple(s["signal"] for s in some), c.method)
        for c, some in zip(ordered, cited, strict=True)
    )
    category = next((c.category for c in ordered if c.category), None)
    return Suspect(entity, sum(t.weight for t in terms), category, terms, cited[0][0])


def _cited(charge: Charge, shown: Sequence[Signal]) -> list[Signal]:
    """Pick the signals that a charge rests on: its own sign, else the faults nearest to it."""
    sign = charge.sign
    if sign is None:
        return list(shown[:_CITED])
    own = [s for s in shown if s["rule"] == sign.rule and s["row"] == sign.row]
    close = sorted((s for s in shown if _near(s, sign)), key=lambda s: (-s["weight"], s["signal"]))
    return (own or close or list(shown))[:_CITED]


def _faults(found: pl.DataFrame, role: str = "fault") -> dict[str, list[Signal]]:
    """List the faults of each entity in the order of time."""
    import polars as pl

    faults: dict[str, list[Signal]] = {}
    for s in found.filter(pl.col("role") == role, pl.col("weight") > 0).to_dicts():
        faults.setdefault(s["entity"] or "", []).append(s)
    return faults


def _near(signal: Mapping[str, Any], sign: Sign) -> bool:
    """Say whether a fault as firm as a sign was there by then, or came of the same trouble later.

    What a sign adds to such a fault is a reason, and not another beginning.
    """
    since, until = sign.time - NEAR, sign.time + _LASTS
    over = signal["end"] or signal["time"]
    return bool(signal["weight"] >= sign.weight and over >= since and signal["time"] <= until)


def _row(charge: Charge, sign: Sign) -> dict[str, Any]:
    return {
        "time": sign.time, "end": sign.end, "precision": sign.precision, "clock": sign.clock,
        "entity": charge.entity, "kind": sign.kind, "role": "fault", "category": charge.category,
        "rule": sign.rule, "title": sign.title, "severity": sign.severity, "count": sign.count,
        "weight": sign.weight, "table": sign.table, "row": sign.row, "rows": list(sign.rows),
    }  # fmt: skip
