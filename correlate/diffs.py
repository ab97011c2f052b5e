"""What a unified diff takes away and brings in, whatever the language it is written in.

A line that is taken out in one place and put back in another is moved, not changed (Fluri et al.,
"Change distilling", IEEE TSE 33, 2007, without a parser): what is left over is the change itself.
Comments and white space do not count. Settings are told with their old and new values, calls with
whether they came to stand within a loop, and containers that grow with whether anything bounds
them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from . import exits, image_layers, inherited, settings, waits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .settings import Setting

LONGEST = 20_000
"""Characters of a diff that are read; what is generated or vendored is longer than that."""
_LINE = 500  # characters of a line; what is generated is longer than that, too

_COMMENT = re.compile(
    r"(?:^|(?<=\s))(?://|#(?![\[{]|include|define|if|endif|\w*[0-9a-f]{3,8}\b)|--\s).*$"
)
_OPENED = re.compile(r"\s*(?:- )?[\"']?[\w.\-/]{1,80}[\"']?(?: \"[^\"]*\")*\s?[:=]?\s?[{\[]?$")
"""What opens settings of a kind: ``selector:``, ``limits {``, ``resource "a" "b" {``."""
_DEEPEST = 3  # keys that a line is told to stand under
_BLOCK = re.compile(r"/\*.*?\*/|<!--.*?-->|^\s*\*(?:\s.*)?$")
_TOKEN = re.compile(r"[A-Za-z_$][\w$]*|\d+(?:\.\d+)?\w*|[^\s\w]")
_CALL = re.compile(r"(?P<receiver>(?<=[.\])>-]))?(?<!\w)(?P<name>[A-Za-z_]\w*+)(?:\[[^\]\n]*\])?\(")
_LOOP = re.compile(
    r"^\s*(?:\}\s*)?(?:for|while|foreach|loop|until)\b|\.(?:forEach|map|flatMap|each|stream)\s*\("
    r"|\beach\s+do\b|\bfor\s*\(",
)
_STEP_WORD = (
    r"(?:get|fetch|load|find|query|select|look_?up|read|put|write|save|insert|update|upsert|delete"
    r"|send|post|publish|exec|call|request|invoke|resolve|list|check|verify|scan|count|ping)"
)
_STEP = re.compile(rf"(?:^|_){_STEP_WORD}|{_STEP_WORD.title()}", re.IGNORECASE)
_OUTSIDE = re.compile(
    r"\bawait\b|\bctx\b|context|\.objects\.|\.(?:db|conn|client|session|cursor|repo|dao|tx|redis"
    r"|cache|http|api|rpc|grpc|s3|sqs|kafka|es|stub|objects)\w*\.|(?:db|client|repo|repository|dao"
    r"|store|service|svc|session|gateway|stub|api|catalog|requests|axios|fetch)\.(?:\w+\.)*\w+\(",
    re.IGNORECASE,
)
_RESERVED = """
    if for while switch return func function def catch range make len append print new and or not in
    with when elif except assert sizeof typeof await async else
"""
_KEYWORDS = frozenset(_RESERVED.split())
_BOUNDED = re.compile(
    r"evict|\blru|maxsize|max_?(?:entries|size|items|len)|capacity|\bcap\(|expire|\bttl|weakref"
    r"|\bclear\(|\bdelete\(|\.pop|shift\(|\btrim|truncat|\bring|circular|\bbounded",
    re.IGNORECASE,
)
_DECLARED = re.compile(
    r"^(?:export\s+|public\s+|private\s+|protected\s+|static\s+|final\s+|readonly\s+)*"
    r"(?:var|let|const|static|private|global)?\s*(?:[\w<>\[\], ]+\s)?(?P<name>[A-Za-z_]\w*)"
    r"\s*(?::[^=]+)?(?:=\s*(?:\[\]|\{\}|new\s|make\(|list\(|dict\(|set\(|defaultdict|\[\]\w+\{"
    r"|map\[)|\[\]|map\[)"
)
_GROWS = (
    r"(?:{0}\s*=\s*append\(\s*{0}\b|\b{0}\.(?:push|append|add|put|set|extend|insert|push_back|offer)"
    r"\(|\b{0}\[[^\]]+\]\s*=)"
)
_FIELD = re.compile(
    r"(?P<name>(?:self|this|[a-z])\.(?:_?\w*(?:cache|history|log|seen|buffer|registry|sessions|"
    r"entries|listeners|pending|records|map|samples))"
    r")(?:\.(?:push|append|add|put|set|store|insert)\(|\[[^\]]+\]\s*=|\s*=\s*append\()",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"(?P<key>\s*(?:-\s+)?[\w.\-/]+:\s+|\s*[\w.]+=)(?P<quote>[\"'])"
    r"(?P<value>(?!(?:true|false|yes|no|on|off|null|y|n)\2)[A-Za-z/.$\-][^\"'\s,;(){}\[\]#*&]*)\2\s*",
    re.IGNORECASE,
)
"""A setting in quotes that it reads the same without."""
_UNIT = re.compile(r"^\s*(?:package|module|namespace)\s+[\w.]+;?$")
_LAYOUT = "(){}[],;"
_DECLARING = "const let var val final static public private export readonly string str = : ."
_DECLARES = frozenset(_DECLARING.split())
"""What a line that gives a name to something holds besides that."""
_TABLE = re.compile(
    r"\b(?:from|into|update|join)\s+[\"`]?(?P<name>[a-z_][\w.]{3,})[\"`]?", re.IGNORECASE
)
_QUERY = re.compile(r"\b(?:select\b.*\bfrom|insert\s+into|update\b.*\bset|delete\s+from)\b", re.I)
_MADE = re.compile(r"create\s+table|create_table|add_?column|alter\s+table|createTable", re.I)


@dataclass(frozen=True)  # no slots: what is worked out is kept
class Diff:
    """A diff, read."""

    before: tuple[str, ...]
    """Lines that were there: context and what was taken out, without comments."""
    after: tuple[str, ...]
    """Lines that are there now: context and what was put in."""
    taken: tuple[str, ...]
    put: tuple[str, ...]
    under: Mapping[str, str] = field(default_factory=dict[str, str])
    """Lines taken out or put in -> the keys of settings that they stand under, outermost first."""
    places: tuple[tuple[tuple[str, str], ...], ...] = ()
    """Each place that was changed: its lines in order, each with its sign."""

    @cached_property
    def gone(self) -> tuple[str, ...]:
        """Lines taken out and not put back elsewhere, white space apart."""
        return _left(self.taken, self.put)

    @cached_property
    def new(self) -> tuple[str, ...]:
        """Lines put in that were not taken out elsewhere."""
        return _left(self.put, self.taken)

    @cached_property
    def gone_text(self) -> str:
        """All lines of `gone` as one text."""
        return "\n".join(self.gone)

    @cached_property
    def new_text(self) -> str:
        """All lines of `new` as one text."""
        return "\n".join(self.new)

    @cached_property
    def after_text(self) -> str:
        """All lines of `after` as one text."""
        return "\n".join(self.after)

    @cached_property
    def is_same(self) -> bool:
        """Say whether it only moves statements or lays them out anew."""
        if not (self.taken or self.put) or _tokens(self.taken) != _tokens(self.put):
            return False
        if self.held is not None or self.swapped:
            return False
        # What changed places within statements, as two numbers do, is not what it was.
        return _flow(self.gone) == _flow(self.new)

    @cached_property
    def is_naming(self) -> bool:
        """Say whether it only gives a name to what was there, and puts that in its place."""
        old, now = (
            _tokens(line for line in lines if not _UNIT.match(line))
            for lines in (self.taken, self.put)
        )
        if not self.taken or old - now:
            return False
        come = now - old
        if come.keys().isdisjoint("=:"):
            return False
        more = {t: n for t, n in come.items() if t not in _DECLARES}
        return len(more) == 1 and all(n == 2 and t.isidentifier() for t, n in more.items())

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """Values that moved, each with the name it has."""
        if not any(settings.VALUE.search(line) for line in (*self.gone, *self.new)):
            return settings.moved(self.gone, self.new)
        taken, put = ([x for p in self.places for x in settings.called(p, s)] for s in "-+")
        return settings.moved(_left(taken, put), _left(put, taken))

    @cached_property
    def calls_gone(self) -> tuple[str, ...]:
        """Names that were called and no longer are, in the lines that changed."""
        return tuple(sorted(_calls(self.gone) - _calls(self.new) - _definitions(self.gone)))

    @cached_property
    def calls_new(self) -> tuple[str, ...]:
        """Names that are called now and were not, in the lines that changed."""
        return tuple(sorted(_calls(self.new) - _calls(self.gone)))

    @cached_property
    def looped(self) -> tuple[str, ...]:
        """Calls to something outside that are made in a loop now and were not."""
        return tuple(sorted(_in_loops(self.after) - _in_loops(self.before)))

    @cached_property
    def growing(self) -> str | None:
        """Name a container that lives on, is added to, and that nothing in sight bounds."""
        text = self.new_text
        if _BOUNDED.search(self.after_text):
            return None
        found = _FIELD.search(text)
        if found:
            return found["name"]
        for line in self.put:
            made = None if line[:1].isspace() else _DECLARED.match(line)
            if made and re.search(_GROWS.format(re.escape(made["name"])), text):
                return made["name"]
        return None

    @cached_property
    def passed_over(self) -> str | None:
        """Give a line that gives something back, and that an exit put in before it passes over."""
        return next((line for p in self.places if (line := exits.passed_over(p))), None)

    @cached_property
    def left_early(self) -> str | None:
        """Give an exit put in that ends a loop at an item which was only passed over before."""
        return next((line for p in self.places if (line := exits.left_early(p))), None)

    @cached_property
    def swapped(self) -> tuple[str, ...]:
        """List the steps that come before now what they came after, or the other way round."""
        behind = self.shadowed
        steps = waits.swapped([x for place in self.places for x in place])
        return steps if behind is None else (*steps, behind)

    @cached_property
    def shadowed(self) -> str | None:
        """Give a route that another one takes the requests of now."""
        return waits.shadowed(self.before, self.after)

    @cached_property
    def held(self) -> str | None:
        """Name a call to someone else that is made under a lock or in a transaction now."""
        return waits.held(self.before, self.after)

    @cached_property
    def stops_loop(self) -> str | None:
        """Give a line put into a coroutine that keeps its thread until it is answered."""
        return waits.stops_loop(self.before, self.after)

    @cached_property
    def cut_off(self) -> str | None:
        """Give a line put in by which a block no longer takes over what is set around it."""
        return next((line for p in self.places if (line := inherited.cut_off(p))), None)

    @cached_property
    def run_anew(self) -> str | None:
        """Give a step that installs things and is run anew in each build of an image now."""
        return image_layers.run_anew(self.before, self.after)

    def unmade_table(self, files: str) -> str | None:
        """Name a table that a new query reads or writes and that no migration beside it makes."""
        text = self.new_text
        if re.search(r"migrat|schema|alembic|flyway|\.sql", files, re.I) or _MADE.search(text):
            return None
        known = {m["name"] for m in _TABLE.finditer("\n".join(self.before))}
        queries = (line for line in self.new if _QUERY.search(line))
        names = (m["name"] for line in queries for m in _TABLE.finditer(line))
        return next((n for n in names if n not in known), None)


@lru_cache(maxsize=1024)
def read(text: str) -> Diff:
    """Read a unified diff; headers and comments are left out, lines keep their indentation."""
    before: list[str] = []
    after: list[str] = []
    taken: list[str] = []
    put: list[str] = []
    under: dict[str, str] = {}
    keys: list[tuple[int, str]] = []
    places: list[list[tuple[str, str]]] = [[]]
    for sign, line in _lines(text[:LONGEST]):
        if sign == "@":
            places.append([])
            continue
        places[-1].append((sign, line))
        indent = len(line) - len(line.lstrip())
        while keys and keys[-1][0] >= indent:
            keys.pop()
        if sign != " ":
            under[line] = " ".join(key for _, key in keys[-_DEEPEST:])
        if _OPENED.match(line):
            keys.append((indent, line.strip()))
        if sign != "+":
            before.append(line)
        if sign != "-":
            after.append(line)
        if sign == "-":
            taken.append(line)
        elif sign == "+":
            put.append(line)
    return Diff(
        tuple(before), tuple(after), tuple(taken), tuple(put), under,
        tuple(tuple(p) for p in places if p),
    )  # fmt: skip


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Give each line of code with its sign, and an ``@`` where another place begins."""
    for raw in text.splitlines():
        if raw.startswith("@@"):
            yield "@", ""
        if raw.startswith(("--- ", "+++ ", "diff ", "index ", "@@")) or not raw:
            continue
        sign, line = (raw[0], raw[1:_LINE]) if raw[0] in "+- " else (" ", raw[:_LINE])
        code = _COMMENT.sub("", _BLOCK.sub("", line)).rstrip()
        if code.strip():
            yield sign, code


def _left(ours: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
    """Leave out lines that the other side has too, as often as it has them."""
    there = Counter(_squeezed(line) for line in theirs)
    kept: list[str] = []
    for line in ours:
        key = _squeezed(line)
        if there[key] > 0:
            there[key] -= 1
        else:
            kept.append(line)
    return tuple(kept)


def _squeezed(line: str) -> str:
    """Write a line without white space, quotes that make no difference and a comma at its end."""
    quoted = _QUOTED.fullmatch(line)
    bare = line if quoted is None else quoted["key"] + quoted["value"]
    return "".join(bare.split()).rstrip(",")


def _tokens(lines: Iterable[str]) -> Counter[str]:
    """Count words and signs; brackets and commas, which layout moves about, are left out."""
    found = Counter(t for line in lines for t in _TOKEN.findall(line))
    for layout in _LAYOUT:
        del found[layout]
    return found


def _flow(lines: Iterable[str]) -> str:
    """Write lines in one, without what layout moves about."""
    return " ".join(t for line in lines for t in _TOKEN.findall(line) if t not in _LAYOUT)


def _calls(lines: Iterable[str]) -> set[str]:
    found = (m["name"] for line in lines for m in _CALL.finditer(line))
    return {name for name in found if name not in _KEYWORDS}


def _definitions(lines: Iterable[str]) -> set[str]:
    """Find names that are defined, not called: ``func f(``, ``def f(``."""
    said = re.compile(r"\b(?:func|def|function|fn)\s+(?:\([^)]*\)\s*)?(\w+)")
    return {m[1] for line in lines for m in said.finditer(line)}


def _in_loops(lines: Iterable[str]) -> set[str]:
    """Find calls to something outside within loops, by indentation."""
    found: set[str] = set()
    loops: list[int] = []
    for line in lines:
        indent = len(line) - len(line.lstrip())
        while loops and indent <= loops[-1]:
            loops.pop()
        starts = _LOOP.search(line)
        if loops or (starts and "(" in line[starts.end() :]):
            inside = line if loops else line[starts.end() :] if starts else ""
            found |= _steps(inside)
        if starts:
            loops.append(indent)
    return found


def _steps(line: str) -> set[str]:
    """Find in a line the calls that go out of the process, by their names and their company."""
    if not _OUTSIDE.search(line):
        return set()
    return {
        m["name"] for m in _CALL.finditer(line)
        if m["name"] not in _KEYWORDS and m["receiver"] is not None and _STEP.search(m["name"])
    }  # fmt: skip
