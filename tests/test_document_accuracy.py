"""The document of accuracy: made of what was measured, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import _programs, _saved, document_accuracy
from benchmarks.accuracy import _suite

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def found(score: float, **more: Any) -> dict[str, Any]:
    """Make what a suite prints."""
    wrong = {"case": "a|b", "answer": "web", "truth": "db", "rank": 2, "score": 0.0}
    right = {"case": "c", "answer": "db", "truth": "db", "rank": 1, "score": 1.0}
    return {
        "suite": "petshop", "cases": 2, "score": score, "top1": score, "top3": 1.0, "avg5": 0.9,
        "ci95": {"top1": [0.25, 1.0], "top3": None, "score": [0.25, 1.0]},
        "chance": {"top1": 0.1}, "constant": {"answer": "db", "top1": 1.0},
        "cpu_seconds_per_case": 1.25, "specificity": 0.975, "per_case": [wrong, right], **more,
    }  # fmt: skip


def saved(file: Path, name: str, arguments: list[str], what: dict[str, Any]) -> None:
    _saved.append(file, _saved.Saved(name, arguments, {"CPU": "one"}, 0.5, what))


def test_the_page_holds_ours_beside_others_and_every_source_left_out(tmp_path: Path) -> None:
    file, page = tmp_path / "runs.jsonl", tmp_path / "docs" / "accuracy.md"
    saved(file, "accuracy", ["petshop"], found(0.25))
    saved(file, "accuracy", ["petshop"], found(0.5))
    saved(file, "accuracy", ["petshop", "--without", "metrics"], found(0.125))
    point = {"noise": 2.0, "top1": 0.875, "note": "text"}
    saved(file, "simulate", ["--sweep", "noise"], {"points": [point]})
    kinds = {"bad deploy": {"cases": 9, "top1": 0.75, "top3": 1.0, "cascade_root": None}}
    sure = {"bins": [{"from": 0.8, "to": 1.0, "answers": 7, "confidence": 0.9, "right": 0.8571}]}
    whole = {"top1": 0.9375, "per_kind": kinds, "confidence": sure}
    saved(file, "simulate", ["--cases", "500"], whole)
    assert document_accuracy.main(["--from", str(file), "--out", str(page)]) == 0
    text = page.read_text()
    assert "| **ours** | 2 | 0.500 | 0.500 | 1.000 |" in text
    assert "| CIRCA | 52 | - | 0.327 | 0.731 |" in text
    assert "| metrics | 0.125 | 0.125 | 1.000 |" in text
    assert "| specificity | 0.975 |" in text
    assert r"| a\|b | web | 2 | 0.000 |" in text
    assert "top1 0.250 to 1.000; score 0.250 to 1.000" in text
    assert "| bad deploy | 9 | 0.750 | 1.000 | - |" in text
    assert "`python -m benchmarks.simulate --cases 500` draws incidents" in text
    assert "More and more noise" in text
    assert "| 2.000 | 0.875 |" in text
    assert "| simulated incidents | 0.8 to 1.0 | 7 | 0.900 | 0.857 |" in text
    assert "Nezha" not in text


def test_a_suite_that_is_all_right_says_so(tmp_path: Path) -> None:
    file, page = tmp_path / "runs.jsonl", tmp_path / "accuracy.md"
    saved(file, "accuracy", ["petshop"], found(1.0, per_case=[{"score": 1.0}]))
    assert document_accuracy.main(["--from", str(file), "--out", str(page)]) == 0
    assert "None of the cases at hand came out wrong." in page.read_text()


def test_nothing_measured_names_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert document_accuracy.main(["--from", str(tmp_path / "none.jsonl")]) == 2
    assert "measure first: python -m benchmarks.document_accuracy" in capsys.readouterr().err


def test_the_plan_leaves_out_every_source_of_every_suite() -> None:
    arguments = [a for name, a in document_accuracy.plan() if name == "accuracy"]
    assert len(arguments) == len(_suite.NAMES) * (1 + len(_suite.MODALITIES))


def test_only_what_is_not_saved_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(_: str, arguments: list[str]) -> dict[str, Any]:
        ran.append(arguments)
        return found(1.0)

    monkeypatch.setattr(document_accuracy, "plan", lambda: [("accuracy", ["petshop"])])
    monkeypatch.setattr(_programs, "run", run)
    given = ["--run", "--data", "d", "--from", f"{tmp_path}/r", "--out", f"{tmp_path}/p.md"]
    assert document_accuracy.main(given) == 0
    assert document_accuracy.main(given) == 0
    assert ran == [["petshop", "--data", "d"]]
