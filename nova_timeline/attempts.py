"""One task, tried again when what failed may pass: what every body of the engine hands out.

Waiting is `stamina`'s: a little longer each time, with jitter, so that workers that were refused
together do not come back together. Tasks are pure, so how often one was tried changes nothing but
time.
"""

from __future__ import annotations

import logging
import os
import pickle
import traceback
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from nova_timeline.errors import EngineError, is_transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Progress = Callable[[int, int], None]
    """Told how many tasks are done, and of how many."""

T = TypeVar("T")
R = TypeVar("R")
H = TypeVar("H")

ATTEMPTS = 4
"""How often a task is begun before its error is raised."""
ONE_CORE = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # as `nova_timeline.arrow.from_malloc`
    "ARROW_IO_THREADS": "2",
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",  # Arrow's compute threads too
    "POLARS_MAX_THREADS": "1",
}
"""What the environment of a worker process says, so that one worker is one core."""

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 2.0
_JITTER = 0.5


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def silent(done: int, total: int) -> None:
    """Report no progress."""


def persistently(function: Callable[[T], R], task: T) -> R:
    """Call a function; begin again after an error that may pass, a few times.

    Raises:
        Exception: whatever the function raised last.
    """
    import stamina

    logger = logging.getLogger("stamina")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # or each wait would be told on stderr
    for attempt in stamina.retry_context(
        on=is_transient,
        attempts=ATTEMPTS,
        timeout=None,
        wait_initial=_FIRST_WAIT,
        wait_max=_LONGEST_WAIT,
        wait_jitter=_JITTER,
    ):
        with attempt:
            return function(task)
    raise AssertionError  # the last attempt returns or raises


def answered(function: Callable[[T], R], task: T) -> tuple[bool, Any]:
    """Call a function for another process: whether it went well, with the result or the error.

    The error carries its trace as a note. One that pickle cannot rebuild is told by an EngineError.
    """
    try:
        return True, persistently(function, task)
    except Exception as error:
        where = "".join(traceback.format_exception(error))
        error.add_note(f"in a worker, which said:\n{where}")
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled just now
        except Exception:
            told = EngineError(f"{type(error).__name__}: {error}")
            told.add_note(where)
            return False, told
        return False, error


def in_order(
    tasks: Sequence[T],
    submit: Callable[[T], H],
    result: Callable[[H], R],
    workers: int,
    progress: Progress = silent,
) -> Iterator[R]:
    """Hand out tasks and give their results in order, as they come.

    At most twice as many as there are workers are under way or wait to be taken, so that memory is
    bounded by that however many tasks there are.

    Args:
        tasks: what to work on.
        submit: begins a task and returns at once, with a handle.
        result: waits for a handle's result, or raises its error.
        workers: how many tasks are worked on at a time.
        progress: told after each result.
    """
    total = len(tasks)
    waiting: deque[H] = deque()
    done = 0
    progress(done, total)
    for begun, task in enumerate(tasks, 1):
        waiting.append(submit(task))
        while waiting and (len(waiting) >= 2 * workers or begun == total):
            found = result(waiting.popleft())
            done += 1
            progress(done, total)
            yield found
            del found  # or it would be held while the next is waited for
