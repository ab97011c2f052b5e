"""What methods found an entity to show, weighed together and put into words and signs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import steps, templates
from .suspects import Charge, Sign

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .suspects import Case

_ELSEWHEN = 0.5
_TITLE = 90
_MS = 1_000_000
_CATEGORY = {"span gaps": "network", "saturation": "resource_exhaustion"}


@dataclass(frozen=True, slots=True)
class Found:
    """A fault that one of the methods saw, before the records that prove it are read."""

    entity: str
    method: str
    score: float
    """0 to 1."""
    first: int
    """ns; when it began, by the clock of the record that shows it."""
    end: int
    rows: tuple[int, ...]
    """The record that shows it first, and others that say what it is."""
    about: Mapping[str, Any]
    table: str = "event"


def together(found: Sequence[Found]) -> list[Found]:
    """Halve the score of what went on at another time than the heaviest evidence.

    It is another trouble, if any: an incident's own evidence overlaps.
    """
    if not found:
        return []
    main = max(found, key=lambda f: (f.score, -f.first, f.entity))
    return [
        f if f.first < main.end + steps.HICCUP and main.first < f.end + steps.HICCUP
        else replace(f, score=f.score * _ELSEWHEN)
        for f in found
    ]  # fmt: skip


def certainty(amount: float, half: float) -> float:
    """Turn an amount of evidence into a score, 0 to 1: 0.5 where it is ``half``.

    The curve is flat at both ends (Hill, J. Physiol. 40, 1910): a little evidence is chance among
    so many series, and overwhelming evidence of one kind counts for no more than being certain.
    """
    return amount * amount / (amount * amount + half * half)


def charges(case: Case, found: Sequence[Found]) -> list[Charge]:
    """Make charges of what was found, each with a sign that cites the records that show it."""
    known = _records(case, {row for f in found if f.table == "event" for row in f.rows})
    return [_of_metric(f) if f.table == "metric" else _of_records(case, f, known) for f in found]


def _records(case: Case, rows: set[int]) -> dict[int, dict[str, Any]]:
    """Read what the records say that faults are told by."""
    import numpy as np

    wanted = np.array(sorted(rows), np.int64)
    columns = ["body", "clock", "timestamp_precision"]
    if len(wanted) == 0:
        return {}
    told = case.evidence.rows.take(wanted, columns).to_pylist()
    return dict(zip(wanted.tolist(), told, strict=True))


def _of_metric(found: Found) -> Charge:
    about = found.about
    usual = f"{about['usual']:.0f} % as a rule"
    title = f"{about['metric']} rose to {about['level']:.0f} %"
    sign = Sign(
        time=found.first, end=found.end, title=title, table="metric", row=found.rows[0],
        rule="saturation", count=about["count"],
    )  # fmt: skip
    text = f"a resource of it ran full: {title}, {usual}"
    return Charge(found.entity, found.method, found.score, text, _CATEGORY[found.method], sign)


def _of_records(case: Case, found: Found, known: Mapping[int, Mapping[str, Any]]) -> Charge:
    record = known[found.rows[0]]
    off = case.offsets.get(record["clock"] or "", 0)
    said = [templates.text(known[row]["body"] or "")[:_TITLE].strip() for row in found.rows]
    title, text = _words(found, said)
    sign = Sign(
        time=found.first - off,
        end=max(found.first, found.end) - off,
        title=title,
        table="event",
        row=found.rows[0],
        rows=found.rows[1:],
        rule=f"steps:{found.method.replace(' ', '-')}",
        kind="log",
        clock=record["clock"],
        precision=record["timestamp_precision"] or 1,
        count=found.about["count"],
    )
    category = _CATEGORY.get(found.method)
    return Charge(found.entity, found.method, found.score, text, category, sign)


def _words(found: Found, said: Sequence[str]) -> tuple[str, str]:
    """Put what was found into words: the title of its moment, and the reason."""
    about = found.about
    part = f"{about['share']:.0%}"
    if found.method == "log order":
        follows = f"'{said[1]}'" if about["bad"] else "nothing"
        then = f", before it was '{said[-1]}'" if about["usual"] else ""
        title = f"'{said[0]}' is followed by {follows}{then}"
        return title, f"its requests go another way than before, {part} more of them: {title}"
    if found.method == "own errors":
        title = f"'{said[0]}' fails, with nothing below it failing"
        return title, f"its own work fails, {part} more of it than before: {title}"
    limit = f"{about['limit'] / _MS:.0f} ms"
    if found.method == "self time":
        title = f"'{said[0]}' takes more than {limit}"
        return title, f"its own work is slow, {part} more of it than before: {title}"
    title = f"Calls from {about['caller']} to {about['callee']} are more than {limit} on the way"
    return title, f"calls to or from it are held up, {part} more of them than before: {title}"
