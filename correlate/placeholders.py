"""What was to be filled in and came as it was written: whoever writes it so is asked.

A template, a macro or a variable is filled in by somebody on the way. Where what reads the result
is handed the placeholder itself, it was written so that nobody knew it any more: quoted, encoded,
in a text that is not filled in, or by a name that nobody fills in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .diffs import Diff

_PLACEHOLDER = re.compile(
    r"[$#%@]\{+\s*(?P<braced>[\w.:-]{2,})\s*\}"  # ${NAME}, #{name}, %{name}
    r"|\{\{-?\s*[.$&]?(?P<doubled>[\w.-]{2,})[^{}\n]{0,40}\}\}"  # {{ name }}, {{.Name | upper}}
    r"|<%[=-]?\s*(?P<tagged>[\w.@-]{2,})\s*-?%>"
    r"|\$\((?P<bracketed>[A-Z]\w+)\)"
    r"|(?P<mark>%%|@@)(?P<marked>[A-Z]\w+)(?P=mark)"
)
_GROUPS = ("braced", "doubled", "tagged", "bracketed", "marked")


def left(diff: Diff, texts: Iterable[str]) -> str | None:
    """Find a placeholder in lines that were changed which texts hold as it is written."""
    written = _names([*diff.gone, *diff.new, *diff.swapped])
    found = _names(texts) if written else {}
    return min((found[n] for n in written.keys() & found.keys()), default=None)


def _names(texts: Iterable[str]) -> dict[str, str]:
    """Find the placeholders in texts, encoded for an address or not: name -> as it stands there."""
    return {
        next(n for n in m.group(*_GROUPS) if n): m[0]
        for text in texts for m in _PLACEHOLDER.finditer(unquote(text))
    }  # fmt: skip
