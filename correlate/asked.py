"""What a change shows of a test that hazards put to it: by its diff, its settings and its words.

See `nova_timeline.correlate.hazards`, and `nova_timeline/knowledge/hazards/` for the tests.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from nova_timeline.knowledge import plain

from . import innocence, lifetimes
from .settings import amount, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nova_timeline.knowledge import Test

    from .diffs import Diff
    from .merged import Change
    from .settings import Setting

_SCALED = 20.0
_UNTOLD = 0.5
"""How strongly a setting shows it of which nobody knows the value, or of a number the old one: it
may have moved either way."""
_NUMBER = re.compile(r"-?\d+(\.\d+)?%?")
_CONSTANT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+|[A-Z][A-Z0-9_]{2,}")
"""How code names a value that is told elsewhere: ``sarama.WaitForAll``, ``MAX_TRIES``."""
_VERSION = re.compile(r"[\^~>=<v ]*\d+\.\d+\.\d+\S*")
_RUNTIMES = ("go", "toolchain", "node", "python", "ruby", "java", "php", "rust-version")
_QUOTED = re.compile(r"\"[^\"]+\"|'[^']+'")
_WORD = re.compile(rf"{_QUOTED.pattern}|[\w./:-]*\w[\w./:-]*|[<>=!]=|[<>!]")
_KEYWORD = re.compile(r"(?<=[(,])\s*(?:default|fallback|name|key)=(?!=)")
"""The name of what is handed over in a call, where that tells no more than its place."""
_CALLEE = re.compile(r"[\w.]+\(")
"""What is called, with whatever it is called on."""
_COMPARED = "< <= > >= == != === !== && || gt gte ge lt lte le"
_COMPARISONS = frozenset(_COMPARED.split())


def of_change(test: Test, change: Change) -> tuple[str, float] | None:
    """Say by what a change shows what a test asks, and how strongly; None if it does not."""
    said, least = "", 1.0
    for ask, about in _ASKS:
        if test.asks.isdisjoint(about):
            continue
        way = ask(test, change)
        if way is None:
            return None
        said, least = said or way[0], min(least, way[1])
    return said, least


def _findings(test: Test, change: Change) -> tuple[str, float] | None:
    """Say what a test asks of the diff as a whole."""
    diff = change.diff
    if diff is None:
        return None
    known = {
        "looped": lambda: next((f"{c}()" for c in diff.looped), None),
        "growing": lambda: diff.growing,
        "passed_over": lambda: diff.passed_over,
        "left_early": lambda: diff.left_early,
        "held": lambda: diff.held,
        "shadowed": lambda: diff.shadowed,
        "stops_loop": lambda: diff.stops_loop,
        "cut_off": lambda: diff.cut_off,
        "run_anew": lambda: diff.run_anew,
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
        ours, theirs = change.diff.calls_gone, change.diff.calls_new
        if name == "call_new":
            ours, theirs = theirs, ours
        called = _unlike(test.patterns[name], ours, theirs)
        if called is None:
            return None
        said = said or f"{called}()"
    return said, 1.0


def _unlike(pattern: re.Pattern[str], ours: Sequence[str], theirs: Sequence[str]) -> str | None:
    """Give the first call that fits, where none fits by the same word on the other side.

    Where one wait is put in place of another, it still waits.
    """
    there = {found[0].casefold() for c in theirs if (found := pattern.search(c))}
    fits = ((c, found[0].casefold()) for c in ours if (found := pattern.search(c)))
    return next((c for c, word in fits if word not in there), None)


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
    diff = change.diff
    if diff is None:
        return None if gone is not None or new is not None else ("", 1.0)
    if without is not None and without.search(diff.after_text):
        return None
    if gone is not None and new is not None:
        said = _other(gone, new, diff, change.settings)
    elif gone is not None:
        said = _more(gone, diff.gone_text, diff.new_text)
    else:
        said = _more(new, diff.new_text, diff.gone_text) if new is not None else ""
    return None if said is None else (said, 1.0)


def _other(
    gone: re.Pattern[str], new: re.Pattern[str], diff: Diff, moved: Sequence[Setting]
) -> str | None:
    """Give the first line taken out that fits, where the lines put in say something else there.

    A number that merely moved is for what is asked of settings, by how far, unless it is what the
    pattern asks for. Of a pattern with a group ``what``, one of those must be gone altogether.
    """
    first = gone.search(diff.gone_text)
    if first is None or not new.search(diff.new_text):
        return None
    old = Counter(_what(m) for m in gone.finditer(diff.gone_text))
    now = Counter(_what(m) for m in new.finditer(diff.new_text))
    if "what" in gone.groupindex and old.keys() <= now.keys():
        return None
    if "what" in gone.groupindex.keys() - new.groupindex and _stands(old, gone, diff.new_text):
        return None
    line = _line(diff.gone_text, first)
    asked = {w for w in old if _NUMBER.fullmatch(w)} if "what" in gone.groupindex else set[str]()
    merely = (s for s in moved if s.ratio is not None and s.old in line and s.old not in asked)
    return None if old == now or any(s.key.rpartition(".")[2] in line for s in merely) else line


def _stands(old: Counter[str], gone: re.Pattern[str], text: str) -> bool:
    """Say whether all that was taken out is put in again, so that it was moved and is not gone."""
    return old <= Counter(_what(m) for m in gone.finditer(text))


def _what(found: re.Match[str]) -> str:
    """Give what a match is about: its group of the name ``what``, or all of it."""
    return (found.groupdict().get("what") or found[0]).casefold()


def _more(pattern: re.Pattern[str], ours: str, theirs: str) -> str | None:
    """Give the first line that fits, where more of our lines than of theirs do."""
    first = pattern.search(ours)
    if first is None or _fitting(pattern, ours) <= _fitting(pattern, theirs):
        return None
    return _line(ours, first)


def _fitting(pattern: re.Pattern[str], text: str) -> int:
    """Count the lines that fit."""
    return len({text.count("\n", 0, m.start()) for m in pattern.finditer(text)})


def _line(text: str, found: re.Match[str]) -> str:
    """Give the line that a match begins on."""
    start = text.rfind("\n", 0, found.start()) + 1
    return text[start:].split("\n", 1)[0].strip()


def _touches(test: Test, change: Change) -> tuple[str, float] | None:
    """Give a line put in or taken out, or a setting, that speaks of what a test asks for.

    Where all that it does there is to move a number, it is as strong as that moved far, and must
    have moved one of the ways that the test names, if it names any.
    """
    pattern, diff = test.patterns["touches"], change.diff
    lines = (
        () if diff is None or _reworded(pattern, diff) else (*diff.new, *diff.gone, *diff.swapped)
    )
    if diff is not None and innocence.is_manifest(change.files):
        lines = _without_versions(lines, diff)
    placed = (f"{diff.under.get(t, '')} {t.strip()}" for t in lines) if diff else ()
    told = _told_beside(diff) if diff is not None else ()
    spoken = (f"{s.key}: {s.new or s.old}" for s in (*change.called, *told))
    said = next((t.strip() for t in (*lines, *placed, *spoken) if pattern.search(t)), None)
    if said is None:
        return None
    numbers = (s for s in change.settings if s.ratio is not None and s.new in said)
    moved = next((s for s in numbers if s.key.rpartition(".")[2] in said), None)
    if moved is None:
        return said, 1.0
    wrong = test.moved and not ({moved.moved} | _ways(moved)) & {*test.moved}
    return None if wrong else (said, _strength(moved, test.far))


def _told_beside(diff: Diff) -> tuple[Setting, ...]:
    """Give the settings whose names no line put in or taken out holds, but one beside it."""
    lines = (*diff.gone, *diff.new)
    names = ((s, s.key.rpartition(".")[2]) for s in diff.settings if s.new)
    return tuple(s for s, name in names if not any(name in line for line in lines))


def _without_versions(lines: Iterable[str], diff: Diff) -> tuple[str, ...]:
    """Leave out the lines of a manifest that take another version of a library that it had.

    The name of a library is not what is done with it.
    """
    gone, new = (
        {m["name"] for t in side if (m := innocence.LIBRARY.search(t)) is not None}
        for side in (diff.gone, diff.new)
    )
    named = ((t, innocence.LIBRARY.search(t)) for t in lines)
    return tuple(t for t, m in named if m is None or m["name"] not in gone & new)


def _reworded(pattern: re.Pattern[str], diff: Diff) -> bool:
    """Say whether lines that quote what they speak of quote the same as before.

    Code that is only moved or written in another way sends and reads what it did.
    """
    gone, new = ([t for t in lines if pattern.search(t)] for lines in (diff.gone, diff.new))
    if not gone or not all(_QUOTED.search(t) for t in (*gone, *new)):
        return False
    return _said(gone) == _said(new)


def _said(lines: Sequence[str]) -> Counter[str]:
    """Count what some lines quote and name, without what they call."""
    words = (w for t in lines for w in _WORD.findall(_KEYWORD.sub(" ", _CALLEE.sub(" ", t))))
    parts = (p for w in words for p in (w.split(",") if _QUOTED.fullmatch(w) else (w.rstrip(":"),)))
    return Counter(p for part in parts if (p := part.strip("\"' ")))


def _setting(test: Test, change: Change) -> tuple[str, float] | None:
    """Say what a test asks of settings: the one that moved farthest.

    The version of a library is none: `library` judges what that tells.
    """
    listed = innocence.is_manifest(change.files)
    fits = [
        (told(s), _strength(s, test.far))
        for s in change.settings
        if not (listed and _VERSION.fullmatch(s.new) and s.key not in _RUNTIMES)
        and test.patterns["setting"].search(plain(s.key))
        and ({s.moved} | _ways(s)) & {*test.moved}
        and not _is_said_better(s, change)
    ]
    return max(fits, key=lambda f: f[1], default=None)


def _is_said_better(setting: Setting, change: Change) -> bool:
    """Say whether the same move is told under a longer name too, as of what it is."""
    name = f" {plain(setting.key)}"
    return any(
        (s.old, s.new) == (setting.old, setting.new) and plain(s.key).endswith(name)
        for s in change.settings
    )


def _strength(setting: Setting, far: float) -> float:
    """Say how strongly a setting's move shows a hazard: by how far, as far as that is known.

    A number that got a name instead may well be the same.
    """
    if setting.ratio is not None and setting.ratio > 0:
        return _distance(setting.ratio, far)
    untold = not setting.old and (not setting.new or _NUMBER.fullmatch(setting.new) is not None)
    named = _NUMBER.fullmatch(setting.old) and _CONSTANT.fullmatch(setting.new)
    return _UNTOLD if untold or named else 1.0


def _compares(value: str) -> str:
    """Read how a value compares: a sign, ``"gte"`` as searches write it, or ``at__gte``."""
    return value.strip("\"'").rpartition("__")[2].casefold()


def _ways(setting: Setting) -> set[str]:
    ways = {"on"} if lifetimes.ENDS.search(plain(setting.key)) and _begins(setting) else set[str]()
    if {_compares(setting.old), _compares(setting.new)} <= _COMPARISONS:
        ways.add("compared")
    # So many of a hundred and so many are hard to compare, as 25% and 1 of the instances.
    alike = setting.old.endswith("%") == setting.new.endswith("%")
    if setting.ratio is not None and setting.ratio > 0 and _distance(setting.ratio, _SCALED) >= 1:
        ways.update({"scaled"} if alike else ())
    return ways


def _begins(setting: Setting) -> bool:
    """Say whether a number that was nothing, as of what never ends, is something now."""
    old, new = amount(setting.old), amount(setting.new)
    return old is not None and new is not None and old <= 0 < new


def _distance(ratio: float, far: float) -> float:
    """Say how far a value moved, from 0 to 1 at a factor that is far."""
    return min(1.0, abs(math.log(ratio)) / math.log(far))


def told(setting: Setting) -> str:
    """Write a setting's move for people."""
    key, old, new = short(setting.key), short(setting.old), short(setting.new)
    if not new:
        return f"{key}, which was {old}, is gone" if old else key
    return f"{key} from {old or 'what is not known'} to {new}"


_ASKS = (
    (_setting, ("setting",)),
    (_findings, ("findings",)),
    (_lines, ("gone", "new", "without")),
    (_touches, ("touches",)),
    (_calls, ("call_gone", "call_new")),
    (_words, ("path", "title")),
)
"""What looks at a change for a test, and what of the test it looks for."""
