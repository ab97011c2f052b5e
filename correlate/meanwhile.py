"""One piece of work in a thread of its own, beside others that need nothing of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

T = TypeVar("T")


@contextmanager
def begun(work: Callable[[], T]) -> Generator[Callable[[], T]]:
    """Begin some work; give what waits for it and returns its result, or raises its error.

    The work has ended when the block is left, however that is.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="nova-meanwhile") as pool:
        yield pool.submit(work).result
