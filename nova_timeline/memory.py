"""How much memory a run may take: what is free, and what the user says of it; and keeping to it.

Linux counts what it could give without swapping as MemAvailable (proc(5)); a container may be
allowed less, by the memory.max of its control group (cgroup v2; memory.limit_in_bytes in v1).
"""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path

SHARE = 0.7
"""The part of what is free that a run takes, unless told otherwise."""

_UNITS = {
    "": 1, "b": 1,
    "k": 1 << 10, "kb": 10**3, "kib": 1 << 10,
    "m": 1 << 20, "mb": 10**6, "mib": 1 << 20,
    "g": 1 << 30, "gb": 10**9, "gib": 1 << 30,
    "t": 1 << 40, "tb": 10**12, "tib": 1 << 40,
}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_LEAST = 64 << 20


def parse(text: str, free: int | None = None) -> int:
    """Return the bytes that a memory limit means: ``1GiB``, ``800MB``, ``70%`` of what is free.

    Raises:
        ValueError: it is no size, or less than anything can be done with.
    """
    share = _SHARE.fullmatch(text.strip())
    if share is None:
        found = size(text)
        if found < _LEAST:
            msg = f"{text!r} is too little memory to work in; give at least {_LEAST >> 20}MiB"
            raise ValueError(msg)
        return found
    if not 0 < float(share[1]) <= 100:
        msg = f"{text!r} is no part of what is free; write more than 0% and at most 100%"
        raise ValueError(msg)
    return int((available() if free is None else free) * float(share[1]) / 100)


def size(text: str) -> int:
    """Return the bytes that a size means: ``1GiB``, ``800MB``, ``4096``.

    Raises:
        ValueError: it is none.
    """
    match = _SIZE.fullmatch(text.strip())
    factor = _UNITS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        msg = f"{text!r} is no size; write one such as 1GiB or 800MB"
        raise ValueError(msg)
    return int(float(match[1]) * factor)


def limit(wanted: int | None = None) -> int:
    """Return the bytes a run may take: those wanted, or its share of what is free."""
    return wanted if wanted is not None else int(available() * SHARE)


def keep_to(most: int) -> None:
    """Give back to the system what is free within this process, once it holds more than so much.

    malloc keeps a heap for each thread, and gives back only what is free at a heap's end. Over many
    pieces of work by many threads, what is free in between them grows to several times what is in
    use. To give it back costs the time to get it anew, so that it is done only at need.
    """
    if held() > most:
        give_back()


def give_back() -> None:
    """Give what malloc holds and nobody uses back to the system."""
    trim: object = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only the GNU C library's
    if callable(trim):
        trim(0)


def held() -> int:
    """Return the bytes of memory that this process holds; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def available(root: Path = Path("/")) -> int:
    """Return the bytes that can be had now: of the machine or of the control group, the lesser."""
    return min(_machine(root), *_groups(root))


def _machine(root: Path) -> int:
    for line in (root / "proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    msg = "/proc/meminfo does not tell MemAvailable; say how much with --memory-limit"
    raise OSError(msg)


def _groups(root: Path) -> list[int]:
    """Return what is left in each control group that this process is in, and in those above."""
    left = [1 << 62]  # none that limits
    mounted = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return left
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds not in ("", "memory"):
            continue
        top = mounted / kinds
        # A container sees its own group as the top, but may be told its path from outside.
        places = {top, *(p for p in (top / path.lstrip("/")).parents if p.is_relative_to(top))}
        places.add(top / path.lstrip("/"))
        names = ("memory.max", "memory.current", "inactive_file")
        if kinds:
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        left += [room for place in places if (room := _room(place, *names)) is not None]
    return left


def _room(place: Path, most: str, used: str, reclaimable: str) -> int | None:
    """Return limit - (used - what is only cache) of a group; None where it has no limit."""
    try:
        allowed = int((place / most).read_text())
        held = int((place / used).read_text())
        stat = (place / "memory.stat").read_text()
    except (OSError, ValueError):  # no such file, or "max"
        return None
    cache = re.search(rf"^{reclaimable} (\d+)$", stat, re.MULTILINE)
    return max(0, allowed - held + (int(cache[1]) if cache else 0))
