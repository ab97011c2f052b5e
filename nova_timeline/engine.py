"""Where the work is done: one interface, in threads of this process or in workers of Ray.

A task is done by a module's function, takes and gives what can be pickled (Arrow, never polars:
Ray hands Arrow on without a copy), and is pure. So neither the body that was chosen, nor how many
workers it has, nor a worker that was lost on the way, changes a byte of what comes out.
"""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from nova_timeline import connector, memory
from nova_timeline.attempts import cores, in_order, persistently, silent
from nova_timeline.errors import EngineError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from concurrent.futures import Future

    from nova_timeline.attempts import Progress
    from nova_timeline.model import Incident

T = TypeVar("T")
R = TypeVar("R")

NAMES = ("auto", "local", "ray")
RAY_FROM = 512 << 20
"""Bytes of sources for each core here from which ``auto`` takes a cluster that is named.

``python -m benchmarks.scale --records 5000000`` (1.16 GB) on two cores takes 8.1 s in threads, 8.6
s in as many workers of Ray on this machine, and 9.5 s in workers that do not see its disk; Ray
needs 3.2 s to start. So on one machine no input pays for Ray, and ``auto`` starts none. A cluster
of twice the cores saves two fifths of the time, more than the start takes from 7.8 s on: 560 MB a
core.
"""


class Engine(Protocol):
    """What the pipeline asks of a body."""

    @property
    def workers(self) -> int:
        """How many tasks are worked on at a time; 0 for one a core."""
        ...

    @property
    def is_here(self) -> bool:
        """Whether all tasks are worked on by this machine, and so see its disk."""
        ...

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Apply a module's function to every task and give the results in order, as they come."""
        ...


@dataclass(frozen=True, slots=True)
class Local:
    """Run tasks in threads of this process.

    Decoding runs in DuckDB, polars and numba, which all release the interpreter's lock, so threads
    share the cores.
    """

    workers: int = 0
    """How many threads; 0 for one a core."""
    progress: Progress = field(default=silent)

    @property
    def is_here(self) -> bool:
        """Tell that this machine does all of it."""
        return True

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Apply a function to every task and give the results in order."""
        workers = self.workers or cores()
        pool = ThreadPoolExecutor(workers, thread_name_prefix="nova")

        def submit(task: T) -> Future[R]:
            return pool.submit(lambda: persistently(function, task))

        try:
            yield from in_order(tasks, submit, lambda f: f.result(), workers, self.progress)
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user says of the engine."""

    name: str = "auto"
    """``auto``, ``local`` or ``ray``."""
    workers: int = 0
    """How many tasks at a time; 0 for one a core."""
    address: str | None = None
    """A running Ray cluster to join, as ``host:port``."""
    memory_limit: int | None = None
    """Bytes that the run may take; by default its share of what is free."""
    ray_from: int | None = None
    """Bytes of sources from which ``auto`` takes Ray; see `RAY_FROM` for what it does by itself."""


Wanted: TypeAlias = str | Choice | Engine
"""How an engine is asked for: by its name, by a choice that says more, or as one that runs."""


@contextmanager
def opened(
    wanted: Wanted = "auto", size: int = 0, progress: Progress = silent
) -> Generator[Engine]:
    """Start the engine that was asked for, and end it with all that belongs to it.

    Args:
        wanted: a name, a choice, or an engine, which is used as it is and left running.
        size: bytes of sources, for ``auto`` to decide by; see `size_of`.
        progress: told of the tasks of each map.

    Raises:
        EngineError: there is no such engine, or it cannot be started.
        MissingExtraError: Ray was asked for and is not installed.
    """
    choice = Choice(wanted) if isinstance(wanted, str) else wanted
    if not isinstance(choice, Choice):
        yield choice
    elif _name(choice, size) == "local":
        yield Local(choice.workers, progress)
    else:
        from nova_timeline.ray_engine import Ray

        share = memory.limit(choice.memory_limit)
        with Ray(choice.workers, progress, choice.address, share) as ray:
            yield ray


def _name(choice: Choice, size: int) -> str:
    """Decide for ``auto``: Ray where the input is large enough to be worth its start."""
    if choice.name not in NAMES:
        msg = f"no engine is called {choice.name!r}{nearest(choice.name, NAMES)}"
        raise EngineError(msg)
    if choice.name != "auto":
        return choice.name
    least = choice.ray_from
    if least is None and choice.address is not None:
        least = RAY_FROM * cores()
    there = importlib.util.find_spec("ray") is not None
    return "ray" if least is not None and there and size >= least else "local"


def size_of(incident: Incident) -> int:
    """Return how many bytes the files of an incident's sources have."""
    total = 0
    for source in incident.sources:
        reader = connector.load(source.use)(source.options)
        for _, path in reader.files(incident.base, source.path).found:
            total += path.stat().st_size if path.exists() else 0
    return total
