"""Networks that a change no longer lets through, and the addresses of those that fail since.

A rule names networks by a prefix (V. Fuller and T. Li, "Classless Inter-domain Routing", RFC 4632),
and nothing that fails says a prefix: it says an address, and whether that lies in one is counted.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .diffs import Diff

    Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
    Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST = 200
"""Networks and addresses of one text that are looked at."""
_NETWORK = re.compile(
    r"(?<![\w.:/])(?=[\da-f]*[.:])[\da-f.:]{2,45}/\d{1,3}(?![\w.])", re.IGNORECASE
)
_ADDRESS = re.compile(
    r"(?<![\w.:/-])(?:(?:\d{1,3}\.){3}\d{1,3}(?![\w/-]|\.\w)|(?=[\da-f]*:[\da-f:]*:)[\da-f:]{3,39}(?![\w.:/]))",
    re.IGNORECASE,
)


def left_out(diff: Diff, texts: Iterable[str]) -> str | None:
    """Find an address that a change leaves out of the networks it names; None where there is none.

    Args:
        diff: the change.
        texts: what failed, by and by.

    Returns:
        The first address in a network that was taken out and in none that is there now.
    """
    gone, now = networks(diff.gone_text), networks(diff.after_text)
    for text in texts if gone else ():
        for address in addresses(text):
            if _is_in(address, gone) and not _is_in(address, now):
                return str(address)
    return None


def networks(text: str) -> tuple[Network, ...]:
    """Read the networks that a text names, as ``10.2.0.0/16``."""
    found = (_network(t) for t in dict.fromkeys(_NETWORK.findall(text)))
    return tuple(n for n in found if n is not None)[:MOST]


@lru_cache(4096)
def addresses(text: str) -> tuple[Address, ...]:
    """Read the addresses that a text names, each once."""
    found = (_address(t) for t in dict.fromkeys(_ADDRESS.findall(text)))
    return tuple(a for a in found if a is not None)[:MOST]


def _is_in(address: Address, among: Iterable[Network]) -> bool:
    return any(address.version == n.version and address in n for n in among)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
