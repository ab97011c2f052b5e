"""Tables and explanations for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.accuracy._suite import Case, Row, Timeline

_CASES = ("case", "answer", "truth", "rank", "score", "decoy", "cpu_seconds")
_WIDTH = 44


def table(found: Mapping[str, Any]) -> None:
    """Print how each case came out, then the suite's figures."""
    console = Console()
    cases = Table(*_CASES, title=f"{found['suite']}: {found['cases']} cases")
    for row in found["per_case"]:
        cases.add_row(*(escape(_cell(row.get(key))) for key in _CASES))
    console.print(cases)
    figures = Table("figure", "value")
    for key, value in found.items():
        if key != "per_case":
            figures.add_row(key, escape(json.dumps(value)))
    console.print(figures)


def explanation(case: Case, row: Row, timeline: Timeline, run: Path) -> None:
    """Print the ranked causes with their reasons and evidence, beside the truth."""
    console = Console(soft_wrap=True, highlight=False)

    def line(text: str) -> None:
        console.print(text, markup=False)

    line(f"{case.name}\ntruth: {json.dumps(case.truth, indent=2)}")
    shown = {k: v for k, v in row.items() if k != "case"}
    line(f"scored: {json.dumps(shown, indent=2)}")
    line(f"verdict: {timeline['verdict']}")
    for name, phase in timeline["phases"].items():
        line(f"{name}: {phase['time']}")
    for cause in timeline["root_causes"]:
        _cause(line, cause, timeline["evidence"])
    for cascade in timeline["cascades"]:
        line(f"cascade from {cascade['root_entity']}: {', '.join(cascade['entities'])}")
    line(f"run: {run}")


def _cause(line: Any, cause: Mapping[str, Any], evidence: Mapping[str, Any]) -> None:
    place = f"{cause['entity']}, {cause['category']}, {cause['change_id'] or 'no change'}"
    line(f"\n{cause['rank']}. {cause['title']} ({place})")
    line(f"   score {cause['score']:.3f}, confidence {cause['confidence']:.2f}")
    for reason in cause["reasons"]:
        line(f"   {reason['weight']:+.3f} {reason['text']}")
        for cited in reason["evidence"]:
            excerpt = " ".join(evidence[cited]["excerpt"].split())
            line(f"          {evidence[cited]['uri']}: {excerpt[:160]}")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
