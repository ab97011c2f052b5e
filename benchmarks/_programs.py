"""The benchmarks of this folder, each run as the program that it is.

A benchmark is a module whose name does not begin with an underscore, or a package that can be run:
``python -m benchmarks.NAME --json`` prints one JSON object on the last line of stdout, and progress
on stderr.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
_OTHERS = ("accuracy", "document", "document_accuracy", "shifted", "smoke")
"""Programs that measure nothing themselves, or only on data that is not here."""
_ACCURACY = ("simulate",)
"""Programs that measure how often an answer is right, and not how fast it comes."""
_TOLD = 2000
"""Characters of a failed program's complaint that are passed on."""


def names(folder: Path = Path(__file__).parent) -> list[str]:
    """Name every benchmark, in order."""
    modules = (path.stem for path in folder.glob("[!_]*.py"))
    packages = (path.parent.name for path in folder.glob("[!_]*/__main__.py"))
    return sorted(name for name in (*modules, *packages) if name not in _OTHERS)


def timed() -> list[str]:
    """Name the benchmarks that measure speed."""
    return [name for name in names() if name not in _ACCURACY]


def run(name: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run a benchmark and return its object.

    Raises:
        RuntimeError: it failed; the message ends in what it said.
    """
    done = subprocess.run(
        [*_command(name, arguments), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        msg = f"{spoken(name, arguments)} ended with {done.returncode}:\n{done.stderr[-_TOLD:]}"
        raise RuntimeError(msg)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(name: str, arguments: Sequence[str]) -> bool:
    """Let a benchmark print its table; say whether it ended well."""
    return subprocess.run(_command(name, arguments), cwd=ROOT, check=False).returncode == 0


def spoken(name: str, arguments: Sequence[str]) -> str:
    """Write the command that a person would type."""
    return " ".join(["python -m benchmarks." + name, *arguments])


def _command(name: str, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}", *arguments]
