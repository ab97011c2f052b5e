"""Ctrl-C in a terminal: the whole group gets SIGINT, and nothing is left, at whatever moment."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import engines, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

STOPPED = "nova-timeline: stopped; nothing was written\n"


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Give a folder for temporary files whose path is short enough for Ray's sockets."""
    made = Path(tempfile.mkdtemp(prefix="nt"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def start(mark: str, scratch: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    """Begin to reconstruct the bundled incident, as a group of its own.

    What a shell runs in the background ignores SIGINT, and so does all that it starts.
    """
    return subprocess.Popen(
        ["/usr/bin/env", "--default-signal=INT", sys.executable, "-m", "nova_timeline",
         "reconstruct", runs.BUNDLED / "incident.toml", "--out", out, *more],
        env=engines.environment(mark, scratch), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip


def gone(mark: str, seconds: float = 10) -> list[str]:
    """Return the processes of a mark that are still there after so many seconds."""
    end = time.monotonic() + seconds
    while engines.marked(mark) and time.monotonic() < end:
        time.sleep(0.05)
    return engines.marked(mark)


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.slow
@pytest.mark.parametrize("moment", ["raylet", "ray::answered"], ids=["starting", "working"])
def test_stopping_ray_leaves_nothing(moment: str, scratch: Path, tmp_path: Path) -> None:
    mark = f"stop-{os.getpid()}-{moment}"
    program = start(mark, scratch, tmp_path / "run", "--engine", "ray", "--workers", "2")
    assert engines.until(120, moment, mark)
    os.killpg(program.pid, signal.SIGINT)
    printed, said = program.communicate(timeout=60)
    assert (program.returncode, printed, said) == (130, "", STOPPED)
    assert gone(mark) == []
    assert [*tmp_path.iterdir()] == []
    assert [*scratch.iterdir()] == []


def test_stopping_threads_leaves_nothing(scratch: Path, tmp_path: Path) -> None:
    mark = f"stop-{os.getpid()}-local"
    program = start(mark, scratch, tmp_path / "run", "--engine", "local")
    assert engines.until(60, "nova_timeline", mark)
    time.sleep(1)
    os.killpg(program.pid, signal.SIGINT)
    printed, said = program.communicate(timeout=60)
    assert (program.returncode, printed, said) == (130, "", STOPPED)
    assert gone(mark) == []
    assert [*tmp_path.iterdir()] == []


def test_stopping_while_a_class_is_made_is_told_alike() -> None:
    # As if Ctrl-C came while an import makes a dataclass, whose methods are texts that are run.
    program = (
        "from nova_timeline import cli\n"
        "def command(given): exec('raise KeyboardInterrupt')\n"
        "cli._CALLS['connectors'] = command\n"
        "raise SystemExit(cli.main(['connectors']))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "stopped.py").write_text(program)
        ended = subprocess.run(
            [sys.executable, "-m", "stopped"], cwd=folder, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (130, STOPPED)
