"""What Kubernetes and Datadog answered in an OpenSRE case, as records.

States (of pods, nodes, deployments, monitors) say how things were when they were looked at, and
carry no time of their own: `Records.at` dates them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from benchmarks.accuracy._records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks.accuracy._records import Record

_LINE = re.compile(
    r"^(\d{4}-\d\d-\d\dT[\d:.]+Z?)\s+(?:(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+)?(.*)$"
)
_PRESSURES = ("memory_pressure", "disk_pressure", "pid_pressure")
_LEVELS = {"Warning": "WARN", "Normal": "INFO"}


def read(folder: Path, service: str) -> Records:
    """Read everything that a cluster was asked for.

    Args:
        folder: the case's.
        service: the workload whose pods these are.
    """
    held = {name: _json(folder / f"{name}.json") for name in _FILES}
    pods = held["eks_pods"].get("pods", [])
    return Records(
        logs=[
            *_events(held["eks_events"]),
            *(line for pod in pods for line in _pod(pod)),
            *(line for node in held["eks_node_health"].get("nodes", ()) for line in _node(node)),
            *map(_deployment, held["eks_deployments"].get("deployments", ())),
            *_pod_logs(held["eks_pod_logs"]),
            *map(_datadog_log, held["datadog_logs"].get("logs", ())),
        ],
        alerts=[_monitor(m, service) for m in held["datadog_monitors"].get("monitors", ())],
        edges=[
            *((service, pod["name"]) for pod in pods),
            *((pod["name"], pod["node_name"]) for pod in pods if pod.get("node_name")),
        ],
    )


_FILES = (
    *("eks_events", "eks_pods", "eks_node_health", "eks_deployments", "eks_pod_logs"),
    *("datadog_logs", "datadog_monitors"),
)


def _events(held: Mapping[str, Any]) -> Iterator[Record]:
    for key in ("warning_events", "events"):
        for event in held.get(key, ()):
            kind, _, name = event["involved_object"].rpartition("/")
            yield {
                "timestamp": event["first_time"],
                "end": event["last_time"],
                "event_name": f"k8s.event/{event['reason']}",
                "message": event["message"],
                "level": _LEVELS.get(event.get("type", ""), "INFO"),
                "entity": name,
                "namespace": event.get("namespace"),
                "pod": name if kind == "Pod" else None,
                "k8s.object.kind": kind,
                "k8s.event.count": event.get("count"),
            }


def _pod(pod: Mapping[str, Any]) -> Iterator[Record]:
    about = {"entity": pod["name"], "pod": pod["name"], "namespace": pod.get("namespace")}
    if pod.get("start_time"):
        # "Time at which the object was acknowledged by the Kubelet" (PodStatus): so it has a node.
        placed = {"event_name": "k8s.event/Scheduled"} if _has_node(pod) else {}
        started = {"timestamp": pod["start_time"], "message": "pod started", "level": "INFO"}
        yield started | placed | about
    if pod.get("phase") not in (None, "Running", "Succeeded"):
        yield {"message": f"pod phase is {pod['phase']}", "level": "WARN", **about}
    for container in pod.get("containers", ()):
        yield {**_container(container), **about}
    for condition in pod.get("conditions", ()):
        if condition["status"] != "True":
            yield {**_condition(condition), **about}


def _has_node(pod: Mapping[str, Any]) -> bool:
    told = {c["type"]: c["status"] for c in pod.get("conditions", ())}
    return told.get("PodScheduled") == "True"


def _container(container: Mapping[str, Any]) -> Record:
    state = container.get("state", {})
    word = next((w for w in ("running", "waiting", "terminated") if state.get(w)), "unknown")
    said = [state[k] for k in ("reason", "message") if state.get(k)]
    code = state.get("exit_code")
    # "Time at which the container was last (re-)started" (ContainerStateRunning): what is said of
    # how it ended was so before.
    since = {"timestamp": state["started_at"]} if word == "running" and _tells(state) else {}
    return {
        **since,
        "message": ": ".join([f"container {container['name']} is {word}", *said])
        + (f" (exit code {code})" if code is not None else ""),
        "level": "INFO" if container.get("ready") else "WARN",
        "k8s.container.restart_count": container.get("restart_count"),
        "k8s.container.image": container.get("image"),
    }


def _tells(state: Mapping[str, Any]) -> bool:
    return bool(state.get("started_at")) and "terminated" in (state.get("message") or "")


def _condition(condition: Mapping[str, Any]) -> Record:
    told = f"condition {condition['type']} is {condition['status']}"
    said = [condition[k] for k in ("reason", "message") if condition.get(k)]
    return {"message": ": ".join([told, *said]), "level": "WARN"}


def _node(node: Mapping[str, Any]) -> Iterator[Record]:
    about = {"entity": node["name"], "host": node["name"]}
    shares = [
        f"{what} {node[f'allocatable_{what}']} of {node.get(f'capacity_{what}')}"
        for what in ("cpu", "memory")
        if node.get(f"allocatable_{what}")
    ]
    yield {"message": f"node has allocatable {', '.join(shares)}", "level": "INFO", **about}
    ready = node.get("ready", "True")
    level = "INFO" if ready == "True" else "ERROR"
    yield {"message": f"node condition Ready is {ready}", "level": level, **about}
    for name in _PRESSURES:
        if node.get(name) == "True":
            word = name.replace("_", " ").title().replace(" ", "")
            yield {"message": f"node condition {word} is True", "level": "WARN", **about}


def _deployment(deployment: Mapping[str, Any]) -> Record:
    ready, desired = deployment.get("ready", 0), deployment.get("desired", 0)
    return {
        "entity": deployment["name"],
        "namespace": deployment.get("namespace"),
        "message": f"deployment has {ready} of {desired} desired replicas ready",
        "level": "INFO" if ready >= desired else "WARN",
    }


def _pod_logs(held: Mapping[str, Any]) -> Iterator[Record]:
    """Give the lines of a container's log; one without a time was written just after another."""
    time = None
    for line in held.get("logs", "").splitlines():
        match = _LINE.match(line)
        time = match[1] if match else time
        yield {
            "timestamp": time,
            "level": match[2] if match else None,
            "message": match[3] if match else line,
            "entity": held["pod_name"],
            "pod": held["pod_name"],
            "namespace": held.get("namespace"),
        }


def _datadog_log(record: Mapping[str, Any]) -> Record:
    tags = dict(tag.partition(":")[::2] for tag in record.get("tags", ()))
    return {
        "timestamp": record["timestamp"],
        "message": record["message"],
        "level": record.get("status"),
        "service": record.get("service"),
        "entity": record.get("service"),
        "host": record.get("host"),
        "pod": tags.get("pod_name") or tags.get("kube_pod"),
        "namespace": tags.get("kube_namespace"),
        "version": tags.get("version") or tags.get("revision"),
    }


def _monitor(monitor: Mapping[str, Any], service: str) -> Record:
    state = monitor.get("overall_state", "")
    return {
        "entity": service,
        "title": f"{monitor['name']}: {state}",
        "message": monitor.get("message"),
        "role": "alert_firing" if state in ("Alert", "Warn") else "notice",
        "level": {"Alert": "ERROR", "Warn": "WARN"}.get(state, "INFO"),
        "query": monitor.get("query"),
    }


def _json(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_bytes()) if file.is_file() else {}
    return found
