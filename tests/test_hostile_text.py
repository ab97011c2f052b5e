"""What a log says is data: on a terminal, in the report, in what commands print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nova_timeline import document
from nova_timeline.cli import DONE, WRONG
from nova_timeline.timeline import Timeline
from tests import findings
from tests.commands import Printed, gives, run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("stands_in")


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a run whose every moment, title and citation says something hostile."""
    return hostile().save(tmp_path_factory.mktemp("hostile") / "run")


def hostile() -> Timeline:
    return Timeline(findings.FINDINGS)


def terminal(text: str) -> Iterator[str]:
    """Give the characters that a terminal would obey."""
    return (c for c in text if (c < " " and c != "\n") or "\x7f" <= c <= "\x9f" or c == "\u202e")


def test_hostile_text_reaches_no_terminal(
    hostile_run: Path, bundled_run: Path, capsys: Printed
) -> None:
    timeline = Timeline.open(hostile_run)
    for moment in timeline.moments:
        assert run("explain", hostile_run, moment.id) == DONE
    assert run("explain", hostile_run, "cause:1") == DONE
    said = "select body, attributes from events where contains(body, 'note=') order by timestamp"
    assert run("sql", bundled_run, said) == DONE
    wrong = "select body::integer from events where contains(body, chr(27))"
    assert run("sql", bundled_run, wrong) == WRONG
    printed, told = capsys.readouterr()
    assert "\\x1b[31m" in printed
    assert "\\x1b[31m" in told
    assert [*terminal(printed), *terminal(told)] == []


def test_hostile_text_is_no_markup_in_the_report(bundled_run: Path, hostile_run: Path) -> None:
    for folder in (bundled_run, hostile_run):
        page = (folder / "report.html").read_text()
        assert "<script>alert(" not in page
        assert "<script>document.title" not in page
        assert "<img src=x" not in page
        assert "\x1b" not in page


def test_the_summary_neutralises_hostile_text(
    small: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = hostile()
    gives(monkeypatch, made)
    assert run("reconstruct", small, "--out", "made") == DONE
    assert [*terminal(capsys.readouterr().out)] == []
    assert Path("made/timeline.json").read_bytes() == document.dumps(findings.FINDINGS)
