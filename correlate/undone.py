"""What taking a change back tells of it: trouble that ends with it was its doing.

People end a failure by undoing what they changed last, and are right about it more often than not;
what they undid to no avail was innocent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .durations import duration
from .episode import FIRM
from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from .episode import Signal
    from .reading import Reading
    from .scene import Scene

RESPITE = 15 * 60_000_000_000
"""ns; recovery within this after a change was undone speaks for that, the sooner the more."""
_REMEDY = -0.3
_IN_VAIN = -0.35
_HELPED = 0.2
_AT_ONCE = 0.15  # what taking back gains besides if all recovers as it is done
_COARSE = 120_000_000_000  # ns; how late a metric may be for when something got better
_STRAGGLE = 0.2  # share of the faults
_EVER = 2**62  # ns; after every window


def helped(signal: Signal, scene: Scene) -> list[Term]:
    """Learn from the first later change that took this one back: did it help?"""
    ours, told = scene.told.of(signal), scene.readings
    takers = (
        s for s in scene.after(signal)
        if not scene.told.is_carried(s) and _takes_back(signal, ours, s, told[s["signal"]])
    )  # fmt: skip
    later = min(takers, key=lambda s: (s["time"], s["signal"]), default=None)
    if later is None:
        return []
    well = [r for r in scene.recoveries if r["time"] > scene.onset]
    after = [r for r in well if -_COARSE <= r["time"] - later["time"] <= RESPITE]
    before = [r for r in well if r["time"] < later["time"] - _COARSE]
    took = f"taken back {duration((later['time'] - scene.onset) / 1e9)} after the onset"
    if len(after) <= len(before):
        late = not after and any(r["time"] > later["time"] for r in well)
        return _ended(took, later, scene, late=late)
    first = min(after, key=lambda r: (r["time"], r["signal"]))
    apart = (first["time"] - later["time"]) / 1e9
    when = f"recovery began {duration(apart)} later" if apart > 0 else "recovery began with that"
    shown = (later["signal"], first["signal"])
    left = (RESPITE - (first["time"] - later["time"])) / (RESPITE - 2 * _COARSE)
    gained = _HELPED * min(1.0, left)
    gained += _AT_ONCE * len([r for r in after if _soon(r, later)]) / len(well)
    return [Term(f"{took}, and {when}", gained, shown, "undone")]


def _ended(took: str, cure: Signal, scene: Scene, *, late: bool) -> list[Term]:
    """Learn from the faults themselves, where no recovery tells: did they last until it, or on?

    One in a few may last a little longer, as metrics do that are told of rarely.
    """
    since, until = cure["time"] - RESPITE, cure["time"] + 2 * _COARSE
    firm = [s for s in scene.cascade.signals if s["role"] == "fault" and s["weight"] >= FIRM]
    ends = [_over(s) for s in firm]
    on = [end for end in ends if end > until]
    if late or len(on) > _STRAGGLE * len(ends):
        return [Term(f"{took}, and nothing got better", _IN_VAIN, (cure["signal"],), "undone")]
    if on or max(ends, default=0) < since:
        return []
    text = f"{took}, and what failed until then failed no more"
    return [Term(text, _HELPED, (cure["signal"],), "undone")]


def _over(fault: Signal) -> int:
    """Say when a fault was over; a metric that never came back is so for ever."""
    if fault["end"] is None and fault["kind"] == "metric_change":
        return _EVER
    return int(fault["end"] or fault["time"])


def _soon(recovery: Signal, cure: Signal) -> bool:
    """Say whether something recovered as soon as what is looked at every minute can show it."""
    soon: bool = recovery["time"] - cure["time"] <= 2 * _COARSE
    return soon


def _takes_back(signal: Signal, ours: Reading, later: Signal, theirs: Reading) -> bool:
    """Say whether a later change of the same entity undoes this one."""
    if theirs.moves and any((k, new, old) in theirs.moves for k, old, new in ours.moves):
        return True
    if _is_elsewhere(_keys(ours), _keys(theirs)) or _is_elsewhere(ours.sets, theirs.sets):
        return False  # another setting of the same entity
    if signal["kind"] == later["kind"] == "deploy" and ours.revision and theirs.revision:
        undoes = theirs.reverts or ours.revision == theirs.revision
    elif signal["kind"] != "commit" and later["kind"] != "commit":
        # A parameter set again, a service deployed again: what was there before is gone.
        undoes = later["rule"] == signal["rule"] and later["kind"] == signal["kind"]
    else:
        undoes = theirs.reverts
    if undoes and theirs.quoted:
        return theirs.quoted in ours.said or not ours.is_told
    if not undoes:
        return False
    alike = sum((ours.title & theirs.title).values())
    return alike * 2 >= max(sum(ours.title.values()), 1)


def _is_elsewhere(ours: AbstractSet[str], theirs: AbstractSet[str]) -> bool:
    """Say whether both name what they set, and nothing that both do."""
    return bool(ours and theirs) and ours.isdisjoint(theirs)


def _keys(reading: Reading) -> set[str]:
    return {key.casefold() for key, _, _ in reading.moves}


def remedy(signal: Signal, scene: Scene) -> list[Term]:
    """Hold against a change that it takes back an earlier one: people do that to end a failure."""
    ours = scene.told.of(signal)
    earlier = (
        s for s in scene.before(signal) if _takes_back_in_words(s, scene.told.of(s), signal, ours)
    )
    first = next(earlier, None)
    if first is None:
        return []
    ago = duration((signal["time"] - first["time"]) / 1e9)
    text = f"takes back what was changed {ago} before, as one does to end a failure"
    return [Term(text, _REMEDY, (first["signal"],), "remedy")]


def _takes_back_in_words(signal: Signal, ours: Reading, later: Signal, theirs: Reading) -> bool:
    """Say whether a later change says itself that it undoes this one."""
    swapped = any((k, new, old) in theirs.moves for k, old, new in ours.moves)
    same = bool(ours.revision) and ours.revision == theirs.revision
    return not same and (swapped or theirs.reverts) and _takes_back(signal, ours, later, theirs)
