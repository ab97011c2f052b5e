"""Make docs/performance.md and its plot of what the benchmarks find on this machine.

    python -m benchmarks.document --run --events 10000000    # measure, save, and render
    python -m benchmarks.document                            # render what was saved

A run of ``--run`` is added to a file of JSON lines as soon as it is made, and not made again while
that file has it; ``--again`` makes all again. So what was interrupted goes on where it was.
``--from`` renders other files of such lines, ``--only`` measures some benchmarks.

Kernels run on N events, and on N / 10 and N / 100 for the plot; the window join alone on 10 N, too.
Whole trips have N / 2 records.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _cost_plot, _machine, _performance_page, _programs, _saved
from benchmarks._measure import say

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

RUNS = _programs.ROOT / "build" / "performance.jsonl"
PAGE = _programs.ROOT / "docs" / "performance.md"
COMMAND = "python -m benchmarks.document --run"
_LEAST = 100_000
_KERNELS = ("window_join", "evidence_join", "order", "bursts", "change_points")


def plan(events: int, benchmarks: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """List what to run, of those benchmarks that there are: name and arguments."""
    sizes = [size for size in (events // 100, events // 10, events) if size >= _LEAST]
    for size in sizes or [events]:
        for kernel in _KERNELS:
            yield kernel, ["--points" if kernel == "change_points" else "--events", f"{size}"]
            if kernel == "window_join":
                yield kernel, ["--events", f"{size}", "--hub"]
    yield "window_join", ["--events", f"{events * 10}", "--peers", "none"]
    yield "reconstruct", ["--records", f"{events // 2}"]
    yield "scale", ["--records", f"{events // 2}", "--engine", "ray", "--workers", "1,2"]
    yield "start", []
    known = {*_KERNELS, "reconstruct", "scale", "start"}
    yield from ((name, []) for name in benchmarks if name not in known)


def measure(events: int, only: Collection[str], file: Path, *, again: bool) -> None:
    """Run what the plan says and the file does not have yet; add each run to the file."""
    have = set[str]()
    if file.exists() and not again:
        have = {run.command for run in _saved.read([file])}
    machine = _machine.described()
    for name, arguments in plan(events, only):
        if name not in only or _programs.spoken(name, arguments) in have:
            continue
        began, load = time.perf_counter(), _machine.load()
        found = _programs.run(name, arguments)
        _saved.append(file, _saved.Saved(name, arguments, machine, load, found))
        say(f"{_programs.spoken(name, arguments)}: {time.perf_counter() - began:.0f} s")


def write(runs: Sequence[_saved.Saved], page: Path, command: str) -> None:
    """Render the page, and the plot beside it."""
    kernels = _performance_page.kernels(runs)
    curves = {kernel.title: _performance_page.curves(kernel) for kernel in kernels}
    page.parent.mkdir(parents=True, exist_ok=True)
    page.with_name(_performance_page.PLOT).write_text(_cost_plot.drawn(curves))
    page.write_text(_performance_page.rendered(runs, command))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.document", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--run", action="store_true", help="measure first")
    parser.add_argument("--again", action="store_true", help="measure even what was saved")
    parser.add_argument("--events", type=int, default=10_000_000, help="how many (10000000)")
    parser.add_argument("--only", help="benchmarks to measure, with commas (all)")
    parser.add_argument(
        "--from", dest="files", type=Path, nargs="+", metavar="FILE", help=f"({RUNS})"
    )
    parser.add_argument("--out", type=Path, default=PAGE, help="the page (docs/performance.md)")
    chosen = parser.parse_args(arguments)
    files: list[Path] = chosen.files or [RUNS]
    only = _programs.timed() if chosen.only is None else chosen.only.split(",")
    try:
        if chosen.run:
            measure(chosen.events, only, files[0], again=chosen.again)
        runs = _saved.read(files)
    except FileNotFoundError as error:
        print(f"{error.filename} is not there; measure first: {COMMAND}", file=sys.stderr)
        return 2
    except (RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    largest = max(run.size for run in runs if run.found.get("peers"))
    write(runs, chosen.out, f"{COMMAND} --events {largest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
