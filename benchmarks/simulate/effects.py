"""Shapes over time that faults take: steps, ramps, pulses; arrays of one value a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .physics import Array


def rising(seconds: int, begin: float, lasting: float = 1.0) -> Array:
    """Rise from 0 to 1, beginning then and taking so long."""
    shape: Array = np.clip((np.arange(seconds, dtype=np.float64) - begin) / max(lasting, 1.0), 0, 1)
    return shape


def between(seconds: int, begin: float, end: float, rise: float = 1.0, fall: float = 1.0) -> Array:
    """Rise from 0 to 1, and fall again from the end on."""
    return rising(seconds, begin, rise) * (1 - rising(seconds, end, fall))


def factor(shape: Array, most: float) -> Array:
    """Turn a shape from 0 to 1 into a factor from 1 to the most."""
    return 1 + (most - 1) * shape


def toward(shape: Array, usual: float, then: float) -> Array:
    """Move from the usual value to another as a shape goes from 0 to 1."""
    return usual + (then - usual) * shape


def fading(seconds: int, begin: float, end: float, lifetime: float) -> Array:
    """Rise as connections or cached answers of a mean lifetime run out, and fall at the end.

    Each is renewed at an age drawn evenly up to the lifetime, so the old ones run out in it.
    """
    grown = 1 - np.exp(-np.clip(np.arange(seconds) - begin, 0, None) / max(lifetime, 1.0))
    shape: Array = grown * (1 - rising(seconds, end, 5.0))
    return shape


def restarts(seconds: int, times: list[float], lasting: float, share: float) -> Array:
    """Be down to a share for a while after each of some times."""
    found = np.zeros(seconds)
    for time in times:
        found = np.maximum(found, share * between(seconds, time, time + lasting))
    return found
