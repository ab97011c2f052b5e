"""Who feeds whom where nobody draws it: jobs and the data that are named for them.

A table, a feature or a manifest that grows stale is noticed by whoever reads it, and the fault is
with whoever makes it. The two never call one another: what ties them is the name of the data, which
the job that makes them bears as a rule, and its readers' alerts speak of. (Lineage is drawn by the
names of data sets too: A. Halevy et al., "Goods: organizing Google's datasets", SIGMOD 2016.)
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from nova_timeline.knowledge import plain
from nova_timeline.schema import ERROR

from .episode import FIRM

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    import polars as pl

    from .episode import Signal
    from .failures import Line

_STALE = re.compile(
    r"\b(?:age|stale\w*|fresh\w*|older|old|outdated|out of date)\b"
    r"|\b(?:not|never) (?:been )?(?:refreshed|updated|rebuilt|loaded|published)\b"
    r"|\b(?:since|last) (?:refresh|update|load|build|publish|success)\w*"
)
"""What is said of data that nobody made anew."""
_UNMADE = re.compile(
    r"\b(?:not|never) (?:been )?"
    r"(?:refreshed|updated|rebuilt|built|loaded|published|written|created|produced|exported|stored)\b"
)
"""What is said by who did not make them."""
_NO_DATA = re.compile(r"\b(?:messages?|queues?|oldest|cert\w*|sessions?|connections?|pods?)\b")
"""What else has an age: what waits in a queue is old by whoever takes it."""
_OF_ROLES = """
    job jobs dag dags svc service api app pipeline loader etl elt worker runner task flow agg
    aggregator batch cron producer publisher exporter importer writer builder generator spark
    flink airflow dbt beam glue emr sync ingest ingestor collector processor consumer stream
    prod server lambda function
"""
_ROLES = frozenset(_OF_ROLES.split())
"""What a name says of how something runs, and not of what it makes."""
_OF_ANY = """
    input output daily hourly weekly monthly nightly stale fresh freshness older table tables
    dataset model models limit alert fires total count seconds minutes hours update refresh
    online offline cache index store events value
"""
_ANY = frozenset(_OF_ANY.split())
"""Words that stand in the names of much."""
_LETTERS = 5
_AHEAD = 3 * 3_600_000_000_000
"""ns; how long before data are seen to be stale who makes them may have failed."""
_BEHIND = 3_600_000_000_000
"""ns; how much later that may show: how long a job took is told once it is done."""


def pairs(found: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Find those whose data are stale and who makes these and fails: reader, maker.

    Args:
        found: the signals; see `nova_timeline.correlate.signals.gather`.
    """
    import polars as pl

    firm = found.filter("is_effect", pl.col("weight") >= FIRM, pl.col("entity").is_not_null())
    by = firm.group_by("entity", "title", "role", maintain_order=True).agg("time")
    signs: list[Signal] = by.to_dicts()
    is_stale = [_is_stale(plain(s["title"])) for s in signs]
    failing = _failing(s for s, stale in zip(signs, is_stale, strict=True) if not stale)
    named = {maker: _words(" ".join(_core(maker))) for maker in failing}
    for s in (s for s, stale in zip(signs, is_stale, strict=True) if stale):
        told = _words(s["title"]) - _words(s["entity"])
        for maker, times in failing.items():
            if maker != s["entity"] and told & named[maker] and _is_soon(times, s["time"]):
                yield s["entity"], maker


def owed(beside: Sequence[Line], failed: Iterable[str], known: Container[str]) -> list[Line]:
    """Take the errors of those who say that they did not make what others find stale.

    Args:
        beside: what those logged whom nobody drew.
        failed: what the errors of those in trouble say.
        known: those in trouble.
    """
    stale = {w for text in failed if _is_stale(plain(text)) for w in _words(text)}
    errors = [x for x in beside if x.severity >= ERROR and x.entity not in known]
    owing = {
        x.entity for x in errors for text in x.texts
        if _UNMADE.search(plain(text)) and stale & _words(text)
    }  # fmt: skip
    return [x for x in errors if x.entity in owing]


def makes(entity: str, texts: Iterable[str]) -> bool:
    """Say whether a text names data by the whole of what an entity is named for.

    >>> makes("daily-stock-job", ["partitions_daily_stock fell from 90 to 1"])
    True
    """
    name = _named(entity)
    return name is not None and any(name.search(t) for t in texts)


def _is_stale(said: str) -> bool:
    return _STALE.search(said) is not None and _NO_DATA.search(said) is None


def _failing(signs: Iterable[Signal]) -> Mapping[str, Sequence[int]]:
    """Say when each of those that fail did."""
    found: dict[str, list[int]] = {}
    for s in signs:
        if s["role"] == "fault":
            found.setdefault(s["entity"], []).extend(s["time"])
    return found


def _is_soon(failed: Iterable[int], stale: Sequence[int]) -> bool:
    """Say whether one failed about when data were seen to be stale."""
    return any(min(stale) - _AHEAD <= t <= max(stale) + _BEHIND for t in failed)


def _words(text: str) -> set[str]:
    """Take the words that tell which data are meant."""
    return {
        w.removesuffix("s") for w in plain(text).split() if len(w) >= _LETTERS and w not in _ANY
    }


@lru_cache(maxsize=1024)
def _core(entity: str) -> tuple[str, ...]:
    """Take what an entity is named for: its name without how it runs."""
    return tuple(p for p in plain(entity).split() if p not in _ROLES and not p.isdigit())


@lru_cache(maxsize=1024)
def _named(entity: str) -> re.Pattern[str] | None:
    """Give what finds data that are named for an entity; None of a name of one word."""
    core = _core(entity)
    if len(core) < 2 or len("".join(core)) < 2 * _LETTERS:
        return None
    parts = r"[\s._/-]?".join(map(re.escape, core))
    return re.compile(rf"(?<![a-z0-9]){parts}(?![a-z0-9])", re.IGNORECASE)
