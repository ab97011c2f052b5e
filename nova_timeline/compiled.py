"""The decorator of all kernels: compiled by numba once, and then loaded without its compiler.

Before numba loads a compiled function, it makes its compiler ready: half a second of imports, among
them scipy's linear algebra where there is one. A function that is compiled already needs none of it
and here goes without, until something really has to be compiled: that makes the compiler ready too.

Compiled code calls functions of C by name, and LLVM ends the process where it does not know one. It
knows those for memory, arrays, exceptions and mathematics here; so a kernel may not use what numba
makes known on the way to its compiler: sets, dictionaries, `hash`, random numbers, linear algebra.

How numba keeps what it compiled is its own affair, so all this is done only with a version of it
that it was tried with; any other loads its functions in its own way, compiler and all.

Kept apart because it imports numba, which takes a third of a second.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import __version__, njit
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

_F = TypeVar("_F", bound=Callable[..., Any])
_TRIED = ("0.68.",)
IS_TRIED = __version__.startswith(_TRIED)
"""Whether this numba's compiler can be done without."""


def kernel(*, inline: str = "never", leaf: bool = False) -> Callable[[_F], _F]:
    """Compile a function for each type of its arguments, without the interpreter's lock.

    Args:
        inline: "always" to put it into each kernel that calls it, before types are known.
        leaf: for a function that makes no array, nor calls one that does, and is called for every
            few bytes: references to its arrays are then not counted, which numba does with an
            atomic operation for each array as the function is entered and left.

    Returns:
        A decorator.
    """

    def decorated(function: _F) -> _F:
        uncounted: dict[str, Any] = {"_nrt": False} if leaf and IS_TRIED else {}
        dispatcher: Any = njit(nogil=True, cache=True, inline=inline, **uncounted)(function)
        if IS_TRIED:
            dispatcher._cache = _Kept(function)
        return dispatcher  # type: ignore[no-any-return]

    return decorated


class _Kept(FunctionCache):
    """The files in which numba keeps what it has compiled of one function."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load the function for one signature; None where it was never compiled for it."""
        rtsys.initialize(target_context)
        return self._load_overload(sig, target_context)
