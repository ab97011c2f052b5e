"""What our own records show of the trouble of those outside: by their name, and by its kind.

A client speaks of the provider it calls by name (``mailer: 503``) where its spans have the host.
Who tells of packets lost is right about us where our own packets are lost just then.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import affinity
from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nova_timeline.knowledge import Trigger

    from .scene import Scene
    from .symptoms import Symptom

ANYBODYS = frozenset(
    affinity.words(
        "error rate latency request response service performance degraded status increased elevated"
        " investigating affected issue fail failure failed unavailable api health dashboard region"
        " availability zone resolved identified monitoring recovering update customer time call"
    )
)
"""Words of every notice of trouble."""
_OF_PARTS = re.compile(r"\b[a-z][a-z0-9]+(?:[-_][a-z][a-z0-9]+)+", re.IGNORECASE)
_ONE_ONLY = re.compile(
    r"(?<![\w.:/-])(?=[A-Za-z])[\w.-]{0,60}?(?:\d{6,20}|\d{4}[-.]\d\d[-.]\d\d)(?![\d:T])\w{0,20}(?![\w-])"
)
"""A name with a number or a day in it, which is that of one thing only: ``prices-20260303``."""
_ZONE = re.compile(r"[a-z]{2,10}-(north|south|east|west|central)\w*", re.IGNORECASE)
_ECHOED = 0.15
_SAME = 0.3
_SHORTEST = 4  # letters of a name that is not found in other words by chance
_CODE = re.compile(r"\b5(?:0[0-4]|2\d)\b")
_KINDS = tuple(
    (re.compile(told, re.IGNORECASE), re.compile(shown))
    for told, shown in (
        (
            r"packet|network|connectivity|inter-?az|peering",
            r"retrans\w*|packets? (loss|lost|drop\w*)|dropped packets"
            r"|(loss|drop) (ratio|rate|percent|pct)|round trip|\brtt\b|unreachable",
        ),
        (
            r"\bvolumes?\b|\bebs\b|block storage|persistent disk|managed disk|\bdisks?\b",
            r"(disk|volume|iops?|read|write|fsync|io) (latency|wait|queue|time|await)|stalled"
            r"|io ?wait",
        ),
        (
            r"\bdns\b|resolv|route ?53",
            r"(dns|lookup|resol\w+) (error|fail\w*|latency|duration|timeout|time)|servfail",
        ),
        (
            r"\binstances?\b|\bpower\b|\bcapacity\b|\bhosts?\b|\bnodes?\b",
            r"\b(nodes?|instances?|hosts?)\b[\w ]{0,30}(ready|healthy|available|running)",
        ),
    )
)
"""What a provider tells of, and the metrics that show it to who stands on it."""


def by_name(
    trigger: Trigger, fits: Sequence[Symptom], hosts: Iterable[str], scene: Scene
) -> list[Symptom]:
    """Add the errors that speak of the hosts on which calls fail by the name of who has them.

    So do those that pass on the status with which they answered.

    Args:
        trigger: what they must show as well.
        fits: what shows it on hosts.
        hosts: those hosts.
        scene: what all is judged against.
    """
    names = {n for h in hosts for n in h.split(".")[-2:-1] if len(n) >= _SHORTEST}
    names -= scene.entity_names - {e.casefold() for e in scene.outsiders}
    if not names:
        return [*fits]
    spoken = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names)))})\b", re.IGNORECASE)
    others = [m for m in scene.symptoms if m.is_error and m not in fits and trigger.fits(m.text)]
    named = [*fits, *(m for m in others if spoken.search(m.raw))]
    codes = {(m.entity, code) for m in named for code in _CODE.findall(m.raw)}
    passed = [m for m in others if codes & {(m.entity, c) for c in _CODE.findall(m.raw)}]
    return [m for m in scene.symptoms if m in named or m in passed]


def seen(fits: Sequence[Symptom], scene: Scene) -> list[Term]:
    """Say whether metrics of what failed show the kind of trouble that a provider tells of."""
    told = "\n".join(m.raw for m in fits)
    kinds = [shown for says, shown in _KINDS if says.search(told)]
    own = {scene.cascade.root, *scene.troubled_entities}
    for m in scene.symptoms:
        if m.is_measured and m.entity in own and any(k.search(m.text) for k in kinds):
            text = f"{m.entity} shows it too: {m.raw.splitlines()[0]}"
            return [Term(text, _ECHOED, (m.signal,), "record")]
    return []


def names(fits: Sequence[Symptom], scene: Scene) -> list[Term]:
    """Say whether what failed names the very thing that a provider tells of."""
    numbers = {m.signal for m in fits}
    same = handed(fits, scene)
    if same is not None:
        return [
            Term(f"what failed works on the very thing it tells of: {same}", _SAME, (), "record")
        ]
    failed = (m for m in scene.symptoms if m.is_error and m.signal not in numbers)
    said = {n for m in failed for n in _parts(m.raw)}
    named = sorted({n for m in fits for n in _parts(m.raw)} & said)
    if not named:
        return []
    return [Term(f"what failed names it: {named[0]}", 0.15, (), "record")]


def handed(fits: Sequence[Symptom], scene: Scene) -> str | None:
    """Name the one delivery, batch or build that a provider tells of and records at the root name.

    Those need be no errors: what is wrong in data is told of by what does its work well on them.
    """
    numbers = {m.signal for m in fits}
    ours = [
        m for m in scene.symptoms if m.signal not in numbers and m.entity not in scene.outsiders
    ]
    failed = (m for m in ours if m.is_error or (m.at_root and m.count))
    said = {n.casefold() for m in failed for n in _ONE_ONLY.findall(m.raw)}
    told = {n.casefold(): n for m in fits for n in _ONE_ONLY.findall(m.raw)}
    return min((told[n] for n in told.keys() & said), default=None)


def _parts(text: str) -> set[str]:
    """Find the names of several parts in a text, as machines and databases have: `shop-orders`.

    The number that tells one of several machines apart is no part of what they are.
    """
    found = {n.casefold() for n in _OF_PARTS.findall(text) if not _ZONE.fullmatch(n)}
    return {n for n in found if affinity.words(n, ANYBODYS)}
