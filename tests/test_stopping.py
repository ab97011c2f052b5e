"""Ctrl-C, or a supervisor's SIGTERM: nothing is left, at whatever moment it comes."""

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

from nova_timeline.timeline import Scratch
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


by_signal = pytest.mark.parametrize(
    ("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)


def stop(program: subprocess.Popen[str], by: signal.Signals) -> None:
    """Stop a program: a terminal tells the whole group, a supervisor the program alone."""
    (os.killpg if by == signal.SIGINT else os.kill)(program.pid, by)


def gone(mark: str, seconds: float = 10) -> list[str]:
    """Return the processes of a mark that are still there after so many seconds."""
    end = time.monotonic() + seconds
    while engines.marked(mark) and time.monotonic() < end:
        time.sleep(0.05)
    return engines.marked(mark)


@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.slow
@by_signal
@pytest.mark.parametrize("moment", ["raylet", "ray::answered"], ids=["starting", "working"])
def test_stopping_ray_leaves_nothing(
    moment: str, by: signal.Signals, code: int, scratch: Path, tmp_path: Path
) -> None:
    mark = f"stop-{os.getpid()}-{moment}-{code}"
    program = start(mark, scratch, tmp_path / "run", "--engine", "ray", "--workers", "2")
    assert engines.until(120, moment, mark)
    stop(program, by)
    printed, said = program.communicate(timeout=60)
    assert (program.returncode, printed, said) == (code, "", STOPPED)
    assert gone(mark) == []
    assert [*tmp_path.iterdir()] == []
    assert [*scratch.iterdir()] == []


@by_signal
def test_stopping_threads_leaves_nothing(
    by: signal.Signals, code: int, scratch: Path, tmp_path: Path
) -> None:
    mark = f"stop-{os.getpid()}-local-{code}"
    program = start(mark, scratch, tmp_path / "run", "--engine", "local")
    assert engines.until(60, "nova_timeline", mark)
    time.sleep(1)
    stop(program, by)
    printed, said = program.communicate(timeout=60)
    assert (program.returncode, printed, said) == (code, "", STOPPED)
    assert gone(mark) == []
    assert [*tmp_path.iterdir()] == []


def test_what_a_killed_run_left_goes_with_the_next(scratch: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    program = start(f"stop-{os.getpid()}-killed", scratch, out, "--engine", "local")
    end = time.monotonic() + 60
    while not (left := [*tmp_path.iterdir()]) and time.monotonic() < end:
        time.sleep(0.02)
    program.kill()
    program.communicate(timeout=60)
    assert [p.name for p in left] == [p.name for p in tmp_path.iterdir()]
    assert left[0].name.endswith(f".{program.pid}.part")
    Scratch(out).remove()
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
