"""The package's functions."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc

from local.pulumi.aws import eks
from local.pulumi.plugin_errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.pulumi.aws.connection import AwsConnection
    from local.pulumi.wire import PropertyMap


@dataclass(frozen=True, slots=True)
class _Partition:
    name: str
    dns_suffix: str
    reverse_dns_prefix: str


_COMMERCIAL: Final = _Partition("aws", "amazonaws.com", "com.amazonaws")
_PARTITIONS: Final[Mapping[str, _Partition]] = {
    "cn-": _Partition("aws-cn", "amazonaws.com.cn", "cn.com.amazonaws"),
    "us-gov-": _Partition("aws-us-gov", "amazonaws.com", "com.amazonaws"),
    "us-iso-": _Partition("aws-iso", "c2s.ic.gov", "gov.ic.c2s"),
    "us-isob-": _Partition("aws-iso-b", "sc2s.sgov.gov", "gov.sgov.sc2s"),
    "eusc-": _Partition("aws-eusc", "amazonaws.eu", "eu.amazonaws"),
}
"""Partitions by the beginning of their Regions' names."""


def _partition(aws: AwsConnection) -> _Partition:
    return next((found for start, found in _PARTITIONS.items() if aws.region.startswith(start)), _COMMERCIAL)


def _get_partition(aws: AwsConnection, arguments: PropertyMap) -> PropertyMap:
    """The partition of the provider's Region; AWS is not asked."""
    del arguments
    found = _partition(aws)
    return {
        "id": found.name,
        "partition": found.name,
        "dnsSuffix": found.dns_suffix,
        "reverseDnsPrefix": found.reverse_dns_prefix,
    }


def _get_region(aws: AwsConnection, arguments: PropertyMap) -> PropertyMap:
    """The Region asked for, or the provider's; AWS is not asked."""
    region = arguments.get("region") or arguments.get("name") or aws.region
    suffix = _partition(aws.in_region(region)).dns_suffix
    return {
        "id": region,
        "name": region,
        "region": region,
        "endpoint": f"ec2.{region}.{suffix}",
        "description": region,
    }


def _get_caller_identity(aws: AwsConnection, arguments: PropertyMap) -> PropertyMap:
    del arguments
    found = aws.call("sts", "get_caller_identity")
    return {"id": found["Account"], "accountId": found["Account"], "arn": found["Arn"], "userId": found["UserId"]}


def _get_cluster(aws: AwsConnection, arguments: PropertyMap) -> PropertyMap:
    aws = aws.in_region(arguments.get("region"))
    cluster = eks.describe(aws, arguments["name"])
    if cluster is None:
        raise PluginError(
            f"reading EKS Cluster ({arguments['name']}): couldn't find resource", grpc.StatusCode.NOT_FOUND
        )
    network, vpc = cluster.get("kubernetesNetworkConfig") or {}, cluster.get("resourcesVpcConfig") or {}
    return {
        **eks.cluster_outputs(aws, cluster),
        "id": cluster["name"],
        "clusterId": "",
        "certificateAuthorities": [{"data": (cluster.get("certificateAuthority") or {}).get("data")}],
        "kubernetesNetworkConfigs": [
            {
                "ipFamily": network.get("ipFamily") or "ipv4",
                "serviceIpv4Cidr": network.get("serviceIpv4Cidr") or "",
                "serviceIpv6Cidr": "",
                "elasticLoadBalancings": [],
            }
        ],
        "vpcConfig": {
            "clusterSecurityGroupId": vpc.get("clusterSecurityGroupId") or "",
            "controlPlaneEgressMode": "",
            "endpointPrivateAccess": bool(vpc.get("endpointPrivateAccess")),
            "endpointPublicAccess": bool(vpc.get("endpointPublicAccess", True)),
            "publicAccessCidrs": vpc.get("publicAccessCidrs") or [],
            "securityGroupIds": vpc.get("securityGroupIds") or [],
            "subnetIds": vpc.get("subnetIds") or [],
            "vpcId": vpc.get("vpcId") or "",
        },
        "enabledClusterLogTypes": [],
        "deletionProtection": False,
        "tags": cluster.get("tags") or {},
        **{name: [] for name in _ABSENT_FROM_CLUSTERS},
    }


_ABSENT_FROM_CLUSTERS: Final = (
    "accessConfigs", "computeConfigs", "controlPlaneScalingConfigs", "kubeApiServerConfigs",
    "kubeControllerManagerConfigs", "kubeSchedulerConfigs", "outpostConfigs", "remoteNetworkConfigs",
    "storageConfigs", "upgradePolicies", "zonalShiftConfigs",
)  # fmt: skip
"""What the official function returns and moto knows nothing of."""


def _get_secret(aws: AwsConnection, arguments: PropertyMap) -> PropertyMap:
    aws = aws.in_region(arguments.get("region"))
    wanted = arguments.get("arn") or arguments.get("name")
    if not wanted or (arguments.get("arn") and arguments.get("name")):
        raise PluginError("exactly one of arn and name is needed", grpc.StatusCode.INVALID_ARGUMENT)
    found = aws.call("secretsmanager", "describe_secret", SecretId=wanted)
    policy = aws.call("secretsmanager", "get_resource_policy", SecretId=wanted).get("ResourcePolicy")
    return {
        "id": found["ARN"],
        "arn": found["ARN"],
        "name": found["Name"],
        "description": found.get("Description") or "",
        "kmsKeyId": found.get("KmsKeyId") or "",
        "createdDate": _moment(found, "CreatedDate"),
        "lastChangedDate": _moment(found, "LastChangedDate"),
        "policy": policy or "",
        "region": aws.region,
        "tags": {tag["Key"]: tag["Value"] for tag in found.get("Tags") or []},
        "type": "",
    }


def _moment(answer: Mapping[str, Any], name: str) -> str:
    return answer[name].isoformat() if answer.get(name) else ""


def _get_policy_document(aws: AwsConnection, arguments: PropertyMap) -> PropertyMap:
    """A document from its statements; AWS is not asked."""
    del aws
    statements: list[dict[str, Any]] = []
    for source in arguments.get("sourcePolicyDocuments") or []:
        _merge(json.loads(source), statements, override=False)
    statements += [_statement(each) for each in arguments.get("statements") or []]
    for source in arguments.get("overridePolicyDocuments") or []:
        _merge(json.loads(source), statements, override=True)
    identity = {"Id": arguments["policyId"]} if arguments.get("policyId") else {}
    document = {"Version": arguments.get("version") or "2012-10-17", **identity, "Statement": statements}
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return {
        **arguments,
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":"), ensure_ascii=False),
        "id": str(zlib.crc32(text.encode())),
    }


def _merge(document: dict[str, Any], statements: list[dict[str, Any]], *, override: bool) -> None:
    """Statements of another document; those with a Sid that is there already replace it, or are refused."""
    others = document.get("Statement") or []
    for statement in others if isinstance(others, list) else [others]:
        sid = statement.get("Sid")
        found = next((index for index, known in enumerate(statements) if sid and known.get("Sid") == sid), None)
        if found is None:
            statements.append(statement)
        elif override:
            statements[found] = statement
        else:
            raise PluginError(f"duplicate Sid ({sid})", grpc.StatusCode.INVALID_ARGUMENT)


def _one_or_all(values: list[str]) -> str | list[str]:
    """A single value stands alone; several are sorted downwards, as the official plugin has them."""
    return values[0] if len(values) == 1 else sorted(values, reverse=True)


def _statement(given: PropertyMap) -> dict[str, Any]:
    found: dict[str, Any] = {"Sid": given["sid"]} if given.get("sid") else {}
    found["Effect"] = given.get("effect") or "Allow"
    for name, key in (
        ("actions", "Action"),
        ("notActions", "NotAction"),
        ("resources", "Resource"),
        ("notResources", "NotResource"),
    ):
        if given.get(name):
            found[key] = _one_or_all(given[name])
    for name, key in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if given.get(name):
            kinds: dict[str, list[str]] = {}
            for principal in given[name]:
                kinds.setdefault(principal["type"], []).extend(principal["identifiers"])
            everybody = kinds == {"*": ["*"]}
            found[key] = "*" if everybody else {kind: _one_or_all(values) for kind, values in kinds.items()}
    if given.get("conditions"):
        tests: dict[str, dict[str, list[str]]] = {}
        for condition in given["conditions"]:
            tests.setdefault(condition["test"], {}).setdefault(condition["variable"], []).extend(condition["values"])
        found["Condition"] = {
            test: {variable: _one_or_all(values) for variable, values in variables.items()}
            for test, variables in tests.items()
        }
    return found


FUNCTIONS: Final[Mapping[str, Callable[[AwsConnection, PropertyMap], PropertyMap]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _get_caller_identity,
    "aws:index/getPartition:getPartition": _get_partition,
    "aws:index/getRegion:getRegion": _get_region,
    "aws:iam/getPolicyDocument:getPolicyDocument": _get_policy_document,
    "aws:eks/getCluster:getCluster": _get_cluster,
    "aws:secretsmanager/getSecret:getSecret": _get_secret,
}
