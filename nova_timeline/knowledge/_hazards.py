"""Hazards and triggers as values: what changes break what, and what breaks things from outside."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nova_timeline import schema
from nova_timeline.errors import KnowledgeError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FINDINGS = (
    *("looped", "growing", "held", "stops_loop", "unmade_table", "passed_over", "shadowed"),
    *("cut_off", "run_anew", "left_early"),
)
"""What a diff is found to do as a whole; see `nova_timeline.correlate.diffs`."""
MOVES = ("up", "down", "on", "off", "gone", "other", "compared", "scaled")
"""The ways a setting moves."""

_PATTERNS = (
    *("setting", "touches", "gone", "new", "call_gone", "call_new", "path", "title", "without"),
)
_TEST = (*FINDINGS, *_PATTERNS, "moved")
_HAZARD = (
    *("id", "says", "strength", "far", "within", "own", "change", "symptom", "effect", "sample"),
)
_TRIGGER = (
    "id",
    "category",
    "says",
    "symptom",
    "not",
    "share",
    "needs",
    "blames",
    "made_by",
    "asked_by",
    "seen_by",
    "felt_as",
    "sample",
)
NEEDS = ("outside_host", "all_traffic", "one_record", "at_its_time", "told", "more_requests")
"""What the evidence as a whole must show; see `nova_timeline.correlate.triggers`."""
BLAMES = ("named", "many", "store")
"""Whose trouble it may be that others tell of; see `nova_timeline.correlate.blamed`."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_JOINT = re.compile(r"[_\-/.:=]{1,99}(?=\w)|(?<=\w)[_\-/.:=]+|\s+")  # no rule of dashes is one


@dataclass(frozen=True, slots=True)
class Test:
    """One table of ``change``: all that it asks must hold."""

    findings: tuple[str, ...] = ()
    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict[str, re.Pattern[str]])
    moved: tuple[str, ...] = ()
    asks: frozenset[str] = frozenset()
    """What it asks for, by name; ``moved`` and ``findings`` among it."""
    far: float = 3.0
    """How many times a setting must have moved to show it as strongly as can be."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """A kind of change, and what it breaks like."""

    id: str
    says: str
    change: tuple[Test, ...]
    symptom: re.Pattern[str]
    effect: re.Pattern[str] | None
    strength: float
    sample: Mapping[str, str]
    within: float | None = None
    """In how many minutes it shows, as every request passes by it; None where it may be later."""
    own: bool = False
    """Whether it shows on what was changed itself, whose code it is that runs."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something from outside that breaks things without a change, and what it shows itself by."""

    id: str
    category: str
    says: str
    symptom: re.Pattern[str]
    never: re.Pattern[str] | None
    """What shows that it is something else."""
    share: float
    """The least share of what failed that must show it."""
    needs: tuple[str, ...]
    blames: str
    """Whom it blames that others tell of; see `nova_timeline.correlate.blamed`. Empty for those."""
    made_by: tuple[str, ...]
    """The only hazards whose work it may be; empty where any may be."""
    asked_by: tuple[str, ...]
    """The only hazards of changes that may have asked for what it befalls; empty where any may."""
    seen_by: re.Pattern[str] | None
    """Metrics that show it before anything fails."""
    felt_as: tuple[str, ...]
    """Triggers that are what it does to others, wherever it shows itself."""
    sample: Mapping[str, Any]

    def fits(self, text: str) -> bool:
        """Say whether it shows itself by what failed, put as `plain` puts it."""
        never = self.never is not None and self.never.search(text)
        return self.symptom.search(text) is not None and not never


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """Take names apart and fold case, so that one pattern fits every way of writing.

    >>> plain("OOMKilled: http_5xx_ratio of shop.api")
    'oom killed http 5xx ratio of shop api'
    """
    return _JOINT.sub(" ", _CAMEL.sub(" ", text)).casefold().strip()


@cache
def hazards() -> tuple[Hazard, ...]:
    """Read the files of the folder ``hazards``.

    Raises:
        KnowledgeError: it cannot be carried out.
    """
    files = sorted((Path(__file__).parent / "hazards").glob("*.toml"))
    return read_hazards("\n".join(file.read_text("utf-8") for file in files))


@cache
def triggers() -> tuple[Trigger, ...]:
    """Read ``triggers.toml``.

    Raises:
        KnowledgeError: it cannot be carried out.
    """
    return read_triggers((Path(__file__).parent / "triggers.toml").read_text("utf-8"))


def read_hazards(text: str) -> tuple[Hazard, ...]:
    """Read hazards given as TOML.

    Raises:
        KnowledgeError: naming the hazard, what is wrong with it and what is allowed.
    """
    content = _parsed("hazards", text, "hazard", ("hazard", "words"))
    words: Mapping[str, str] = content.get("words", {})
    found = tuple(_hazard(given, words) for given in content.get("hazard", []))
    _distinct("hazards", [h.id for h in found])
    return found


def read_triggers(text: str) -> tuple[Trigger, ...]:
    """Read triggers given as TOML.

    Raises:
        KnowledgeError: naming the trigger, what is wrong with it and what is allowed.
    """
    content = _parsed("triggers.toml", text, "trigger", ("trigger",))
    found = tuple(_trigger(given) for given in content.get("trigger", []))
    _distinct("triggers.toml", [t.id for t in found])
    return found


def _parsed(file: str, text: str, kind: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{file} is not TOML: {error}"
        raise KnowledgeError(msg) from error
    _known(file, f"key beside [[{kind}]]", content, allowed)
    return content


def _hazard(given: dict[str, Any], words: Mapping[str, str]) -> Hazard:
    where = f"hazards, hazard {given.get('id', '?')!r}"
    _complete(where, given, _HAZARD, ("id", "says", "change", "symptom", "sample"))
    _known(where, "effect", given.get("effect", []), words)
    effect = [words[w] for w in given.get("effect", [])]
    return Hazard(
        given["id"],
        given["says"],
        tuple(_test(where, t, float(given.get("far", 3.0))) for t in given["change"]),
        _any(where, given["symptom"]),
        _any(where, effect) if effect else None,
        float(given.get("strength", 1.0)),
        given["sample"],
        float(given["within"]) if "within" in given else None,
        bool(given.get("own")),
    )


def _test(where: str, given: dict[str, Any], far: float) -> Test:
    _known(where, "key of change", given, _TEST)
    moved = tuple(given.get("moved", ()))
    _known(where, "way to move", moved, MOVES)
    if ("setting" in given and not moved) or (moved and not {"setting", "touches"} & given.keys()):
        msg = f"{where}: setting and moved go together, or touches and moved"
        raise KnowledgeError(msg)
    patterns = {p: _any(where, [given[p]]) for p in _PATTERNS if p in given}
    findings = tuple(f for f in FINDINGS if given.get(f))
    asks = {*patterns, *(["moved"] if moved else []), *(["findings"] if findings else [])}
    return Test(findings, patterns, moved, frozenset(asks), far)


def _trigger(given: dict[str, Any]) -> Trigger:
    where = f"triggers.toml, trigger {given.get('id', '?')!r}"
    _complete(where, given, _TRIGGER, ("id", "category", "says", "symptom", "sample"))
    _known(where, "category", [given["category"]], schema.CATEGORIES)
    _known(where, "need", given.get("needs", []), NEEDS)
    _known(where, "way to blame", [given["blames"]] if "blames" in given else [], BLAMES)
    return Trigger(
        given["id"],
        given["category"],
        given["says"],
        _any(where, given["symptom"]),
        _any(where, given["not"]) if "not" in given else None,
        float(given.get("share", 0.0)),
        tuple(given.get("needs", ())),
        given.get("blames", ""),
        tuple(given.get("made_by", ())),
        tuple(given.get("asked_by", ())),
        _any(where, given["seen_by"]) if "seen_by" in given else None,
        tuple(given.get("felt_as", ())),
        given["sample"],
    )


def _complete(
    where: str, given: Mapping[str, Any], allowed: Iterable[str], needed: Iterable[str]
) -> None:
    _known(where, "key", given, allowed)
    for key in needed:
        if not given.get(key):
            msg = f"{where}: {key} is missing"
            raise KnowledgeError(msg)


def _known(where: str, what: str, given: Iterable[str], allowed: Iterable[str]) -> None:
    names = tuple(allowed)
    for word in given:
        if word not in names:
            msg = f"{where}: unknown {what} {word!r}{nearest(word, names)}"
            raise KnowledgeError(msg)


def _distinct(file: str, ids: Iterable[str]) -> None:
    seen = set[str]()
    for one in ids:
        if one in seen:
            msg = f"{file}: {one!r} is there twice; rename one"
            raise KnowledgeError(msg)
        seen.add(one)


def _any(where: str, patterns: Iterable[str]) -> re.Pattern[str]:
    """Compile patterns into one that any of them fits."""
    try:
        whole = "|".join(f"(?:{re.compile(p).pattern.removeprefix('(?i)')})" for p in patterns)
        return re.compile(whole, re.IGNORECASE | re.MULTILINE)
    except re.error as error:
        msg = f"{where}: {error} in a pattern"
        raise KnowledgeError(msg) from error
