"""Tasks in workers of Ray: on this machine in a cluster of their own, or on one that runs already.

A cluster of our own listens on the loopback only, keeps Ray's token authentication, sends no usage
statistics, and is gone with its processes and files when the engine is left. Ray is imported here
and nowhere else, when the engine is entered.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import weakref
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nova_timeline import arrow, descendants
from nova_timeline.attempts import ONE_CORE, answered, cores, in_order, silent
from nova_timeline.errors import EngineError, MissingExtraError, WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from types import TracebackType

    from nova_timeline.attempts import Progress

T = TypeVar("T")
R = TypeVar("R")

_QUIET = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray's own way to say that no other machine joins; without it 127.0.0.1 is resolved away and its
servers listen on every interface."""
_LIVES = 4
"""How many workers a task may lose before it is given up."""
_WATCH = 20.0
"""Seconds after which it is looked whether anybody is at work, while a task is waited for."""
_IDLE = 3
"""After how many such looks that found nobody a task is taken for lost by Ray."""
_STORE_SHARE = 0.3
"""The part of the memory limit that the object store may take, as Ray itself has it."""
_STORE_LEAST = 128 << 20
_SHM = Path("/dev/shm")  # noqa: S108 - where Linux keeps shared memory
_LONGEST_PATH = 40
"""Characters of a folder whose sockets' paths still fit into a sockaddr_un (unix(7))."""


class _LostError(Exception):
    """What was at a task is gone; the task itself may be handed out again."""


class Ray:
    """Run tasks in Ray's workers; a context manager, since a cluster must be left.

    Args:
        workers: how many tasks at a time; 0 for one a core of the cluster.
        progress: told of the tasks of each map.
        address: a running cluster to join; a private one is started without it.
        memory: bytes that the run may take, of which the object store gets its share.
    """

    def __init__(
        self,
        workers: int = 0,
        progress: Progress = silent,
        address: str | None = None,
        memory: int = 4 << 30,
    ) -> None:
        """Keep what is to be started; nothing is yet."""
        self.workers = workers
        self.progress = progress
        self.is_here = address is None
        self._address = address
        self._memory = memory
        self._folder: Path | None = None
        self._begun = False
        self._known: dict[int, tuple[weakref.ref[Any], Any]] = {}
        """Tables that lie in the object store, by their identity, as long as they are held."""

    def __enter__(self) -> Ray:
        """Start or join a cluster.

        Raises:
            MissingExtraError: Ray is not installed.
            EngineError: it cannot be started, or nothing answers at the address.
        """
        if importlib.util.find_spec("ray") is None:
            msg = (
                "the engine 'ray' needs Ray, which is not installed; "
                "pip install 'nova-timeline[ray]', or take --engine local"
            )
            raise MissingExtraError(msg)
        if "ray" in sys.modules and _ray().is_initialized():
            msg = "this process is in a Ray cluster already; call ray.shutdown() first"
            raise EngineError(msg)
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the cluster; one of our own ends with all its processes and files."""
        self._stop()

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Apply a module's function to every task and give the results in order.

        Arrow tables in the results lie in Ray's object store and are not copied. A task whose
        worker ended is handed out again here and not by Ray, which can lose it on the way.

        Raises:
            WorkerLostError: workers kept ending while they were at one task.
        """
        ray = _ray()
        remote: Any = ray.remote(num_cpus=1, max_retries=0)(answered)
        under_way: set[Any] = set()

        def submit(task: T) -> tuple[T, Any]:
            handle = remote.remote(function, self._handed(task))
            under_way.add(handle)
            return task, handle

        def result(sent: tuple[T, Any]) -> R:
            task, handle = sent
            lost: _LostError | None = None
            for _ in range(_LIVES):
                if lost is not None:
                    self._known.pop(id(task), None)  # it may have been lost with its node
                    _, handle = submit(task)
                try:
                    found: R = self._result(handle)
                except _LostError as error:
                    lost = error
                else:
                    return found
                finally:
                    under_way.discard(handle)
            msg = (
                f"a worker of Ray ended {_LIVES} times while it was at one task; is there memory "
                f"enough? Try fewer with --workers ({lost})"
            )
            raise WorkerLostError(msg) from lost

        try:
            yield from in_order(tasks, submit, result, self.workers, self.progress)
        finally:
            for handle in under_way:
                ray.cancel(handle, force=True)

    def _handed(self, task: object) -> Any:
        """Put a table into the object store once: stage after stage asks for the same ones."""
        if not isinstance(task, arrow.core().Table):
            return task
        place = id(task)
        if place not in self._known:
            gone = weakref.ref(task, lambda _: self._known.pop(place, None))
            self._known[place] = (gone, _ray().put(task))
        return self._known[place][1]

    def _result(self, handle: Any) -> Any:
        """Wait for a task's result; its error is raised as it was in the worker."""
        ray = _ray()
        exceptions = ray.exceptions
        try:
            self._watch(handle)
            good, found = ray.get(handle)
        except (
            exceptions.WorkerCrashedError,
            exceptions.NodeDiedError,
            exceptions.ObjectLostError,
            exceptions.OutOfMemoryError,
        ) as error:
            raise _LostError(type(error).__name__) from error
        if not good:
            raise found
        return found

    def _watch(self, handle: Any) -> None:
        """Wait for a task to end; Ray can forget one whose worker was killed, or never begin it."""
        ray = _ray()
        idle = 0
        while not ray.wait([handle], timeout=_WATCH)[0]:
            idle = 0 if self._at_work() else idle + 1
            if idle == _IDLE:
                ray.cancel(handle, force=True)
                msg = "no worker took it up"
                raise _LostError(msg)

    def _at_work(self) -> bool:
        """Tell whether a worker is at a task; on others' clusters one may wait for its turn."""
        if self._folder is None:
            return True
        title = f"ray::{answered.__name__}".encode()
        return any(descendants.command(p).startswith(title) for p in processes(self._folder))

    def _start(self) -> None:
        if self._address is None:
            with _environment(_QUIET | _LOOPBACK | ONE_CORE | {"PYTHONPATH": _import_path()}):
                self._start_own()
        else:
            with _environment(_QUIET):
                self._join(self._address)

    def _start_own(self) -> None:
        store = store_size(self._memory, _free_shared_memory())
        self.workers = self.workers or cores()
        parent = tempfile.gettempdir()
        if len(parent) > _LONGEST_PATH:
            parent = "/tmp"  # noqa: S108 - made by mkdtemp, for us alone
        self._folder = Path(tempfile.mkdtemp(prefix="nova-ray-", dir=parent))
        self._begun = True
        _init(
            address="local",
            num_cpus=self.workers,
            include_dashboard=False,
            object_store_memory=store,
            _node_ip_address="127.0.0.1",
            _temp_dir=str(self._folder),
        )
        if not ip_address(_ray().util.get_node_ip_address()).is_loopback:
            msg = (
                "Ray was imported before and would listen to other machines; set "
                f"{' '.join(f'{k}={v}' for k, v in _LOOPBACK.items())} before it is"
            )
            raise EngineError(msg)

    def _join(self, address: str) -> None:
        _knock(address)
        package = Path(__file__).parent  # its links to connectors/ and correlate/ are followed
        self._begun = True
        _init(
            address=address,
            runtime_env={"py_modules": [str(package)], "env_vars": ONE_CORE | _QUIET},
        )
        self.workers = self.workers or max(1, int(_ray().cluster_resources().get("CPU", 1)))

    def _stop(self) -> None:
        """Leave Ray, whatever has happened; a second Ctrl-C does not cut this short."""
        with _undisturbed():
            self._known.clear()
            own = processes(self._folder) if self._folder is not None else {}
            if self._begun:
                _ray().shutdown()
                self._begun = False
            if self._folder is not None:
                _end(self._folder, own)
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None


def _end(folder: Path, known: dict[int, int]) -> None:
    """End what is still there of a folder's cluster, and what that had just begun.

    Ray ends nothing that it was interrupted in starting.
    """
    ended = dict[int, int]()
    left = known | processes(folder)
    while left:
        for pid, began in left.items():
            with suppress(OSError):
                if descendants.began(pid) == began:
                    os.kill(pid, signal.SIGKILL)
        ended |= left
        left = {p: began for p, began in processes(folder).items() if ended.get(p) != began}


def processes(folder: Path) -> dict[int, int]:
    """Return the processes that belong to the cluster of a folder, by their start.

    Raylets and their like name the folder in their command line, also when their parent has ended
    and they are no longer below this process; workers, which are, call themselves ray::TASK.
    """
    below, own = {*descendants.of(os.getpid())}, os.getpid()
    lines = {pid: descendants.command(pid) for pid in descendants.every() if pid != own}
    return {
        pid: descendants.began(pid) for pid, line in lines.items()
        if bytes(folder) in line or (pid in below and line.startswith(b"ray::"))
    }  # fmt: skip


def store_size(memory: int, shared: int) -> int:
    """Return the bytes of the object store: a share of the memory, in what /dev/shm has free.

    Raises:
        EngineError: too little is free there.
    """
    if shared < _STORE_LEAST * 5 // 4:
        msg = (
            f"{_SHM} has {shared >> 20} MiB free, and Ray needs {_STORE_LEAST * 5 // 4 >> 20} MiB "
            "there for its object store; give the container more (docker run --shm-size=1g), or "
            "take --engine local"
        )
        raise EngineError(msg)
    return max(_STORE_LEAST, min(int(memory * _STORE_SHARE), shared * 4 // 5))


def _free_shared_memory() -> int:
    return shutil.disk_usage(_SHM).free


def _ray() -> Any:
    """Return Ray, which is typed too loosely for a strict checker."""
    import ray

    return ray


def _init(**settings: Any) -> None:
    try:
        with _own_handler():
            _ray().init(
                **settings, log_to_driver=False, configure_logging=True, logging_level=logging.ERROR
            )
    except (OSError, RuntimeError, ValueError) as error:  # ConnectionError is an OSError
        place = settings["address"]
        if place == "local":
            msg = f"Ray does not start on this machine: {error}"
        else:
            why = str(error.__cause__ or error).partition("\n")[0]
            msg = f"the Ray cluster at {place} cannot be joined: {why}"
            if "AuthToken" in why:
                msg += " Give its token, and say RAY_AUTH_MODE=token."
        raise EngineError(msg) from error


def _knock(address: str) -> None:
    """Hold that something listens at ``host:port``, before Ray tries for a minute."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in address:
        return  # "auto", or a client's address, which Ray resolves
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        msg = (
            f"no Ray cluster answers at {address}: {error.strerror or error}; 'ray start --head' "
            "prints the address of the one it starts"
        )
        raise EngineError(msg) from error


def _import_path() -> str:
    """Return where this process finds its modules, for workers to find the same."""
    return os.pathsep.join(dict.fromkeys(str(Path(p).resolve()) for p in sys.path))


@contextmanager
def _environment(changed: dict[str, str]) -> Generator[None]:
    """Change the environment for the processes that are started meanwhile."""
    before = {key: os.environ.get(key) for key in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@contextmanager
def _own_handler() -> Generator[None]:
    """Keep what SIGTERM does: Ray would have it end this process; only the main thread may."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:  # it came meanwhile, and Ray took it
        if callable(before):
            before(signal.SIGTERM, None)
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _undisturbed() -> Generator[None]:
    """Put Ctrl-C and SIGTERM off; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    both = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in both]
    try:
        yield
    finally:
        for number, handler in zip(both, before, strict=True):
            signal.signal(number, handler)
