"""The kernel that digests many records in one call, by the C library the interpreter itself uses.

A call to `hashlib` for each record holds the interpreter's lock for records shorter than 2 KB and
costs ten times the digest itself. OpenSSL's own SHA-256 (with the processor's instructions for it)
is therefore called from compiled code, through the libcrypto that ``_hashlib`` is linked to.

Kept apart from `nova_timeline.digest` because it imports numba.
"""

import ctypes
from functools import cache

import llvmlite.binding
import numpy as np
import numpy.typing as npt
from numba import types

from nova_timeline.compiled import kernel

_STATE = 256
"""Bytes set aside for a SHA256_CTX, which is 112 long in OpenSSL, LibreSSL and BoringSSL."""

_BYTES = types.CPointer(types.uint8)
_init = types.ExternalFunction("SHA256_Init", types.intc(_BYTES))
_update = types.ExternalFunction("SHA256_Update", types.intc(_BYTES, _BYTES, types.uintp))
_final = types.ExternalFunction("SHA256_Final", types.intc(_BYTES, _BYTES))


@cache
def linked() -> bool:
    """Make libcrypto's functions known to compiled code; False where they cannot be found.

    `sha256` must not be called before this has said True, not even to load it from a cache.
    """
    try:
        import _hashlib

        # A handle also gives the symbols of what the library was linked to. Where the interpreter
        # has everything built in, there is no file, and None stands for the interpreter itself.
        library = ctypes.CDLL(getattr(_hashlib, "__file__", None))
        found = {
            name: ctypes.cast(library[name], ctypes.c_void_p).value
            for name in (_init.symbol, _update.symbol, _final.symbol)
        }
    except (ImportError, OSError, TypeError, AttributeError):
        return False
    for name, address in found.items():
        llvmlite.binding.add_symbol(name, address)
    return True


@kernel()
def sha256(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Digest the n stretches of data between offsets; shape (n, 32)."""
    n = len(offsets) - 1
    digests = np.empty((n, 32), np.uint8)
    state = np.empty(_STATE, np.uint8)
    for i in range(n):
        _init(state.ctypes)
        _update(state.ctypes, data[offsets[i] :].ctypes, np.uintp(offsets[i + 1] - offsets[i]))
        _final(digests[i].ctypes, state.ctypes)
    return digests
