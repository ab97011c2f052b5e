"""Text from logs as GitHub's Markdown: it reads the same, and does nothing."""

from __future__ import annotations

import re

from nova_timeline.blameless import without_names
from nova_timeline.wording import printable

_LONG = 200

# A backslash makes ASCII punctuation plain text (CommonMark 0.31, section 2.4).
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&])")
_AT_START = re.compile(r"^(\d{0,9})([-+#=.):])")
# GitHub links these even where they are escaped; a zero-width space, written out, keeps them text.
_MENTION = re.compile(r"([@#])(?=\w)")


def escaped(text: str, limit: int = _LONG) -> str:
    """Return text from a log as Markdown that reads the same, names nobody, and does nothing."""
    return inert(printable(without_names(text), limit))


def inert(plain: str) -> str:
    """Return text as Markdown that reads the same and does nothing; nothing is taken out of it."""
    plain = _SPECIAL.sub(r"\\\1", plain)
    plain = _AT_START.sub(r"\1\\\2", plain)
    plain = plain.replace("://", r"\://").replace("www.", r"www\.")
    return _MENTION.sub(r"\1&#8203;", plain)
