"""In what order a diff does things: under a lock, in an event loop, before or after others.

A call to someone far away lasts as long as that one takes. Made while a lock or a transaction is
open, it makes all wait who want the same rows (M. Nygard, "Release It!", 2nd ed. 2018, "Blocked
threads"); made in a coroutine and not awaited, it makes all wait whom the same loop serves.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_OPENS = re.compile(
    r"^\s*(?:async\s+)?with\b.{0,200}(?:atomic|transaction|\.begin\(|lock|mutex|session_scope)"
    r"|\bsynchronized\s*\(|^\s*(?:using\s+)?lock\s*\(|\bsynchronized\b.{0,200}\)\s*\{\s*$|TransactionScope\("
    r"|\bsynchronize\s+do\b|\btransaction\s+do\b"
    r"|\bwith_lock\b.{0,80}\bdo\b|(?:transaction|inTx|withTx|withLock|runInTx|transact)\w*\s*[({]"
    r"[^;]{0,200}[{(]\s*$|(?:transaction|withLock)\s*\{\s*$",
    re.IGNORECASE,
)
"""What opens a block in which a lock or a transaction is held."""
_MARKED = re.compile(
    r"^\s*@(?:\w+\.)?(?:transactional|atomic|synchronized|locked)\b", re.IGNORECASE
)
"""What says of the function below it that all of it runs so."""
_TAKES = re.compile(
    r"^\s*(?:[\w, ]+:?=\s*)?(?:await\s+)?[\w.>-]*(?:\.|->)(?:r?lock|acquire|begin(?:tx)?"
    r"|(?:begin|start)_?transaction)(?:Async)?\(",
    re.IGNORECASE,
)
_GIVES = re.compile(
    r"(?:\.|->)(?:r?unlock|release|commit|rollback)\w*\(|^\s*(?:drop|release|unlock)\(",
    re.IGNORECASE,
)
_LATER = re.compile(r"^\s*(?:defer|finally|ensure)\b")
_CALL = re.compile(
    r"(?<!\w)(?P<owner>[A-Za-z_]\w*(?:\([^()]*\))?)(?:\.|->)(?P<name>[A-Za-z_]\w*)\("
)
_REMOTE = re.compile(
    r"client|gateway|partner|https?$|^api$|_api$|rpc|stub|sdk|requests|axios|provider|vendor|webhook"
    r"|mail|smtp|sms|^s3$|sqs|sns|kafka|producer|publish|payment|remote|upstream|carrier",
    re.IGNORECASE,
)
"""Whom a call goes to over the network, as people name them."""
_OWN = re.compile(
    r"objects|^db$|^tx$|txn|trans|session|cursor|^conn|repo|dao|query|log|metric|span|^self$|^this$"
    r"|lock|mutex|^mu$|store|cache|map|list",
    re.IGNORECASE,
)
"""What the work done under a lock or in a transaction is on."""
_COROUTINE = re.compile(r"^\s*async\s+def\b")
_FUNCTION = re.compile(r"^\s*def\b|\blambda\b")
_LETS = re.compile(r"\bawait\b|\basync\s+(?:with|for)\b|to_thread|executor|create_task|gather\(")
_STOPS = re.compile(
    r"\b(?:requests|urllib\d?|httpx)\.(?:\w+\.)?(?:get|post|put|delete|head|patch|request|urlopen)\("
    r"|\btime\.sleep\(|\bsubprocess\.(?:run|call|check_\w+)\(|\bsocket\.(?:getaddrinfo|gethost\w+)\("
    r"|[Cc]lient\([^()]*\)\.[a-z]\w*\(|\bboto3\.|\bpsycopg2?\.connect\(|\bpymysql\.|\bsmtplib\."
    r"|\b\w*(?:client|sdk|s3|sqs|bucket|conn|cursor|db|api)\.(?:get|put|post|fetch|query|search|load"
    r"|send|execute|list|find|head|scan|upload|download|lookup|geocode|call|invoke|publish)\w*\(",
)
"""What keeps a thread until it has an answer."""


_NEAR = 12
"""Lines within which a step may have changed places with another."""
_IN_ORDER = re.compile(
    r"\b\w*(?:ack(?:nowledge)?|nack|commit|lock|unlock|acquire|release|close|flush|invalidate|evict)"
    r"(?:Async|Sync|Message|Offsets?)?\(",
    re.IGNORECASE,
)
"""Steps that mean what they mean by what comes before and after them."""
_NO_STEP = re.compile(
    r"^\s*(?:def|func|function|fn|fun|public|private|protected|static|defer|import|from|use)\b|^\s*@"
    r"|\blog\w*[.(]|print|metric|span\b|trace",
    re.IGNORECASE,
)
"""Lines that do nothing where they stand, or nothing to anyone."""
_CALLS = re.compile(r"\w\(|^\s*@?[a-z]\w*(?:\.[a-z]\w*)+[!?]?$")
_ROUTE = re.compile(
    r"(?i)\b(?:handle(?:func)?|\w*route|path|url|get|post|put|patch|delete|all|any|\w*mapping|map\w*)"
    r"\s*\(\s*(?:value\s*=\s*)?[\"'`](?:GET |POST |PUT |PATCH |DELETE )?"
    r"(?P<path>/?[\w{}:<>*.\-]+(?:/[\w{}:<>*.\-]+)*)/?[\"'`]"
)
_ANY = re.compile(r"\{.+\}|:.+|<.+>|\*+")
"""A part of a route's path that stands for anything."""


def held(before: Iterable[str], after: Iterable[str]) -> str | None:
    """Name a call to someone else that is made under a lock or in a transaction now and was not.

    Args:
        before: the lines that were there.
        after: the lines that are there now.
    """
    old, now = [*before], [*after]
    under_old, under_new = (Counter(_bare(x) for x in _under_hold(x)) for x in (old, now))
    moved_in = Counter(_bare(x) for x in old)
    for line in _under_hold(now):
        key = _bare(line)
        if under_new[key] <= under_old[key]:
            continue
        calls = [*_CALL.finditer(line)]
        far = (c for c in calls if _REMOTE.search(c["owner"]))
        other = (c for c in calls if moved_in[key] and not _OWN.search(c["owner"]))
        found = next(far, None) or next(other, None)
        if found is not None:
            return f"{found['owner']}.{found['name']}()"
    return None


def swapped(signed: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """List steps that stand on the other side of another step now, of the kinds that keep order.

    To confirm a message before it is handled, or to let go of a lock before what it is for, is to
    do something else with the same lines.

    Args:
        signed: the lines of a diff in their order, each with its sign.
    """
    found: list[str] = []
    for at, (sign, line) in enumerate(signed):
        if sign == " " or not _is_step(line, line):
            continue
        there = "+" if sign == "-" else "-", _bare(line)
        near = signed[at + 1 : at + _NEAR]
        to = next((n for n, (s, x) in enumerate(near) if (s, _bare(x)) == there), 0)
        between = _staying(near[:to])
        passed = [x for x in between if _is_step(x, line)]
        in_order = _IN_ORDER.search(line) is not None
        over = [line] if any(_is_step(x, line, within=True) for x in between) else []
        kept = over if in_order else passed
        found += [x.strip() for x in kept if _IN_ORDER.search(x)]
    return tuple(found)


def _staying(signed: Sequence[tuple[str, str]]) -> list[str]:
    """List the lines that are there before and after, though some are written again."""
    taken, put = ({_bare(x) for s, x in signed if s == sign} for sign in "-+")
    both = taken & put
    return [x for s, x in signed if s == " " or (s == "-" and _bare(x) in both)]


def shadowed(before: Sequence[str], after: Sequence[str]) -> str | None:
    """Give a route that comes behind one now that takes what is meant for it, and did not.

    Routers take the first route that fits: ``/orders/{id}`` takes ``/orders/new`` when it is first.

    Args:
        before: the lines that were there.
        after: the lines that are there now.
    """
    old = {path: at for at, (path, _) in enumerate(_routes(before))}
    now = _routes(after)
    for at, (wide, _) in enumerate(now):
        for path, line in now[at + 1 :]:
            first = old.get(path, -1) < old.get(wide, -1) or wide not in old
            if first and path in old and wide != path and _takes(wide, path):
                return line.strip()
    return None


def _routes(lines: Iterable[str]) -> list[tuple[str, str]]:
    """List the paths that lines register, each with its line."""
    return [(m["path"], line) for line in lines if (m := _ROUTE.search(line))]


def _takes(wide: str, path: str) -> bool:
    """Say whether one route fits all that another is for, by what stands for anything in it."""
    ours, theirs = wide.strip("/").split("/"), path.strip("/").split("/")
    return len(ours) == len(theirs) and all(
        a == b or (_ANY.fullmatch(a) and not _ANY.fullmatch(b))
        for a, b in zip(ours, theirs, strict=True)
    )


def _is_step(line: str, beside: str, *, within: bool = False) -> bool:
    """Say whether a line does something for others, beside another at the same depth.

    Args:
        line: what may do something.
        beside: the other line.
        within: whether it may also be deeper, in a block that the other one stands beside.
    """
    deeper = (len(line) - len(line.lstrip())) - (len(beside) - len(beside.lstrip()))
    does = _CALLS.search(line) is not None and not _NO_STEP.search(line)
    return does and (deeper == 0 or (within and deeper > 0))


def stops_loop(before: Sequence[str], after: Sequence[str]) -> str | None:
    """Give a line of a coroutine that keeps its thread until it is answered, and is new."""
    known = Counter(map(_bare, before))
    depth: list[tuple[int, bool]] = []
    for line in after:
        indent = len(line) - len(line.lstrip())
        while depth and indent <= depth[-1][0]:
            depth.pop()
        if _COROUTINE.match(line) or _FUNCTION.match(line):
            depth.append((indent, _COROUTINE.match(line) is not None))
            continue
        within = bool(depth) and depth[-1][1]
        if within and not known[_bare(line)] and _STOPS.search(line) and not _LETS.search(line):
            return line.strip()
    return None


def _under_hold(lines: Iterable[str]) -> list[str]:
    """List the lines that run while a lock or a transaction is held, by what opens and ends it."""
    found: list[str] = []
    blocks: list[int] = []
    taken: list[int] = []
    marked = False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        while blocks and indent <= blocks[-1]:
            blocks.pop()
        while taken and indent < taken[-1]:
            taken.pop()
        mark, marked = marked, False
        if _MARKED.match(line) or (mark and line.lstrip().startswith("@")):
            marked = True
        elif _GIVES.search(line) and not _LATER.match(line) and taken:
            taken.pop()
        elif mark or _OPENS.search(line):
            blocks.append(indent)
        elif _TAKES.match(line):
            taken.append(indent)
        elif blocks or taken:
            found.append(line)
    return found


def _bare(line: str) -> str:
    return "".join(line.split())
