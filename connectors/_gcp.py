"""What Google Cloud's records have in common: monitored resources, and who they are about.

Resource types and their labels: Cloud Logging, "Monitored resource types".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nova_timeline.topology import REPLICA_SET_HASH

if TYPE_CHECKING:
    import polars as pl

# A resource's label that names what people call the thing, the plainest first.
ENTITY_LABELS = (
    "service_name",
    "function_name",
    "job_name",
    "module_id",
    "database_id",
    "backend_service_name",
    "backend_target_name",
    "container_name",
    "subscription_id",
    "topic_id",
    "queue_id",
    "bucket_name",
    "instance_group_name",
    "instance_group_manager_name",
    "autoscaler_name",
    "forwarding_rule_name",
    "url_map_name",
    "policy_name",
    "host",
    "instance_name",
    "pod_name",
    "node_name",
    "cluster_name",
    "name",
)
# Labels whose value may be nothing but a number; a name is taken before them.
NUMBER_LABELS = ("instance_id", "network_id", "subnetwork_id", "dataset_id", "project_id")
SEVERITIES = {
    "DEBUG": 5,
    "INFO": 9,
    "NOTICE": 10,
    "WARNING": 13,
    "ERROR": 17,
    "CRITICAL": 18,
    "ALERT": 19,
    "EMERGENCY": 21,
    "100": 5,
    "200": 9,
    "300": 10,
    "400": 13,
    "500": 17,
    "600": 18,
    "700": 19,
    "800": 21,
}
"""LogSeverity, by word and by number, as OpenTelemetry numbers; DEFAULT is no severity."""

# A ReplicaSet is its Deployment's name and a hash; a Pod adds five characters.
_HASH = rf"(?:{REPLICA_SET_HASH}|[0-9a-f]{{8,10}})"
_POD = rf"^(.+?)-{_HASH}-[a-z0-9]{{5}}$"
_REPLICA_SET = rf"^(.+?)-{_HASH}$"


def workload(pod: pl.Expr) -> pl.Expr:
    """Name the Deployment a Pod or ReplicaSet belongs to, where its name shows that; else null."""
    return pod.str.extract(_POD).fill_null(pod.str.extract(_REPLICA_SET))


def resource_fields(at: str = "$") -> dict[str, str]:
    """Declare the labels of a monitored resource as fields ``label.NAME``."""
    names = {
        *ENTITY_LABELS,
        *NUMBER_LABELS,
        "namespace_name",
        "location",
        "region",
        "zone",
        "zone_name",
    }
    return {f"label.{n}": f"{at}.labels.{n}" for n in sorted(names)}


def entity_label() -> pl.Expr:
    """Pick the label that names the resource; of ``project:instance`` the instance."""
    import polars as pl

    picked = pl.coalesce(
        workload(pl.col(f"label.{n}")).fill_null(pl.col(f"label.{n}"))
        if n == "pod_name"
        else pl.col(f"label.{n}")
        for n in ENTITY_LABELS
    )
    return picked.str.split(":").list.last().str.split("/").list.last()


def number_label() -> pl.Expr:
    """Pick an identifying label that may be a bare number."""
    import polars as pl

    return pl.coalesce(f"label.{n}" for n in NUMBER_LABELS)


def region() -> pl.Expr:
    """Take the region from location, region or zone (``us-central1-f`` lies in ``us-central1``)."""
    import polars as pl

    place = pl.coalesce("label.region", "label.location", "label.zone")
    return place.str.split("/").list.last().str.replace(r"^(\w+-\w+\d+)-[a-z]$", "$1")
