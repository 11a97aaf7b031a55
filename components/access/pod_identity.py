"""The operator's own identity by EKS Pod Identity: all it may do is to assume the roles of its stores."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.access.iam_role import RoleSurroundings
from secretsync.access.statements import Statement, document
from secretsync.access.trust import pod_identity

if TYPE_CHECKING:
    from collections.abc import Sequence

_ASSUME = ("sts:AssumeRole", "sts:TagSession")
"""Sessions of Pod Identity carry tags that go along, so each further role needs both."""


def assumed_by(role_arn: str) -> str:
    """The trust policy of a role that another role, and nobody else, takes on."""
    statement = {"Sid": "Operator", "Effect": "Allow", "Principal": {"AWS": role_arn}, "Action": list(_ASSUME)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def assume_policy(role_arns: Sequence[str]) -> str:
    """The policy of an identity that takes on these roles and does nothing else."""
    return document([Statement("AssumeStoreRoles", _ASSUME, tuple(sorted(role_arns)))])


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorPodIdentityArgs:
    """What an `OperatorPodIdentity` is made from."""

    cluster_arn: str
    """ARN of the EKS cluster, whose Pod Identity agent hands the credentials out."""
    account_id: str
    """The account of cluster and roles."""
    namespace: str
    """Namespace of the operator."""
    service_account: str
    """ServiceAccount of the operator."""
    store_role_arns: tuple[str, ...]
    """Roles of the stores; they need not exist yet."""
    surroundings: RoleSurroundings = field(default_factory=RoleSurroundings)
    """Path, boundary and tags."""


class OperatorPodIdentity(pulumi.ComponentResource):
    """Role, its one policy, and the association with the operator's ServiceAccount.

    The association has to be there before the operator's pods: credentials are handed to a pod when it starts.
    """

    role_arn: pulumi.Output[str]
    """ARN of the operator's role, which the trust policies of the stores' roles name."""

    def __init__(self, name: str, args: OperatorPodIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:access:OperatorPodIdentity", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        around = args.surroundings
        role = aws.iam.Role(
            f"{name}-role",
            description="Operator of external secrets",
            assume_role_policy=pod_identity(
                account=args.account_id,
                cluster_arn=args.cluster_arn,
                namespace=args.namespace,
                service_account=args.service_account,
            ),
            path=around.path,
            permissions_boundary=around.permissions_boundary,
            tags=around.tags,
            opts=child,
        )
        policy = aws.iam.Policy(
            f"{name}-policy",
            path=around.path,
            policy=assume_policy(args.store_role_arns),
            tags=around.tags,
            opts=child,
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-attachment", role=role.name, policy_arn=policy.arn, opts=child
        )
        aws.eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=args.cluster_arn.rpartition("/")[2],
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            tags=around.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[attachment]),
        )
        self.role_arn = role.arn
        self.register_outputs({"roleArn": self.role_arn})
