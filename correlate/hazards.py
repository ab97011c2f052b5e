"""Whether a change is of a kind that breaks the way things broke.

A change that takes a limit from a query and rows examined that rose tell of one another, though
they share no word. The kinds are data: `nova_timeline/knowledge/hazards.toml`.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nova_timeline import knowledge
from nova_timeline.knowledge import plain

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from nova_timeline.knowledge import Hazard, Test

    from .diffs import Diff
    from .merged import Change
    from .scene import Symptom
    from .settings import Setting

ELSEWHERE = 0.6
"""How much a symptom counts that shows on an entity above the root only."""
GENERAL = 0.35
"""How much it counts that things broke the way many things break."""
_FAR = math.log(3.0)  # a value that moved this far, or farther, moved far
_SCALED = 20.0
_COMPARISONS = frozenset(("<", "<=", ">", ">=", "==", "!=", "===", "!==", "&&", "||"))


@dataclass(frozen=True, slots=True)
class Shown:
    """A hazard that a change shows, and by what."""

    hazard: Hazard
    by: str
    strength: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A hazard that a change shows, and how well what failed fits it."""

    shown: Shown
    share: float
    """From 0 (nothing of the kind failed) to 1."""
    symptom: Symptom | None


def shown(change: Change) -> list[Shown]:
    """Find the hazards that a change shows, each by what shows it most strongly."""
    found: list[Shown] = []
    for hazard in knowledge.hazards():
        ways = [way for test in hazard.change if (way := _holds(test, change)) is not None]
        if ways:
            by, strength = max(ways, key=lambda w: w[1])
            found.append(Shown(hazard, by, strength * hazard.strength))
    return found


def best(change: Change, symptoms: Sequence[Symptom]) -> Fit | None:
    """Find the hazard of a change that fits what failed best; None where it shows none."""
    fits = (fit(one, symptoms) for one in shown(change))
    order = sorted(fits, key=lambda f: (-f.share * f.shown.strength, f.shown.hazard.id))
    return next(iter(order), None)


def fit(one: Shown, symptoms: Sequence[Symptom]) -> Fit:
    """Say how well what failed fits a hazard: the best of its symptoms counts."""
    found = Fit(one, 0.0, None)
    hazard = one.hazard
    for symptom in symptoms:
        reach = 1.0 if symptom.at_root else ELSEWHERE
        if reach <= found.share:
            continue
        if hazard.symptom.search(symptom.text):
            found = Fit(one, reach, symptom)
        elif hazard.effect is not None and hazard.effect.search(symptom.text):
            share = GENERAL * reach
            found = Fit(one, share, symptom) if share > found.share else found
    return found


def _holds(test: Test, change: Change) -> tuple[str, float] | None:
    """Say by what a change shows what a test asks, and how strongly; None if it does not."""
    asked = (_setting, _findings, _lines, _calls, _words)
    ways: list[tuple[str, float]] = []
    for ask in asked:
        way = ask(test, change)
        if way is None:
            return None
        ways.append(way)
    return next((said for said, _ in ways if said), ""), min(strength for _, strength in ways)


_NOT_ASKED = ("", 1.0)


def _findings(test: Test, change: Change) -> tuple[str, float] | None:
    """Say what a test asks of the diff as a whole."""
    if not test.findings:
        return _NOT_ASKED
    diff = change.diff
    if diff is None:
        return None
    known = {
        "looped": lambda: next((f"{c}()" for c in diff.looped), None),
        "growing": lambda: diff.growing,
        "unmade_table": lambda: diff.unmade_table(" ".join(change.files)),
    }
    found = [known[name]() for name in test.findings]
    return None if None in found else (found[0] or "", 1.0)


def _calls(test: Test, change: Change) -> tuple[str, float] | None:
    """Say what a test asks of calls that went or came."""
    said = ""
    for name in ("call_gone", "call_new"):
        if name not in test.patterns:
            continue
        if change.diff is None:
            return None
        calls = change.diff.calls_gone if name == "call_gone" else change.diff.calls_new
        called = next((c for c in calls if test.patterns[name].search(c)), None)
        if called is None:
            return None
        said = said or f"{called}()"
    return said, 1.0


def _words(test: Test, change: Change) -> tuple[str, float] | None:
    """Say what a test asks of the files' names and of the title."""
    said = ""
    for name, text in (("path", "\n".join(change.files)), ("title", change.title)):
        if name in test.patterns:
            match = test.patterns[name].search(text)
            if match is None:
                return None
            said = match[0].strip()
    return said, 1.0


def _lines(test: Test, change: Change) -> tuple[str, float] | None:
    """Say what a test asks of the lines taken out and put in."""
    gone, new, without = (test.patterns.get(n) for n in ("gone", "new", "without"))
    if gone is None and new is None and without is None:
        return _NOT_ASKED
    diff = change.diff
    if diff is None or (without is not None and any(without.search(x) for x in diff.after)):
        return None
    if gone is not None and new is not None:
        said = _other(gone, new, diff)
    elif gone is not None:
        said = _more(gone, diff.gone, diff.new)
    else:
        said = _more(new, diff.new, diff.gone) if new is not None else ""
    return None if said is None else (said, 1.0)


def _other(gone: re.Pattern[str], new: re.Pattern[str], diff: Diff) -> str | None:
    """Give the first line taken out that fits, where the lines put in say something else there."""
    shows = next((x for x in diff.gone if gone.search(x)), None)
    old = Counter(m[0].casefold() for x in diff.gone for m in gone.finditer(x))
    now = Counter(m[0].casefold() for x in diff.new for m in new.finditer(x))
    return shows.strip() if shows and now and old != now else None


def _more(pattern: re.Pattern[str], ours: Sequence[str], theirs: Sequence[str]) -> str | None:
    """Give the first line that fits, where more of ours than of theirs do."""
    fits = [x for x in ours if pattern.search(x)]
    if len(fits) <= sum(1 for x in theirs if pattern.search(x)):
        return None
    return fits[0].strip()


def _setting(test: Test, change: Change) -> tuple[str, float] | None:
    """Say what a test asks of settings: the one that moved farthest."""
    if not test.moved:
        return _NOT_ASKED
    fits = [
        (told(s), 1.0 if s.ratio is None or s.ratio <= 0 else _far(s.ratio))
        for s in change.settings
        if test.patterns["setting"].search(plain(s.key)) and ({s.moved} | _ways(s)) & {*test.moved}
    ]
    return max(fits, key=lambda f: f[1], default=None)


def _ways(setting: Setting) -> set[str]:
    ways = set[str]()
    if setting.old in _COMPARISONS and setting.new in _COMPARISONS:
        ways.add("compared")
    if setting.ratio is not None and setting.ratio > 0 and _far(setting.ratio, _SCALED) >= 1:
        ways.add("scaled")
    return ways


def _far(ratio: float, by: float | None = None) -> float:
    """Say how far a value moved, from 0 to 1 at a factor of three (or another)."""
    return min(1.0, abs(math.log(ratio)) / (_FAR if by is None else math.log(by)))


def told(setting: Setting) -> str:
    """Write a setting's move for people."""
    if not setting.new:
        return f"{setting.key}, which was {setting.old}, is gone"
    return f"{setting.key} from {setting.old or 'nothing'} to {setting.new}"
