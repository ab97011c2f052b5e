"""Which hosts texts name, as far as they are none of ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .scene import Scene

_HOST = re.compile(
    r"\b((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|net|org|io|co|dev|cloud|app|ai|gov|edu|eu|uk|de|fr"
    r"|cn|jp|us|ca|au|br|in|me|tech|systems|services))\b"
    r"(?!\.\w)",  # a package of code goes on: system.net.http
    re.IGNORECASE,
)
_ADDRESSED = re.compile(r"://([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)+)", re.IGNORECASE)
# nginx, of a request that failed: `server: _, request: "GET / HTTP/1.1", host: "shop.com"`.
_SERVED = re.compile(
    r"\b(?:server|host|referrer): \"?(?:https?://)?([a-z0-9][a-z0-9.-]*[a-z0-9])", re.IGNORECASE
)
_OURS = re.compile(
    r"\.(svc|local|internal|cluster|lan|corp|intra|home)\b|^(svc|internal)\."
    r"|^(10|127|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))(\.\d{1,3}){2,3}$",  # RFC 1918, 3927
    re.IGNORECASE,
)

_LABEL = re.compile(r"(?:^|\.)(?<!registry\.)(?:kubernetes|k8s)\.io$", re.IGNORECASE)
"""What keys of labels and taints begin with, which nobody calls."""


def outside(text: str, scene: Scene) -> set[str]:
    """Find the hosts a text names that are none of ours."""
    names = {h.casefold() for h in (*_HOST.findall(text), *_ADDRESSED.findall(text))}
    served = {h.casefold() for h in _SERVED.findall(text)} if ", request: " in text else set[str]()
    own = scene.entity_names - {e.casefold() for e in scene.outsiders}
    return {
        h
        for h in names - served
        if not (_OURS.search(h) or _LABEL.search(h)) and h.split(".")[0] not in own
    }
