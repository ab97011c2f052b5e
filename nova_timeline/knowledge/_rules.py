"""Rules as values: reading the packs, and saying plainly what is wrong with one."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from nova_timeline import schema
from nova_timeline.errors import KnowledgeError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SHORTEST = 7
"""How many letters a word looked for in bodies must have: long words let the scan step far."""

NUMBERS = ("severity_number",)
"""Columns that ``min`` and ``max`` can be asked of, besides attributes."""

NO_PACKS = ("triggers", "limits")
"""Files of this folder that tell of outside triggers and metrics, not of records."""

_ATTRIBUTE = "attributes."
_RULE = (
    *("id", "kind", "role", "category", "severity", "symptom", "lasts", "unstarted", "entity"),
    *("title", "when", "sample"),
)
_SAMPLE = ("use", "name", "text", "options")
_CHECKS = ("equals", "contains", "without", "regex", "prefix", "suffix", "min", "max", "present")
_COLUMNS = tuple(
    c
    for c in schema.columns("event")
    if not c.startswith(("evidence.", "attributes"))
    and c not in ("event_id", "rule", "title", "source", "timestamp_precision")
    and "timestamp" not in c
)
_OUTSIDE = ("entity", "event_name", "body")
_MOST_SEVERE = 24
_FIELD = re.compile(r"\{([^{}]*)\}")
_LOOKAROUND = re.compile(r"\(\?<?[=!]|\\[1-9]")
_CLAUSE = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Check:
    """What one column must be like; words are in lower case, and empty ones are not asked."""

    column: str
    equals: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    regex: str | None = None
    prefix: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    present: bool | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One ``[[rule.when]]``: the connectors it is about (all if none), and checks that all hold."""

    sources: tuple[str, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A record that proves a rule, in the form its connector reads."""

    use: str
    name: str
    text: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a title: words with fields between them, left out whole if it is a clause."""

    text: str
    fields: tuple[str, ...]
    clause: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known about the records that fit one of its cases."""

    id: str
    domain: str
    title: tuple[Piece, ...]
    when: tuple[Case, ...]
    sample: Sample
    kind: str | None = None
    role: str | None = None
    category: str | None = None
    severity: int | None = None
    entity: tuple[Piece, ...] = ()
    symptom: bool = False
    """Whether it tells that something fails, and not what for: a restart, a failed probe."""
    lasts: bool = False
    """Whether what it tells of goes on though nothing more is said: what hangs says it once."""
    unstarted: bool = False
    """Whether what it befalls has not run yet, so that no code of it can be at fault."""


@cache
def symptoms() -> frozenset[str]:
    """Name the rules whose records tell that something fails, and not what for."""
    return frozenset(rule.id for rule in rules() if rule.symptom)


@cache
def lasting() -> frozenset[str]:
    """Name the rules whose records tell of what goes on until something ends it."""
    return frozenset(rule.id for rule in rules() if rule.lasts)


@cache
def unstarted() -> frozenset[str]:
    """Name the rules whose records tell of what could not even be started."""
    return frozenset(rule.id for rule in rules() if rule.unstarted)


@cache
def rules() -> tuple[Rule, ...]:
    """Read every pack of this folder, in the order in which the rules are tried.

    Raises:
        KnowledgeError: a pack that cannot be carried out.
    """
    files = [p for p in Path(__file__).parent.glob("*.toml") if p.stem not in NO_PACKS]
    return read({p.stem: p.read_text("utf-8") for p in sorted(files)})


def read(packs: Mapping[str, str]) -> tuple[Rule, ...]:
    """Read packs given as domain -> TOML text.

    Raises:
        KnowledgeError: naming the file, the rule, and the nearest right spelling.
    """
    found: dict[str, Rule] = {}
    for domain, text in packs.items():
        for rule in _pack(domain, text):
            if rule.id in found:
                msg = f"{domain}.toml: there are two rules called {rule.id!r}; rename one"
                raise KnowledgeError(msg)
            found[rule.id] = rule
    return tuple(found.values())


def _pack(domain: str, text: str) -> Iterable[Rule]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{domain}.toml is not TOML: {error}"
        raise KnowledgeError(msg) from error
    _known(f"{domain}.toml", "key", content, ("rule",))
    for i, given in enumerate(content.get("rule", []), 1):
        where = f"{domain}.toml, rule {given.get('id', f'number {i}')!r}"
        yield _rule(where, domain, given)


def _rule(where: str, domain: str, given: dict[str, Any]) -> Rule:
    _known(where, "key", given, _RULE)
    for key in ("id", "when", "sample"):
        if not given.get(key):
            msg = f"{where}: {key} is missing"
            raise KnowledgeError(msg)
    if not given["id"].startswith(f"{domain}."):
        msg = f"{where}: an id begins with the name of its file, here '{domain}.'"
        raise KnowledgeError(msg)
    if not given.keys() & {"kind", "role", "category"}:
        msg = f"{where}: says nothing; give a kind, a role or a category"
        raise KnowledgeError(msg)
    kinds = [k for k in schema.KINDS if k != "log"]  # what is no more than a log needs no rule
    for key, words in (("kind", kinds), ("role", schema.ROLES), ("category", schema.CATEGORIES)):
        if key in given:
            _known(where, key, [given[key]], words)
    return Rule(
        given["id"],
        domain,
        pieces(where, given.get("title", "")),
        tuple(_case(where, case) for case in given["when"]),
        _sample(where, given["sample"]),
        given.get("kind"),
        given.get("role"),
        given.get("category"),
        _severity(where, given.get("severity")),
        pieces(where, f"[{given['entity']}]") if "entity" in given else (),
        given.get("symptom") is True,
        given.get("lasts") is True,
        given.get("unstarted") is True,
    )


def _severity(where: str, given: Any) -> int | None:
    if given is not None and not (isinstance(given, int) and 1 <= given <= _MOST_SEVERE):
        msg = f"{where}: severity is OpenTelemetry's number, 1 to {_MOST_SEVERE}, not {given!r}"
        raise KnowledgeError(msg)
    return given


def _sample(where: str, given: dict[str, Any]) -> Sample:
    _known(where, "key of sample", given, _SAMPLE)
    if missing := [key for key in _SAMPLE[:3] if not given.get(key)]:
        msg = f"{where}: sample has no {missing[0]}"
        raise KnowledgeError(msg)
    return Sample(**given)


def _case(where: str, given: dict[str, Any]) -> Case:
    sources = _words(where, "source", given.get("source", []))
    checks = tuple(_check(where, c, test) for c, test in given.items() if c != "source")
    named = [check for check in checks if check.column == "event_name"]
    for check in checks:
        if check.column == "body" and not named:
            _check_finder(where, check)
    if not any(_finds(check) for check in checks):
        msg = (
            f"{where}: each when needs event_name, or body with contains; "
            "without one of them every row would have to be looked at"
        )
        raise KnowledgeError(msg)
    return Case(sources, checks)


def _finds(check: Check) -> bool:
    """Say whether candidates for a case can be found by this check alone."""
    asked = check.equals or check.contains or check.regex or check.prefix or check.suffix
    return bool(check.contains if check.column == "body" else asked) and check.column in (
        "body",
        "event_name",
    )


def _check(where: str, column: str, test: Any) -> Check:
    if not column.startswith(_ATTRIBUTE):
        _known(where, "column", [column], (*_COLUMNS, "source"), hint=f"{_ATTRIBUTE}NAME")
    asked = cast("dict[str, Any]", test) if isinstance(test, dict) else {"equals": test}
    where = f"{where}, {column}"
    _known(where, "test", asked, _CHECKS)
    words: dict[str, Any] = {
        key: _words(where, key, asked[key])
        for key in ("equals", "contains", "without", "prefix", "suffix")
        if key in asked
    }
    numeric = [key for key in ("min", "max") if key in asked]
    if (numeric and not column.startswith((*NUMBERS, _ATTRIBUTE))) or (
        column in NUMBERS and len(numeric) < len(asked)
    ):
        numbers = ", ".join(NUMBERS)
        msg = f"{where}: min and max are asked of {numbers} and attributes, words of others"
        raise KnowledgeError(msg)
    _check_regex(where, asked.get("regex"))
    return Check(column, **words, **{k: v for k, v in asked.items() if k not in words})


def _check_regex(where: str, regex: Any) -> None:
    """Refuse what Rust's and Python's expressions do not both read the same way."""
    if regex is None:
        return
    try:
        re.compile(regex)
    except (re.error, TypeError) as error:
        msg = f"{where}: the regex {regex!r} cannot be read: {error}"
        raise KnowledgeError(msg) from error
    if found := _LOOKAROUND.search(regex):
        msg = f"{where}: a regex cannot look around ({found[0]!r}); add a test with without"
        raise KnowledgeError(msg)


def _check_finder(where: str, body: Check) -> None:
    """Refuse what the scan of all bodies cannot look for."""
    if body.regex and not body.contains:
        msg = (
            f"{where}, body: a regex needs contains beside it, words one of which every match holds"
        )
        raise KnowledgeError(msg)
    for word in body.contains:
        if len(word) < SHORTEST or not word.isascii():
            msg = f"{where}, body: {word!r} must be ASCII and have at least {SHORTEST} letters"
            raise KnowledgeError(msg)


def _words(where: str, key: str, given: Any) -> tuple[str, ...]:
    listed: Any = [given] if isinstance(given, str) else given
    words = cast("list[object]", listed) if isinstance(listed, list) else [None]
    texts = [w for w in words if isinstance(w, str) and w]
    if len(texts) < len(words):
        msg = f"{where}: {key} must be a text or a list of texts, not {given!r}"
        raise KnowledgeError(msg)
    return tuple(w.lower() for w in texts) if key != "source" else tuple(texts)


def pieces(where: str, template: str) -> tuple[Piece, ...]:
    """Cut a title such as ``"{entity} stopped[ with {attributes.code}]"`` into its pieces.

    Raises:
        KnowledgeError: a field that does not exist, or one that may be missing outside ``[ ]``.
    """
    made: list[Piece] = []
    for i, text in enumerate(_CLAUSE.split(template)):
        names = _FIELD.findall(text)
        for name in names:
            if not name.startswith(_ATTRIBUTE):
                _known(where, "column", [name], _COLUMNS, hint=f"{_ATTRIBUTE}NAME")
            if not i % 2 and name not in _OUTSIDE:
                msg = f"{where}: {{{name}}} may be missing; put it and its words in [ ]"
                raise KnowledgeError(msg)
        if text:
            made.append(Piece(_FIELD.sub("{}", text), tuple(names), bool(i % 2)))
    return tuple(made)


def _known(
    where: str, what: str, given: Iterable[str], words: Iterable[str], hint: str = ""
) -> None:
    known = tuple(words)
    for word in given:
        if word not in known:
            also = f" (or {hint})" if hint else ""
            msg = f"{where}: there is no {what} {word!r}{nearest(word, known)}{also}"
            raise KnowledgeError(msg)
