"""The whole stack as one component: what exists, in which order, through which providers."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault
import yaml

from components.access.vault_role import VaultStoreRole, VaultStoreRoleArgs
from components.backends.vault import VaultBackend, VaultBackendArgs
from components.declarations import Declarations, declare, identity
from components.external_secret import OperatorExternalSecrets, PulumiExternalSecret
from components.operator import BuiltinOperator, BuiltinOperatorArgs, CustomResourceDefinitions
from components.settings import PREFIX, Settings
from components.stores import Stores
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsync.api import ExternalSecret, Store


@dataclass(frozen=True, slots=True)
class Cluster:
    """The API server as a backend reaches it.

    Attributes:
        server: its address.
        ca_certificate: PEM of the authority behind it.
    """

    server: str
    ca_certificate: str


def read_cluster(settings: Settings) -> Cluster:
    """Address and authority of the cluster from the kubeconfig.

    Raises:
        SettingsError: there is no such file or context, or it names no server.
    """
    path = settings.kubeconfig
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        wanted = settings.cluster.context or document["current-context"]
        context = next(c["context"] for c in document["contexts"] if c["name"] == wanted)
        cluster = next(c["cluster"] for c in document["clusters"] if c["name"] == context["cluster"])
        if "certificate-authority-data" in cluster:
            authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        else:
            authority = (path.parent / cluster["certificate-authority"]).read_text(encoding="utf-8")
        return Cluster(settings.cluster.api_server or cluster["server"], authority)
    except (OSError, yaml.YAMLError, KeyError, TypeError, StopIteration, ValueError) as error:
        raise SettingsError(
            f"the cluster cannot be read from it ({type(error).__name__})",
            place=str(path),
            remedy=f"point KUBECONFIG or {PREFIX}:cluster.kubeconfig to a kubeconfig with a current context",
        ) from None


class Platform(pulumi.ComponentResource):
    """Namespaces, backend, access, operator, stores and ExternalSecrets of a stack.

    Order, and on the way down its reverse: namespaces and CRDs; backend; access; operator; stores (each Ready); then
    the ExternalSecrets of both lanes (each Ready).
    """

    targets: pulumi.Output[dict[str, str]]
    """ExternalSecret → the Secret it fills."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        sample_secrets: pulumi.Output[str] | None,
        fingerprint_key: pulumi.Output[str] | None,
        root: Path | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("external-secrets:index:Platform", name, None, opts)
        self._settings = settings
        self._child = pulumi.ResourceOptions(parent=self)
        address = settings.vault_address if settings.vault else None
        declared = declare(settings, root=root or Path.cwd(), vault_address=address)
        self._cluster = kubernetes.Provider(
            "cluster",
            kubeconfig=str(settings.kubeconfig),
            context=settings.cluster.context,
            enable_secret_mutable=True,
            # A run that was killed may have made an object without recording it; in a cluster of its own, take it.
            upsert_existing_objects=settings.environment == "dev",
            opts=self._child,
        )
        on_cluster = pulumi.ResourceOptions(parent=self, provider=self._cluster)
        namespaces = [
            kubernetes.core.v1.Namespace(
                namespace, metadata=kubernetes.meta.v1.ObjectMetaArgs(name=namespace), opts=on_cluster
            )
            for namespace in self._namespaces(declared)
        ]
        definitions = CustomResourceDefinitions(
            "kinds",
            retain=settings.environment != "dev",
            opts=pulumi.ResourceOptions(parent=self, provider=self._cluster),
        )
        access = self._backend(declared, namespaces, sample_secrets)
        operator = self._operator(declared, namespaces, definitions)
        after = [*namespaces, definitions, *access, *operator]
        stores = Stores(
            "stores",
            declared.stores,
            wait=bool(operator),
            opts=pulumi.ResourceOptions(parent=self, provider=self._cluster, depends_on=after),
        )
        self._external_secrets(declared, stores, fingerprint_key)
        targets = {identity(es): _target(es) for es in declared.external_secrets}
        self.targets = pulumi.Output.from_input(targets)
        self.register_outputs({"targets": self.targets})

    def _namespaces(self, declared: Declarations) -> list[str]:
        """All of them are made first and, in one go, removed last: each takes the cluster five seconds to remove."""
        operator = self._settings.operator
        return sorted({*declared.namespaces, *([operator.namespace] if operator.kind == "builtin" else [])})

    def _backend(
        self,
        declared: Declarations,
        namespaces: list[kubernetes.core.v1.Namespace],
        sample_secrets: pulumi.Output[str] | None,
    ) -> list[pulumi.Resource]:
        settings = self._settings.vault
        if settings is None:
            return []
        cluster = read_cluster(self._settings)
        provider = vault.Provider(
            "vault", address=self._settings.vault_address, skip_child_token=True, opts=self._child
        )
        backend = VaultBackend(
            "vault",
            VaultBackendArgs(
                mount=settings.mount,
                auth_path=settings.auth_path,
                kubernetes_host=cluster.server,
                kubernetes_ca_certificate=cluster.ca_certificate,
                protect=self._settings.environment == "prod",
                sample_secrets=sample_secrets.apply(_sample_values) if sample_secrets is not None else None,
                sample_paths=settings.samples,
            ),
            opts=pulumi.ResourceOptions(parent=self, provider=provider),
        )
        roles = [
            VaultStoreRole(
                f"access-{access.role}",
                VaultStoreRoleArgs(
                    role=access.role,
                    policy=access.policy,
                    auth_path=backend.auth_path,
                    namespace=access.namespace,
                    service_account=access.service_account,
                    audience=settings.audience,
                    token_ttl_seconds=settings.token_ttl_seconds,
                ),
                opts=pulumi.ResourceOptions(parent=self, providers=[provider, self._cluster], depends_on=namespaces),
            )
            for access in declared.vault_access
        ]
        return [backend, *roles]

    def _operator(
        self,
        declared: Declarations,
        namespaces: list[kubernetes.core.v1.Namespace],
        definitions: CustomResourceDefinitions,
    ) -> list[pulumi.Resource]:
        settings = self._settings.operator
        if settings.kind == "none":
            return []
        return [
            BuiltinOperator(
                "operator",
                BuiltinOperatorArgs(
                    namespace=settings.namespace,
                    image=settings.image,
                    replicas=settings.replicas,
                    concurrency=settings.concurrency,
                    watched_namespaces=declared.namespaces,
                    token_accounts=declared.token_accounts,
                ),
                opts=pulumi.ResourceOptions(parent=self, provider=self._cluster, depends_on=[*namespaces, definitions]),
            )
        ]

    def _external_secrets(
        self, declared: Declarations, stores: Stores, fingerprint_key: pulumi.Output[str] | None
    ) -> None:
        OperatorExternalSecrets(
            "external-secrets",
            declared.in_lane("operator"),
            wait=self._settings.operator.kind != "none",
            opts=pulumi.ResourceOptions(parent=self, provider=self._cluster, depends_on=[stores]),
        )
        in_pulumi = declared.in_lane("pulumi")
        if in_pulumi and fingerprint_key is None:
            raise SettingsError(
                "is needed by the pulumi lane and not set",
                place=f"{PREFIX}:fingerprintKey",
                remedy="pulumi config set --secret fingerprintKey $(openssl rand -hex 32)",
            )
        for es in in_pulumi:
            PulumiExternalSecret(
                identity(es).replace("/", "-"),
                es,
                [store for store in declared.stores if _may_use(es, store)],
                opts=pulumi.ResourceOptions(parent=self, depends_on=[stores]),
            )


def _may_use(external_secret: ExternalSecret, store: Store) -> bool:
    return store.metadata.namespace in ("", external_secret.metadata.namespace)


def _target(external_secret: ExternalSecret) -> str:
    return f"{external_secret.metadata.namespace}/{external_secret.spec.target.name or external_secret.metadata.name}"


def _sample_values(text: str) -> Mapping[str, Any]:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise SettingsError("is not a JSON object", place=f"{PREFIX}:sampleSecrets")
    return values
