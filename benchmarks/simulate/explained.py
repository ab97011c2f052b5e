"""Tells one case side by side: what was done to the world, and what the timeline makes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import case as cases
from . import render, scoring, trial

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .case import Case, Settings

_MOMENTS = 30


def explain(seed: int, settings: Settings, folder: Path) -> Iterator[str]:
    """Yield the lines that tell of one case.

    Args:
        seed: of the case.
        settings: how hard it is made.
        folder: where its input, its truth and its timeline.json are left to be looked at.
    """
    drawn = cases.draw(seed, settings)
    rendered = render.render(drawn, folder / "input")
    (folder / "truth.json").write_text(json.dumps(rendered.truth, indent=1) + "\n")
    data = trial.reconstructed(rendered.incident)
    (folder / "timeline.json").write_bytes(data)
    timeline: dict[str, Any] = json.loads(data)
    score = scoring.score(rendered.truth, timeline)
    yield from _truth(drawn)
    yield ""
    yield from _answer(timeline)
    yield ""
    yield from _moments(timeline, drawn)
    yield ""
    yield "Score"
    for name, value in score.items():
        if name != "answer":
            yield f"  {name}: {value}"
    yield f"input, truth.json and timeline.json are in {folder}"


def _truth(drawn: Case) -> Iterator[str]:
    fault = drawn.fault
    yield f"Truth of {drawn.id}: {fault.kind}, at {', '.join(fault.entities)}"
    yield f"  category {' or '.join(fault.categories)}; cascade root {' or '.join(fault.roots)}"
    yield f"  onset {_clock(drawn.onset)}; struck in order: {', '.join(drawn.struck)}"
    for change in drawn.changes:
        role = "CAUSE" if change is fault.change else "cure" if change is fault.cure else "decoy"
        time = _clock(drawn.start + int(change.time * 1e9))
        moved = f" {change.key}: {change.old} -> {change.new}" if change.key else ""
        yield f"  {time} {role:5} {change.how} of {change.entity}: {change.message}{moved}"
    for name, edge in drawn.fault.says.items():
        yield f"  says at {name}: {edge}"


def _answer(timeline: dict[str, Any]) -> Iterator[str]:
    yield f"Answer: {timeline['verdict']}; onset {timeline['phases'].get('onset', {}).get('time')}"
    for found in timeline["cascades"][:3]:
        yield f"  cascade from {found['root_entity']}: {', '.join(found['entities'])}"
    for cause in timeline["root_causes"]:
        yield (
            f"  {cause['rank']}. {cause['score']:.2f} {cause['entity']} {cause['category']}: "
            f"{cause['title'][:110]}"
        )
        for reason in cause["reasons"]:
            yield f"       {reason['weight']:+.2f} {reason['text'][:110]}"


def _moments(timeline: dict[str, Any], drawn: Case) -> Iterator[str]:
    """Yield the moments around the true onset."""
    near = sorted(
        timeline["moments"],
        key=lambda m: abs(scoring.nanoseconds(m["time"]) - drawn.onset),
    )[:_MOMENTS]
    yield f"The {len(near)} moments nearest to the true onset"
    for moment in sorted(near, key=lambda m: str(m["time"])):
        yield (
            f"  {moment['time'][11:23]} {moment['role'] or '-':12} {moment['entity']:16} "
            f"x{moment['count']:<4} {moment['title'][:100]}"
        )


def _clock(time: int) -> str:
    from fixtures.scenario import iso

    return iso(time, 3)[11:23]
