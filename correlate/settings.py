"""Values that a change moves: a setting's name, what it was, what it is, and by how much.

Found as ``key = value`` in any notation, and as lines that are alike but for a value, where the
name is the nearest word before it: ``WithTimeout(ctx, 3 * time.Second)``.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NUMBER = r"-?\d[\d_]*(?:\.\d+)?(?:\s*[A-Za-z%]{1,3}\b|%)?(?:\s*(?:\*|<<)\s*[\w.]+)*"
_WORD = r"\b(?:true|false|on|off|yes|no|none|null|nil|enabled|disabled)\b"
_VALUE = rf"(?:{_NUMBER}|{_WORD}|\"[^\"\n]*\"|'[^'\n]*')"
_IS = r"(?::\s*[\w.\[\]<>]+\s*=|:=|=>|[:=](?!=))"
_PAIR = re.compile(
    rf"(?P<key>[A-Za-z_][\w.\-]*)[\"']?\s*{_IS}\s*(?P<value>{_VALUE})", re.IGNORECASE
)
_PLAIN = re.compile(
    r"^\s*[\"']?(?P<key>[A-Za-z_][\w.\-]*)[\"']?\s*[:=]\s*(?P<value>[^\s=][^{}\[\]()]*?),?\s*$"
)
_SPACED = re.compile(
    rf"^\s*(?!return|case|yield|throw|exit|else|goto|sleep)(?P<key>[a-z][\w.\-]*)\s+"
    rf"(?:\d+,\s*)?(?P<value>{_NUMBER}|{_WORD});?\s*$"
)  # nginx, haproxy, redis and sshd write so
_PART = re.compile(
    r"[A-Za-z_][\w.]*|\"[^\"\n]*\"|'[^'\n]*'|\d[\d_.]*(?:\s*\*\s*[A-Za-z_][\w.]*|\s*<<\s*\d+)?"
    r"|[<>=!&|]{1,3}|\S"
)
_KEPT_UNDER = re.compile(r"\"[\w.\-]+\"|'[\w.\-]+'|(?:\w+\.)*[A-Z][A-Z0-9_]{2,}")
_SIZE = re.compile(
    r"(?P<number>-?\d[\d_]*(?:\.\d+)?)\s*(?P<unit>[A-Za-z%]*)(?P<times>(?:\s*(?:\*|<<)\s*[\w.]+)*)"
)
_TIMES = re.compile(r"(\*|<<)\s*([\w.]+)")
_UNITS = {
    "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0,
    "d": 86400.0, "nanosecond": 1e-9, "microsecond": 1e-6, "millisecond": 1e-3, "second": 1.0,
    "minute": 60.0, "hour": 3600.0, "day": 86400.0, "k": 1e3, "ki": 1024.0, "kb": 1e3, "mb": 1e6,
    "mi": 2.0**20, "gi": 2.0**30, "gb": 1e9, "g": 1e9,
}  # fmt: skip
_ON = frozenset(("true", "on", "yes", "enabled"))
_OFF = frozenset(("false", "off", "no", "disabled", "none", "null", "nil"))
_OPENS = frozenset(("(", ":", "=", ":=", "<", ">", "<=", ">=", "=="))
VALUE = re.compile(
    r"^(?P<before>.{0,120}?[\s{,\"'-])?(?P<key>(?:parameter_?|option_?)?value|val)(?P<after>[\"']?\s*[:=](?!=).*)$",
    re.IGNORECASE,
)
"""A line that gives a value whose name stands beside it."""
_NAMED = re.compile(
    r"(?:^|[\s{,\"'-])(?:(?:parameter_?|option_?|setting_?|variable_?)?(?:name|key)|parameter|option"
    r"|setting|variable)[\"']?\s*[:=](?!=)\s*[\"']?(?P<name>[A-Za-z_][\w.\-]{2,})[\"']?\s*(?:[,}]|$)",
    re.IGNORECASE,
)
_BESIDE = 5  # lines above a value, or as many less three below it, within which its name stands
_BARE = re.compile(r"(?:milli|micro|nano)?second|minute|hour|day", re.IGNORECASE)
_NAMED_UNIT = re.compile(
    r"(?<=[a-z])_?(?:in_?)?(?P<unit>ns|us|ms|milli(?:second)?s?|s|secs?|seconds?|minutes?|mins?|hours?"
    r"|kb|mb|gb|bytes)$",
    re.IGNORECASE,
)
_PROCESSOR = re.compile(r"\bcpus?\b|cpu$|_cpu_|cpu[_.-]?(request|limit)", re.IGNORECASE)
_SPOKEN = re.compile(
    r"\b(?:parameter|setting|option|variable|property)\s+[\"'`]?(?P<key>[A-Za-z_][\w.\-]*)[\"'`]?"
    r"(?:\s+(?:was|has|been|is|changed|set|updated|modified))*"
    r"(?:\s+from\s+[\"'`]?(?P<old>[\w.%\-]+)[\"'`]?)?\s+to\s+[\"'`]?(?P<new>[\w.%\-]+)",
    re.IGNORECASE,
)
_ARROWED = re.compile(
    r"(?<![\w.\-])(?P<key>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Za-z]\w*(?:[._-]\w+)+|[a-z]+(?:[A-Z][a-z0-9]+)+)"
    r"[\"'`]?\s*[:=]?\s*[\"'`]?(?P<old>[\w.%\-]+)[\"'`]?\s*(?:->|=>|→)\s*[\"'`]?(?P<new>[\w.%\-]+)"
    r"(?![\w.%\-]|,\S)"  # no list
)
"""``KEEP_ALIVE_MS 75000 -> 5000``: a name of several words, and what it was before an arrow."""
_MOST_BITS = 64
_MOST_SWAPS = 2  # values that may differ in lines that are alike
_SENTENCE = 60  # characters of a value that a sentence quotes
_MOST_TOLD = 20_000  # lines, for each setting that is lost, that may be searched for it
_WORDS_OF_ITS_OWN = 2  # of a key; one word stands in many a line
_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_GIVEN = r"\w*[\s\"'`]*[=:,(][^\w\"'`]*[\"'`]?(?P<value>\d[\w.]*)"
_MOST_ALIKE = 200
"""How many lines of as many parts a diff may put in, for those it takes out to be held to them."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that moved."""

    key: str
    old: str
    new: str

    @property
    def _amounts(self) -> tuple[float | None, float | None]:
        """Read both values; of a processor, ``m`` is a thousandth and not a minute."""
        read = _cores if _PROCESSOR.search(self.key) else amount
        return read(self.old), read(self.new)

    @property
    def ratio(self) -> float | None:
        """Return how many times the old value the new one is; None where they are no numbers."""
        old, new = self._amounts
        return None if old is None or new is None or old <= 0 else new / old

    @property
    def moved(self) -> str:
        """Say which way: up, down, on, off, gone or other."""
        if not self.new:
            return "gone" if self.old else "other"
        ratio = self.ratio
        if ratio is not None and ratio != 1:
            return "up" if ratio > 1 else "down"
        old, new = self._amounts
        if old is not None and new is not None and old != new:
            return "up" if new > old else "down"
        was, now = (v.strip("\"' ").casefold() for v in (self.old, self.new))
        if was in _OFF and now in _ON:
            return "on"
        return "off" if was in _ON and now in _OFF else "other"


def amount(text: str) -> float | None:
    """Read a number with its unit: 250ms, 5 * time.Millisecond, 512Mi, 512 << 10, 40.

    Returns:
        Seconds or bytes where the unit says so, else the number; None where it is none. A unit by
        itself (``per: minute``) is one of it.
    """
    bare = text.strip().strip("\"'")
    found = _SIZE.fullmatch(f"1 {bare}" if _BARE.fullmatch(bare) else bare)
    if found is None:
        return None
    value = float(found["number"].replace("_", ""))
    value *= _UNITS.get(found["unit"].lower(), 1.0)
    for sign, factor in _TIMES.findall(found["times"]):
        name = factor.rpartition(".")[2].lower().rstrip("s") or factor
        if sign == "<<":
            value *= 2.0 ** min(int(factor), _MOST_BITS) if factor.isdecimal() else 1.0
        else:
            value *= float(factor) if factor.isdecimal() else _UNITS.get(name, 1.0)
    return value


def _cores(text: str) -> float | None:
    """Read how much of a processor: 1500m, 2 (Kubernetes' quantities)."""
    bare = text.strip().strip("\"'")
    thousandths = bare.removesuffix("m")
    return (
        float(thousandths) / 1000
        if thousandths != bare and thousandths.isdecimal()
        else amount(bare)
    )


def short(text: str) -> str:
    """Cut a value or a word to what fits into a sentence."""
    return text if len(text) <= _SENTENCE else text[: _SENTENCE - 1] + "…"


def moved(gone: Sequence[str], new: Sequence[str]) -> tuple[Setting, ...]:
    """Find values that moved between lines taken out and lines put in, once each."""
    old, now = _pairs(gone), _pairs(new)
    found = [Setting(k, v, now[k]) for k, v in old.items() if k in now and now[k] != v]
    lost = {k: v for k, v in old.items() if k not in now and amount(v) is not None}
    other = {_unitless(k): (k, v) for k, v in now.items() if k not in old}
    few = len(lost) * max(len(new), len(other)) <= _MOST_TOLD
    for k, v in lost.items():
        if few and any(_is_renamed((k, v), to) for to in other.values()):
            continue
        name, value = other.get(_unitless(k), ("", ""))
        told = "" if name or not few else _told(k, new)
        if amount(told) != amount(v):
            found.append(Setting(name or k, v, value or told))
    known = {s.key.rpartition(".")[2].casefold() for s in found if s.new}
    found += [s for s in _swaps(gone, new) if s.key.rpartition(".")[2].casefold() not in known]
    return tuple(dict.fromkeys(found))


def _pairs(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        pairs = [*_PAIR.finditer(line)] or [*_PLAIN.finditer(line)] or [*_SPACED.finditer(line)]
        for pair in pairs:
            key, value = pair["key"], pair["value"].strip()
            if amount(found.get(key, "")) is None and (key not in found or amount(value)):
                found[key] = value  # a number says more than the type that is declared
    return found


def _told(key: str, lines: Iterable[str]) -> str:
    """Give the number that lines give to a key in code: ``put(MAX_POLL_RECORDS_CONFIG, 200)``."""
    words = _NAME_WORD.findall(key.rpartition(".")[2])
    if len(words) < _WORDS_OF_ITS_OWN:
        return ""
    named = re.compile(r"[\W_]{0,2}".join(map(re.escape, words)) + _GIVEN, re.IGNORECASE)
    return next((m["value"] for line in lines if (m := named.search(line))), "")


def called(place: Sequence[tuple[str, str]], sign: str) -> list[str]:
    """List the lines of one sign, with values called by the names that stand beside them.

    Many formats keep a setting's name and its value apart: variables of a container, parameters
    of a managed database.

    Args:
        place: the lines of a place that was changed, each with its sign.
        sign: the sign of those asked for.
    """
    lines = [(s, line) for s, line in place if s in (" ", sign)]
    return [_called(lines, at) for at, (s, _) in enumerate(lines) if s == sign]


def _called(lines: Sequence[tuple[str, str]], at: int) -> str:
    """Put the name that stands beside a value in the place of the word ``value``."""
    line = lines[at][1]
    value = VALUE.match(line)
    if value is None:
        return line
    above = [x for _, x in lines[max(0, at - _BESIDE) : at]][::-1]
    below = [x for _, x in lines[at + 1 : at + _BESIDE - 2]]
    near = [line, *_until_value(above), *_until_value(below)]
    name = next((m["name"] for x in near if (m := _NAMED.search(x)) is not None), value["key"])
    return f"{value['before'] or ''}{name}{value['after']}"


def _until_value(lines: Sequence[str]) -> Iterable[str]:
    """Give lines up to the next that gives a value, which has a name of its own."""
    return itertools.takewhile(lambda x: VALUE.match(x) is None, lines)


def _is_renamed(old: tuple[str, str], new: tuple[str, str]) -> bool:
    """Say whether a value is the same under a name that has all the words of the one it had."""
    was, now = ({w.casefold() for w in _NAME_WORD.findall(k)} for k, _ in (old, new))
    return len(was) >= _WORDS_OF_ITS_OWN and was <= now and amount(old[1]) == amount(new[1])


def _unitless(key: str) -> str:
    """Fold a name that says its unit and one that does not: ``timeoutMs`` and ``timeout``."""
    return _NAMED_UNIT.sub("", key).replace("_", "").casefold()


def _swaps(gone: Sequence[str], new: Sequence[str]) -> list[Setting]:
    """Pair lines that are alike but for one or two parts; a table of data is not looked through."""
    found: list[Setting] = []
    free: dict[int, list[list[str]]] = {}
    for parts in map(_PART.findall, new):
        free.setdefault(len(parts), []).append(parts)
    for parts in map(_PART.findall, gone):
        alike = free.get(len(parts), [])
        if not alike or len(alike) > _MOST_ALIKE:
            continue
        best = min(alike, key=lambda other: _apart(parts, other))
        if _apart(parts, best) > min(_MOST_SWAPS, len(parts) // 3):
            continue
        alike.remove(best)
        found += [
            Setting(_name(parts, at), a, b)
            for at, (a, b) in enumerate(zip(parts, best, strict=True)) if a != b
        ]  # fmt: skip
    return found


def _apart(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Count the parts that differ between two lines of as many parts."""
    return sum(a != b for a, b in zip(ours, theirs, strict=True))


def _name(parts: Sequence[str], at: int) -> str:
    """Name a value by the name that is put beside it in a call, as ``put("linger.ms", 5)`` does.

    Elsewhere by the nearest word before it that opens something or is compared.
    """
    match parts[max(0, at - 3) : at]:
        case "(", name, "," if _KEPT_UNDER.fullmatch(name):
            return name.strip("\"'")
        case _:
            pass
    before = [*itertools.pairwise(parts[: at + 1])]
    opened = [a for a, b in before if _is_word(a) and b in _OPENS]
    words = [p for p in parts[:at] if _is_word(p)]
    return (opened or words or [""])[-1]


def _is_word(part: str) -> bool:
    return part[0].isalpha() or part[0] == "_"


def spoken(text: str) -> list[Setting]:
    """Find the values that a sentence says were set, as event feeds of managed services do.

    >>> spoken("Updated parameter work_mem to 4096 with apply method immediate")
    [Setting(key='work_mem', old='', new='4096')]
    >>> spoken("checkout synced: ConfigMap checkout-env POOL_SIZE 20 -> 5")
    [Setting(key='POOL_SIZE', old='20', new='5')]
    """
    told = (*_SPOKEN.finditer(text), *_ARROWED.finditer(text))
    return [Setting(m["key"], m["old"] or "", m["new"].rstrip(".")) for m in told]
