"""Root causes held against public incident benchmarks whose truth is known.

    python -m benchmarks.accuracy rootcausebench --data DIR --json
    python -m benchmarks.accuracy rootcausebench --data DIR --explain CASE

DIR holds the suite's cases as their authors publish them, or one folder for each of several suites.
Each case is rewritten as ordinary evidence, without what would tell the answer, and reconstructed
with one configuration for all; only the saved timeline.json is scored. Ties get the worst rank.

``cpu_seconds_per_case`` is the whole trip: writing, reading, correlating, saving and scoring, in a
process that has run a case before.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.accuracy import _run, _show, _suite

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = Path(__file__).parents[2] / "build" / "benchmarks" / "accuracy"
"""Where the runs that were explained are kept."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program."""
    chosen = _parser().parse_args(arguments)
    suite = _suite.load(chosen.suite)
    without = frozenset(chosen.without or ())
    try:
        todo = _run.jobs(suite, chosen.data, without, chosen.explain or chosen.case)
    except _run.DataError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error
    if chosen.explain:
        _explain(suite, todo[0])
        return
    found = _run.run(suite, todo, chosen.workers)
    if chosen.answers:
        _write(chosen.answers, found["per_case"])
    for row in found["per_case"]:
        row.pop("form", None)
    if chosen.json:
        print(json.dumps(found))
    else:
        _show.table(found)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("suite", choices=_suite.NAMES)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the cases' folder")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--case", help="run this case only")
    parser.add_argument("--explain", metavar="CASE", help="tell why a case came out as it did")
    parser.add_argument(
        "--without", action="append", choices=_suite.MODALITIES, help="leave a source out; repeat"
    )
    parser.add_argument(
        "--answers", type=Path, metavar="OUT", help="write each case's answer to OUT/CASE.json"
    )
    parser.add_argument("--workers", type=int, default=2, help="cases at a time (2)")
    return parser


def _explain(suite: _suite.Suite, job: _run.Job) -> None:
    keep = KEPT / suite.name / f"case-{job.number:02d}"
    timeline = _run.timeline_of(replace(job, keep=keep))
    row = suite.score(job.case, timeline)
    _show.explanation(job.case, row, timeline, keep / "run")


def _write(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write each answer in the benchmark's own form."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        form = row.get("form", {"case": row["case"], "answer": row["answer"]})
        place = folder / f"{row['case'].replace('/', '_')}.json"
        place.write_text(json.dumps(form, indent=2) + "\n")


if __name__ == "__main__":
    main()
