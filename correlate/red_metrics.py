"""Which metrics tell of rate, errors and duration, by their names.

Rate, errors and duration of requests are what every service can be judged by, whatever it does (T.
Wilkie, "The RED Method", 2015; B. Beyer et al., "Site Reliability Engineering", O'Reilly 2016,
chapter 6). Names are read as OpenTelemetry's semantic conventions, CloudWatch, Cloud Monitoring,
Azure Monitor and Prometheus give them: words in any spelling, with the statistic among them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["rate", "errors", "failing", "working", "duration"]
"""Requests; failed requests; the share that fails; the share that works; how long one takes."""
MODES: tuple[Literal["errors", "duration"], ...] = ("errors", "duration")
"""What can go wrong with requests: they fail, or they take long."""

_WORD = re.compile(
    r"[0-9]+(?:xx|XX)|p[0-9]+|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+", re.ASCII
)
_JOINED = {
    "requestcount": ("request", "count"), "responsetime": ("response", "time"),
    "errorrate": ("error", "rate"), "errorcount": ("error", "count"),
    "successrate": ("success", "rate"), "totaltime": ("response", "time"),
}  # fmt: skip
_STEM = {"requests": "request", "calls": "call", "invocations": "invocation", "errors": "error",
         "faults": "error", "fault": "error", "failures": "error", "failure": "error",
         "failed": "error", "5xx": "error", "500": "error", "exceptions": "error",
         "exception": "error", "transactions": "transaction", "spans": "span",
         "latencies": "latency", "durations": "duration", "hits": "hit",
         "percentage": "percent", "pct": "percent", "ratio": "share", "fraction": "share",
         "average": "mean", "avg": "mean", "maximum": "max", "minimum": "min",
         "milliseconds": "ms", "millis": "ms", "seconds": "s", "sec": "s",
         "microseconds": "us"}  # fmt: skip


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_REQUESTS = frozenset({"request", "call", "invocation", "hit", "transaction", "span"})
_PER_SECOND = frozenset({"rps", "qps", "tps", "throughput"})
_NO_RATE = _set(
    "error success duration latency time size bytes byte length active inflight concurrent "
    "pending queue queued queries query limit throttle throttled throttles rejected retry "
    "retries timeout 4xx 3xx 2xx body depth age saturation utilization cpu memory cache "
    "cached"
)
_NO_ERROR = _set("retry retries 4xx throttle throttled correctable budget burn")
_NO_DURATION = _set(
    "gc lock replication replica queue lag uptime until age sum count min startup cold "
    "init bucket scrape rule cron poll ttl"
)
_USED = _set(
    "db sql database s3 redis cache client upstream downstream external dns kafka queue "
    "dependency provider disk io"
)
_STATISTIC = {"mean": 0, "sum": 0, "p50": 1, "median": 1, "p75": 2, "p90": 3, "p95": 4, "p99": 5,
              "p999": 6, "max": 7}  # fmt: skip
_PLAIN = 1  # a duration that does not say which statistic it is
_FOREIGN = 20  # what an entity uses tells less of itself than its own requests


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a metric says of requests."""

    role: Role
    rank: int
    """Of several metrics that an entity has for one role, the lowest is used."""
    scale: float = 1.0
    """What a value is to be multiplied with: percent become shares, all durations seconds."""
    per_second: bool = False
    """Whether it counts by the second, not by the interval."""


@lru_cache(maxsize=4096)
def meaning(metric: str) -> Meaning | None:
    """Read a metric's name; None where it does not speak of requests."""
    words = _words(metric)
    known = set(words)
    rank = len(words) + 8 * min((_STATISTIC[w] for w in known & _STATISTIC.keys()), default=_PLAIN)
    rank += _FOREIGN * bool(known & _USED)
    share = 0.01 if "percent" in known else 1.0
    if "availability" in known or (known & {"success"} and known & {"rate", "share", "percent"}):
        return Meaning("working", rank, share)
    if "error" in known and not known & (_NO_ERROR | {"duration", "latency"}):
        if known & {"share", "percent"} or {"error", "rate"} <= known:
            return Meaning("failing", rank, share)
        return Meaning("errors", rank, per_second="per" in known)
    if _is_duration(words, known):
        scale = next((s for w, s in (("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)) if w in known), 1.0)
        return Meaning("duration", rank, scale)
    if _is_rate(words, known):
        second = bool(known & _PER_SECOND) or "per" in known
        return Meaning("rate", rank, per_second=second)
    return None


def mode(text: str) -> Literal["errors", "duration"] | None:
    """Say what a text, such as an alert's title, holds against requests; None where it does not."""
    known = set(_words(text))
    if known & {"latency", "duration", "slow"} or {"response", "time"} <= known:
        return "duration"
    return "errors" if known & {"error", "availability", "success", "unavailable"} else None


def _words(name: str) -> list[str]:
    """Split a name at case, digits and punctuation, and bring its words into one form."""
    found: list[str] = []
    for word in _WORD.findall(name.replace("_", " ")):
        low = word.lower()
        found += [_STEM.get(part, part) for part in _JOINED.get(low, (low,))]
    return found


def _is_duration(words: list[str], known: set[str]) -> bool:
    named = bool(known & {"duration", "latency"}) or {"response", "time"} <= known
    return named and not known & _NO_DURATION and "error" not in words


def _is_rate(words: list[str], known: set[str]) -> bool:
    if known & _PER_SECOND and not known & _NO_RATE:
        return True
    by_histogram = words[-1:] == ["count"] and known & {"duration", "latency"}
    if by_histogram and known & {"request", "server", "call", "span"}:
        return True
    ratio = "per" in known and not known & {"s", "second", "minute"}
    return bool(known & _REQUESTS) and not known & _NO_RATE and not ratio and "mean" not in known
