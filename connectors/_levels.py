"""The level word of a line of text, where loggers conventionally put it.

A level stands at the front of a line, after nothing but times, ids, bracketed names and the like,
or in a ``level=`` pair. The same word later in a sentence ("retrying after ERROR") is prose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_WORDS = (
    "TRACE|VERBOSE|FINEST|DEBUG|FINE|INFO|INFORMATION|NOTICE|LOG|WARN|WARNING|ERR|ERROR|SEVERE|"
    "CRIT|CRITICAL|ALERT|FATAL|PANIC|EMERG|EMERGENCY"
)
# May stand before a level: [thread], 13:58:00,123, ip-10-0-1-7, req=7f, com.shop.Cart, Mar, UTC.
_BEFORE = r"(?:(?:\[[^\]\n]*\]|[^\s]*[\d.:=/\[\](){}|@][^\s]*|[A-Z][a-z]{2}|UTC|GMT|[-|>])[ \t]+)"
_FORMS = (
    rf"^{_BEFORE}{{0,8}}?[\[(<{{|]?({_WORDS})(?:[\]\)>}}|:,\s]|$)",
    rf"^{_BEFORE}{{0,8}}?[\[<]((?i:{_WORDS}))[\]>]",
    rf"^((?i:{_WORDS})):\s",
    rf"^{_BEFORE}{{0,3}}?\S*\d\S*:({_WORDS}):\s",  # PostgreSQL: ...user@shop:[412]:ERROR:  ...
    rf'(?:^|[\s,{{])(?:level|lvl|severity|loglevel)=["\']?((?i:{_WORDS}))\b',
)
_GLOG = r"^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d"
_GLOG_WORDS = {"I": "INFO", "W": "WARNING", "E": "ERROR", "F": "FATAL"}
_FRONT = 240
# Bunyan and pino number their levels.
_NUMBERED = {"10": "TRACE", "20": "DEBUG", "30": "INFO", "40": "WARN", "50": "ERROR", "60": "FATAL"}


def of_text(texts: pl.Series) -> pl.Series:
    """Find the level word of each text, null where none stands in a conventional place."""
    import polars as pl

    front = pl.col("front")
    words = pl.DataFrame({"front": texts.str.slice(0, _FRONT)}).select(
        pl.coalesce(
            *(front.str.extract(form) for form in _FORMS),
            front.str.extract(_GLOG).replace_strict(_GLOG_WORDS, default=None),
        )
    )
    return words.to_series()


def named(words: pl.Series) -> pl.Series:
    """Put the name in the place of a level given as a number by bunyan or pino."""
    return words.replace(_NUMBERED)
