"""One store's access to Vault: the compiled policy and a role bound to one ServiceAccount."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault

_DELEGATOR = "system:auth-delegator"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultStoreRoleArgs:
    """What a `VaultStoreRole` is made from."""

    role: str
    """Name of the role and of its policy."""
    policy: str
    """The compiled ACL policy in HCL."""
    auth_path: pulumi.Input[str]
    """Path of the Kubernetes auth method."""
    namespace: pulumi.Input[str]
    """Namespace of the ServiceAccount that may log in."""
    service_account: str
    """Name of the ServiceAccount that may log in; made here."""
    audience: str
    """Audience that its token must carry."""
    token_ttl_seconds: int
    """Life of a token that the role issues, in seconds; it cannot be renewed beyond it."""
    reviews_itself: bool = True
    """Whether a login is reviewed with the token that logs in; else the auth method holds a token for that."""


class VaultStoreRole(pulumi.ComponentResource):
    """ServiceAccount, its right to have its own token reviewed, policy, and the role that ties them together."""

    role_name: pulumi.Output[str]
    """Name of the role, known once everything it needs exists."""
    service_account_name: pulumi.Output[str]
    """Name of the ServiceAccount."""

    def __init__(self, name: str, args: VaultStoreRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:access:VaultStoreRole", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        account = kubernetes.core.v1.ServiceAccount(
            name,
            metadata=kubernetes.meta.v1.ObjectMetaArgs(name=args.service_account, namespace=args.namespace),
            opts=child,
        )
        rights = [self._delegator(name, args, child)] if args.reviews_itself else []
        policy = vault.Policy(f"{name}-policy", name=args.role, policy=args.policy, opts=child)
        role = vault.kubernetes.AuthBackendRole(
            f"{name}-role",
            backend=args.auth_path,
            role_name=args.role,
            bound_service_account_names=[args.service_account],
            bound_service_account_namespaces=[args.namespace],
            audience=args.audience,
            token_policies=[policy.name],
            token_ttl=args.token_ttl_seconds,
            token_max_ttl=args.token_ttl_seconds,
            opts=child,
        )
        self.role_name = pulumi.Output.all(role.role_name, *(each.id for each in rights)).apply(
            lambda values: values[0]
        )
        self.service_account_name = account.metadata.name
        self.register_outputs({"roleName": self.role_name, "serviceAccountName": self.service_account_name})

    def _delegator(
        self, name: str, args: VaultStoreRoleArgs, opts: pulumi.ResourceOptions
    ) -> kubernetes.rbac.v1.ClusterRoleBinding:
        return kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-token-review",
            role_ref=kubernetes.rbac.v1.RoleRefArgs(
                api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=_DELEGATOR
            ),
            subjects=[
                kubernetes.rbac.v1.SubjectArgs(
                    kind="ServiceAccount", name=args.service_account, namespace=args.namespace
                )
            ],
            opts=opts,
        )
