"""What a diff makes others wait for: work done under a lock, and calls that stop an event loop.

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
_CALL = re.compile(r"(?<!\w)(?P<owner>[A-Za-z_]\w*(?:\([^()]*\))?)(?:\.|->)(?P<name>[A-Za-z_]\w*)\(")
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
