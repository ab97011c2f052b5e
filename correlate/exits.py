"""Whether a change leaves code too early: before what was taken is given back, or all is done.

A check that returns before ``defer body.Close()`` is reached, or goes on with the next message
before the last is confirmed, leaks one each time, though no line that gives back was taken out
(Weimer and Necula, "Finding and preventing run-time error handling mistakes", OOPSLA 2004: most
leaks are on the way out of a failure).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXIT = re.compile(r"(?:^|[^\w.])(?:return|continue|break|throw|raise|next|goto)\b")
_GIVES_BACK = re.compile(
    r"(?<!\w)(?:close|closeQuietly|release|dispose\w*|unlock|unsubscribe|rollback|cancel|free"
    r"|return_?to_?pool|put_?conn|recycle|check_?in|\w*ack|basic_?(?:n?ack|reject)|acknowledge"
    r"|delete_?message|done|decrement|end|finish)\s*(?:async)?\(",
    re.IGNORECASE,
)
_ANYWAY = re.compile(r"^\W*(?:finally|ensure|using)\b|\btry\s*\(")
"""What is done on every way out."""
_UNTAKEN = re.compile(
    r"\berr(?:or)?\s*[!=]==?\s*(?:nil|null)|[!=]==?\s*(?:nil|null|undefined|None)\b|\bis None\b"
    r"|\bif not \w+:|!\s*ok\b|\bif \(!\w+\)|\.is_?(?:err|none|null)\w*\("
    r"|(?:!|\bnot\b)\s*(?:await\s+)?[\w.]*(?:try|acquire|lock|reserve)\w*\(",
    re.IGNORECASE,
)
"""Who checks for this took nothing that there is to give back."""
_LOOP = re.compile(
    r"^\W*(?:for|foreach|while|loop)\b|\.(?:each|for_?each)\b|\bdo \|", re.IGNORECASE
)
_FUNCTION = re.compile(r"\b(?:def|func|fn|fun|function)\b|=>|->\s*\{?$")
_ENDS = re.compile(r"^\W*(?:return|break)\b")
_WENT_ON = re.compile(r"\b(?:continue|next|if not|unless)\b|\bif\s*\(?\s*!")
"""How a loop passed over one item and went on with the next."""
_NAME = re.compile(r"[A-Za-z_]\w*")
_NEAR = 60
"""Lines that a function reaches back at most from where it gives something back."""
_COMMON = frozenset(("self", "this", "defer", "await", "false", "true", "null", "nil", "None"))


def passed_over(place: Sequence[tuple[str, str]]) -> str | None:
    """Give a line that gives back what was taken, and that an exit put in before it passes over.

    Args:
        place: the lines of one place of a diff in order, each with its sign.
    """
    after = [(sign, line) for sign, line in place if sign != "-"]
    before = [line for sign, line in place if sign != "+"]
    put = [j for j, (sign, line) in enumerate(after) if sign == "+" and _EXIT.search(line)]
    for i, (_, line) in enumerate(after):
        near = [j for j in put if i - _NEAR <= j < i]
        if not near or _GIVES_BACK.search(line) is None:
            continue
        block = after[max(0, i - _NEAR) : i + 1]
        if _is_sure([t for _, t in block[:-1]], line):
            continue
        exits = [j for j in near if _leaves(block, j - (i + 1 - len(block)))]
        if exits and len(exits) > _known(before, line):
            return line.strip()
    return None


def left_early(place: Sequence[tuple[str, str]]) -> str | None:
    """Give an exit put in that ends a loop at an item which was only passed over before.

    What came after that item is done no more: the days that are not there yet beside those that
    are, the customers behind one without an address.

    Args:
        place: the lines of one place of a diff in order, each with its sign.
    """
    gone = [line for sign, line in place if sign == "-" and _WENT_ON.search(line)]
    after = [(sign, line) for sign, line in place if sign != "-" and line.strip()]
    for j, (sign, line) in enumerate(after if gone else ()):
        if sign != "+" or _ENDS.match(line) is None:
            continue
        guard, *around = _around([t for _, t in after[: j + 1]]) or [""]
        in_its_place = any(_indent(t) == _indent(line) for t in gone)
        if any(map(_LOOP.search, around)) and (in_its_place or ("+", guard) in after[:j]):
            return line.strip()
    return None


def _around(lines: Sequence[str]) -> list[str]:
    """List the lines that the last of some stands inside of, the nearest first, in its function."""
    found: list[str] = []
    depth = _indent(lines[-1])
    for line in reversed(lines[:-1]):
        if _indent(line) < depth and line.strip() != "{":
            if _FUNCTION.search(line) and not _LOOP.search(line):
                break
            found.append(line)
            depth = _indent(line)
    return found


def _leaves(block: Sequence[tuple[str, str]], j: int) -> bool:
    """Say whether an exit leaves, ahead of a block's last line, with something taken by then."""
    lines = [line for _, line in block]
    last = lines[-1]
    if not _is_exit(lines[: j + 1]) or any(_indent(t) < _indent(last) for t in lines[j:]):
        return False  # or another function or block begins between them
    names = {n for n in _NAME.findall(last) if n not in _COMMON}
    taken = {n for t in lines[:j] for n in _NAME.findall(t)}
    return not names.isdisjoint(taken)


def _known(before: Sequence[str], line: str) -> int:
    """Count the exits shortly before a line as it was; many where it was not there at all."""
    at = next((i for i, t in enumerate(before) if t.split() == line.split()), None)
    if at is None:
        return len(before)
    near = before[max(0, at - _NEAR) : at]
    return sum(_is_exit(near[: k + 1]) for k in range(len(near)))


def _is_exit(lines: Sequence[str]) -> bool:
    """Say whether the last of some lines leaves, and not because nothing was taken."""
    *ahead, line = lines
    guards = (t for t in reversed(ahead) if _indent(t) < _indent(line) and t.strip() != "{")
    return _EXIT.search(line) is not None and _UNTAKEN.search(f"{next(guards, '')} {line}") is None


def _is_sure(ahead: Sequence[str], line: str) -> bool:
    """Say whether a line is done on every way out."""
    return any(_ANYWAY.search(t) and _indent(t) <= _indent(line) for t in ahead)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
