"""Where the work is done: the same functions, in the threads of this process.

Decoding runs in DuckDB, polars and numba, which all release the interpreter's lock, so threads
share the cores. Results come back in the order of the tasks, whatever the number of workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Local:
    """Run tasks in threads of this process."""

    workers: int = 0
    """How many threads; 0 for one a core."""
    progress: Progress = field(default=_silent)

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Apply a function to every task and give the results in order."""
        workers = self.workers or len(os.sched_getaffinity(0))
        self.progress(0, len(tasks))
        with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="nova") as pool:
            for done, result in enumerate(pool.map(function, tasks), 1):
                self.progress(done, len(tasks))
                yield result
