"""What failed somewhere, in the words of its records: what causes are held against."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nova_timeline.knowledge import plain
from nova_timeline.schema import ERROR

from . import mentioned

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from .episode import Signal
    from .failures import Line

NOTICES = ("cloud_health.status-page", "cloud_health.provider-changed")
"""Rules of what a provider tells at the time at which it began."""
_IDS = re.compile(
    r"\b(?:trace|span|request|correlation|req)[_-]?id[\"']?\s*[=:]\s*[\"']?[\w-]+", re.IGNORECASE
)
"""What a record carries to be found by: it tells nothing of what failed."""
_OURS = re.compile(r"^Burst of \d+ log records(, never seen before)?: ", re.MULTILINE)
"""What a title says of the records, and none of them themselves."""
_SENTENCE = re.compile(r"(?<=[.;!?])\s+|\n")
_TIME_OF_DAY = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)(?::\d\d)?(?:\.\d+)?\s?(?:Z|UTC|GMT)\b")
_SINCE = re.compile(r"\b(since|from|between|starting|began)\b", re.IGNORECASE)
_BEHIND = re.compile(r"(?i)(?:^|[._])(?:upstream|backend)(?:[._]?(?:cluster|service|host|name))?$")
"""What a proxy's records call those behind it."""
_MINUTE, _DAY, _LONG = 60_000_000_000, 24 * 60, 30  # ns; minutes; minutes


@dataclass(frozen=True)
class Symptom:
    """What failed somewhere, in plain words."""

    raw: str
    entity: str
    at_root: bool
    signal: int
    count: int
    """Records that say so; 0 of a metric and of an alert."""
    is_error: bool
    time: int | None = None
    """ns; when it was first seen, where that is known."""
    is_measured: bool = False
    """Whether it is a metric that moved, and nobody's word."""
    teller: str | None = None
    """Who says it, where that is another."""
    is_apart: bool = False
    """Whether it is told by one who shows no other trouble and is named by those who do."""
    shared: tuple[tuple[str, str], ...] = ()
    """What all its records carry with the same value."""

    @cached_property
    def text(self) -> str:
        """What it says, with names taken apart, without whose it is and what it is found by."""
        told = self.raw.removeprefix(self.entity)
        said = told.lstrip(":") if told[:1] in (":", " ") else self.raw
        if self.entity and f"{self.entity}: " in said:
            said = re.sub(rf"(?:(?<=: )|^){re.escape(self.entity)}: ", "", said, flags=re.MULTILINE)
        return plain(_IDS.sub(" ", _OURS.sub("", said)))


def of_sign(sign: Signal, text: str, heart: Container[str]) -> Symptom:
    """Make a symptom of a signal.

    Args:
        sign: the signal.
        text: all that its records say.
        heart: the root, and what is in trouble below it.
    """
    entity: str = sign["entity"] or ""
    measured = sign["kind"] == "metric_change"
    told = sign["role"] == "fault" and not measured
    error = told and sign["severity"] >= ERROR
    count = sign["count"] if told else 0
    said = _of_now(text, sign["time"]) if sign["role"] == "alert_firing" else text
    return Symptom(
        said, entity, entity in heart, sign["signal"], count, error, sign["time"], measured
    )


def _of_now(text: str, time: int) -> str:
    """Leave out the sentences of an alert that tell of what was long before it, by their times.

    Whoever writes alerts tells what else happened that day, for who reads them to think of.
    """
    sentences = _SENTENCE.split(text)
    kept = [s for s in sentences if _SINCE.search(s) or not _is_of_before(s, time)]
    return text if len(kept) == len(sentences) else " ".join(kept)


def _is_of_before(sentence: str, time: int) -> bool:
    """Say whether a sentence names times of day, in UTC, and all of them are long before a time."""
    now = time // _MINUTE % _DAY
    ago = [(now - 60 * int(h) - int(m)) % _DAY for h, m in _TIME_OF_DAY.findall(sentence)]
    return bool(ago) and all(_LONG <= minutes <= _DAY // 2 for minutes in ago)


def of_lines(
    lines: Iterable[Line], signs: Sequence[Signal], heart: Container[str]
) -> list[Symptom]:
    """Make a symptom of each group of lines that an entity with a signal logged.

    What a proxy says of whom it passes requests on to is that one's trouble.
    """
    firsts = {s["entity"] or "": s["signal"] for s in reversed(signs)}
    return [
        Symptom(
            "\n".join(line.texts), line.entity, line.entity in heart or _passes_on(line, heart),
            firsts[line.entity], line.count, line.severity >= ERROR, shared=line.shared,
        )
        for line in lines if line.entity in firsts
    ]  # fmt: skip


def _passes_on(line: Line, heart: Container[str]) -> bool:
    """Say whether all records of a kind name one at the heart as whom they were passed on to."""
    return any(_BEHIND.search(key) and value in heart for key, value in line.shared)


def of_hearsay(
    lines: Iterable[Line], signs: Sequence[Signal], heart: Container[str]
) -> list[Symptom]:
    """Make a symptom of what others say of an entity with a signal: it is that one's trouble.

    Who watches over many, as a scheduler or an autoscaler does, logs under a name of its own, and
    what ails those that it names.
    """
    firsts = {s["entity"] or "": s["signal"] for s in reversed(signs)}
    about = sorted((e for e in firsts if len(e) >= mentioned.LETTERS), key=lambda e: e not in heart)
    told = ((line, "\n".join(line.texts)) for line in lines)
    named = ((line, text, mentioned.mentioned(text, about)) for line, text in told)
    return [
        Symptom(
            text, whose[0], whose[0] in heart, firsts[whose[0]], line.count,
            line.severity >= ERROR, line.since, teller=line.entity,
        )
        for line, text, whose in named if whose
    ]  # fmt: skip


def of_apart(lines: Iterable[Line], shown: Sequence[int], *, at_root: bool) -> list[Symptom]:
    """Make a symptom of each group of lines of those without a signal of their own.

    Args:
        lines: what they logged.
        shown: the first signal of the root, where there is one.
        at_root: whether the root calls them, so that what they say is said to it.
    """
    return [
        Symptom(
            "\n".join(line.texts), line.entity, at_root, shown[0], line.count,
            line.severity >= ERROR, line.since, is_apart=not at_root,
        )
        for line in lines if shown
    ]  # fmt: skip
