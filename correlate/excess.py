"""Excess: how far an entity's failures and waiting are beyond its usual, and whether by chance.

Sources: median and MAD for the usual, so that one glitch in it does not decide (L. Pham et al.,
"BARO", FSE 2024); counts of failures held against a Poisson law. Both have floors, since a series
that hardly moves makes everything look far off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from .ledger import Ledger

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

LIMITS = {"errors": 3.0, "duration": 4.0}
"""Mode -> how many standard deviations beyond the usual an excess is no chance."""
_FEWEST = 8  # intervals that tell what is usual
_SEEN = 0.05  # share of the usual intervals with requests; below, there is no usual
_GLITCHES = 0.98  # quantile of the usual failures that count for their rate
_DRIFT = 0.05  # of the usual waiting; means wander by that much
_WANDER = 0.02  # of requests; shares without a rate wander by that much
_SIGMA = 1.4826  # MAD to standard deviation, for a normal distribution


@dataclass(frozen=True, slots=True)
class Excess:
    """One mode's excess of every entity, shape (entities,) unless said otherwise."""

    mode: str
    by_interval: Floats
    """Beyond the usual, shape (entities, intervals)."""
    amount: Floats
    """The largest sum of two neighbouring intervals in focus."""
    peak: Ints
    """The first of the two."""
    deviation: Floats
    """How far beyond the usual that is, in standard deviations over `LIMITS`."""
    usual: Floats
    """The usual share of failures, or seconds a request."""
    known: Bools
    """Whether there is a usual at all."""
    noise: Floats
    """What a single interval is beyond the usual by chance."""
    least: float = 1.0
    """The least deviation that is no chance."""

    @property
    def significant(self) -> Bools:
        """Say which entities are off by more than chance."""
        return self.known & (self.deviation >= self.least)


def of(books: Ledger, mode: str, focus: Bools) -> Excess:
    """Find out how far each entity is beyond its usual.

    Args:
        books: requests, failures and waiting; see `ledger.keep`.
        mode: one of `red_metrics.MODES`.
        focus: which intervals are looked at, shape (intervals,); the others before them tell what
            is usual, or all others where there are too few.
    """
    import numpy as np

    requests, total = books.requests, books.totals[mode]
    usual_in = _usual_intervals(focus)
    seen = (requests > 0) & (books.rows[mode] >= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(seen, total / np.where(requests > 0, requests, 1), np.nan)
    usual = _median(each[:, usual_in], 0.0)
    often = (requests > 0)[:, usual_in].mean(axis=1) >= _SEEN
    enough = seen[:, usual_in].sum(axis=1) >= min(_FEWEST, max(1, int(usual_in.sum()) // 2))
    beyond = np.where(seen, total - usual[:, None] * requests, 0.0)
    pairs = beyond[:, 1:] + beyond[:, :-1] if beyond.shape[1] > 1 else beyond
    watched = np.where(_pairs(focus, pairs.shape[1])[None, :], pairs, -np.inf)
    peak = watched.argmax(axis=1)
    amount = np.maximum(watched.max(axis=1), 0.0)
    most = requests[:, focus].max(axis=1)
    if mode == "errors":
        sigmas = _by_chance(books, beyond, amount, usual_in, most)
    else:
        sigmas = _off(pairs[:, _pairs(usual_in, pairs.shape[1])], amount, _DRIFT * usual * 2 * most)
    has = np.array([bool(n) for n in books.names[mode]])
    known = has & often & (enough if mode == "duration" else True)
    single = _spread(beyond[:, usual_in]) + _DRIFT * usual * np.median(requests, axis=1)
    noise = LIMITS[mode] * single
    return Excess(mode, beyond, amount, peak, sigmas / LIMITS[mode], usual, known, noise)


def _usual_intervals(focus: Bools) -> Bools:
    """Mark the intervals that tell what is usual: before those in focus, if they are enough."""
    import numpy as np

    others = ~focus
    before = others.copy()
    before[int(np.argmax(focus)) :] = False
    for some in (before, others):
        if np.count_nonzero(some) >= _FEWEST:
            return some
    return np.ones(len(focus), np.bool_)


def _pairs(marked: Bools, pairs: int) -> Bools:
    """Mark the pairs of neighbours that lie among marked intervals altogether."""
    both: Bools = marked[1:] & marked[:-1]
    return both if pairs == len(both) else marked


def _median(values: Floats, none: float) -> Floats:
    """Take the median of each row, without what is not known."""
    import numpy as np

    some = np.isfinite(values).any(axis=1)
    found = np.full(values.shape[0], none)
    if some.any():
        found[some] = np.nanmedian(values[some], axis=1)
    return found


def _by_chance(
    books: Ledger, beyond: Floats, amount: Floats, usual_in: Bools, most: Floats
) -> Floats:
    """Hold failures against a Poisson law, whose mean the usual failures give.

    The worst two percent of the usual intervals are left out: a glitch must not set the limit.
    Shares without a rate are no counts: they are held against how much they wander.
    """
    import numpy as np

    told, requests = beyond[:, usual_in], books.requests[:, usual_in]
    kept = told <= np.quantile(told, _GLITCHES, axis=1, keepdims=True)
    failed = np.where(kept, np.clip(told, 0, None), 0).sum(axis=1)
    share = (failed + 0.5) / (np.where(kept, requests, 0).sum(axis=1) + 1)
    expected = share * 2 * np.maximum(most, 1)
    counted = (amount - expected) / np.sqrt(expected + 1)
    pairs = told[:, 1:] + told[:, :-1] if told.shape[1] > 1 else told
    return np.where(books.counted, counted, _off(pairs, amount, _WANDER * 2 * most))


def _off(usual: Floats, amount: Floats, floor: Floats) -> Floats:
    """Say how many robust standard deviations an amount is beyond the usual ones."""
    import numpy as np

    if usual.shape[1] == 0:
        return np.zeros(len(usual))
    off: Floats = (amount - np.median(usual, axis=1)) / (_spread(usual) + floor + 1e-9)
    return off


def _spread(values: Floats) -> Floats:
    """Estimate the standard deviation of each row by its median absolute deviation."""
    import numpy as np

    middle = np.median(values, axis=1, keepdims=True)
    found: Floats = _SIGMA * np.median(np.abs(values - middle), axis=1)
    return found
