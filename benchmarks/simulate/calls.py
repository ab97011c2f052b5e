"""What the clouds' control planes record of a change: the calls that carried it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.scenario import SECOND, Call, hexid, uid
from fixtures.scenario_changes import ACCOUNT, DEPLOYER, GROUP, PROJECT, REGION

from . import resources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.scenario import Json

    from .changes import Change
    from .world import Entity, World


def of(world: World, change: Change, start: int) -> Iterator[Call]:
    """Make the calls of a change; a change may be carried out without any that is recorded."""
    entity = world.entities[change.entity]
    time = start + int(change.time * 1e6) * 1000
    if change.how in {"commit", "flag"}:
        return
    if entity.cloud == "aws":
        name, request = _aws(world, change, entity)
        if name:
            yield Call(time, "cloudtrail", uid(change.ident), name, entity.name,
                       _role(change), request)  # fmt: skip
    elif entity.cloud == "gcp":
        name, resource, request = _gcp(world, change, entity)
        yield Call(time, "gcp_audit", hexid(12, change.ident), name, resource,
                   f"{change.actor}@example.com", request)  # fmt: skip
    elif entity.cloud == "azure":
        yield from _azure_pair(world, change, entity, time)


def _role(change: Change) -> str:
    if change.how == "deploy":
        return DEPLOYER
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/operator/{change.actor}"


def _aws(world: World, change: Change, entity: Entity) -> tuple[str, Json]:
    """Name the call to AWS, and what it asks for."""
    revision = int(change.ident[:4], 16) % 400 + 2
    task = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{entity.name}:{revision}"
    service: Json = {"cluster": world.org, "service": entity.name}
    if change.how == "deploy":
        named = "ecs:UpdateService" if entity.platform == "ecs" else ""
        return named, service | {"taskDefinition": task}
    if change.how == "scale" and entity.platform == "ecs":
        return "ecs:UpdateService", service | {"desiredCount": int(change.new)}
    if change.how == "scale":
        group = {"autoScalingGroupName": entity.name, "desiredCapacity": int(change.new)}
        return "autoscaling:SetDesiredCapacity", group
    if change.how == "infra":
        return change.api, _aws_infra(world, change, entity)
    if entity.platform == "rds":
        parameter = {"parameterName": change.key, "parameterValue": change.new,
                     "applyMethod": "pending-reboot"}  # fmt: skip
        return "rds:ModifyDBParameterGroup", {
            "dBParameterGroupName": f"{entity.name}-pg16",
            "parameters": [parameter],
            "dBInstanceIdentifier": entity.name,
        }
    written: Json = {
        "name": f"/prod/{entity.name}/{change.key}",
        "type": "String",
        "overwrite": True,
    }
    return "ssm:PutParameter", written | {"resourceId": entity.name}


def _aws_infra(world: World, change: Change, entity: Entity) -> Json:
    if change.api.startswith("ec2:"):
        allowed = {"ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432,
                   "ipRanges": {"items": [{"cidrIp": change.old}]}}  # fmt: skip
        return {
            "groupId": resources.group_id(world, entity.name),
            "ipPermissions": {"items": [allowed]},
        }
    if change.api.startswith("route53:"):
        record = {"name": change.key, "type": "A", "tTL": 60,
                  "resourceRecords": [{"value": change.new}]}  # fmt: skip
        batch = {"changes": [{"action": "UPSERT", "resourceRecordSet": record}]}
        return {"hostedZoneId": "Z04417731K", "changeBatch": batch}
    return {"secretId": f"{entity.name}-secret", "clientRequestToken": uid(change.ident, "token")}


def _gcp(world: World, change: Change, entity: Entity) -> tuple[str, str, Json]:
    """Name the call to Google Cloud, the resource, and what it asks for."""
    if change.how == "infra":
        return change.api, _gcp_infra(world, change, entity), _gcp_asked(change)
    if entity.platform == "cloudsql":
        flags = [{"name": change.key, "value": change.new}]
        body = {"settings": {"databaseFlags": flags}}
        instance = f"projects/{PROJECT}/instances/{entity.name}"
        return "cloudsql.instances.update", instance, {"body": body}
    image = f"europe-docker.pkg.dev/{PROJECT}/{world.org}/{entity.name}:{change.ident[:7]}"
    container: Json = {"image": image}
    if change.how == "config":
        container["env"] = [{"name": change.key.upper().replace(".", "_"), "value": change.new}]
    notes = {"autoscaling.knative.dev/maxScale": change.new} if change.how == "scale" else {}
    template = {"metadata": {"annotations": notes}, "spec": {"containers": [container]}}
    service = {"metadata": {"name": entity.name}, "spec": {"template": template}}
    where = f"namespaces/{PROJECT}/services/{entity.name}"
    return "google.cloud.run.v1.Services.ReplaceService", where, {"service": service}


def _gcp_asked(change: Change) -> Json:
    """Give the request of a call; Cloud DNS lists the record sets that go and those that come."""
    if not change.api.startswith("dns."):
        return {"description": change.message}
    gone, come = (
        [{"name": f"{change.key}.", "type": "A", "ttl": 60, "rrdatas": [address]}]
        for address in (change.old, change.new)
    )
    return {"managedZone": "internal", "change": {"additions": come, "deletions": gone}}


def _gcp_infra(world: World, change: Change, entity: Entity) -> str:
    if "firewalls" in change.api:
        return f"projects/{PROJECT}/global/firewalls/{resources.group_id(world, entity.name)}"
    if change.api.startswith("dns."):
        number = int(change.ident[:4], 16)
        return f"projects/{PROJECT}/managedZones/internal/changes/{number}"
    return f"projects/{PROJECT}/secrets/{entity.name}-secret"


def _azure_pair(world: World, change: Change, entity: Entity, time: int) -> Iterator[Call]:
    """Record the start of an operation and its success, as Azure does."""
    name, resource, request = _azure(world, change, entity)
    if not name:
        return
    for moment, word in ((time - int(1.7 * SECOND), "Started"), (time, "")):
        yield Call(
            moment, "azure_activity", uid(change.ident, word), name, resource,
            f"{change.actor}@example.com", {"properties": request}, word or None,
            uid(change.ident, "correlation"),
        )  # fmt: skip


def _azure(world: World, change: Change, entity: Entity) -> tuple[str, str, Json]:
    """Name the operation on Azure, the resource, and what it asks for."""
    told: Json = {"value": change.new, "source": "user-override"}
    if change.how == "infra":
        return change.api, _azure_infra(world, change, entity), _azure_asked(change)
    if entity.platform == "azpg":
        server = resources.azure_id(entity.name, "azpg")
        kind = "Microsoft.DBforPostgreSQL/flexibleServers/configurations/write"
        return kind, f"{server}/configurations/{change.key}", told
    if entity.platform == "windows" and change.how == "scale":
        pool = f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/{entity.name}"
        kind = "Microsoft.Compute/virtualMachineScaleSets/write"
        return kind, pool, {"sku": {"capacity": int(change.new)}}
    if entity.platform == "windows":
        if change.how != "config":
            return "", "", {}
        store = f"{GROUP}/providers/Microsoft.AppConfiguration/configurationStores/{entity.name}"
        kind = "Microsoft.AppConfiguration/configurationStores/keyValues/write"
        return kind, f"{store}/keyValues/{change.key}", told
    app = resources.azure_id(entity.name, "containerapp")
    image = f"{world.org}.azurecr.io/{entity.name}:{change.ident[:7]}"
    container: Json = {"image": image}
    if change.how == "config":
        container["env"] = [{"name": change.key, "value": change.new}]
    body: Json = {"template": {"containers": [container]}}
    if change.how == "scale":
        body["template"]["scale"] = {"maxReplicas": int(change.new)}
    return "Microsoft.App/containerApps/write", app, body


def _azure_asked(change: Change) -> Json:
    """Give the request of an operation; one on a record set tells the addresses it is to have."""
    if "privateDnsZones" in change.api:
        return {"ttl": 60, "aRecords": [{"ipv4Address": change.new}]}
    return {"description": change.message}


def _azure_infra(world: World, change: Change, entity: Entity) -> str:
    network = f"{GROUP}/providers/Microsoft.Network"
    if "networkSecurityGroups" in change.api:
        return f"{network}/networkSecurityGroups/{entity.name}-ingress/securityRules/in"
    if "privateDnsZones" in change.api:
        return f"{network}/privateDnsZones/{world.org}.internal/A/{entity.name}"
    return f"{GROUP}/providers/Microsoft.KeyVault/vaults/{entity.name}-secret/secrets/db"
