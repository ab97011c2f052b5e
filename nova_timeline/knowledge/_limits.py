"""Limits as values: what a metric's number says by itself, whatever is usual for it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nova_timeline import schema
from nova_timeline.errors import KnowledgeError, nearest

from ._hazards import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = "limits.toml"
_KEYS = (
    "sample",
    "id",
    "says",
    "category",
    "metric",
    "not",
    "worse",
    "off",
    "fine",
    "passing",
    "top",
)
_OPTIONAL = ("not", "fine", "passing", "top")


@dataclass(frozen=True, slots=True)
class Limit:
    """Values at which a metric is at its end, and values that harm nobody."""

    id: str
    says: str
    category: str
    metric: re.Pattern[str]
    never: re.Pattern[str] | None
    """What shows by its name that a metric is another."""
    up: bool
    """Whether it gets worse as it rises."""
    off: float
    fine: float | None
    passing: float | None
    """Up to here what came back by itself harmed nobody."""
    top: float | None
    """The largest value in the unit that the limits are given in."""
    sample: Mapping[str, Any]

    def fits(self, metric: str) -> bool:
        """Say by its name whether a metric is of this kind."""
        name = plain(metric)
        return bool(self.metric.search(name)) and not (self.never and self.never.search(name))


@cache
def limits() -> tuple[Limit, ...]:
    """Read ``limits.toml``.

    Raises:
        KnowledgeError: it cannot be carried out.
    """
    return read_limits((Path(__file__).parent / _FILE).read_text("utf-8"))


def read_limits(text: str) -> tuple[Limit, ...]:
    """Read limits given as TOML.

    Raises:
        KnowledgeError: naming the limit, what is wrong with it and what is allowed.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{_FILE} is not TOML: {error}"
        raise KnowledgeError(msg) from error
    found = tuple(_limit(given) for given in content.get("limit", []))
    if len({one.id for one in found}) < len(found):
        msg = f"{_FILE}: an id is there twice; rename one"
        raise KnowledgeError(msg)
    return found


def _limit(given: Mapping[str, Any]) -> Limit:
    where = f"{_FILE}, limit {given.get('id', '?')!r}"
    for key in given:
        _one_of(where, "key", key, _KEYS)
    if missing := [k for k in _KEYS if k not in given and k not in _OPTIONAL]:
        msg = f"{where}: {missing[0]} is missing"
        raise KnowledgeError(msg)
    _one_of(where, "category", given["category"], schema.CATEGORIES)
    _one_of(where, "way to get worse", given["worse"], ("up", "down"))
    return Limit(
        id=given["id"],
        says=given["says"],
        category=given["category"],
        metric=_any(where, given["metric"]),
        never=_any(where, given["not"]) if "not" in given else None,
        up=given["worse"] == "up",
        off=given["off"],
        fine=given.get("fine"),
        passing=given.get("passing"),
        top=given.get("top"),
        sample=given["sample"],
    )


def _one_of(where: str, what: str, word: str, allowed: tuple[str, ...]) -> None:
    if word not in allowed:
        msg = f"{where}: unknown {what} {word!r}{nearest(word, allowed)}"
        raise KnowledgeError(msg)


def _any(where: str, patterns: list[str]) -> re.Pattern[str]:
    try:
        return re.compile("|".join(f"(?:{p})" for p in patterns))
    except re.error as error:
        msg = f"{where}: a pattern cannot be read: {error}"
        raise KnowledgeError(msg) from error
