"""The machine that figures come from: what it has, and how busy it is."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "numba", "pyarrow", "polars", "duckdb", "pandas", "ruptures", "ray")


def described(root: Path = Path("/")) -> dict[str, str]:
    """Return what there is to say of this machine, in the order to say it."""
    return {
        "CPU": _first(root / "proc/cpuinfo", r"model name\s*: (.+)") or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": _memory(root),
        "system": _first(root / "etc/os-release", r'PRETTY_NAME="?([^"\n]+)') or platform.system(),
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **{name: found for name in PACKAGES if (found := _version(name))},
    }


def load() -> float:
    """Return how many processes have wanted a core, on average of the last minute."""
    return round(os.getloadavg()[0], 1)


def _memory(root: Path) -> str:
    found = _first(root / "proc/meminfo", r"MemTotal:\s+(\d+) kB")
    return f"{int(found) / 2**20:.1f} GiB" if found else "unknown"


def _first(path: Path, pattern: str) -> str:
    """Return what a pattern captures in a file; nothing where there is no such file or line."""
    try:
        match = re.search(pattern, path.read_text())
    except OSError:
        return ""
    return match[1].strip() if match else ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
