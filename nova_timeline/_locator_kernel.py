"""The kernel that writes where records lie, as text (imports numba)."""

import numpy as np
import numpy.typing as npt

from nova_timeline.compiled import kernel

_PREFIX = np.frombuffer(b"bytes=", np.uint8)
_PLUS = 43
_ZERO = np.uint8(48)
_TEN = np.uint64(10)
_DIGITS = 19
_LONGEST = len(_PREFIX) + _DIGITS + 1 + _DIGITS


@kernel(leaf=True)
def _number(into: npt.NDArray[np.uint8], at: int, value: np.uint64) -> int:
    """Write a number in decimal from at on; return where it ends."""
    digits = 1
    power = _TEN
    while value >= power and digits < _DIGITS:
        digits += 1
        power *= _TEN
    for i in range(at + digits - 1, at - 1, -1):
        rest = value // _TEN  # unsigned: a division by a constant is then one multiplication
        into[i] = _ZERO + np.uint8(value - rest * _TEN)
        value = rest
    return at + digits


@kernel()
def spans(
    starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Write ``bytes=START+LENGTH`` n times; return the letters, and n + 1 offsets into them."""
    n = len(starts)
    letters = np.empty(n * _LONGEST, np.uint8)
    offsets = np.empty(n + 1, np.int64)
    at = 0
    for i in range(n):
        offsets[i] = at
        for k in range(len(_PREFIX)):
            letters[at + k] = _PREFIX[k]
        at = _number(letters, at + len(_PREFIX), np.uint64(starts[i]))
        letters[at] = _PLUS
        at = _number(letters, at + 1, np.uint64(stops[i] - starts[i]))
    offsets[n] = at
    return letters[:at].copy(), offsets
