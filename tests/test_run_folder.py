"""What killed programs left beside a run is told from what is in use, and from all else."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from nova_timeline import run_folder, store
from nova_timeline.timeline import Scratch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def dead() -> int:
    """Give the number of a process that has ended."""
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    return ended.pid


def left(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_what_ended_programs_left_goes(dead: int, tmp_path: Path) -> None:
    for name in (f".run.{dead}.part", f".run.a_b8.{dead}.part"):
        (tmp_path / name / "events").mkdir(parents=True)
    run_folder.clear(tmp_path / "run")
    assert left(tmp_path) == set()


def test_a_folder_of_our_own_number_goes_unless_it_is_in_use(tmp_path: Path) -> None:
    other = tmp_path / f".run.{os.getpid()}.part"  # of another container, as a rule
    other.mkdir()
    ours = Scratch(tmp_path / "run")
    assert left(tmp_path) == {ours.path.name}
    run_folder.clear(tmp_path / "run")
    assert ours.path.exists()
    ours.remove()
    assert left(tmp_path) == set()


def test_what_lives_or_is_another_s_stays(dead: int, tmp_path: Path) -> None:
    names = {
        f".run.{os.getppid()}.part", f".run-2.{dead}.part", f".other.{dead}.part", ".run.part",
        f".run.{dead}.partly", f"run.{dead}.part", f".run.a.b.{dead}.part", ".run.me.part",
    }  # fmt: skip
    for name in names:
        (tmp_path / name).mkdir()
    run_folder.clear(tmp_path / "run")
    assert left(tmp_path) == names


def test_a_link_is_not_followed(dead: int, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / f".run.{dead}.part").symlink_to("thesis")
    run_folder.clear(tmp_path / "run")
    assert left(tmp_path) == {"thesis", f".run.{dead}.part"}


def test_an_older_run_that_was_to_be_replaced_is_put_back(dead: int, tmp_path: Path) -> None:
    older = tmp_path / f".run.{dead}.old"
    older.mkdir()
    (older / store.MANIFEST).write_text("{}")
    (tmp_path / f".run.{dead}.part").mkdir()
    run_folder.clear(tmp_path / "run")
    assert left(tmp_path) == {"run"}
    (tmp_path / f".run.{dead}.old").mkdir()
    run_folder.clear(tmp_path / "run")
    assert left(tmp_path) == {"run"}


def test_where_nothing_is_nothing_is_cleared(tmp_path: Path) -> None:
    run_folder.clear(tmp_path / "none" / "run")
    assert left(tmp_path) == set()
