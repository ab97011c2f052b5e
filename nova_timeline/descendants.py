"""The processes there are, and those that a process has started, as /proc tells (proc(5))."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_PARENT, _BEGAN = 1, 19  # fields of stat, counted after the name, which may hold anything


def every() -> list[int]:
    """Return all processes that this one can see."""
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def of(pid: int) -> list[int]:
    """Return the processes below one, parents before their children.

    Parents are asked of every process there is: the kernel's own lists of children may leave some
    out while others end.
    """
    children: dict[int, list[int]] = {}
    for child in every():
        with suppress(OSError):  # it has ended meanwhile
            children.setdefault(int(_stat(child)[_PARENT]), []).append(child)
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found[1:]


def command(pid: int) -> bytes:
    """Return a process's command line, its words ended by zero bytes; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def began(pid: int) -> int:
    """Return when a process began, in ticks since the machine did; -1 if it has ended."""
    try:
        return int(_stat(pid)[_BEGAN])
    except OSError:
        return -1


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
