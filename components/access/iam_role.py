"""One store's access to AWS: a role with the compiled policies, bound to one ServiceAccount."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
SESSION_SECONDS: Final = 3600
"""Longest session of a role: the least that AWS takes, and as long as the operators ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSurroundings:
    """What all roles of an account have in common."""

    path: str = "/"
    """Path of roles and policies."""
    permissions_boundary: str | None = None
    """ARN of the policy that bounds each role."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags of roles and policies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountName:
    """A ServiceAccount that is made here."""

    namespace: str
    """Its namespace, which exists already."""
    name: str
    """Its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IAMStoreRoleArgs:
    """What an `IAMStoreRole` is made from."""

    description: str
    """Whom the role is for."""
    trust: pulumi.Input[str]
    """The trust policy: who may take the role on."""
    documents: tuple[pulumi.Input[str], ...]
    """The compiled policies. Each becomes a managed policy; their number is known beforehand."""
    role_name: str | None = None
    """Physical name, where something else refers to it; else the engine names it."""
    service_account: ServiceAccountName | None = None
    """The ServiceAccount that takes the role on (IRSA); None where somebody else does."""
    surroundings: RoleSurroundings = field(default_factory=RoleSurroundings)
    """Path, boundary and tags."""


class IAMStoreRole(pulumi.ComponentResource):
    """Role, managed policies and their attachment; the annotated ServiceAccount where there is one."""

    role_arn: pulumi.Output[str]
    """ARN of the role, known once its policies are attached."""

    def __init__(self, name: str, args: IAMStoreRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:access:IAMStoreRole", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        around = args.surroundings
        role = aws.iam.Role(
            f"{name}-role",
            name=args.role_name,
            description=args.description,
            assume_role_policy=args.trust,
            max_session_duration=SESSION_SECONDS,
            path=around.path,
            permissions_boundary=around.permissions_boundary,
            tags=around.tags,
            opts=child,
        )
        attached = []
        for number, document in enumerate(args.documents, start=1):
            policy = aws.iam.Policy(
                f"{name}-policy-{number}", path=around.path, policy=document, tags=around.tags, opts=child
            )
            attached.append(
                aws.iam.RolePolicyAttachment(
                    f"{name}-attachment-{number}", role=role.name, policy_arn=policy.arn, opts=child
                )
            )
        self.role_arn = pulumi.Output.all(role.arn, *(each.id for each in attached)).apply(lambda ids: str(ids[0]))
        if args.service_account is not None:
            kubernetes.core.v1.ServiceAccount(
                name,
                metadata=kubernetes.meta.v1.ObjectMetaArgs(
                    name=args.service_account.name,
                    namespace=args.service_account.namespace,
                    annotations={_ROLE_ANNOTATION: self.role_arn},
                ),
                automount_service_account_token=False,  # no pod runs as it: whoever syncs requests its tokens
                opts=child,
            )
        self.register_outputs({"roleArn": self.role_arn})
