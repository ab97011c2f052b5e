"""How a run folder comes to be: beside its place, and under its name only when it is whole.

A run is written in ``.RUN.PID.part``, its tables before that in ``.RUN.ANY.PID.part``, and an older
run waits in ``.RUN.PID.old`` while the new one takes its place. Who works in one holds a lock on it
(flock(2)), which the kernel takes back however that program ends: so what killed programs left is
told from what is in use. The number of the process counts besides: locks do not reach every file
system, and in a container all programs may have the same.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from nova_timeline import store
from nova_timeline.errors import RunFolderError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


def vacant(run: Path) -> None:
    """Hold that a run may be written there: nothing, an empty folder or an older run is there.

    Raises:
        RunFolderError: something else is.
    """
    if run.exists() and not (
        run.is_dir() and ((run / store.MANIFEST).exists() or not any(run.iterdir()))
    ):
        msg = f"{run} exists and is not a run; name another folder with --out"
        raise RunFolderError(msg)


@contextmanager
def writing(run: Path) -> Generator[Path]:
    """Give a folder to write a run into; it takes its final name only if all went well.

    Raises:
        RunFolderError: something that is not a run stands there already, or it cannot be written.
    """
    vacant(run)
    run = run.resolve()
    clear(run)
    beside = run.with_name(f".{run.name}.{os.getpid()}.part")
    try:
        beside.mkdir(parents=True)
    except OSError as error:
        msg = f"{run} cannot be written: {error.strerror}; name another folder with --out"
        raise RunFolderError(msg) from error
    except BaseException:  # Ctrl-C may come when it is there already
        shutil.rmtree(beside, ignore_errors=True)
        raise
    try:
        with in_use(beside):
            yield beside
            _put(beside, run)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _put(made: Path, run: Path) -> None:
    """Rename a finished run to its place; an older run goes only when the new one stands there."""
    if not (run / store.MANIFEST).exists():
        made.rename(run)
        return
    old = run.with_name(f".{run.name}.{os.getpid()}.old")
    with in_use(run):
        run.rename(old)
        try:
            made.rename(run)
        except BaseException:
            old.rename(run)
            raise
        shutil.rmtree(old)


def lock(folder: Path) -> int | None:
    """Hold a folder as in use until the descriptor that is returned is closed.

    Returns:
        The descriptor; None where the file system knows no locks.

    Raises:
        BlockingIOError: it is in use.
    """
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise
    except OSError:
        os.close(held)
        return None
    return held


def release(held: int | None) -> None:
    """Let go of a folder."""
    if held is not None:
        os.close(held)


@contextmanager
def in_use(folder: Path) -> Generator[None]:
    """Hold a folder as in use meanwhile.

    Raises:
        BlockingIOError: somebody else does.
    """
    held = lock(folder)
    try:
        yield
    finally:
        release(held)


def clear(run: Path) -> None:
    """Take away what killed programs left beside a run; an older run goes back to its place."""
    named = re.compile(
        rf"\.{re.escape(run.name)}\.(?:\w+\.)?(?P<pid>\d{{1,9}})\.(?P<kind>part|old)"
    )
    with suppress(OSError):  # nothing there, or not ours to look at
        for beside in sorted(run.parent.iterdir()):
            found = named.fullmatch(beside.name)
            if found is None or not _is_abandoned(beside, int(found["pid"])):
                continue
            if found["kind"] == "old" and not run.exists():
                beside.rename(run)
            else:
                shutil.rmtree(beside, ignore_errors=True)


def _is_abandoned(folder: Path, pid: int) -> bool:
    """Say whether the program that made a folder has ended."""
    if pid != os.getpid() and _lives(pid):
        return False
    try:
        held = lock(folder)
    except OSError:  # in use; or gone meanwhile, or not ours to look at
        return False
    release(held)
    return held is not None or pid != os.getpid()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
