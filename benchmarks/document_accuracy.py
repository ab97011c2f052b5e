"""Make docs/accuracy.md of what the suites of `benchmarks.accuracy` and the simulator find.

    python -m benchmarks.document_accuracy --run --data DIR    # measure, save, and render
    python -m benchmarks.document_accuracy                     # render what was saved

DIR holds one folder for each suite. Each suite runs whole, then once without each of its sources. A
run is added to a file of JSON lines as soon as it is made, and not made again while that file has
it; ``--again`` makes all again, ``--only`` some.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _accuracy_page, _machine, _programs, _saved
from benchmarks._measure import say
from benchmarks.accuracy import _suite

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

ROOT = Path(__file__).parents[1]
RUNS = ROOT / "build" / "accuracy.jsonl"
PAGE = ROOT / "docs" / "accuracy.md"
COMMAND = "python -m benchmarks.document_accuracy --run --data DIR"
SIMULATED = 500
"""Cases of the simulator."""


def plan() -> Iterator[tuple[str, list[str]]]:
    """List what to run: a benchmark and its arguments, without where the data is."""
    for suite in _suite.NAMES:
        yield "accuracy", [suite]
        yield from (("accuracy", [suite, "--without", left]) for left in _suite.MODALITIES)
    yield "simulate", ["--cases", f"{SIMULATED}"]
    yield from (("simulate", ["--sweep", sweep]) for sweep in _accuracy_page.SWEEPS)


def measure(data: Path, only: Collection[str], file: Path, *, again: bool) -> None:
    """Run what the plan says and the file does not have yet; add each run to the file."""
    have = set[str]()
    if file.exists() and not again:
        have = {run.command for run in _saved.last([file])}
    for name, arguments in plan():
        wanted = not only or name in only or arguments[0] in only
        if not wanted or _programs.spoken(name, arguments) in have:
            continue
        load, where = _machine.load(), ["--data", str(data)] if name == "accuracy" else []
        found = _programs.run(name, [*arguments, *where])
        _saved.append(file, _saved.Saved(name, arguments, _machine.described(), load, found))
        say(_programs.spoken(name, arguments))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.document_accuracy", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--run", action="store_true", help="measure first")
    parser.add_argument("--again", action="store_true", help="measure even what was saved")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the folder of the suites")
    parser.add_argument("--only", default="", help="suites, or simulate, with commas (all)")
    parser.add_argument("--from", dest="file", type=Path, default=RUNS, metavar="FILE")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page (docs/accuracy.md)")
    chosen = parser.parse_args(arguments)
    if chosen.run and chosen.data is None:
        parser.error("--run needs --data: the folder that holds one folder for each suite")
    only = [name for name in chosen.only.split(",") if name]
    try:
        if chosen.run:
            measure(chosen.data, only, chosen.file, again=chosen.again)
        runs = _saved.last([chosen.file])
    except FileNotFoundError as error:
        print(f"{error.filename} is not there; measure first: {COMMAND}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    _accuracy_page.write(runs, chosen.out, COMMAND)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
