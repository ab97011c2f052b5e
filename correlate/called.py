"""What a call to a cloud's control plane sets: names and values in the request it was made with.

Such a call says what is to be, and never what was: only an earlier call for the same name, or the
later one that puts things right, tells which way it moved.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REQUESTS = ("aws.request_parameters", "azure.request", "gcp.audit.request")
"""Attributes that hold a request as JSON."""
_NAMES = ("parametername", "name", "key")
_VALUES = ("parametervalue", "value")
_AMOUNT = re.compile(
    r"desired|capacity|replicas|scale\b|instances|count|size|memory|cpu|timeout|limit|iops|storage",
    re.IGNORECASE,
)
_DEEPEST = 12
_MOST = 40


def settings(attributes: Mapping[str, str]) -> dict[str, str]:
    """Give what the request of a call sets: name -> value, empty where only the name is told.

    >>> settings({"aws.request_parameters": '{"service": "shop", "desiredCount": 4}'})
    {'desiredCount': '4'}
    """
    found: dict[str, str] = {}
    for name in REQUESTS:
        if name in attributes:
            try:
                request: Any = json.loads(attributes[name])
            except (ValueError, RecursionError):
                continue
            for key, value in _set(request, 0):
                if len(found) < _MOST:
                    found.setdefault(key, value)
    return found


def told(attributes: Mapping[str, str]) -> set[tuple[str, str, str]]:
    """Give what a record says that it set: key, old, new."""
    parts = ("key", "previous", "value")
    return {
        (attributes[f"{w}.key"], attributes[f"{w}.previous"], attributes[f"{w}.value"])
        for w in ("config", "feature_flag")
        if all(f"{w}.{part}" in attributes for part in parts)
    }


def _set(node: object, depth: int) -> Iterator[tuple[str, str]]:
    """Yield pairs of name and value, and members that are amounts."""
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _set(item, depth + 1)
    if not isinstance(node, dict):
        return
    members = {str(k): v for k, v in cast("dict[object, object]", node).items()}
    folded = {k.casefold(): v for k, v in members.items()}
    name = next((str(folded[n]) for n in _NAMES if isinstance(folded.get(n), str)), None)
    value = next((folded[n] for n in _VALUES if _is_plain(folded.get(n))), None)
    if name is not None and (value is not None or name.startswith("/")):
        yield name.rpartition("/")[2], "" if value is None else str(value)
    for key, item in members.items():
        if isinstance(item, dict | list):
            yield from _set(cast("object", item), depth + 1)
        elif _is_number(item) and _AMOUNT.search(key):
            yield key.rpartition("/")[2].rpartition(".")[2], str(item)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or (isinstance(value, str) and value.isdigit())
