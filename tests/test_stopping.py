"""Ctrl-C, or a supervisor's SIGTERM: nothing is left, at whatever moment it comes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nova_timeline import run_folder
from nova_timeline.timeline import Scratch
from tests import engines, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def begun(run: Path) -> Path:
    """Begin to write a run."""
    return run_folder.writing(run).__enter__()


@pytest.mark.parametrize("begin", [Scratch, begun])
def test_stopping_as_a_folder_is_made_leaves_nothing(
    begin: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = Path.mkdir

    def stopped(self: Path, mode: int = 0o777, *, parents: bool = False) -> None:
        mkdir(self, mode, parents=parents)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", stopped)
    with pytest.raises(KeyboardInterrupt):
        begin(tmp_path / "run")
    assert [*tmp_path.iterdir()] == []


COMES = "os.kill(os.getpid(), signal.SIGINT)"
LOST = f"""
class Gone: pass
there = Gone()
seen = weakref.ref(there, lambda _: {COMES})
del there
time.sleep(60)
"""
PANIC = f"""
class PanicException(BaseException): pass
try: {COMES}
except KeyboardInterrupt: raise PanicException from None
"""


@pytest.mark.parametrize(
    "does",
    [
        pytest.param("exec('raise KeyboardInterrupt')", id="as a class is made"),
        pytest.param(LOST, id="where errors are lost"),
        pytest.param(PANIC, id="in a library that makes it its own"),
    ],
)
def test_stopping_is_told_alike_wherever_it_comes(does: str) -> None:
    # A dataclass is made of texts that are run.
    program = (
        "import os, signal, time, weakref\n"
        "from nova_timeline import cli\n"
        f"def command(given):\n{textwrap.indent(does, '    ')}\n"
        "cli._CALLS['connectors'] = command\n"
        "raise SystemExit(cli.main(['connectors']))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "stopped.py").write_text(program)
        ended = subprocess.run(
            ["/usr/bin/env", "--default-signal=INT", sys.executable, "-m", "stopped"],
            cwd=folder, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (130, STOPPED)
