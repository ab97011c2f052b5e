"""Tasks in processes of this machine, one core each: for work that holds the interpreter's lock.

A worker is an interpreter that runs `serve`: it reads pickled calls from its standard input and
writes what they gave to its standard output. It stands in a session of its own, so that Ctrl-C in a
terminal reaches only the one who started it, who then kills it: an error that is raised wherever a
task happens to be can be lost there, and what a task wrote has to be found after a kill anyway.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nova_timeline.attempts import ONE_CORE, answered, cores, in_order, silent
from nova_timeline.errors import EngineError, WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from nova_timeline.attempts import Progress

T = TypeVar("T")
R = TypeVar("R")

_PROGRAM = "import sys; from nova_timeline.processes import serve; sys.exit(serve())"
_LIVES = 3
"""How many workers a task may lose before it is given up."""


@dataclass(frozen=True, slots=True)
class Processes:
    """Run tasks in processes of this machine, started when first needed and ended with the map."""

    workers: int = 0
    """How many processes; 0 for one a core."""
    progress: Progress = field(default=silent)

    @property
    def is_here(self) -> bool:
        """Tell that this machine does all of it."""
        return True

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Apply a module's function to every task and give the results in order.

        Raises:
            WorkerLostError: workers kept ending while they were at one task.
        """
        most = max(1, min(self.workers or cores(), len(tasks)))
        crew = _Crew()
        threads = ThreadPoolExecutor(most, thread_name_prefix="nova-process")

        def submit(task: T) -> Future[R]:
            return threads.submit(crew.call, function, task)

        try:
            yield from in_order(tasks, submit, lambda f: f.result(), most, self.progress)
        finally:
            crew.end()
            threads.shutdown(cancel_futures=True)


class _Crew:
    """The worker processes of one map: idle ones are taken again, lost ones are replaced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._ended = False

    def call(self, function: Callable[[T], R], task: T) -> R:
        """Have a worker do a task; another one if it is lost."""
        for _ in range(_LIVES):
            worker = self._taken()
            try:
                good, found = worker.ask(function, task)
            except (EOFError, OSError, pickle.UnpicklingError):
                self._lost(worker)
                continue
            with self._lock:
                self._idle.append(worker)
            if not good:
                raise found
            result: R = found
            return result
        msg = (
            f"a worker process ended {_LIVES} times in a row while it was at one task; is there "
            "memory enough? Try fewer with --workers"
        )
        raise WorkerLostError(msg)

    def end(self) -> None:
        """End every worker, one in the middle of a task too."""
        with self._lock:
            self._ended = True
            workers = [*self._all]
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.close()

    def _taken(self) -> _Worker:
        with self._lock:
            if self._ended:
                msg = "the work was stopped"
                raise EngineError(msg)
            if self._idle:
                return self._idle.pop()
            worker = _Worker()
            self._all.add(worker)
            return worker

    def _lost(self, worker: _Worker) -> None:
        with self._lock:
            if not self._ended:
                self._all.discard(worker)
                worker.process.kill()
                worker.close()


class _Worker:
    """One process, and the pipes to it."""

    def __init__(self) -> None:
        path = os.pathsep.join(str(Path(p).resolve()) for p in sys.path)
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ONE_CORE | {"PYTHONPATH": path},
            start_new_session=True,
        )
        self._asked: Any = self.process.stdin
        self._told: Any = self.process.stdout

    def ask(self, function: Callable[[Any], Any], task: object) -> tuple[bool, Any]:
        """Return whether it went well, and the result or the error.

        Raises:
            EOFError, OSError: the process is gone.
        """
        self._asked.write(pickle.dumps((function, task)))
        self._asked.flush()
        answer: tuple[bool, Any] = pickle.load(self._told)  # noqa: S301 - our own worker's
        return answer

    def close(self) -> None:
        """Wait for the end of the process, which was killed."""
        self.process.wait()
        for pipe in (self._asked, self._told):
            with suppress(BrokenPipeError):  # what was asked last was never read
                pipe.close()


def serve() -> int:
    """Answer calls until there are no more; what is printed meanwhile goes to stderr."""
    with suppress(BrokenPipeError), os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        while True:
            try:
                function, task = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our parent
            except EOFError:
                break
            answers.write(pickle.dumps(answered(function, task)))
            answers.flush()
    return 0
