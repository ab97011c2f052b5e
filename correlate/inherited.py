"""What a line put into a block of a server's configuration cuts off from it.

Of some directives a block takes over all from the block around it, or none: "these directives are
inherited from the previous configuration level if and only if there are no such directives defined
on the current level" (nginx, ngx_http_proxy_module and ngx_http_headers_module). The first that is
put in undoes all that is set outside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALL_OR_NONE = re.compile(
    r"^\s*(?P<directive>proxy_set_header|add_header|add_trailer|grpc_set_header|fastcgi_param"
    r"|uwsgi_param|scgi_param|proxy_hide_header|access_log|error_page|limit_req|limit_conn)"
    r"\s+(?P<name>[^\s;]+)"
)


@dataclass(frozen=True, slots=True)
class _Set:
    """A directive, where it stands and what it is about."""

    sign: str
    line: str
    block: tuple[int, ...]
    """The blocks around it, outermost first, by number."""
    directive: str
    name: str


def cut_off(place: Sequence[tuple[str, str]]) -> str | None:
    """Give a line put in by which a block no longer takes over what is set around it.

    Args:
        place: the lines of a place that was changed, each with its sign.
    """
    found = _read(place)
    for one in found:
        if one.sign != "+":
            continue
        alike = [s for s in found if s.directive == one.directive]
        own = {s.name for s in alike if s.block == one.block and s.sign != "-"}
        had = any(s.block == one.block and s.sign != "+" for s in alike)
        around = {s.name for s in alike if _is_around(s, one) and s.sign != "-"}
        if around - own and not had:
            return one.line.strip()
    return None


def _is_around(outer: _Set, inner: _Set) -> bool:
    depth = len(outer.block)
    return depth < len(inner.block) and inner.block[:depth] == outer.block


def _read(place: Sequence[tuple[str, str]]) -> list[_Set]:
    """Find the directives of a place with the blocks that they stand in."""
    found: list[_Set] = []
    blocks, last = [0], 0
    for sign, line in place:
        told = _ALL_OR_NONE.match(line)
        if told is not None:
            at = tuple(blocks)
            found.append(_Set(sign, line, at, told["directive"], told["name"]))
        if sign == "-":
            continue
        text = line.strip()
        if text.startswith("}"):
            last += 1
            # What closes a block that opened out of sight ends all that is known.
            blocks = blocks[:-1] or [last]
        if text.endswith("{"):
            last += 1
            blocks = [*blocks, last]
    return found
