"""Accounting: where failed requests and waiting beyond the usual arise, and who hands them on.

What an entity has in excess of its usual, less what those it calls have in excess, arose in itself:
callers only hand on what their callees did to them. Excess is counted in failed requests and in
seconds waited, since shares and means of entities with different traffic cannot be subtracted: a
dependency that is slow in one call of a thousand explains nothing.

Sources: rate, errors and duration (T. Wilkie, "The RED Method", 2015); the walk along anomalous
calls (D. Liu et al., "MicroHECL", ICSE-SEIP 2021); judging a node given what its causes did, and
not by itself (M. Li et al., "CIRCA", KDD 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import excess, inferred, red_metrics, strays
from .cascades import SLACK
from .episode import FIRM
from .suspects import Charge, Sign

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from nova_timeline.topology import Topology

    from .episode import Signal
    from .excess import Excess
    from .ledger import Ledger
    from .suspects import Case

    Bools = npt.NDArray[np.bool_]

METHOD = "accounting"
ENTRY = 3.0
"""How many times the limit what nobody calls must be off, to be in trouble without an alert."""
LEAD = 10 * 60_000_000_000
"""ns; trouble begins no longer than this before its alert."""
LASTS = 10 * 60_000_000_000
"""ns; what is in excess only this long after the alert, or two intervals, is another matter."""

_ALERTED = 0.5
"""Of the limit; what is this far off is no chance where an alert speaks of it and nothing is off by
the whole: a tenth of the traffic shows a tenth of the failures."""
_MINDED = 0.01  # seconds more a request
_ODD = 0.5  # the weight of what is strange and no harm
_FEW = 0.01  # of the requests at the worst of it; fewer failures are no incident's doing
_SECOND_MODE = 0.5
_UNFELT = 0.5
_ELSEWHERE = 0.25  # of what arose in it, where something it depends on tells of trouble
_CITED = 3  # rows of a sign
_ONSET = 0.1  # of the peak; excess above this before it belongs to it


@dataclass(frozen=True, slots=True)
class Account:
    """What the accounts say."""

    charges: tuple[Charge, ...] = ()
    judged: frozenset[tuple[str, str]] = frozenset()
    """Entity and mode whose usual is known."""
    off: frozenset[tuple[str, str]] = frozenset()
    """Those in trouble beyond chance, that callers or an alert felt."""
    kept: frozenset[tuple[str, str]] = frozenset()
    """Entity and metric by which its failures are counted."""


def account(case: Case, books: Ledger | None) -> Account:
    """Charge entities with the failures and the waiting that arose in them.

    Args:
        case: what was drawn from the evidence.
        books: of the requests of all entities; see `ledger.keep`.
    """
    if books is None:
        return Account()
    alerts = _alerts(case)
    roots = {e for _, e, _ in alerts if e in books.entities}
    since = _since(books, case.usual_until)
    focus = _around(books, min(t for t, _, _ in alerts), since) if alerts else since
    found = [excess.of(books, m, focus) for m in red_metrics.MODES]
    if not alerts:
        focus = _about_peak(books, found, case.topology, since)
        found = [excess.of(books, m, focus) for m in red_metrics.MODES]
    graph = inferred.graph(books, found, case.topology)
    felt = bool(alerts) or _felt(books, found, graph)
    told = _Told(_troubled(case, books, focus), felt, _spoken(alerts))
    found = _heeded(books, found, graph.below(roots), told.spoken)
    graph = inferred.graph(books, found, case.topology)
    return Account(
        tuple(_charged(books, found, graph, roots, told)),
        frozenset((e, x.mode) for x in found for e in _named(books, x.known)),
        frozenset((e, x.mode) for x in found for e in _named(books, x.significant) if felt),
        frozenset(zip(books.entities, books.names["errors"], strict=True)),
    )


def _heeded(
    books: Ledger, found: Sequence[Excess], below: set[str], spoken: str | None
) -> list[Excess]:
    """Lower the limit of the mode that alerts speak of, where nothing below them is off in it."""
    return [
        replace(x, least=_ALERTED)
        if x.mode == spoken and below and not _on(books, x) & below
        else x
        for x in found
    ]


def weighed(found: pl.DataFrame, said: Account, topology: Topology) -> pl.DataFrame:
    """Take the weight off faults of metrics that the accounts find to be no more than chance.

    It is none where records of the entity tell of firm faults as it began, or where a resource of
    it, or of what it calls, was used up more just then.

    Args:
        found: the signals; see `nova_timeline.correlate.signals.gather`.
        said: the accounts.
        topology: who depends on whom.
    """
    import polars as pl

    faults = found.filter(
        pl.col("role") == "fault", pl.col("table") == "metric", pl.col("weight") > _ODD
    )
    several = (pl.col("table") == "event") & (pl.col("count") > strays.FEW)
    told = _when(found.filter("is_effect", several, pl.col("weight") >= FIRM))
    used = _when(faults.filter(pl.col("category") == "resource_exhaustion"), of_interval=True)
    depends = topology.dependencies()

    def no_chance(s: Signal) -> bool:
        entity = s["entity"] or ""
        near = (entity, *sorted(depends.get(entity, set[str]())))
        return _is_told(s, [*told.get(entity, ()), *(t for e in near for t in used.get(e, ()))])

    light = [s["signal"] for s in faults.to_dicts() if _is_chance(s, said) and not no_chance(s)]
    weight = pl.when(pl.col("signal").is_in(light)).then(_ODD).otherwise(pl.col("weight"))
    return found.with_columns(weight=weight) if light else found


def _when(
    some: pl.DataFrame, *, of_interval: bool = False
) -> Mapping[str, Sequence[tuple[int, int]]]:
    """List from when to when each entity's signs lasted; of those of intervals, when they began."""
    import polars as pl

    until = pl.col("time") + pl.col("precision") if of_interval else pl.coalesce("end", "time")
    spans = some.select("entity", "time", until.alias("until")).drop_nulls()
    by: dict[str, list[tuple[int, int]]] = {}
    for entity, first, last in spans.iter_rows():
        by.setdefault(entity, []).append((first, last))
    return by


def _is_told(fault: Signal, times: Sequence[tuple[int, int]]) -> bool:
    """Say whether something else tells of a fault as a metric shows it."""
    since, until = fault["time"] - SLACK, fault["time"] + fault["precision"] + SLACK
    return any(first <= until and last >= since for first, last in times)


def _is_chance(fault: Signal, said: Account) -> bool:
    """Say whether the accounts know the usual of what a metric counts, and nothing is off in it.

    What does not succeed may be no error to who counts those: a sign-on that leads nowhere.
    """
    meant = _meant(fault["rule"])
    if meant is None or meant.role == "rate":
        return False
    entity = fault["entity"] or ""
    own = (entity, str(fault["rule"]).removeprefix("metric:")) in said.kept
    if meant.role == "working" and not own:
        return False
    place = (entity, "duration" if meant.role == "duration" else "errors")
    return place in said.judged and place not in said.off


def _meant(rule: str | None) -> red_metrics.Meaning | None:
    """Read what the metric of a fault says of requests; None for all other faults."""
    named = rule is not None and rule.startswith("metric:")
    return red_metrics.meaning(rule.removeprefix("metric:")) if rule and named else None


def _named(books: Ledger, marked: Bools) -> list[str]:
    return [e for e, m in zip(books.entities, marked.tolist(), strict=True) if m]


def _felt(books: Ledger, found: Sequence[Excess], graph: inferred.Graph) -> bool:
    """Say whether what nobody calls is far off itself, or cannot be judged."""
    rows = [i for i, e in enumerate(books.entities) if e in graph.entries]
    judged = [(x, i) for x in found for i in rows if x.known[i]]
    far = (x.deviation[i] >= ENTRY and _matters(books, x, i) for x, i in judged)
    return not judged or any(far)


def _matters(books: Ledger, x: Excess, e: int) -> bool:
    """Say whether waiting is long enough, or failures are frequent enough, for anybody to mind."""
    requests = books.requests[e, x.peak[e] : x.peak[e] + 2].sum()
    least = _FEW if x.mode == "errors" else _MINDED
    return bool(x.amount[e] >= least * requests)


def _alerts(case: Case) -> list[tuple[int, str, str]]:
    """List when and where alerts fired, and what they said."""
    import polars as pl

    fired = case.signals.filter(pl.col("role") == "alert_firing")
    if case.usual_until is not None:
        fired = fired.filter(pl.col("time") >= case.usual_until)
    return [
        (t, e or "", s or "") for t, e, s in fired.select("time", "entity", "title").iter_rows()
    ]


def _spoken(alerts: Sequence[tuple[int, str, str]]) -> str | None:
    """Name the mode that alerts speak of; None where they speak of none, or of both."""
    spoken = {red_metrics.mode(said) for _, _, said in alerts} - {None}
    return spoken.pop() if len(spoken) == 1 else None


def _since(books: Ledger, usual_until: int | None) -> Bools:
    """Mark the intervals that are not known to be usual; all where that would be none."""
    import numpy as np

    begins = books.times
    marked: Bools = begins > (usual_until or 0) - books.step
    return marked if np.any(marked) else np.ones(len(begins), np.bool_)


def _around(books: Ledger, alert: int, since: Bools) -> Bools:
    """Mark the intervals in which what an alert tells of happened."""
    import numpy as np

    begins = books.times
    lead, lasts = max(LEAD, 2 * books.step), max(LASTS, 2 * books.step)
    marked: Bools = since & (begins > alert - lead - books.step) & (begins < alert + lasts)
    return marked if np.any(marked) else since


def _about_peak(books: Ledger, found: Sequence[Excess], topology: Topology, since: Bools) -> Bools:
    """Mark the intervals around the worst of an entry, where no alert says when to look."""
    rows = _entries(books, topology)
    best = max(((x.deviation[e], int(x.peak[e])) for x in found for e in rows if x.known[e]),
               default=(0.0, -1))  # fmt: skip
    return _around(books, books.time(best[1] + 1), since) if best[0] >= 1 else since


def _entries(books: Ledger, topology: Topology) -> list[int]:
    """List the entities that nobody calls and that call others; all, where no calls are known."""
    called = {e.callee for e in topology.edges}
    callers = {e.caller for e in topology.edges}
    every = range(len(books.entities))
    if not callers & set(books.entities):
        return list(every)
    return [i for i in every if books.entities[i] in callers - called]


@dataclass(frozen=True, slots=True)
class _Told:
    """What other evidence says."""

    troubled: Mapping[str, Sequence[int]]
    """Entity -> when its logs tell of faults, or alerts fire."""
    felt: bool
    """Whether an alert or an entry shows that users felt it."""
    spoken: str | None = None
    """The mode that alerts speak of."""


def _troubled(case: Case, books: Ledger, focus: Bools) -> dict[str, list[int]]:
    """List the firm faults that anything else tells of, in the intervals in focus."""
    import numpy as np
    import polars as pl

    held = np.flatnonzero(focus)
    first, last = books.time(int(held[0])), books.time(int(held[-1]) + 1)
    bad = case.signals.filter(
        pl.col("role").is_in(["fault", "alert_firing"]),
        pl.col("weight") >= FIRM,
        pl.col("time").is_between(first, last),
    )
    told: dict[str, list[int]] = {}
    for entity, rule, time in bad.select("entity", "rule", "time").drop_nulls("entity").iter_rows():
        if _meant(rule) is None:
            told.setdefault(entity, []).append(time)
    return told


def _charged(
    books: Ledger, found: Sequence[Excess], graph: inferred.Graph, alarmed: set[str], told: _Told
) -> list[Charge]:
    """Charge the entities below those in alarm; without an alarm, those below entries.

    The mode that alerts speak of counts in full where anything is off in it, else that in which
    these are furthest off.
    """
    roots = alarmed or graph.entries
    rows = [i for i, e in enumerate(books.entities) if e in roots]

    def worst(x: Excess) -> tuple[bool, float]:
        spoken_of = x.mode == told.spoken and bool(_on(books, x) & graph.below(roots))
        return spoken_of, max((float(x.deviation[i]) for i in rows if x.known[i]), default=0.0)

    first = max(found, key=worst).mode
    made: list[Charge] = []
    for x in found:
        share = (1.0 if told.felt else _UNFELT) * (1.0 if x.mode == first else _SECOND_MODE)
        made += _of_mode(books, x, graph, roots, told, share)
    return made


def _of_mode(
    books: Ledger, x: Excess, graph: inferred.Graph, roots: Iterable[str], told: _Told,
    share: float,
) -> list[Charge]:  # fmt: skip
    code = {e: i for i, e in enumerate(books.entities)}
    on = _on(books, x)
    below = graph.below(roots) & on
    amounts = {e: float(x.amount[code[e]]) for e in on}
    top = max((amounts[e] for e in (set(roots) & on or below)), default=0.0)
    made: list[Charge] = []
    for entity in sorted(below):
        own = amounts[entity] - graph.explained(entity, on, amounts)
        score = share * min(1.0, max(0.0, own / max(top, 1e-9)))
        text = _text(books, x, code[entity], own, graph)
        # What keeps no books, or sees nothing wrong in them, may tell of its trouble otherwise.
        shown = _sign(books, x, code[entity])
        below_it = set[str]() if graph.is_inferred else graph.below([entity]) - on - {entity}
        others = [e for e in below_it if _then(told.troubled.get(e, ()), shown)]
        if others:
            score *= _ELSEWHERE
            text += f"; but {min(others)}, on which it depends, tells of trouble otherwise"
        # Who only hands trouble on is charged with nothing, and still shows it in the timeline.
        sign = shown if told.felt else None
        made.append(Charge(entity, METHOD, score, text, None, sign))
    return made


def _on(books: Ledger, x: Excess) -> set[str]:
    """Name the entities that are off by more than chance, and by more than nobody minds."""
    errors = x.mode == "errors"
    off = zip(books.entities, range(len(books.entities)), x.significant.tolist(), strict=True)
    return {e for e, i, is_off in off if is_off and (not errors or _matters(books, x, i))}


def _then(times: Sequence[int], shown: Sign) -> bool:
    """Say whether anything of that happened as an excess began, or up to two intervals ahead."""
    since, until = shown.time - max(SLACK, 2 * shown.precision), shown.time + shown.precision
    return any(since <= t <= until + SLACK for t in times)


def _text(books: Ledger, x: Excess, e: int, own: float, graph: inferred.Graph) -> str:
    """Put the account of one entity into words."""
    whole = float(x.amount[e])
    counted = bool(books.counted[e])
    usual = f"usually {x.usual[e]:.3g}{' s each' if x.mode == 'duration' else ' a point'}"
    if x.mode == "errors" and counted:
        usual = f"usually {x.usual[e]:.1%} fail"
    unit = "failed requests" if x.mode == "errors" else "seconds of waiting"
    amounts = f"{_number(own)} of its {_number(whole)} {unit} beyond the usual"
    if not counted:
        amounts = f"{own / max(whole, 1e-9):.0%} of what its {unit} are beyond the usual"
    rest = "not in what it calls" if graph.callees(books.entities[e]) else "it calls nothing known"
    told = f"{amounts} arose in it, {rest} ({books.names[x.mode][e]}; {usual})"
    return f"{told}; who calls whom is inferred" if graph.is_inferred else told


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _sign(books: Ledger, x: Excess, e: int) -> Sign:
    """Make the fault of an entity's excess, from the first interval that belongs to its peak."""
    import numpy as np

    peak = int(x.peak[e])
    last = min(peak + 1, x.by_interval.shape[1] - 1)
    worst = float(x.by_interval[e, peak : last + 1].max())
    high = min(max(_ONSET * worst, float(x.noise[e]), 1e-12), worst / 2)
    first = peak if x.by_interval[e, peak] > high else last
    while first > 0 and x.by_interval[e, first - 1] > high:
        first -= 1
    rows = books.rows[x.mode][e, first : last + 1]
    held = [int(r) for r in rows[rows >= 0][:_CITED]]
    over = np.flatnonzero(x.by_interval[e, last:] <= high)
    end = books.time(last + int(over[0])) if len(over) else None
    what = "failed requests" if x.mode == "errors" else "seconds of waiting"
    title = f"{books.names[x.mode][e]}: {_number(float(x.amount[e]))} {what} beyond the usual"
    if not books.counted[e]:
        title = f"{books.names[x.mode][e]} is {x.deviation[e]:.3g} times the limit off the usual"
    return Sign(
        books.time(first), title, "metric", held[0], f"{METHOD}:{x.mode}", tuple(held[1:]), end,
        books.step,
    )  # fmt: skip
