"""Threads for work that nobody waits for yet: they take only what cores have to spare.

What a run is made of, and its tables, are digested so: reading and correlating go before, and leave
cores idle now and then, where they wait for one another or for a file.
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from nova_timeline.attempts import cores

if TYPE_CHECKING:
    from collections.abc import Generator

_LAST = 10
"""Niceness (setpriority(2)) of who gets a tenth of what others get; with less, a machine that is
never idle would let the end of a run wait for long."""


@contextmanager
def threads(workers: int = 0) -> Generator[ThreadPoolExecutor]:
    """Give an executor of so many threads, one a core by default, that let all others go first.

    At the end, what has not been begun is dropped, and what has been is waited for.
    """
    pool = ThreadPoolExecutor(
        workers or cores(), thread_name_prefix="nova-idle", initializer=_let_others_first
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _let_others_first() -> None:
    """Lower this thread's priority; only on Linux has each thread one of its own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LAST)
