"""Names of metrics are read as people mean them, whatever system gave them."""

import pytest

from nova_timeline.correlate import red_metrics

NAMES = {
    "rate": [
        "requests.Sum", "RequestCount", "Invocations", "requests_per_sec", "http_requests_total",
        "span.count", "http.server.request.duration.count", "run.googleapis.com/request_count",
    ],
    "errors": [
        "Errors", "span.error_count", "HTTPCode_Target_5XX_Count", "http_5xx_per_sec", "5XXError",
        "FailedRequests", "Http5xx",
    ],
    "failing": ["error_rate_5xx_ratio", "http_5xx_ratio", "charge_error_rate_pct", "error_rate"],
    "working": ["availability.Average", "Availability", "success_rate"],
    "duration": [
        "latency.Average", "TargetResponseTime", "http.server.request.duration.mean", "Duration",
        "http_server_duration_p99_ms", "span.duration.p95", "latency.p90",
    ],
    None: [
        "CPUUtilization", "request_queue_depth", "db_query_count_per_request", "ReplicaLag",
        "go_gc_duration_seconds", "flink_job_uptime_seconds", "Throttles", "HTTPCode_ELB_4XX_Count",
        "tls_cert_seconds_until_expiry", "ActiveRequests", "retry_errors_total",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("role", "name"), [(r, n) for r, names in NAMES.items() for n in names])
def test_a_name_tells_the_role(role: str | None, name: str) -> None:
    found = red_metrics.meaning(name)
    assert (found.role if found else None) == role


@pytest.mark.parametrize(
    "names",
    [
        ["latency.Average", "latency.p50", "latency.p90", "latency.p95", "latency.p99"],
        ["http_server_duration_p99_ms", "db_query_latency_p99_ms"],
        ["http_5xx_ratio", "upstream_5xx_ratio"],
    ],
)
def test_the_mean_comes_first_and_what_is_used_last(names: list[str]) -> None:
    ranks = [found.rank for n in names if (found := red_metrics.meaning(n))]
    assert ranks == sorted(set(ranks))
    assert len(ranks) == len(names)


@pytest.mark.parametrize(
    ("name", "scale", "second"),
    [("latency_ms", 1e-3, False), ("error_rate_pct", 0.01, False), ("requests_per_sec", 1.0, True)],
)
def test_a_name_tells_the_unit(name: str, scale: float, *, second: bool) -> None:
    found = red_metrics.meaning(name)
    assert found is not None
    assert (found.scale, found.per_second) == (scale, second)
