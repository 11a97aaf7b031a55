"""The operator's own identity by EKS Pod Identity: all it may do is to assume the roles of its stores."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.access.iam_role import SESSION_SECONDS, RoleSurroundings
from secretsync.access.statements import POLICIES_PER_ROLE, Statement, document, split
from secretsync.access.trust import pod_identity
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ASSUME = ("sts:AssumeRole", "sts:TagSession")
"""Sessions of Pod Identity carry tags that go along, so each further role needs both."""


def assumed_by(role_arn: str) -> str:
    """The trust policy of a role that another role, and nobody else, takes on."""
    statement = {"Sid": "Operator", "Effect": "Allow", "Principal": {"AWS": role_arn}, "Action": list(_ASSUME)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def assume_policies(role_arns: Sequence[str]) -> tuple[str, ...]:
    """The managed policies of an identity that takes on these roles and does nothing else.

    Raises:
        SettingsError: they are more than a role can have.
    """
    documents = tuple(
        document(part) for part in split([Statement("AssumeStoreRoles", _ASSUME, tuple(sorted(role_arns)))])
    )
    if len(documents) > POLICIES_PER_ROLE:
        raise SettingsError(
            f"are {len(role_arns)}, which takes {len(documents)} policies to name, and a role has {POLICIES_PER_ROLE}",
            place="stack configuration, aws.stores",
            remedy="set aws.identity.kind to irsa, or divide the stores among several stacks",
        )
    return documents


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
    """Role, its policies, and the association with the operator's ServiceAccount.

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
            max_session_duration=SESSION_SECONDS,
            path=around.path,
            permissions_boundary=around.permissions_boundary,
            tags=around.tags,
            opts=child,
        )
        attachments = []
        for number, text in enumerate(assume_policies(args.store_role_arns), start=1):
            part = f"-{number}" if number > 1 else ""
            policy = aws.iam.Policy(f"{name}-policy{part}", path=around.path, policy=text, tags=around.tags, opts=child)
            attachments.append(
                aws.iam.RolePolicyAttachment(
                    f"{name}-attachment{part}", role=role.name, policy_arn=policy.arn, opts=child
                )
            )
        aws.eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=args.cluster_arn.rpartition("/")[2],
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            tags=around.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=attachments),
        )
        self.role_arn = role.arn
        self.register_outputs({"roleArn": self.role_arn})
