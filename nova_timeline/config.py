"""The incident file: read, checked as a whole, and turned into an `Incident`.

Every mistake in the file is reported at once, each in one line that names the place, what was
found, and what to write instead. Nothing is read from the sources yet, except that they are there.
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from nova_timeline import clock, connector, model, topology
from nova_timeline.clock import Window
from nova_timeline.errors import ConnectorError, IncidentFileError, nearest
from nova_timeline.model import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLES = ("incident", "source", "topology")
_INCIDENT = ("id", "title", "severity", "start", "end", "around", "before", "after", "affected",
             "usual_until")  # fmt: skip
_SOURCE = ("use", "name", "path", "entity")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Incident(model.Incident):
    """What to look at: a window, the sources, and the topology if it is known."""

    __slots__ = ()

    @classmethod
    def load(cls, path: str | Path) -> Incident:
        """Read an incident file (TOML, or JSON with the same keys).

        Raises:
            IncidentFileError: naming every mistake in it, a line each.
        """
        path = Path(path)
        return cls.parse(_read(path), path.parent, path.name)

    @classmethod
    def parse(cls, given: Mapping[str, Any], base: Path, place: str = "incident") -> Incident:
        """Check the tables of an incident file; relative paths start from base."""
        check = _Check(place)
        check.keys("", given, _TABLES)
        head: Any = given.get("incident", {})
        if not topology.is_table(head) or not head:
            check.say("", "needs an [incident] table with id, title, start and end")
            head = {}
        check.keys("[incident]", head, _INCIDENT)
        window = _window(check, head)
        sources = _sources(check, given.get("source", []), base)
        shape = _topology(check, given.get("topology", {}), base)
        found = cls(
            id=check.text("[incident]", head, "id", "INC-2041"),
            title=check.text("[incident]", head, "title", "Checkout returns 502s"),
            window=window,
            severity=_severity(check, head),
            affected=_affected(check, head),
            sources=sources,
            topology=shape,
            base=base,
            usual_until=_usual_until(check, head, window),
        )
        check.done()
        return found


class _Check:
    """Collects mistakes, so that all can be told at once."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.mistakes: list[str] = []

    def say(self, where: str, message: str) -> None:
        self.mistakes.append(": ".join(p for p in (self.place, where, message) if p))

    def keys(self, where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                self.say(where, f"unknown key {key!r}{nearest(key, known)}")

    def text(self, where: str, table: Mapping[str, Any], key: str, example: str) -> str:
        value = table.get(key)
        if isinstance(value, str) and value:
            return value
        found = f"not {value!r}" if key in table else "and it is missing"
        self.say(where, f"{key!r} must be a text such as {example!r}, {found}")
        return ""

    def done(self) -> None:
        if self.mistakes:
            raise IncidentFileError("\n".join(self.mistakes))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        more = "; name the incident file in it, or give it to 'batch'" if path.is_dir() else ""
        msg = f"{path}: cannot be read: {error.strerror}{more}"
        raise IncidentFileError(msg) from error
    try:
        text = data.decode()
        parsed: object = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        msg = f"{path.name}: not {kind}: {error}"
        raise IncidentFileError(msg) from error
    if not topology.is_table(parsed):
        found = type(parsed).__name__
        msg = f"{path.name}: must hold tables [incident] and [[source]], not a {found}"
        raise IncidentFileError(msg)
    return parsed


def _usual_until(check: _Check, head: Mapping[str, Any], window: Window) -> int | None:
    """Read until when all was as usual; a time inside the window, if it is given."""
    if "usual_until" not in head:
        return None
    time = _time(check, head, "usual_until")
    if not check.mistakes and not window.start <= time < window.end:
        check.say("[incident]", "'usual_until' must lie inside the window, before its end")
    return time


def _severity(check: _Check, head: Mapping[str, Any]) -> str | None:
    return check.text("[incident]", head, "severity", "SEV1") if "severity" in head else None


def _affected(check: _Check, head: Mapping[str, Any]) -> tuple[str, ...]:
    """Read which entities are known to be affected."""
    given: object = head.get("affected", [])
    texts = [name for name in given if isinstance(name, str)] if _is_list(given) else []
    if not _is_list(given) or len(texts) < len(given):
        told = f"'affected' must be a list of texts such as ['checkout'], not {given!r}"
        check.say("[incident]", told)
    return tuple(texts)


def _window(check: _Check, head: Mapping[str, Any]) -> Window:
    if "around" in head:
        if "start" in head or "end" in head:
            check.say("[incident]", "give either 'around' or 'start' and 'end', not both")
        middle = _time(check, head, "around")
        before = _duration(check, head, "before")
        after = _duration(check, head, "after")
        return Window(middle - before, middle + after)
    for key in ("before", "after"):
        if key in head:
            check.say("[incident]", f"{key!r} goes with 'around', which is missing")
    wrong = len(check.mistakes)
    start, end = _time(check, head, "start"), _time(check, head, "end")
    if len(check.mistakes) == wrong and end <= start:
        second = 1_000_000_000
        told = f"'end' ({clock.rfc3339(end, second)}) is not after"
        check.say("[incident]", f"{told} 'start' ({clock.rfc3339(start, second)})")
    return Window(start, end)


def _time(check: _Check, head: Mapping[str, Any], key: str) -> int:
    value = head.get(key)
    example = "such as 2026-03-03T13:30:00Z"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            check.say("[incident]", f"{key!r} is no time: {value!r}; write one {example}")
            return 0
    if isinstance(value, datetime) and value.tzinfo is not None:
        return clock.nanoseconds(value)
    if isinstance(value, datetime):
        check.say(
            "[incident]",
            f"{key!r} has no time zone: {value.isoformat()}; write {value.isoformat()}Z for UTC",
        )
    elif isinstance(value, date):
        check.say("[incident]", f"{key!r} is a day without a time: {value}; write a time {example}")
    else:
        found = "is missing" if value is None else f"is no time: {value!r}"
        check.say("[incident]", f"{key!r} {found}; write a time {example}")
    return 0


def _duration(check: _Check, head: Mapping[str, Any], key: str) -> int:
    value = head.get(key, "45m")
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        check.say(
            "[incident]", f"{key!r} is no duration: {value!r}; write one such as '45m' or '2h'"
        )
        return 0
    return (
        timedelta(seconds=float(match[1]) * _SECONDS[match[2]]) // timedelta(microseconds=1) * 1000
    )


def _sources(check: _Check, given: object, base: Path) -> tuple[Source, ...]:
    if not _is_list(given) or not given:
        check.say("", "needs at least one [[source]] table with use and path")
        return ()
    sources: list[Source] = []
    for number, table in enumerate(given, 1):
        where = f"[[source]] number {number}"
        if not topology.is_table(table):
            check.say(where, "must be a table with use and path")
            continue
        found = _source(check, where, table, base)
        if found is not None:
            sources.append(found)
    names = [s.name for s in sources]
    for name in sorted({n for n in names if names.count(n) > 1}):
        check.say("[[source]]", f"two sources are called {name!r}; give each a 'name'")
    return tuple(sources)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _source(check: _Check, where: str, table: Mapping[str, Any], base: Path) -> Source | None:
    use = check.text(where, table, "use", "journald")
    if not use:
        return None
    where = f"{where} ({use})"
    options = {k: v for k, v in table.items() if k not in _SOURCE}
    try:
        kind = connector.load(use)
    except ConnectorError as error:
        check.say(where, str(error))
        return None
    for key in options:
        if key not in kind.options:
            check.say(where, f"unknown option {key!r}{nearest(key, (*_SOURCE, *kind.options))}")
    try:
        reader = kind({k: v for k, v in options.items() if k in kind.options})
    except ConnectorError as error:
        check.say(where, str(error))
        return None
    path = check.text(where, table, "path", "hosts/*/journal/")
    way = reader.files(base, path)
    if path and not way.found and not way.closed:  # what is closed is told as coverage
        check.say(where, _nothing_there(base, path, kind.globs))
    entity, name = table.get("entity"), table.get("name", f"{use}:{path}")
    for key, value in (("entity", entity), ("name", name)):
        if value is not None and not isinstance(value, str):
            check.say(where, f"{key!r} must be a text, not {value!r}")
    if isinstance(entity, str):
        _check_template(check, where, entity)
    return Source(use, str(name), path, entity, options)


def _check_template(check: _Check, where: str, template: str) -> None:
    from nova_timeline import schema

    for column in re.findall(r"\{([^}]*)\}", template):
        if column not in schema.columns("event") and not column.startswith("attributes."):
            check.say(
                where,
                f"'entity' names no column {column!r}{nearest(column, schema.columns('event'))}",
            )


def _nothing_there(base: Path, path: str, globs: tuple[str, ...]) -> str:
    whole = base / path
    if whole.is_dir():
        return (
            f"no file in {path!r} is named like {', '.join(globs)}; name the file, or write a glob"
        )
    beside = [p.name for p in whole.parent.iterdir()] if whole.parent.is_dir() else []
    hint = nearest(whole.name, beside) if beside else f"; there is no folder {str(whole.parent)!r}"
    return f"there is no file {path!r} (relative to {str(base)!r}){hint}"


def _topology(check: _Check, given: object, base: Path) -> Mapping[str, Any]:
    """Check the topology; what comes back is what `nova_timeline.topology.parse` takes."""
    if not topology.is_table(given):
        check.say("[topology]", "must be a table with 'path'")
        return {}
    check.keys("[topology]", given, ("path",))
    path = given.get("path")
    if path is None:
        return {}
    try:
        topology.load(base / str(path))
    except IncidentFileError as error:
        check.say("[topology]", str(error))
    return {"path": str(path)}


def load(path: Path) -> Incident:
    """Read an incident file; see `Incident.load`."""
    return Incident.load(path)
