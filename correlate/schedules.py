"""When a schedule first asks for a run, and the date turns: a change shows no sooner than that.

Five fields, minute to day of the week, as crontab(5) and Kubernetes' CronJob have them; in UTC, as
clusters and most servers keep time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .settings import Setting

_FIELD = r"[\d*][\d*/,\-]*"
_CRON = re.compile(rf"[\"']?(?P<fields>{_FIELD}(?:\s+{_FIELD}){{4}})[\"']?")
_LEAST = (0, 0, 1, 1, 0)
_MOST = (59, 23, 31, 12, 7)
_DAYS = (2, 4)  # of the month, of the week: where both are set, either will do
_MINUTE = 60_000_000_000
_DAY = 24 * 60 * _MINUTE
_TURNED = 60 * _MINUTE  # ns; what has gone wrong since the date turned has by then
_DATES = re.compile(
    r"\b[Yy]{4}\W?(?:M{2}|w{2}|D{3})|%[YGyj]\W?%|\b(?:str[fp]time|date_?(?:time)?_?format\w*"
    r"|of_?pattern|iso_?(?:calendar|week\w*)|week_?(?:year|of_?year|based)\w*|day_?of_?(?:year|week|month)"
    r"|date_?trunc|to_?date|local_?date|current_?date|cur_?date|to_?day|get_?(?:full_?year|date)"
    r"|start_?of_?day|time_?zone|tz_?info|zone_?(?:id|info))\b",
    re.IGNORECASE,
)
"""What works out a date, or how one is written."""
_FARTHEST = 8 * 24 * 60  # minutes; a weekly run among them


def first_run(settings: Iterable[Setting], since: int, until: int) -> int | None:
    """Give when schedules that a change sets first ask for a run; None where none does by then.

    Args:
        settings: what the change moves.
        since: ns; when it was rolled out.
        until: ns; the latest time that is of interest.
    """
    given = (_CRON.fullmatch(s.new.strip()) for s in settings if s.new)
    runs = [_next(m["fields"].split(), since, until) for m in given if m is not None]
    return min((r for r in runs if r is not None), default=None)


def turn(lines: Iterable[str], since: int, until: int) -> int | None:
    """Give when the date turned, where lines work out dates and it turned not long before a time.

    A wrong year of a week, or a day in another zone, is right until then.

    Args:
        lines: what a change put in or took out.
        since: ns; when it was rolled out.
        until: ns; the latest time that is of interest.
    """
    turned = until - until % _DAY
    if not since < turned or until - turned > _TURNED:
        return None
    return turned if any(_DATES.search(line) for line in lines) else None


def _next(fields: list[str], since: int, until: int) -> int | None:
    """Give the first minute after a time that all fields of a schedule name."""
    wanted = [_values(f, least, most) for f, least, most in zip(fields, _LEAST, _MOST, strict=True)]
    if not all(wanted):
        return None
    first = (since // _MINUTE + 1) * _MINUTE
    last = min(until, first + _FARTHEST * _MINUTE)
    either = all(not fields[n].startswith("*") for n in _DAYS)
    minutes = range(first, last + 1, _MINUTE)
    return next((t for t in minutes if _is_due(t, wanted, either=either)), None)


def _is_due(time: int, wanted: list[set[int]], *, either: bool) -> bool:
    """Say whether a schedule asks for a run at a minute."""
    when = datetime.fromtimestamp(time // 1_000_000_000, UTC)
    day = when.isoweekday()  # Sunday is 0 and 7
    days = (when.day in wanted[2], bool({day, day % 7} & wanted[4]))
    at = when.minute in wanted[0] and when.hour in wanted[1] and when.month in wanted[3]
    return at and (any(days) if either else all(days))


def _values(field: str, least: int, most: int) -> set[int]:
    """Read one field: ``*``, ``*/15``, ``1,2``, ``9-17/2``; nothing where it cannot be read."""
    found = set[int]()
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        if span != "*" and not low.isdecimal():
            return set()
        start = least if span == "*" else int(low)
        stop = int(high) if high.isdecimal() else most if span == "*" or step else start
        found.update(range(start, stop + 1, int(step) if step.isdecimal() and int(step) else 1))
    return found
