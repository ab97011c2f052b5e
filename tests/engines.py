"""The bodies of the engine that tests run on, and a way to see what they leave behind."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nova_timeline.engine import Engine, Local
from nova_timeline.processes import Processes
from nova_timeline.ray_engine import Ray

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "NOVA_TIMELINE_TEST"
"""Environment variable by which the processes of one test are known."""

on_ray = [pytest.mark.ray, pytest.mark.xdist_group("ray")]
"""Marks of a test that needs Ray: all of them in one of pytest-xdist's workers, by turns."""


@pytest.fixture(scope="session")
def ray() -> Iterator[Ray]:
    """Give a Ray of two workers that the whole session shares."""
    with Ray(2, memory=1 << 30) as engine:
        yield engine


@pytest.fixture(params=["local", pytest.param("ray", marks=on_ray)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give each body of the engine that the pipeline runs on, with two workers."""
    ray: Engine = request.getfixturevalue("ray") if request.param == "ray" else Local(2)
    return ray


@pytest.fixture(params=["local", "processes", pytest.param("ray", marks=on_ray)])
def body(request: pytest.FixtureRequest) -> Engine:
    """Give every body there is, with two workers."""
    if request.param == "processes":
        return Processes(2)
    ray: Engine = request.getfixturevalue("ray") if request.param == "ray" else Local(2)
    return ray


def marked(mark: str) -> list[str]:
    """Return the command lines of the processes that a mark was handed down to."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                found += [line] if line else []  # none: it has ended and is not waited for yet
        except OSError:
            continue
    return found


def until(seconds: float, wanted: str, mark: str) -> bool:
    """Wait until a process with that in its command line runs; say whether one does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(wanted in line for line in marked(mark)):
            return True
        time.sleep(0.02)
    return False


def environment(mark: str, scratch: Path) -> dict[str, str]:
    """Return an environment whose processes are known by a mark and keep files in a folder."""
    return os.environ | {MARK: mark, "TMPDIR": str(scratch)}
