"""Alert rules over the metrics, evaluated each minute as the clouds do; some fire for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.scenario import MINUTE, SECOND, Alert, dice, uid

from .observed import AGE, CPU, ERRORS, LATENCY, REQUESTS, WAITING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .observed import Gauge

_WATCHED = 0.75
"""The share of metrics that somebody has an alert on."""
_FLAPS = 0.006
"""The share of alerts that fire once for nothing."""
_AGAIN = 4
"""Minutes without a breach until an alert is resolved."""


def fired(gauges: Sequence[Gauge], seed: int, entry: str) -> Iterator[Alert]:
    """Evaluate the rules that somebody set up."""
    requests = {g.entity: dict(g.series.points) for g in gauges if g.gauge == REQUESTS}
    for gauge in gauges:
        rng = dice("alert", seed, gauge.entity, gauge.gauge)
        watched = rng.random() < _WATCHED or gauge.entity == entry
        rule = _rule(gauge, requests)
        if not watched or rule is None:
            continue
        name, threshold, needed, breaches = rule
        if rng.random() < _FLAPS and len(breaches) > 30:
            at = rng.randrange(10, len(breaches) - 10)
            breaches[at : at + needed] = [True] * needed
        for first, last in _episodes(breaches, needed):
            yield _alert(gauge, name, threshold, needed, first, last, rng.uniform(8, 55))


def _rule(
    gauge: Gauge, requests: Mapping[str, Mapping[int, float]]
) -> tuple[str, float, int, list[bool]] | None:
    """Return a rule's name, threshold, how many minutes it needs, and which minutes breach."""
    points = gauge.series.points
    values = [v for _, v in points]
    calm = sorted(values[: len(values) // 4] or [0.0])
    usual = calm[len(calm) // 2]
    if gauge.gauge == ERRORS:
        served = requests.get(gauge.entity, {})
        breaches = [v > max(5.0, 0.02 * (served.get(t, 0.0) + v)) for t, v in points]
        return f"{gauge.entity}-5xx", 5.0, 2, breaches
    if gauge.gauge == LATENCY and usual > 0:
        return f"{gauge.entity}-latency", round(usual * 3, 4), 3, [v > usual * 3 for v in values]
    if gauge.gauge in (AGE, WAITING):
        limit = max(60.0, usual * 8)
        return f"{gauge.entity}-{gauge.gauge}", round(limit, 2), 3, [v > limit for v in values]
    if gauge.gauge == CPU:
        limit = 90.0 if gauge.series.unit == "Percent" else 0.9
        return f"{gauge.entity}-cpu", limit, 4, [v > limit for v in values]
    return None


def _episodes(breaches: Sequence[bool], needed: int) -> Iterator[tuple[int, int | None]]:
    """Find when an alert fires and when it is resolved, in minutes; None when it never is."""
    firing: int | None = None
    run = calm = 0
    for minute, breach in enumerate(breaches):
        run, calm = (run + 1, 0) if breach else (0, calm + 1)
        if firing is None and run >= needed:
            firing = minute
        elif firing is not None and calm >= _AGAIN:
            yield firing, minute
            firing = None
    if firing is not None:
        yield firing, None


def _alert(
    gauge: Gauge, name: str, threshold: float, needed: int, first: int, last: int | None,
    late: float,
) -> Alert:  # fmt: skip
    points = gauge.series.points
    delay = int(late * SECOND) // 1_000_000 * 1_000_000
    resolved = points[last][0] + MINUTE + delay if last is not None else 0
    recent = tuple(round(v, 4) for _, v in points[max(0, first - needed + 1) : first + 1])
    return Alert(
        uid("alert", name, points[first][0]), gauge.series.system, name, gauge.entity,
        points[first][0] + MINUTE + delay, resolved, gauge.series.metric, threshold, recent,
        "Sev1" if gauge.series.system == "azure" else "CRITICAL",
    )  # fmt: skip
