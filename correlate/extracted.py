"""Code that was moved into a function of its own: all that it does is there still, by another way.

Lines moved with other names for what they work on are new lines to a diff, though nothing that they
call, compare or state is any different. Held against each other is what lines *do*: the calls, the
texts and numbers, the branches and comparisons; what they name is not (the "extract method" of
M. Fowler, "Refactoring", 1999; told from edits by N. Tsantalis et al., "Accurate and efficient
refactoring detection in commit history", ICSE 2018, likewise by statements that match).
"""

from __future__ import annotations

import re
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .diffs import Diff

DEFINED = re.compile(
    r"\b(?:func|def|function|fn|fun)\s+(?:\([^)]*\)\s*)?(?P<name>\w+)"
    r"|^\s*(?:export\s+)?const\s+(?P<arrow>\w+)\s*=\s*(?:async\s*)?\("
)
_UNIT = re.compile(r"^\s*(?:package|module|namespace|import|from|use|#include)\b")
_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`")
_BODY = re.compile(r"^[^{]*\{|=>|^[^{]*:$|^[^{]*$")
"""What comes before what a function does, on the line that defines it."""
_STATUS = re.compile(r"\b(?:http\.)?(?:Status|HTTP_?(?:STATUS_)?(?:\d{3}_)?)(?P<name>[A-Za-z_]\w+)")
_DOING = re.compile(
    r"(?P<call>[A-Za-z_]\w*+)(?:\[[^\]\n]*\])?\("
    r"|(?P<number>\b\d[\w.]*)"
    r"|(?P<word>\b(?:if|else|elif|unless|for|while|switch|case|match|try|catch|except|finally|throw|raise|panic"
    r"|defer|go|await|async|yield|with|using|lock|synchronized|break|continue|not|and|or|in|typeof|new"
    r"|delete|select|goto|nil|null|None|true|false|True|False)\b)"
    r"|(?P<sign>[=!<>]==?|&&|\|\||<-|[<>+*/%!?|^~])"
)
_NO_CALLS = frozenset({"if", "for", "while", "switch", "func", "function", "catch", "return"})
_PASSED_ON = frozenset({"await", "async", "new"})
"""What a call of the new function may bring with it."""
_NAMED = re.compile(
    r"^\s*(?:[A-Za-z_][\w.]*+(?:<[\w<>,.? ]{1,80}>)?\s++){0,5}(?P<name>\w+)(?:\s*:\s*[\w.<>]+)?"
    r"\s*:?=\s*(?P<what>[^=].*?);?\s*$"
)
"""A name given, after words like ``private static final Duration`` or ``const``."""
_PIECE = re.compile(rf"{_TEXT.pattern}|(?P<word>[A-Za-z_$][\w$]*)|\d[\w.]*|:=|[=!<>]=|=>|[^\s\w]")
_LOCAL = re.compile(
    r"^\s+(?:[A-Za-z_][\w.<>]*+\s++){0,2}(?P<names>\w+(?:\s*,\s*\w+){0,5})\s*:?=(?!=)", re.MULTILINE
)
"""Names that are given within something: to what is worked on there, and nowhere else."""
_HANDLES = re.compile(
    r"^(?:(?:decode|parse|read|bind|write|render|respond|send|reply|abort)\w*"
    r"|Error|NewDecoder|NewEncoder|Decode|Encode|Sprintf|errorf|WriteHeader|jsonify|json)$",
    re.IGNORECASE,
)
_MADE_OF_TEXT = re.compile(
    r"\b(?:errors\.New|fmt\.Errorf|(?:new )?Error)\(\s*(?:\"[^\"%{]*\"|'[^'{]*')\s*\)"
)
_READ = re.compile(
    r"\b(?:os\.)?(?:get_?env|lookup_?env|environ|env|config|cfg|conf|settings?|flags?|viper|options?|opts?"
    r"|process\.env|properties)\b|@Value\(|\w*(?:env|config|setting|flag)\w*\(",
    re.IGNORECASE,
)
"""What a line has that reads a setting."""
_LITERAL = re.compile(rf"{_TEXT.pattern}|(?<![\w.])-?\d[\w.]*")
_KEPT_ERROR = re.compile(r"\b[eE]rr[A-Z]\w*")
"""A name under which an error is kept."""
_LIST = re.compile(r"[\[{(]([^\[\]{}()]*,[^\[\]{}()]*)[\]})]")
_CALLED = re.compile(r"[\w$]\($")
_ENTRY = re.compile(r"[\"'`A-Z\d-]")
_SPEAKS = re.compile(r"\w")
_TRUTH = re.compile(r"y|n|yes|no|on|off|true|false", re.IGNORECASE)
_FEWEST_ENTRIES = 3
_MOST = 20
"""Lines of a change that may still be no more than a name given."""
_CODES = {s.phrase.replace(" ", "").replace("-", "").casefold(): str(s.value) for s in HTTPStatus}


def is_extracted(diff: Diff) -> bool:
    """Say whether all that was taken out is done still, in a new function that is called for it."""
    made = {m["name"] or m["arrow"] for m in map(DEFINED.search, diff.new) if m is not None}
    if not made or not diff.taken:
        return False
    old, now = _doings(diff.taken), _doings(diff.put)
    more = now - old
    return (
        not old - now
        and any(f"{n}(" in more for n in made)
        and {*more} <= {*(f"{n}(" for n in made), *_PASSED_ON}
    )


def is_named(gone: Sequence[str], new: Sequence[str]) -> bool:
    """Say whether new lines only give a name to what the lines before them said, and use that.

    An error that is kept under a name fails like the one that was made anew each time.
    """
    for at, line in enumerate(new if len(new) <= _MOST else ()):
        named = _NAMED.match(line)
        if named is None:
            continue
        name = re.compile(rf"\b{re.escape(named['name'])}\b")
        what = named["what"].replace("\\", "\\\\")
        rest = [name.sub(what, x) for i, x in enumerate(new) if i != at]
        if _bare(rest) == _bare(gone) or _fails_alike(gone, rest):
            return True
    return False


def is_set_from_outside(gone: Sequence[str], new: Sequence[str]) -> bool:
    """Say whether a value that stood in the code may be set now, and is the same where it is not.

    >>> is_set_from_outside(["hash(p, 12)"], ["hash(p, COST)", "COST = int(env.get('COST', 12))"])
    True
    """
    for at, line in enumerate(new if len(new) <= _MOST else ()):
        if _READ.search(line) is None:
            continue
        rest = _bare(x for i, x in enumerate(new) if i != at)
        for value in {m[0] for m in _LITERAL.finditer(line)}:
            parts = re.split(rf"(?<![\w.]){re.escape(value)}(?![\w.])", "\n".join(gone))
            named = r"[\w.$]+(?:\(\))?".join(re.escape(_bare([p])) for p in parts)
            if len(parts) > 1 and re.fullmatch(named, rest):
                return True
    return False


def is_renamed(diff: Diff) -> bool:
    """Say whether it only calls what it works on by other names, the same ones throughout.

    A name that is a key, a part of something or given to who is called may be known elsewhere.
    """
    old, now = (_pieces(lines) for lines in (diff.gone, diff.new))
    if len(old) != len(now) or not old:
        return False
    given = {n for m in _LOCAL.finditer("\n".join(diff.gone)) for n in re.split(r"\W+", m["names"])}
    other: dict[str, str] = {}
    for at, (ours, theirs) in enumerate(zip(old, now, strict=True)):
        if other.setdefault(ours, theirs) != theirs:
            return False
        if ours != theirs and not (ours in given and _is_free(old, at)):
            return False
    changed = {o: n for o, n in other.items() if o != n}
    distinct = len({*other.values()}) == len(other) and not {*changed.values()} & {*other}
    return distinct and bool(changed) and all(old.count(o) > 1 for o in changed)


def _pieces(lines: Sequence[str]) -> list[str]:
    return [m[0] for line in lines for m in _PIECE.finditer(line)]


def _is_free(pieces: Sequence[str], at: int) -> bool:
    """Say whether a name stands for a value: as no part or key of another thing."""
    before = pieces[at - 1] if at else ""
    after = pieces[at + 1] if at + 1 < len(pieces) else ""
    return before != "." and after != ":" and not (after == "=" and before in {"(", ","})


def _fails_alike(gone: Sequence[str], new: Sequence[str]) -> bool:
    """Say whether lines differ only in that errors made of a text have a name now."""
    known = {n for x in gone for n in _KEPT_ERROR.findall(x)}
    old = (_MADE_OF_TEXT.sub("?", x) for x in gone)
    now = (_KEPT_ERROR.sub(lambda m: m[0] if m[0] in known else "?", x) for x in new)
    return sorted(_bare([x]) for x in old) == sorted(_bare([x]) for x in now)


def is_listed_elsewhere(gone: Sequence[str], new: Sequence[str]) -> bool:
    """Say whether all that went is a list that came back with the same entries, in another form.

    Words that some readers take for true or false are not the same without their quotes. Names that
    a call hands over are no list.

    >>> is_listed_elsewhere(['x = []string{"KP", "SY", "CU"}'], ["deny: [CU, KP, SY]"])
    True
    >>> is_listed_elsewhere(['x = {"NO", "SE", "DK"}'], ["served: [NO, SE, DK]"])
    False
    >>> is_listed_elsewhere(["if not f(a, b, c):"], ["if f(a, b, c):", "    return"])
    False
    """
    lists = [m for x in gone for m in _lists(x)]
    if not lists or any(not _lists(x) and _SPEAKS.search(x) for x in gone):
        return False
    old = sorted(_entries(lists))
    found = [m for x in new for m in _lists(x)]
    same = len(old) >= _FEWEST_ENTRIES and old == sorted(_entries(found))
    loose = (e.strip() for m in found for e in m.split(","))
    return same and not any(_TRUTH.fullmatch(e) for e in loose)


def _lists(line: str) -> list[str]:
    return [
        m[1] for m in _LIST.finditer(line)
        if not _CALLED.search(line, 0, m.start() + 1)
        or all(_ENTRY.match(e) for e in _entries((m[1],), " "))
    ]  # fmt: skip


def _entries(lists: Iterable[str], quotes: str = "\"'") -> list[str]:
    return [e.strip().strip(quotes) for m in lists for e in m.split(",") if e.strip()]


def _bare(lines: Iterable[str]) -> str:
    return "".join("".join(line.split()) for line in lines)


def is_handled_alike(diff: Diff) -> bool:
    """Say whether requests are read and answered by other means, with the same answers.

    What a helper does that was there before cannot be seen; that it is called for just this can.
    """
    if not diff.gone or not diff.new:
        return False
    old, now = _doings(diff.gone), _doings(diff.new)
    odd = {d for d in (old - now) + (now - old) if d.endswith("(")}
    states = [{d for d in side if d[0].isdigit()} for side in (old, now)]
    return (
        bool(odd and states[0])
        and states[0] == states[1]
        and all(_HANDLES.match(d[:-1]) for d in odd)
    )


def _doings(lines: Iterable[str]) -> Counter[str]:
    """Count what lines do: calls with their bracket, texts, numbers, branches, comparisons."""
    found: Counter[str] = Counter()
    for line in lines:
        if _UNIT.match(line):
            continue
        found.update(f'"{m[0][1:-1]}"' for m in _TEXT.finditer(line))
        code = _STATUS.sub(_code, _TEXT.sub(" ", line))
        if DEFINED.search(code):
            code = _BODY.split(code)[-1]
        for m in _DOING.finditer(code):
            if m["call"] is None:
                found[m[0]] += 1
            elif m["call"] not in _NO_CALLS:
                found[f"{m['call']}("] += 1
    return found


def _code(status: re.Match[str]) -> str:
    """Give the number of an HTTP status that is written as a name."""
    name = status["name"].replace("_", "").casefold()
    return _CODES.get(name, status[0])
