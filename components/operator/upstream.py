"""The `upstream` operator: the External Secrets Operator from its chart, ready when its webhook answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgs, RoleRefArgs, SubjectArgs

from components.dynamic.operator_readiness import AnsweringWebhook, EstablishedDefinitions
from components.operator.upstream_values import NAME, WEBHOOK_SERVICE, compile_values
from components.settings.upstream import CHART

if TYPE_CHECKING:
    from components.operator.upstream_scope import UpstreamScope
    from components.operator.upstream_values import Values
    from components.settings import OperatorSettings

_KEPT_REVISIONS = 5
"""Each is a Secret of more than half a megabyte, because the CRDs are in it."""
_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamOperatorArgs:
    """What an `UpstreamOperator` is made from."""

    settings: OperatorSettings
    """Chart and shape; the namespace exists already."""
    scope: UpstreamScope
    """What the declarations ask of it."""
    pod_identity: bool = False
    """Whether its AWS credentials come from EKS Pod Identity."""


class UpstreamOperator(pulumi.ComponentResource):
    """Rights to request tokens, the release, and the proof that it can be relied on.

    Made in this order, and removed in its reverse: roles for tokens; release; kinds established; webhook answers. The
    CRDs stay when the release goes.
    """

    ready: pulumi.Output[str]
    """Name of the release, known once its webhook answers."""
    namespace: pulumi.Output[str]
    """Namespace of the release."""
    version: pulumi.Output[str]
    """Version of chart and operator."""

    def __init__(self, name: str, args: UpstreamOperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:operator:Upstream", name, None, opts)
        self._name = name
        settings, upstream = args.settings, args.settings.upstream
        values = compile_values(settings, args.scope, pod_identity=args.pod_identity)
        registry = upstream.repository.startswith("oci://")
        bindings = self._token_roles(args) if upstream.serves == "declared" else []
        release = Release(
            name,
            # A chart of a registry is one address; one of a repository has its name and the repository's address.
            chart=f"{upstream.repository}/{CHART}" if registry else CHART,
            repository_opts=None if registry else RepositoryOptsArgs(repo=upstream.repository),
            version=upstream.version,
            name=NAME,
            namespace=settings.namespace,
            values=values,
            # A failed installation is taken away again: Helm cannot upgrade a release that was never deployed.
            atomic=True,
            cleanup_on_fail=True,
            max_history=_KEPT_REVISIONS,
            timeout=upstream.timeout_seconds,
            take_ownership=upstream.take_ownership,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=bindings,
                # Names in the cluster are the chart's, so a new release cannot stand beside the old one.
                delete_before_replace=True,
            ),
        )
        which = _digest(upstream.repository, upstream.version, settings.namespace, values)
        established = EstablishedDefinitions(
            f"{name}-kinds",
            args.scope.definitions,
            release=which,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[release]),
        )
        webhook = AnsweringWebhook(
            f"{name}-webhook",
            namespace=settings.namespace,
            service=WEBHOOK_SERVICE,
            release=which,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[established]),
        )
        self.ready = pulumi.Output.all(release.name, webhook.answered).apply(lambda known: str(known[0]))
        self.namespace = pulumi.Output.from_input(settings.namespace)
        self.version = pulumi.Output.from_input(upstream.version)
        self.register_outputs({"ready": self.ready, "namespace": self.namespace, "version": self.version})

    def _token_roles(self, args: UpstreamOperatorArgs) -> list[pulumi.Resource]:
        """The right to request tokens of just the ServiceAccounts that stores name; the chart's own is for all."""
        made: list[pulumi.Resource] = []
        for namespace in sorted({where for where, _ in args.scope.token_accounts}):
            accounts = sorted(account for where, account in args.scope.token_accounts if where == namespace)
            metadata = ObjectMetaArgs(name=f"{NAME}-tokens", namespace=namespace)
            child = pulumi.ResourceOptions(parent=self)
            role = kubernetes.rbac.v1.Role(
                f"{self._name}-{namespace}",
                metadata=metadata,
                rules=[
                    PolicyRuleArgs(
                        api_groups=[""], resources=["serviceaccounts/token"], resource_names=accounts, verbs=["create"]
                    )
                ],
                opts=child,
            )
            binding = kubernetes.rbac.v1.RoleBinding(
                f"{self._name}-{namespace}",
                metadata=metadata,
                role_ref=RoleRefArgs(api_group=_RBAC, kind="Role", name=role.metadata.name),
                subjects=[SubjectArgs(kind="ServiceAccount", name=NAME, namespace=args.settings.namespace)],
                opts=child,
            )
            made.append(binding)
        return made


def _digest(repository: str, version: str, namespace: str, values: Values) -> str:
    """Changes with the release, so that what is proven of it is proven again."""
    text = json.dumps([repository, version, namespace, values], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
