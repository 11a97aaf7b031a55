"""What a stack needs of a cluster that is there already: its description, and who its pods are."""

# ruff: noqa: ARG002 - every type's methods take what some types need

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from local.pulumi.aws.resource_type import ResourceType, given, tag_outputs
from local.pulumi.plugin_errors import NotServed, PluginError

if TYPE_CHECKING:
    from local.pulumi.aws.connection import AwsConnection
    from local.pulumi.wire import PropertyMap

_PREFIX = "pod-identity-association/"
_FIELDS = ("namespace", "serviceAccount", "roleArn", "targetRoleArn", "disableSessionTags", "policy", "tags")


def describe(aws: AwsConnection, name: str) -> dict[str, Any] | None:
    """A cluster as the API describes it; None where there is none."""
    answer = aws.find("eks", "describe_cluster", name=name)
    return None if answer is None else answer["cluster"]


def cluster_outputs(aws: AwsConnection, cluster: dict[str, Any]) -> PropertyMap:
    """Outputs that the resource and the function have in common."""
    return {
        "arn": cluster["arn"],
        "name": cluster["name"],
        "endpoint": cluster.get("endpoint"),
        "status": cluster.get("status"),
        "version": cluster.get("version"),
        "platformVersion": cluster.get("platformVersion"),
        "roleArn": cluster.get("roleArn"),
        "createdAt": cluster["createdAt"].isoformat(),
        "identities": [{"oidcs": [{"issuer": cluster["identity"]["oidc"]["issuer"]}]}],
        "region": aws.region,
    }


@dataclass(frozen=True, kw_only=True)
class Cluster(ResourceType):
    """`eks.Cluster`, for `get` and import only; its id is its name."""

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Refused: a cluster of doubles has no nodes."""
        raise NotServed("creation of aws:eks/cluster:Cluster", "aws")

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read it."""
        cluster = describe(aws, id_)
        if cluster is None:
            return None
        tags = [{"Key": key, "Value": value} for key, value in (cluster.get("tags") or {}).items()]
        return {
            **cluster_outputs(aws, cluster),
            "certificateAuthority": {"data": (cluster.get("certificateAuthority") or {}).get("data")},
            **tag_outputs([tag for tag in tags if not tag["Key"].startswith(_PREFIX)]),
        }

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Refused, as its creation."""
        raise NotServed("deletion of aws:eks/cluster:Cluster", "aws")


@dataclass(frozen=True, kw_only=True)
class PodIdentityAssociation(ResourceType):
    """`eks.PodIdentityAssociation`; its id is the association's.

    moto knows none, so each is noted as a tag of its cluster there: it lives as long as the cluster does and is read
    from where it was written, but nothing ever assumes the role by it.
    """

    def create(self, aws: AwsConnection, inputs: PropertyMap) -> str:
        """Note it; a ServiceAccount has one at most."""
        cluster = self._cluster(aws, inputs["clusterName"])
        for other in _associations(cluster).values():
            if all(other.get(name) == inputs[name] for name in ("namespace", "serviceAccount")):
                raise PluginError(
                    f"ResourceInUseException: {inputs['namespace']}/{inputs['serviceAccount']} of the cluster "
                    f"{inputs['clusterName']} has an association already",
                    grpc.StatusCode.ALREADY_EXISTS,
                )
        id_ = f"a-{secrets.token_hex(9)[:17]}"
        self._note(aws, cluster, id_, inputs)
        return id_

    def fetch(self, aws: AwsConnection, id_: str, inputs: PropertyMap) -> PropertyMap | None:
        """Read the note; an import names `cluster,association`."""
        name, found, association = id_.rpartition(",")
        name = name if found else str(inputs.get("clusterName") or "")
        if not name:
            form = "cluster,association"
            raise PluginError(f"the id {id_!r} does not look like {form}", grpc.StatusCode.INVALID_ARGUMENT)
        cluster = describe(aws, name)
        noted = None if cluster is None else _associations(cluster).get(association)
        if cluster is None or noted is None:
            return None
        tags = noted.pop("tags", None) or {}
        _, partition, _, region, account, _ = str(cluster["arn"]).split(":", 5)
        return {
            **given(**noted),
            "clusterName": name,
            "associationId": association,
            "associationArn": f"arn:{partition}:eks:{region}:{account}:podidentityassociation/{name}/{association}",
            "region": aws.region,
            **tag_outputs([{"Key": key, "Value": value} for key, value in tags.items()]),
        }

    def update(self, aws: AwsConnection, id_: str, old: PropertyMap, new: PropertyMap) -> None:
        """Note it anew."""
        if self.changed(old, new, *self.changing, "tags"):
            self._note(aws, self._cluster(aws, new["clusterName"]), id_, new)

    def delete(self, aws: AwsConnection, id_: str, outputs: PropertyMap) -> None:
        """Take the note away."""
        cluster = describe(aws, outputs["clusterName"])
        if cluster is not None:
            key = _PREFIX + id_.rpartition(",")[2]
            aws.call("eks", "untag_resource", resourceArn=cluster["arn"], tagKeys=[key])

    def _cluster(self, aws: AwsConnection, name: str) -> dict[str, Any]:
        return dict(aws.call("eks", "describe_cluster", name=name)["cluster"])

    def _note(self, aws: AwsConnection, cluster: dict[str, Any], id_: str, inputs: PropertyMap) -> None:
        noted = json.dumps({name: inputs[name] for name in _FIELDS if inputs.get(name) is not None}, sort_keys=True)
        aws.call("eks", "tag_resource", resourceArn=cluster["arn"], tags={_PREFIX + id_: noted})


def _associations(cluster: dict[str, Any]) -> dict[str, PropertyMap]:
    tags = cluster.get("tags") or {}
    return {key.removeprefix(_PREFIX): json.loads(value) for key, value in tags.items() if key.startswith(_PREFIX)}
