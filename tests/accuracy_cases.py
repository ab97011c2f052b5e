"""Little cases in the layouts of the accuracy suites, with words planted where the truth lies."""

import json
from pathlib import Path
from typing import Any

LEAK = "zyzzyva"
"""Stands only in what tells the truth."""
CULPRIT = "c0ffee11" * 5
DECOY = "decade22" * 5


def minute(number: int, second: int = 0) -> str:
    return f"2026-03-03T{10 + number // 60}:{number % 60:02d}:{second:02d}Z"


def put(place: Path, content: Any) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content if isinstance(content, str) else json.dumps(content))


def rootcausebench(data: Path, name: str = f"{LEAK}-case") -> Path:
    """Write a case: a commit to the cart sets a timeout too low, and it fails five minutes on."""
    case = data / name
    truth = {
        "scenario": name,
        "root_cause_commit": CULPRIT,
        "first_failing_service": "cart",
        "blast_radius": ["shop"],
        "remediation": "rollback",
        "decoy_deploy_commits": [DECOY],
        "notes": f"{LEAK} did it",
    }
    put(case / "tests" / "ground_truth.json", truth)
    put(case / "task.toml", f'tags = ["{LEAK}"]')
    inside = case / "environment" / "data"
    alert = {"service": "cart", "metric": "error_ratio", "fired_at": minute(40)}
    put(inside / "alert.json", {**alert, "severity": "high", "summary": "cart fails"})
    put(inside / "logs.ndjson", "".join(json.dumps(line) + "\n" for line in _logs()))
    put(inside / "metrics.csv", "timestamp,service,metric,value\n" + "".join(_points()))
    put(inside / "traces.json", _spans())
    context = inside / "context"
    put(context / "commits.json", _commits())
    put(context / "deploys.json", _deploys())
    flag = {"timestamp": minute(2), "flag": "blue", "service": "web", "change": "off->on"}
    put(context / "flags.json", [flag])
    put(inside / "status_feed.json", {
        "provider": "clouds",
        "incidents": [{"name": "late mail", "status": "resolved", "started_at": minute(1)}],
        "queue": [{"timestamp": minute(1), "value": 3}],
    })  # fmt: skip
    return case


def _logs() -> list[dict[str, Any]]:
    well = [
        {"timestamp": minute(n), "service": "cart", "severity_text": "INFO", "msg": "handled"}
        for n in range(45)
    ]
    bad = [
        {"timestamp": minute(n, s), "service": "cart", "severity_text": "ERROR", "stack": "at f",
         "msg": f"redis read timeout after 5ms on try {s}"}
        for n in range(35, 45) for s in range(0, 60, 5)
    ]  # fmt: skip
    return well + bad


def _points() -> list[str]:
    return [
        f"{minute(n)},cart,error_ratio,{0.9 if n >= 35 else 0.001 + n % 3 / 1000}\n"
        for n in range(45)
    ]


def _spans() -> list[dict[str, Any]]:
    outer = {"trace_id": "t1", "span_id": "a", "parent_id": None, "service": "shop", "name": "POST",
             "start": minute(36), "duration_ms": 12.5, "status": "OK"}  # fmt: skip
    inner = {"span_id": "b", "parent_id": "a", "service": "cart", "name": "GET", "status": "ERROR",
             "error": "redis read timeout", "attributes": {"try": 1}}  # fmt: skip
    return [outer, outer | inner]


def _commits() -> list[dict[str, Any]]:
    cause = "@@ cart/redis.go\n-  ReadTimeout: 500,\n+  ReadTimeout: 5,\n"
    return [
        {"sha": CULPRIT, "author": "ann", "timestamp": minute(25), "diff": cause,
         "message": "cart: shorter redis read timeout", "files_changed": ["cart/redis.go"]},
        {"sha": DECOY, "author": "bob", "timestamp": minute(10), "diff": None,
         "message": "docs: spelling", "files_changed": ["docs/readme.md"]},
    ]  # fmt: skip


def _deploys() -> list[dict[str, Any]]:
    return [
        {"timestamp": minute(34), "service": "cart", "commit_sha": CULPRIT, "version": "v2"},
        {"timestamp": minute(12), "service": "web", "commit_sha": DECOY, "version": "v7"},
    ]


def opensre(data: Path, group: str, name: str = f"001-{LEAK}") -> Path:
    """Write a case of a database (``rds``) or of a cluster (``eks``)."""
    case = data / group / name
    put(
        case / "answer.yml",
        f"""\
root_cause_category: resource_exhaustion
required_keywords:
  - {LEAK}
forbidden_categories:
  - healthy
""",
    )
    put(case / "scenario.yml", f"failure_mode: {LEAK}\n")
    put(case / "QA_VALIDATION.md", LEAK)
    alert = {
        "title": "[synthetic-x] Trouble on orders",
        "state": "alerting",
        "commonLabels": {"service": "orders", "severity": "critical", "alertname": "Trouble"},
        "commonAnnotations": {"summary": "orders is slow", "x_failure_mode": LEAK},
    }
    put(case / "alert.json", alert)
    (_database if group == "rds" else _cluster)(case)
    return case


def _database(case: Path) -> None:
    times = [minute(n) for n in range(20)]
    series = {"id": LEAK, "label": "CPUUtilization", "metric_name": "CPUUtilization",
              "dimensions": [{"Name": "DBInstanceIdentifier", "Value": "orders"}],
              "stat": "Average", "unit": "Percent", "status_code": "Complete",
              "timestamps": times, "values": [9.0] * 10 + [99.0] * 10}  # fmt: skip
    put(case / "aws_cloudwatch_metrics.json", {
        "namespace": "AWS/RDS", "period": 60, "metric_data_results": [series]})  # fmt: skip
    event = {"date": minute(12), "message": "DB instance ran out of storage space.",
             "source_identifier": "orders", "event_categories": ["failure"]}  # fmt: skip
    put(case / "aws_rds_events.json", {"events": [event]})
    put(case / "aws_performance_insights.json", {
        "db_instance_identifier": "orders", "start_time": times[0], "end_time": times[-1],
        "db_load": {"timestamps": times, "values": [1.0] * 20, "unit": "AAS"},
        "top_sql": [{"statement": "SELECT 1", "db_load_avg": 4.5, "calls_per_sec": 2.0,
                     "wait_events": [{"name": "CPU", "db_load_avg": 4.0}]}]})  # fmt: skip


def _cluster(case: Path) -> None:
    pod = {"name": "orders-1", "namespace": "shop", "phase": "Running", "node_name": "node-1",
           "start_time": minute(0),
           "containers": [{"name": "orders", "ready": False, "restart_count": 3, "state": {
               "waiting": True, "reason": "CrashLoopBackOff", "exit_code": 137}}],
           "conditions": [{"type": "Ready", "status": "False", "reason": "NotReady"}]}  # fmt: skip
    put(case / "eks_pods.json", {"pods": [pod]})
    event = {"namespace": "shop", "reason": "OOMKilling", "type": "Warning", "count": 2,
             "message": "Killed process 1", "involved_object": "Pod/orders-1",
             "first_time": minute(3), "last_time": minute(9)}  # fmt: skip
    put(case / "eks_events.json", {"warning_events": [event]})
    node = {"name": "node-1", "ready": "Unknown", "memory_pressure": "True",
            "capacity_cpu": "4", "allocatable_cpu": "3"}  # fmt: skip
    put(case / "eks_node_health.json", {"nodes": [node]})
    put(case / "eks_deployments.json", {"deployments": [{"name": "orders", "desired": 3}]})
    put(case / "eks_pod_logs.json", {
        "pod_name": "orders-1", "namespace": "shop",
        "logs": f"{minute(5)} WARN heap is full\n[container ended]\n"})  # fmt: skip
    line = {"timestamp": minute(6), "message": "late", "status": "error", "service": "orders",
            "host": "h1", "tags": ["pod_name:orders-1", "env:prod"]}  # fmt: skip
    put(case / "datadog_logs.json", {"logs": [line]})
    put(case / "datadog_monitors.json", {"monitors": [
        {"name": "errors", "message": "too many", "overall_state": "Alert"},
        {"name": "latency", "message": "late", "overall_state": "OK"}]})  # fmt: skip
