"""What each entity is called by the platform it runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.scenario_changes import ACCOUNT, GROUP, PROJECT, REGION

if TYPE_CHECKING:
    from fixtures.scenario import Json

    from .world import Entity, World

_AZURE = {
    "containerapp": "Microsoft.App/containerApps",
    "windows": "Microsoft.Insights/components",
    "azpg": "Microsoft.DBforPostgreSQL/flexibleServers",
    "azredis": "Microsoft.Cache/Redis",
    "servicebus": "Microsoft.ServiceBus/namespaces",
    "host.windows": "Microsoft.Compute/virtualMachines",
}


def azure_id(name: str, platform: str) -> str:
    """Write the id of a resource in Azure."""
    return f"{GROUP}/providers/{_AZURE[platform]}/{name}"


def gcp_resource(name: str, platform: str) -> Json:
    """Write the monitored resource that Google Cloud's records of an entity carry."""
    kind, label = {
        "run": ("cloud_run_revision", "service_name"),
        "cloudsql": ("cloudsql_database", "database_id"),
        "pubsub": ("pubsub_subscription", "subscription_id"),
        "memorystore": ("redis_instance", "instance_id"),
    }[platform]
    named = f"{PROJECT}:{name}" if platform == "cloudsql" else name
    labels = {label: named, "project_id": PROJECT, "location": "europe-west1"}
    return {"type": kind, "labels": labels}


def log_group(entity: Entity) -> str:
    """Name the CloudWatch log group that holds an entity's log."""
    if entity.platform == "rds":
        return f"/aws/rds/instance/{entity.name}/postgresql"
    return f"/ecs/{entity.name}"


def aliases(world: World, entity: Entity) -> tuple[str, ...]:
    """List the other names that an inventory would give an entity."""
    named = [entity.address] if entity.address else [f"{entity.name}.{world.org}.internal"]
    if entity.platform == "ecs":
        named.append(f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{world.org}/{entity.name}")
    elif entity.platform == "rds":
        named.append(f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{entity.name}")
    elif entity.platform == "cloudsql":
        named.append(f"{PROJECT}:{entity.name}")
    elif entity.platform in _AZURE and entity.platform != "windows":
        named.append(azure_id(entity.name, entity.platform))
    if entity.kind in ("service", "worker", "database"):
        named += [group_id(world, entity.name), f"{entity.name}-secret"]
    return tuple(named)


def group_id(world: World, name: str) -> str:
    """Name the security group, or firewall rule, in front of an entity."""
    from fixtures.scenario import hexid

    cloud = world.entities[name].cloud
    return f"sg-{hexid(17, world.seed, name)}" if cloud == "aws" else f"{name}-ingress"
