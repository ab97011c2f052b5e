"""From nothing to the first answer of a kernel, with compiled code that an earlier process left.

    python -m benchmarks.start --json

Each repetition is a fresh process that imports the library and joins a few rows by windows (see
`nova_timeline.correlate.candidates`). Beside it, by turns: an interpreter that does nothing, and
one that imports numba alone, as every process does in which a kernel runs. Numba's compiler loads
scipy where there is one, which is no dependency of the library; ``without_scipy`` hides it.

``equal``: the joined pairs are those that were worked out by hand. ``compiled``: kernels that were
compiled anew after the warm-up; there should be none, even though rows are read-only by turns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks import _measure, _programs
from benchmarks._measure import Cost, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A change 5 s before an effect on what it depends on, another 2 s before on its own entity.
_TIMES, _ENTITIES, _KINDS = (5_000_000, 8_000_000, 10_000_000), (1, 0, 0), (2, 2, 1)
_PAIRS = [[2, 1, 2_000_000, 0], [2, 0, 5_001_000, 1]]
"""effect, cause, cost, hops."""

_OURS = "from benchmarks.start import first_answer; first_answer(frozen={frozen})"
_WITHOUT = {"without_scipy": 'import sys; sys.modules["scipy"] = None; ' + _OURS}
_PEERS = {"python": "pass", "numba": "import numba"}


def first_answer(*, frozen: bool) -> None:
    """Join a few rows and print the pairs, and how many kernels had to be compiled for it."""
    import numpy as np

    from nova_timeline.correlate import candidates
    from nova_timeline.topology import Adjacency

    def column(values: Sequence[int], kind: type[np.generic]) -> np.ndarray[Any, Any]:
        made = np.array(values, kind)
        made.flags.writeable = not frozen
        return made

    graph = Adjacency(column([0, 1, 1], np.int64), column([1], np.int32))
    costs = candidates.Costs((False, True, False), (-1, -1, 0), 60_000_000, 0, 1_000)
    found = candidates.cheapest(
        column(_TIMES, np.int64), column(_ENTITIES, np.int32), column(_KINDS, np.int8), graph, costs
    )
    pairs = np.stack([found.effect, found.cause, found.cost, found.hops], axis=1)
    print(json.dumps({"pairs": pairs.tolist(), "compiled": _compiled()}))


def _compiled() -> int:
    """Count the kernels that no earlier process had left compiled."""
    modules = [m for name, m in [*sys.modules.items()] if name.startswith("nova_timeline.")]
    named: list[Any] = [value for module in modules for value in vars(module).values()]
    kernels = {id(value): value for value in named if hasattr(value, "py_func")}
    return sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels.values())


def started(program: str) -> tuple[Cost, str]:
    """Run a program in an interpreter of its own; return its cost with what it printed.

    Raises:
        RuntimeError: it failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=_programs.ROOT, stdout=subprocess.PIPE, text=True
    )
    with process:
        said = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        msg = f"{program!r} ended with {process.returncode}"
        raise RuntimeError(msg)
    held = used.ru_maxrss / 1024
    return Cost(seconds, used.ru_utime + used.ru_stime, held, held), said


def run(repeat: int) -> dict[str, Any]:
    """Measure all by turns and return the benchmark's object."""
    say("warm-up")
    started(_OURS.format(frozen=False))
    runs: dict[str, list[dict[str, Any]]] = {s: [] for s in ("ours", *_WITHOUT, *_PEERS)}
    answers = list[dict[str, Any]]()
    for turn in range(repeat):
        for side, program in {"ours": _OURS, **_WITHOUT, **_PEERS}.items():
            cost, said = started(program.format(frozen=turn % 2 == 1))
            say(f"{side}, {turn + 1} of {repeat}: {cost.seconds:.3f} s")
            runs[side].append(_measure.answer(cost))
            answers += [json.loads(said)] if side not in _PEERS else []
    costs = {side: _measure.medians(some) for side, some in runs.items()}
    bare = costs["python"]["peak_mb"]
    for cost_of in costs.values():
        cost_of["peak_extra_mb"] = round(cost_of["peak_mb"] - bare, 3)
    mine = costs["ours"]
    return {
        "benchmark": "start",
        "sizes": {"events": len(_TIMES)},
        "ours": mine,
        "variants": {name: costs[name] for name in _WITHOUT},
        "peers": {name: costs[name] for name in _PEERS},
        "ratio": {n: round(costs[n]["seconds"] / mine["seconds"], 4) for n in _PEERS},
        "cpu_ratio": {n: round(costs[n]["cpu_seconds"] / mine["cpu_seconds"], 4) for n in _PEERS},
        "compiled": max(answer["compiled"] for answer in answers),
        "repetitions": repeat,
        "equal": all(answer["pairs"] == _PAIRS for answer in answers),
    }


def show(found: Mapping[str, Any]) -> None:
    """Print the object as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", "seconds", "CPU seconds", "extra MiB at peak")
    rows = {"import, and the first answer of a kernel": found["ours"]}
    rows |= {"the same without scipy": found["variants"]["without_scipy"]}
    rows |= {"an interpreter that does nothing": found["peers"]["python"]}
    rows |= {"an interpreter that imports numba": found["peers"]["numba"]}
    for name, cost in rows.items():
        figures = (cost["seconds"], cost["cpu_seconds"], cost["peak_extra_mb"])
        table.add_row(name, *(f"{figure:,.3f}" for figure in figures))
    console = Console()
    console.print(table)
    console.print(f"kernels compiled anew: {found['compiled']}")
    console.print(f"the right pairs: {'yes' if found['equal'] else 'NO'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--repeat", type=int, default=5, help="repetitions of each side (5)")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    chosen = parser.parse_args(arguments)
    found = run(chosen.repeat)
    if chosen.json:
        print(json.dumps(found))
    else:
        show(found)


if __name__ == "__main__":
    main()
