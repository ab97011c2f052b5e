"""What a change and a failure have to do with each other, by their own words.

Words shared by a change (its title, parameters, files, diff) and the failure (log templates, alert
titles, metric names) count by how rare they are among all changes (inverse document frequency,
Spärck Jones, J. Documentation 28, 1972). Names of entities do not count: topology weighs those.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_SHORTEST = 3
_LONG_ENOUGH = 7
_EMPTY = """
    the and for with from that this was were are has have had not but its into per via all any
    too error errors warn warning info debug fatal critical fail failed failure failing
    exception burst log logs record records rose fell level back never seen before update
    updated updating set put new old name value true false null none https http www com
    amazonaws aws gcp azure microsoft google googleapis subscriptions resource resources group
    groups providers service services request requests response responses call calls server
    servers client user users message status code write read get post time timestamp version
    region zone account arn type kind default example main alarm alert metric count total
    average sum host hosts app api prod production env threshold datapoint datapoints crossed
    greater greaterthanthreshold than commit return func function class import package struct
    interface run runs running public private static void self int bool float string const let var
    async await try catch throw raise print max maximum min minimum reason reasons due
"""
_STOP = frozenset(_EMPTY.split())  # words that every record has

HARMLESS = re.compile(
    r"\b(readme|docs?|documentation|comment|typo|changelog|css|style|stylesheet|colou?r|banner|copy"
    r"(?:\s+change|\s+update|writing)?|translation|i18n|wording|tests?|lint|format(?:ting)?|logo|icon|"
    r"dashboard|rename variable)\b",
    re.IGNORECASE,
)
RISKY = re.compile(
    r"\b(time_?outs?|limits?|pool|max[_a-z]*|min[_a-z]*|retry|retries|ttl|cache|memory|heap|cpu|"
    r"quota|connections?|migrat\w+|schema|index|query|certificate|tls|dns|firewall|"
    r"security.?group|route|iam|policy|permission|secret|replicas?|concurrency|batch|thread\w*|"
    r"drop|delete|disable\w*|upgrade)\b",
    re.IGNORECASE,
)
REVERT = re.compile(
    r"\b(rolls?[ -]?back|rolled[ -]back|rollback|reverts?|reverted|restor(?:e|ed|ing)|undo"
    r"|back ?out)\b",
    re.IGNORECASE,
)
QUOTED = re.compile(r"\brevert(?:s|ed)?:? \"(.{8,}?)\"", re.IGNORECASE)
_MOVED = re.compile(
    r"^-\s*(?P<key>[\w.\-\"']+)(?P<eq>\s*[:=]\s*)(?P<old>[^\n]+)\n(?:[ ][^\n]*\n)*"
    r"^\+\s*(?P=key)\s*[:=]\s*(?P<new>[^\n]+)",
    re.MULTILINE,
)
_ADDRESS = re.compile(
    r"(?:https?://|arn:|/subscriptions/|\bprojects/|\bnamespaces/)[^\s\"',}\]]+", re.IGNORECASE
)
_MAKERS = re.compile(
    r"\b[\w-]+\.(?:googleapis|amazonaws|azure|windows|microsoft)\.(?:com|net)\b"
    r"|\bMicrosoft\.[a-z]+(?:/[a-z]+)+",
    re.IGNORECASE,
)
"""What clouds call their own services and what can be done to these: it is in all their records."""


def words(text: str, ignored: Container[str] = ()) -> Counter[str]:
    """Count the words of a text, stemmed lightly, without addresses and the words ignored."""
    told = _MAKERS.sub(" ", _ADDRESS.sub(_last, text))
    return Counter(w for w in _plain(told) if w not in ignored)


def name_words(names: Iterable[str]) -> frozenset[str]:
    """Take names apart into their words."""
    return frozenset(w for n in names for w in _plain(n))


def _last(address: re.Match[str]) -> str:
    """Keep the last segment of an address: what it is about, not where that stands."""
    return address[0].rstrip("/").rpartition("/")[2]


@lru_cache(maxsize=2048)
def _plain(text: str) -> tuple[str, ...]:
    found = (w.lower() for w in _WORD.findall(text))
    return tuple(_stem(w) for w in found if len(w) >= _SHORTEST and w not in _STOP)


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    for ending in ("ing", "ions", "ion", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) > _SHORTEST:
            word = word[: -len(ending)]
            break
    # A cache, caches and caching are one word, and so are a query and queries.
    return word[:-1] if word[-1] in "ey" and len(word) > _SHORTEST + 1 else word


def rarity(texts: Iterable[Counter[str]]) -> Mapping[str, float]:
    """Weigh each word by how few of the texts hold it."""
    held = [set(t) for t in texts]
    seen = Counter(w for t in held for w in t)
    return {w: math.log1p(len(held) / n) for w, n in seen.items()}


def shared(
    change: Iterable[str], failure: Container[str], weights: Mapping[str, float]
) -> tuple[float, list[str]]:
    """Score the words two texts share, from 0 to 1, and name the weightiest."""
    both = sorted((w for w in change if w in failure), key=lambda w: (-weights.get(w, 0.0), w))
    total = sum(weights.get(w, 0.0) for w in both[:6])
    return 1.0 - math.exp(-total / 3.0), both[:4]


_NAME = re.compile(
    r"(?<![A-Za-z])[A-Za-z][A-Za-z0-9]*+(?:[._-][A-Za-z0-9]++)+"
    r"|(?<![a-z])[a-z]++(?:[A-Z][a-z0-9]*)+|[A-Z][a-z0-9]++(?:[A-Z][a-z0-9]*)+"
)
_FEWEST_LETTERS = 6


@lru_cache(maxsize=2048)
def names(text: str) -> frozenset[str]:
    """Find names made of several words, written alike: ``read_3ds``, ``readThreeDS``, ``a-b``."""
    told = _NAME.findall(_MAKERS.sub(" ", text))
    found = {joined(w) for n in told for w in (n, *re.split(r"[.]", n))}
    return frozenset(n for n in found if len(n) >= _FEWEST_LETTERS and not n.isdigit())


def joined(name: str) -> str:
    """Write a name without what joins its words, in one case."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


_IDENTIFIER = re.compile(r"\b[a-z][a-z0-9]*(?:[._-][a-z0-9]+)+\b|\b[0-9a-f]{7,40}\b", re.IGNORECASE)


def identifiers(text: str) -> set[str]:
    """Find the names that stand for one thing only: parameters, keys, revisions."""
    found = {w.casefold() for w in _IDENTIFIER.findall(_ADDRESS.sub(_last, text))}
    return {part for w in found for part in (w, w.rpartition(".")[2]) if len(part) >= _LONG_ENOUGH}


def moved(text: str) -> list[tuple[str, str, str]]:
    """Find settings that a diff moves: (key, old, new)."""
    return [
        (m["key"].strip("\"'"), m["old"].strip(" ,;"), m["new"].strip(" ,;"))
        for m in _MOVED.finditer(text)
        if m["old"].strip() != m["new"].strip()
    ]
