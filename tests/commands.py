"""Commands as the tests of the command line give them, without a process of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pytest

from nova_timeline.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from nova_timeline.timeline import Timeline

Printed: TypeAlias = pytest.CaptureFixture[str]


@pytest.fixture
def stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test stand in an empty folder, with a terminal wide enough for whole lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


def gives(monkeypatch: pytest.MonkeyPatch, made: Timeline) -> None:
    """Let every reconstruction give what is made already, whose tables are not the command's."""
    shared = replace(made, scratch=None)

    def reconstruct(*_: object, **__: object) -> Timeline:
        return shared

    monkeypatch.setattr("nova_timeline.pipeline.reconstruct", reconstruct)
