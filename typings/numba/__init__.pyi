"""The one decorator this project takes from numba, typed: numba itself ships no useful types."""

from collections.abc import Callable
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])

__version__: str

def njit(*, cache: bool = ..., nogil: bool = ..., inline: str = ...) -> Callable[[_F], _F]: ...
