"""Holds a timeline.json against the truth; what it says and nothing else counts.

- Root cause: right if it names the change that did it, by any name or record that the evidence has
  of it; where nothing but the world did it, if it places the cause at the right entity, or in the
  provider's own report of that trouble, calls it by a right category, and names no change. Where
  the record of what did it was lost, nobody can know more than where it was and what it looks like:
  then what it looks like is a right category too, and any change that is named is wrong.
- Order: of all pairs of moments whose true times lie further apart than their stamps can tell, the
  share that the timeline has in the right order. A stamp can tell its own coarseness, and half a
  second on a machine whose clock other records tie to others, or the most that clocks were set
  wrong by on one that nothing ties.
- Skew: of the machines whose clocks records tie to a cloud's, directly or through other machines,
  how many are known within half a second.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import _calibration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECOND = 1_000_000_000
TIED = 500_000_000
"""ns that a clock may be off which records tie to others."""
_NEAR = 60 * SECOND
_TOP = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Json = dict[str, Any]


def nanoseconds(text: str) -> int:
    """Read RFC 3339 in UTC with any number of digits."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    since = datetime.fromisoformat(whole + "+00:00") - _EPOCH
    return since // timedelta(seconds=1) * SECOND + int((fraction or "0").ljust(9, "0")[:9])


def score(truth: Mapping[str, Any], timeline: Mapping[str, Any]) -> Json:
    """Score a timeline.json against a case's truth.

    Args:
        truth: see `case.truth` and `render`.
        timeline: the document.
    """
    moments: dict[str, Json] = {m["id"]: m for m in timeline["moments"]}
    digests: dict[str, str] = {k: c["sha256"] for k, c in timeline["evidence"].items()}
    causes: list[Json] = timeline["root_causes"]
    shown = [_named(c, moments, digests) for c in causes]
    ranks = [i for i, cause in enumerate(shown, 1) if _is_right(cause, truth)]
    first = shown[0] if shown else None
    decoy = first is not None and any(_is_change(first, d) for d in truth["decoys"])
    called = timeline["verdict"] == "incident"
    order = _order(truth, timeline, digests)
    return {
        "case": truth["case"],
        "kind": truth["kind"],
        "incident": truth["incident"],
        "by_change": truth["by_change"],
        "visible": bool(truth["cause_records"]),
        "called_incident": called,
        "rank": ranks[0] if ranks else None,
        "top1": bool(ranks) and ranks[0] == 1,
        "top3": bool(ranks) and ranks[0] <= _TOP,
        "decoy": decoy,
        "named_change": first is not None and first["change"],
        "category_right": first is not None and first["category"] in truth["categories"],
        "onset_error_s": _onset_error(truth, timeline) if truth["incident"] else None,
        "cascade_root": _cascade_root(truth, timeline) if truth["incident"] else None,
        **order,
        **_skew(truth, timeline),
        "answer": first,
        "answers": _answers(causes, shown, truth),
    }


def _answers(causes: Sequence[Json], shown: Sequence[Json], truth: Mapping[str, Any]) -> list[Json]:
    """Tell of the first few answers how sure they are, why, and whether they are right."""
    told = zip(causes, _calibration.features(causes), shown, strict=True)
    return [
        {"features": list(made), "confidence": c["confidence"], "right": _is_right(named, truth)}
        for c, made, named in list(told)[:_TOP]
    ]


def _named(cause: Json, moments: Mapping[str, Json], digests: Mapping[str, str]) -> Json:
    """Say what a root cause names."""
    moment = moments.get(cause["moment"] or "")
    records = [digests[e] for e in moment["evidence"]] if moment else []
    change = cause["change_id"] is not None or bool(moment and moment["role"] == "change")
    return {"entity": cause["entity"], "category": cause["category"], "change": change,
            "change_id": cause["change_id"], "records": records,
            "title": cause["title"]}  # fmt: skip


def _is_right(cause: Json, truth: Mapping[str, Any]) -> bool:
    if truth["by_change"] and truth["cause_records"]:
        known = {"ids": truth["change_ids"], "records": truth["cause_records"]}
        return _is_change(cause, known)
    # The record in which a provider tells of the trouble that it had is as good as its name.
    told = not set(cause["records"]).isdisjoint(truth["told_records"])
    placed = told or cause["entity"] in truth["entities"]
    return placed and cause["category"] in _right_categories(truth) and not cause["change"]


def _right_categories(truth: Mapping[str, Any]) -> Sequence[str]:
    """List what the cause may be called: by what it looks like too, if no word of it was kept."""
    kept = truth["cause_records"] or truth["told_records"]
    return truth["categories"] if kept else (*truth["categories"], *truth["looks"])


def _is_change(cause: Json, change: Mapping[str, Any]) -> bool:
    """Say whether a root cause is a change, by one of its names or one of its records."""
    if cause["change_id"] is not None and cause["change_id"] in change["ids"]:
        # A flag or a setting may be changed twice; the records tell which one it was.
        return not cause["records"] or not cause["change_id"].count(".") or _shares(cause, change)
    return _shares(cause, change)


def _shares(cause: Json, change: Mapping[str, Any]) -> bool:
    return not set(cause["records"]).isdisjoint(change["records"])


def _onset_error(truth: Mapping[str, Any], timeline: Mapping[str, Any]) -> float:
    """Return how far off the onset is, in seconds; infinite where none was found."""
    onset = timeline["phases"].get("onset")
    if onset is None:
        return float("inf")
    return abs(nanoseconds(onset["time"]) - nanoseconds(truth["onset"])) / SECOND


def _cascade_root(truth: Mapping[str, Any], timeline: Mapping[str, Any]) -> bool | None:
    """Say whether the first cascade begins where the trouble did; None of trouble at one place."""
    if len(truth["struck"]) < 2:
        return None
    cascades = timeline["cascades"]
    return bool(cascades) and cascades[0]["root_entity"] in truth["roots"]


def _order(
    truth: Mapping[str, Any], timeline: Mapping[str, Any], digests: Mapping[str, str]
) -> dict[str, int]:
    """Count the pairs of moments that are separable in truth, and those in the right order."""
    records: Mapping[str, Json] = truth["records"]
    tied = set(truth["tied"])
    rows: list[tuple[int, int]] = []
    for moment in timeline["moments"]:
        known = [records[digests[e]] for e in moment["evidence"] if digests[e] in records]
        if known:
            first = min(known, key=lambda r: r["time"])
            rows.append((first["time"], _unsure(first, tied, truth)))
    counts = {"pairs": 0, "pairs_right": 0, "near_pairs": 0, "near_pairs_right": 0}
    if len(rows) < 2:
        return counts
    time, unsure = np.array(rows, np.int64).T
    later, earlier = np.tril_indices(len(rows), -1)
    apart = time[later] - time[earlier]
    separable = np.abs(apart) > np.maximum(unsure[later], unsure[earlier])
    near = separable & (np.abs(apart) <= _NEAR)
    for name, some in (("pairs", separable), ("near_pairs", near)):
        counts[name] = int(some.sum())
        counts[f"{name}_right"] = int((apart[some] > 0).sum())
    return counts


def _unsure(record: Json, tied: set[str], truth: Mapping[str, Any]) -> int:
    """Say how far a record's stamp may be from the truth, in ns, for all that evidence can tell."""
    if not record["clock"]:
        return int(record["coarse"])
    return int(record["coarse"]) + (TIED if record["clock"] in tied else truth["most_skew_ns"])


def _skew(truth: Mapping[str, Any], timeline: Mapping[str, Any]) -> dict[str, int]:
    """Count the machines whose clocks could be known, and those that are within half a second."""
    offsets = {c["clock"]: c["offset_ns"] for c in timeline["clocks"]}
    found = [h for h in truth["tied"] if f"host:{h}" in offsets]
    right = [h for h in found if abs(offsets[f"host:{h}"] - truth["skew_ns"][h]) <= TIED]
    return {"clocks": len(found), "clocks_right": len(right)}


def summary(scores: Sequence[Json], seed: int) -> Json:
    """Put the scores of many cases together.

    Args:
        scores: what `score` gave for each.
        seed: of the bootstrap.
    """
    real = [s for s in scores if s["incident"]]
    quiet = [s for s in scores if not s["incident"]]
    changed = [s for s in real if s["by_change"] and s["visible"]]
    unchanged = [s for s in real if not s["by_change"]]
    errors = sorted(s["onset_error_s"] for s in real)
    cascades = [s["cascade_root"] for s in real if s["cascade_root"] is not None]
    return {
        "top1": _share(s["top1"] for s in real),
        "top3": _share(s["top3"] for s in real),
        "ci95": {"top1": interval([s["top1"] for s in real], seed),
                 "top3": interval([s["top3"] for s in real], seed)},
        "category_right": _share(s["category_right"] for s in real),
        "onset_error_median_s": _quantile(errors, 0.5),
        "onset_error_p90_s": _quantile(errors, 0.9),
        "pairwise_order": _ratio(scores, "pairs_right", "pairs"),
        "pairwise_order_within_a_minute": _ratio(scores, "near_pairs_right", "near_pairs"),
        "cascade_root": _share(cascades),
        "skew_within_half_second": _ratio(scores, "clocks_right", "clocks"),
        "clocks": sum(s["clocks"] for s in scores),
        "decoys": sum(s["decoy"] for s in scores),
        "none_cases": len(unchanged),
        "none_right": sum(not s["named_change"] for s in unchanged),
        "false_none": sum(not s["named_change"] for s in changed),
        "change_cases": len(changed),
        "missed_incidents": sum(not s["called_incident"] for s in real),
        "quiet_cases": len(quiet),
        "quiet_called_incident": sum(s["called_incident"] for s in quiet),
        "confidence": _calibration.reliability(
            (s["answers"][0]["confidence"], s["answers"][0]["right"]) for s in real if s["answers"]
        ),
    }  # fmt: skip


def per_kind(scores: Sequence[Json]) -> dict[str, Json]:
    """Put the scores of each kind of fault together."""
    found: dict[str, Json] = {}
    for kind in sorted({s["kind"] for s in scores}):
        some = [s for s in scores if s["kind"] == kind]
        whole = summary(some, 0)
        keys = ("top1", "top3", "onset_error_median_s", "cascade_root", "decoys")
        found[kind] = {"cases": len(some), **{k: whole[k] for k in keys}}
    return found


def interval(values: Sequence[bool], seed: int, draws: int = 2000) -> list[float] | None:
    """Return the bootstrap's 95 % interval of a share; None of nothing."""
    if not values:
        return None
    draw = np.random.default_rng(seed)
    shares = draw.choice(np.array(values, np.float64), (draws, len(values))).mean(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return [round(float(low), 4), round(float(high), 4)]


def _share(values: Any) -> float | None:
    found = list(values)
    return round(sum(found) / len(found), 4) if found else None


def _ratio(scores: Sequence[Json], right: str, of: str) -> float | None:
    whole = sum(s[of] for s in scores)
    return round(sum(s[right] for s in scores) / whole, 4) if whole else None


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value at a share of a sorted list; None of nothing, or where it is infinite."""
    if not ordered:
        return None
    value = ordered[min(int(share * len(ordered)), len(ordered) - 1)]
    return round(value, 3) if value != float("inf") else None
