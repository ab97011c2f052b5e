"""How times, durations and text from logs are put before people.

Whatever a log says is data: control characters, terminal escapes, and the invisible characters that
reorder a line (Unicode TR36, "bidirectional text spoofing") are written out instead of obeyed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nova_timeline.clock import rfc3339

if TYPE_CHECKING:
    from nova_timeline.model import Moment

# C0, DEL, C1; soft hyphen; bidi marks and overrides; zero-width characters; line and paragraph
# separators; lone surrogates; tags.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_LINK = re.compile(
    r"https://[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?(?:[/?#][\w.~:/?#@!$&'()*+,;=%-]*)?", re.A
)
_SHORT = 120
_UNITS = (("d", "h", (86_400, 3_600)), ("h", "min", (3_600, 60)), ("min", "s", (60, 1)))


def printable(text: str, limit: int | None = None) -> str:
    r"""Return text on one line with every unseen character written out, cut to limit characters.

    >>> printable("ok\x1b[2J")
    'ok\\x1b[2J'
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def short(text: str) -> str:
    """Return text as `printable` does, at a length that fits a table."""
    return printable(text, _SHORT)


def duration(seconds: float | None) -> str:
    """Say how long something took, to two units; None is ``not known``.

    >>> duration(3_900.0)
    '1 h 5 min'
    """
    if seconds is None:
        return "not known"
    sign, left = ("-", -seconds) if seconds < 0 else ("", seconds)
    if 0 < left < 1:
        return f"{sign}{left * 1000:.3g} ms"
    if left < 59.95:  # above, a tenth rounds up to the minute
        return f"{sign}{_decimal(left)} s"
    whole = round(left)
    for big, small, size in _UNITS:
        if whole >= size[0]:
            return sign + _two(whole // size[0], big, whole % size[0] // size[1], small)
    return f"{sign}{whole} s"


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big} {big_unit}" + (f" {small} {small_unit}" if small else "")


def _decimal(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def when(time: int, precision: int = 1_000_000_000) -> str:
    """Write a time as ``2026-03-03 13:30:00.120`` (UTC), cut after the milliseconds.

    Digits that are there are shown whatever the precision (ns) is.
    """
    text = rfc3339(time, precision).removesuffix("Z").replace("T", " ")
    whole, dot, fraction = text.partition(".")
    return f"{whole}{dot}{fraction[:3]}"


def moment_time(moment: Moment) -> str:
    """Write when a moment happened, after a ``~`` where its place in the order is not certain."""
    mark = "~" if moment.order == "uncertain" else ""
    return f"{mark}{when(moment.time, moment.precision_ns)} {doubt(moment)}".rstrip()


def doubt(moment: Moment) -> str:
    """Write how far a time may be off: ``± 30 s``, or nothing where no digit shown is in doubt."""
    fraction = "." in when(moment.time, moment.precision_ns)
    shown = 1_000_000 if fraction else 1_000_000_000
    off = moment.uncertainty_ns
    return f"± {duration(off / 1e9)}" if off >= shown else ""


def lead(moment: Moment) -> str:
    """Return ``entity: `` to go before a title, or nothing if the title begins with it anyway."""
    rest = moment.title.removeprefix(moment.entity)
    if not moment.entity or (rest != moment.title and not rest[:1].isalnum()):
        return ""
    return f"{moment.entity}: "


def link(url: str | None) -> str | None:
    """Return the address if it is a plain ``https`` one that is safe to follow, else None."""
    return url if url and _LINK.fullmatch(url) else None


def counted(number: int, one: str, many: str | None = None) -> str:
    """Write ``1 record`` or ``2,300 records``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def words(name: str) -> str:
    """Write an identifier such as ``code_change`` as words."""
    return printable(name).replace("_", " ")
