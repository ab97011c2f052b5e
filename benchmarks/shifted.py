"""The bundled incident many times over, each a day and an hour after the one before.

    python -m benchmarks.shifted --copies 50 --out build/incidents
    nova-timeline batch build/incidents --out build/runs

Every copy is told anew by `fixtures.build` as of its own day, so that all times in all formats move
together; its journals too where systemd-journal-remote is installed, else those of the bundled
incident lie in it, outside its window.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks._measure import say
from fixtures.journal_writer import JOURNAL_REMOTE

STORY = "checkout-outage"
STEP = 25 * 3600
"""Seconds from one copy to the next."""

_ROOT = Path(__file__).parents[1]
_PROGRAM = """
import sys
from pathlib import Path
from fixtures import build
build.build(Path(sys.argv[1]), sys.argv[2], journals=sys.argv[3] == "journals")
"""


def copies(count: int, out: Path, *, journals: bool | None = None) -> list[Path]:
    """Write the copies into folders ``INC-2041-00``, ... and return their incident files.

    Args:
        count: how many.
        out: where; folders that are there already are left.
        journals: whether to write journals anew; by default where that can be done.
    """
    anew = Path(JOURNAL_REMOTE).exists() if journals is None else journals
    out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(partial(_copy, out.resolve(), anew), range(count)))


def _copy(out: Path, journals: bool, number: int) -> Path:
    place = out / f"INC-2041-{number:02}"
    if place.exists():
        return place / "incident.toml"
    unfinished = out / f".{place.name}.part"
    shutil.rmtree(unfinished, ignore_errors=True)
    how = "journals" if journals else "none"
    subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(unfinished), STORY, how],
        cwd=_ROOT,
        env=os.environ | {"FIXTURES_SHIFT_S": str(number * STEP), "PYTHONPATH": str(_ROOT)},
        check=True,
    )
    made = unfinished / STORY
    if not journals:
        bundled = _ROOT / "fixtures" / STORY / "hosts"
        for journal in bundled.glob("*/*.journal"):
            (made / "hosts" / journal.parent.name).mkdir(exist_ok=True)
            shutil.copy(journal, made / "hosts" / journal.parent.name)
    file = made / "incident.toml"
    file.write_text(file.read_text().replace('"INC-2041"', f'"{place.name}"'))
    made.rename(place)
    unfinished.rmdir()
    return place / "incident.toml"


def main() -> None:
    """Parse and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shifted", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--copies", type=int, default=50, help="how many (50)")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    chosen = parser.parse_args()
    made = copies(chosen.copies, chosen.out)
    say(f"{len(made)} incidents in {chosen.out}")


if __name__ == "__main__":
    main()
