"""The steps of an incident: onset, detected, acknowledged, mitigated, recovered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import affinity
from .episode import FIRM

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from .cascades import Cascade
    from .episode import Episode, Signal

LEAD = 3 * 60_000_000_000
"""ns; a lone early sign further ahead than this is no onset."""
SOON = 2 * 60_000_000_000
"""ns; an alert further ahead of all other signs than this tells of something else: alerts lag."""
_MITIGATES = 20 * 60_000_000_000


@dataclass(frozen=True, slots=True)
class Phase:
    """When a step was reached, and the signal that shows it."""

    time: int
    signal: int


def onset(episode: Episode, cascades: Sequence[Cascade]) -> Phase:
    """Find when the trouble began: the first firm sign, on any entity of the widest cascade.

    An alert that fired before every such sign is the first, if they follow soon: nothing is
    detected before it begins.
    """
    wide = cascades[0].signals if cascades else tuple(episode.signals)
    faults = [s for s in wide if s["role"] == "fault"]
    signs = [s for s in faults if s["weight"] >= FIRM] or faults
    alerts = [s for s in wide if s["role"] == "alert_firing"]
    early = [a for a in alerts if not signs or 0 < signs[0]["time"] - a["time"] <= SOON]
    ahead = early[:1]
    firm = [*ahead, *signs]
    for i, s in enumerate(firm):
        over = (s["end"] or s["time"]) if s["table"] == "event" else s["time"]
        alone = i + 1 < len(firm) and firm[i + 1]["time"] - over > LEAD
        if not alone or _is_told(s, alerts):
            return Phase(_refined(s, firm), s["signal"])
    return Phase(firm[0]["time"], firm[0]["signal"])


def _is_told(sign: Signal, alerts: Sequence[Signal]) -> bool:
    """Say whether an alert of the same entity follows soon on a metric that is off ever since."""
    lasts = sign["kind"] == "metric_change" and sign["end"] is None
    return lasts and any(
        a["entity"] == sign["entity"] and 0 <= a["time"] - sign["time"] <= LEAD for a in alerts
    )


def _refined(first: Signal, firm: Sequence[Signal]) -> int:
    """Prefer an exact stamp inside the interval of a coarse one: a metric's bin holds the onset.

    Where there is none, the beginning of a finer interval inside it says more.
    """
    if first["table"] != "metric":
        return int(first["time"])
    until = first["time"] + first["precision"]
    inside = [s for s in firm if first["time"] <= s["time"] < until]
    exact = [s["time"] for s in inside if s["table"] == "event"]
    finer = [s["time"] for s in inside if s["precision"] < first["precision"]]
    return int(min(exact or finer, default=first["time"]))


def later(signals: pl.DataFrame, episode: Episode, began: Phase, root: str) -> dict[str, Phase]:
    """Find the steps after the onset; a step that no evidence shows is left out."""
    rows = [s for s in signals.to_dicts() if s["time"] >= began.time]
    found: dict[str, Phase] = {}
    troubled = set(episode.entities)
    alerts = [s for s in rows if s["role"] == "alert_firing" and (s["entity"] or "") in troubled]
    if alerts:
        found["detected"] = Phase(alerts[0]["time"], alerts[0]["signal"])
    seen = [s for s in rows if s["role"] == "acknowledgement"]
    if seen:
        found["acknowledged"] = Phase(seen[0]["time"], seen[0]["signal"])
    recovered = _recovered(rows, episode)
    if recovered is not None:
        found["recovered"] = recovered
    mitigated = _mitigated(rows, began, recovered, root)
    if mitigated is not None:
        found["mitigated"] = mitigated
    return found


def _recovered(rows: Sequence[Signal], episode: Episode) -> Phase | None:
    """Find when every sign of harm was back at its level and the alert that detected it resolved.

    Recovery is verified, not assumed: with a metric still off its level, or an alert that never
    resolved, there is none. Alerts that resolve later, by longer windows of their own, do not
    prolong it.
    """
    firm = [s for s in episode.signals if s["weight"] >= FIRM]
    metrics = [s for s in firm if s["kind"] == "metric_change"]
    if any(s["end"] is None for s in metrics):
        return None
    harmed = {(s["entity"], s["rule"]) for s in metrics}
    steps = [s for s in rows if s["role"] == "recovery" and (s["entity"], s["rule"]) in harmed]
    firing = [s for s in firm if s["role"] == "alert_firing"]
    if firing:
        first = min(firing, key=lambda s: s["time"])
        over = [
            s for s in rows
            if s["role"] == "alert_resolved"
            and s["entity"] == first["entity"] and s["time"] > first["time"]
        ]  # fmt: skip
        if not over:
            return None
        steps.append(over[0])
    if not steps:
        return None
    last = max(steps, key=lambda s: (s["time"], s["signal"]))
    return Phase(last["time"], last["signal"])


def _mitigated(
    rows: Sequence[Signal], began: Phase, recovered: Phase | None, root: str
) -> Phase | None:
    """Find the change after the onset that recovery followed: on the root first, then a revert."""
    if recovered is None:
        return None
    changes = [
        s for s in rows
        if s["role"] == "change" and began.time < s["time"] <= recovered.time
        and recovered.time - s["time"] <= _MITIGATES
    ]  # fmt: skip
    if not changes:
        return None
    best = max(
        changes,
        key=lambda s: (
            s["entity"] == root,
            s["kind"] != "commit",  # what took effect, rather than the text of it
            bool(affinity.REVERT.search(s["title"])),
            s["time"],
            -s["signal"],
        ),
    )
    return Phase(best["time"], best["signal"])
