"""What of the evidence is not there: whole sources, stretches of time, single records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.scenario import MINUTE, dice

if TYPE_CHECKING:
    from random import Random

    from .ledger import Ledger, Record

_SOURCES = (
    ("aws/cloudtrail",), ("aws/logs",), ("aws/metrics",), ("aws/alarms",), ("gcp/entries",),
    ("gcp/time-series",), ("gcp/alerts",), ("azure/activity",), ("azure/AppTraces",),
    ("azure/PGSQL",), ("azure/metrics",), ("azure/alerts",), ("hosts/",), ("changes/deploys",),
    ("changes/commits",), ("changes/flags", "changes/config"), ("traces",),
)  # fmt: skip
"""Files that go missing together, by how their paths begin."""
_STRETCH, _SPARSE = 0.12, 0.12
"""The shares of cases in which a source lacks some minutes, and in which one lacks records."""


def inflict(ledger: Ledger, seed: int, missing: float) -> None:
    """Take evidence away.

    Args:
        ledger: what was recorded.
        seed: decides what.
        missing: the share of sources that are not there at all; 0 takes nothing away.
    """
    if missing <= 0:
        return
    for prefixes in _SOURCES:
        # Each source has a die of its own, so that more are missing as the share grows.
        if dice("missing", seed, prefixes).random() < missing:
            for path in [p for p in ledger.files if p.startswith(prefixes)]:
                ledger.drop(path)
    rng = dice("losses", seed)
    texts = sorted(p for p in ledger.files if p not in ledger.whole and len(ledger.files[p]) > 60)
    if texts and rng.random() < _STRETCH:
        _cut(ledger, rng.choice(texts), rng)
    if texts and rng.random() < _SPARSE:
        path = rng.choice(texts)
        share = rng.uniform(0.03, 0.25)
        ledger.files[path] = [r for r in ledger.files[path] if rng.random() >= share]


def _cut(ledger: Ledger, path: str, rng: Random) -> None:
    """Leave out some minutes of a source: its collector was down."""
    records = ledger.files[path]
    times = [r.time for r in records if r.time is not None]
    if not times:
        return
    begin = rng.randrange(min(times), max(times))
    end = begin + rng.randrange(2, 9) * MINUTE

    def outside(record: Record) -> bool:
        return record.time is None or not begin <= record.time < end

    ledger.files[path] = [r for r in records if outside(r)] or records
