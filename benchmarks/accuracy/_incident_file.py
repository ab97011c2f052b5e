"""An incident file with its sources and its topology, written as a person would write it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

NAME = "incident.toml"
TOPOLOGY = "topology.toml"


def write(
    folder: Path,
    head: Mapping[str, Any],
    sources: Iterable[Mapping[str, Any]],
    edges: Iterable[tuple[str, str]] = (),
) -> Path:
    """Write incident.toml into a folder and return its path.

    Args:
        folder: where the files of the sources lie already.
        head: the keys of ``[incident]``: id, title, start, end (RFC 3339), severity, affected.
        sources: the tables of ``[[source]]``: use, path, and a connector's options.
        edges: (caller, callee) pairs; where there are any, they become the topology.
    """
    blocks = [_table("[incident]", head), *(_table("[[source]]", s) for s in sources)]
    calls = sorted(set(edges))
    if calls:
        pairs = ({"caller": a, "callee": b} for a, b in calls)
        (folder / TOPOLOGY).write_text("\n".join(_table("[[edge]]", p) for p in pairs))
        blocks.append(_table("[topology]", {"path": TOPOLOGY}))
    place = folder / NAME
    place.write_text("\n".join(blocks))
    return place


def _table(title: str, values: Mapping[str, Any]) -> str:
    lines = (f"{_key(k)} = {_value(v)}" for k, v in values.items() if v is not None)
    return "\n".join([title, *lines, ""])


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else _text(name)


def _value(value: Any) -> str:
    """Write a value as TOML 1.0 does; what is no table is written as in JSON."""
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in table.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, cast("Sequence[Any]", value))) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
