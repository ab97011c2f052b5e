"""How long a change lets things wait by its own words: what it does may show just so much later.

What is to be let go after ten minutes is missed ten minutes on, and what is kept for six hours is
asked for anew in six: who writes down an end is held to it no sooner than that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNIT = r"seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|[smhd]"
_TOLD = re.compile(
    rf"(?<![\w.])(?P<a>\d+)(?:\s*|\.|\s*\*\s*(?:time\.|timedelta\.|Duration\.)?)(?P<a_unit>{_UNIT})\b(?!\s*\()"
    rf"|(?:\b|(?<=[a-z]))(?P<b_unit>seconds|minutes|hours|days)\s*(?:\(|=|:)\s*(?P<b>\d+)",
    re.IGNORECASE,
)
"""``10m``, ``10.minutes``, ``10 * time.Minute``; ``AddMinutes(10)``, ``timedelta(minutes=10)``."""
_BARE = re.compile(
    r"(?:ttl|max_?age|expir\w*|\bEX\b|lifetime|lease|grace|delay)\w*[\"']?\s*(?:[=:,(]\s*|\s)(?P<n>\d{2,7})\b"
    r"(?!\s*[\w*])",
    re.IGNORECASE,
)
"""A number of seconds: ``ttl=600``, ``'EX', 600``."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MINUTES = 120
"""More than so many ``m`` are thousandths of a processor, or megabytes."""
SHORTEST = 240_000_000_000
"""ns; what takes no longer than this shows at once for all that metrics tell."""
_LONGEST = 48 * 3_600_000_000_000


def told(lines: Iterable[str]) -> frozenset[int]:
    """Read the spans of time that lines name, in ns, without those that are too short to tell.

    >>> sorted(n // 10**9 for n in told(["until = now.AddMinutes(10)", "set(k, v, ttl=900)"]))
    [600, 900]
    """
    found = set[int]()
    for line in lines:
        for m in _TOLD.finditer(line):
            unit, many = (m["a_unit"] or m["b_unit"]).lower(), int(m["a"] or m["b"])
            if unit != "m" or many <= _MINUTES:
                found.add(many * _SECONDS[unit[0]])
        found.update(int(m["n"]) for m in _BARE.finditer(line))
    spans = (n * 1_000_000_000 for n in found)
    return frozenset(n for n in spans if SHORTEST < n <= _LONGEST)
