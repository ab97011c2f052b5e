"""What a piece of work costs: wall time, CPU time of all threads, and memory at its peak.

Each repetition runs in a fresh interpreter, so that a peak is its own and no cache of one side
helps the other: ``python -m benchmarks._measure MODULE FUNCTION ARGUMENT`` calls a function of one
text and prints what it returns, as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_T = TypeVar("_T")
_STATUS = Path("/proc/self/status")
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took; memory in MiB, ``peak_extra_mb`` above what was held before it."""

    seconds: float
    cpu_seconds: float
    peak_extra_mb: float
    peak_mb: float


def measured(work: Callable[[], _T]) -> tuple[Cost, _T]:
    """Call work once and return its cost with its result."""
    _forget_peak()
    held, cpu, wall = _memory("VmRSS"), _cpu(), time.perf_counter()
    result = work()
    seconds, cpu_seconds = time.perf_counter() - wall, _cpu() - cpu
    peak = _memory("VmHWM")
    return Cost(seconds, cpu_seconds, max(0.0, peak - held), peak), result


def in_fresh_process(module: str, function: str, argument: str) -> dict[str, Any]:
    """Call a module's function in an interpreter of its own and return its answer.

    Raises:
        RuntimeError: the function failed; the message is what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks._measure", module, function, argument],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        msg = f"{module}.{function} failed:\n{done.stderr}"
        raise RuntimeError(msg)
    answered: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answered


def medians(runs: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the median of each figure of some runs' costs."""
    costs = [run["cost"] for run in runs]
    return {key: round(statistics.median(c[key] for c in costs), 6) for key in costs[0]}


def answer(cost: Cost, **result: Any) -> dict[str, Any]:
    """Pack a cost with what else a run has to say."""
    return {"cost": asdict(cost), **result}


def say(text: str) -> None:
    """Tell on stderr how far it is."""
    print(text, file=sys.stderr, flush=True)


def _cpu() -> float:
    whole = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in whole)


def _forget_peak() -> None:
    """Start the peak anew at what is held now (proc(5), clear_refs); only Linux can."""
    if _STATUS.exists() and os.access("/proc/self/clear_refs", os.W_OK):
        Path("/proc/self/clear_refs").write_text("5")


def _memory(field: str) -> float:
    """Return VmRSS (held now) or VmHWM (at the peak) in MiB; elsewhere the peak since the start."""
    if not _STATUS.exists():
        scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    line = next(x for x in _STATUS.read_text().splitlines() if x.startswith(field))
    return int(line.split()[1]) / 1024


def _main() -> None:
    module, function, argument = sys.argv[1:]
    print(json.dumps(getattr(import_module(module), function)(argument)))


if __name__ == "__main__":
    _main()
