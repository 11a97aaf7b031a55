"""What a stack has in its AWS account: the secrets, and one role for each store that reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_aws as aws

from components.access.iam_role import IAMStoreRole, IAMStoreRoleArgs, RoleSurroundings, ServiceAccountName
from components.access.pod_identity import OperatorPodIdentity, OperatorPodIdentityArgs, assumed_by
from components.backends.aws import SecretsManagerBackend, SecretsManagerBackendArgs
from components.declarations import identity
from components.declarations.aws import new_key_arn, role_arn
from secretsync.access.trust import irsa
from secretsync.api import AWSServiceType

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.backends.samples import SampleValues
    from components.declarations import AWSStoreAccess
    from components.settings import AWSSettings

OPERATOR_ACCOUNT: Final = "external-secrets"
"""ServiceAccount of the operator, builtin or upstream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AWSStoresArgs:
    """What `AWSStores` are made from."""

    settings: AWSSettings
    """The account and what is in it."""
    access: tuple[AWSStoreAccess, ...]
    """The compiled access of each store."""
    operator_namespace: str
    """Namespace of the operator; its ServiceAccount is `OPERATOR_ACCOUNT`."""
    protect: bool
    """Whether what holds data is protected from deletion."""
    sample_values: pulumi.Input[SampleValues] | None = None
    """Secret. First values of what has a sample."""


class AWSStores(pulumi.ComponentResource):
    """The backend, the operator's identity where it has one of its own, and a role for each store.

    Takes an aws and a kubernetes provider. The ServiceAccounts' namespaces exist already.
    """

    role_arns: pulumi.Output[dict[str, str]]
    """Store → ARN of its role, known once the store can be used."""

    def __init__(self, name: str, args: AWSStoresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:access:AWSStores", name, None, opts)
        self._name = name
        self._args = args
        settings = args.settings
        self._child = pulumi.ResourceOptions(parent=self)
        self._surroundings = RoleSurroundings(
            path=settings.role_path,
            permissions_boundary=settings.permissions_boundary,
            tags={**settings.tags, **_exception_tags(settings)},
        )
        backend = SecretsManagerBackend(
            name,
            SecretsManagerBackendArgs(
                settings=settings,
                services=_services(args),
                protect=args.protect,
                sample_values=args.sample_values,
            ),
            opts=self._child,
        )
        trust = self._trust() if args.access else None
        roles = {identity(each.store): self._role(each, backend, trust) for each in args.access if trust is not None}
        self.role_arns = pulumi.Output.all(**{store: role.role_arn for store, role in roles.items()})
        self.register_outputs({"roleArns": self.role_arns})

    def _trust(self) -> Callable[[AWSStoreAccess], pulumi.Input[str]]:
        """What writes the trust policy of a store's role."""
        settings = self._args.settings
        how = settings.identity
        if how is None:  # the settings refuse stores without
            raise ValueError("stores need an identity")
        if how.kind == "podIdentity":
            operator = self._operator(how.cluster)
            return lambda _access: operator.role_arn.apply(assumed_by)
        if how.oidc_provider_arn is not None:
            given = how.oidc_provider_arn
            return lambda access: irsa(given, access.namespace, access.service_account)
        cluster = aws.eks.get_cluster_output(name=how.cluster, opts=pulumi.InvokeOutputOptions(parent=self))
        provider_arn = (
            cluster.identities[0]
            .oidcs[0]
            .issuer.apply(lambda issuer: settings.oidc_provider_prefix + issuer.removeprefix("https://"))
        )
        return lambda access: provider_arn.apply(lambda arn: irsa(arn, access.namespace, access.service_account))

    def _operator(self, cluster: str) -> OperatorPodIdentity:
        settings, args = self._args.settings, self._args
        return OperatorPodIdentity(
            f"{self._name}-operator",
            OperatorPodIdentityArgs(
                cluster_arn=f"arn:{settings.partition}:eks:{settings.region}:{settings.account_id}:cluster/{cluster}",
                account_id=settings.account_id,
                namespace=args.operator_namespace,
                service_account=OPERATOR_ACCOUNT,
                store_role_arns=tuple(role_arn(settings, access.role_name) for access in args.access),
                surroundings=self._surroundings,
            ),
            opts=self._child,
        )

    def _role(
        self,
        access: AWSStoreAccess,
        backend: SecretsManagerBackend,
        trust: Callable[[AWSStoreAccess], pulumi.Input[str]],
    ) -> IAMStoreRole:
        placeholder = new_key_arn(self._args.settings)
        with_key = [
            pulumi.Output.all(text, placeholder, backend.key_arn).apply(lambda parts: parts[0].replace(*parts[1:]))
            for text in access.new_key_documents
        ]
        account = ServiceAccountName(namespace=access.namespace, name=access.service_account)
        return IAMStoreRole(
            f"{self._name}-{access.store.metadata.namespace or 'cluster'}-{access.store.metadata.name}",
            IAMStoreRoleArgs(
                description=f"Reads what {access.store.kind} {identity(access.store)} declares",
                trust=trust(access),
                documents=(*access.documents, *with_key),
                role_name=access.role_name or None,
                service_account=account if access.service_account else None,
                surroundings=self._surroundings,
            ),
            opts=self._child,
        )


def _services(args: AWSStoresArgs) -> tuple[str, ...]:
    """Services that read or write under the stack's key."""
    by_stores = {
        each.store.spec.provider.aws.service for each in args.access if each.store.spec.provider.aws is not None
    }
    secrets = bool(args.settings.secrets) or AWSServiceType.SecretsManager in by_stores
    parameters = bool(args.settings.parameters) or AWSServiceType.ParameterStore in by_stores
    used = {"secretsmanager": secrets or not parameters, "ssm": parameters}
    return tuple(service for service, is_used in used.items() if is_used)


def _exception_tags(settings: AWSSettings) -> dict[str, str]:
    """How a role says that it reaches further than the declarations, and until when."""
    if settings.level_exception is None:
        return {}
    return {
        "AccessLevel": settings.level,
        "AccessLevelUntil": settings.level_exception.until.isoformat(),
        "AccessLevelReason": settings.level_exception.reason,
    }
