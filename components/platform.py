"""The whole stack as one component: what exists, in which order, through which providers."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_vault as vault
import yaml

from components.access.vault_role import VaultStoreRole, VaultStoreRoleArgs
from components.backends.samples import PLACE as SAMPLES
from components.backends.samples import parse_samples
from components.backends.vault import KubernetesEndpoint, VaultBackend, VaultBackendArgs
from components.declarations import Declarations, declare, identity
from components.dynamic.synced_secret_set import ReadySyncedSecrets
from components.external_secret import (
    OperatorExternalSecrets,
    PulumiExternalSecret,
    PulumiExternalSecretSet,
    Rollout,
)
from components.generators import Generators, GeneratorsArgs, SpreadSecrets, SpreadSecretsArgs
from components.operator import BuiltinOperator, BuiltinOperatorArgs, CustomResourceDefinitions
from components.settings import PREFIX, Settings
from components.stores import Stores, StoresArgs
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from components.access.aws_stores import AWSStores
    from components.backends.samples import SampleValues
    from secretsync.api import ExternalSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformArgs:
    """What a `Platform` is made from."""

    settings: Settings
    """The stack's settings."""
    sample_secrets: pulumi.Output[str] | None = None
    """Secret. JSON object: KV path or AWS name → value, for what has a sample."""
    fingerprint_key: pulumi.Output[str] | None = None
    """Secret. Key of the fingerprints in state."""
    root: Path | None = None
    """The project's folder; without it the current one."""


def read_cluster(settings: Settings) -> KubernetesEndpoint:
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
        return KubernetesEndpoint(server=settings.cluster.api_server or cluster["server"], ca_certificate=authority)
    except (OSError, yaml.YAMLError, KeyError, TypeError, StopIteration, ValueError) as error:
        raise SettingsError(
            f"the cluster cannot be read from it ({type(error).__name__})",
            place=str(path),
            remedy=f"point KUBECONFIG or {PREFIX}:cluster.kubeconfig to a kubeconfig with a current context",
        ) from None


class Platform(pulumi.ComponentResource):
    """Namespaces, backends, access, operator, stores and ExternalSecrets of a stack.

    Order, and on the way down its reverse: namespaces and CRDs; backends; access; operator (its webhook answers);
    generators and stores (each Ready); then the ExternalSecrets of both lanes (each Ready).
    """

    targets: pulumi.Output[dict[str, str]]
    """ExternalSecret → the Secret it fills."""
    role_arns: pulumi.Output[dict[str, str]]
    """AWS store → ARN of its role; empty without AWS."""

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:index:Platform", name, None, opts)
        settings = args.settings
        self._args = args
        self._settings = settings
        self._child = pulumi.ResourceOptions(parent=self)
        address = settings.vault_address if settings.vault else None
        declared = declare(settings, root=args.root or Path.cwd(), vault_address=address)
        self._samples = self._sample_values()
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
        definitions = self._definitions(declared, on_cluster)
        aws_stores = self._aws(declared, namespaces)
        access = [*self._vault(declared, namespaces), *aws_stores]
        operator = self._operator(declared, [*namespaces, *definitions, *self._before_operator(aws_stores)])
        after = [*namespaces, *definitions, *access, *operator]
        then = pulumi.ResourceOptions(parent=self, provider=self._cluster, depends_on=after)
        sources: list[pulumi.Resource] = [
            Stores("stores", StoresArgs(stores=declared.stores, wait=bool(operator)), opts=then)
        ]
        if declared.generators:
            sources.append(Generators("generators", GeneratorsArgs(generators=declared.generators), opts=then))
        self._external_secrets(declared, sources)
        targets = {identity(es): _target(es) for es in declared.external_secrets}
        self.targets = pulumi.Output.from_input(targets)
        self.role_arns = aws_stores[0].role_arns if aws_stores else pulumi.Output.from_input({})
        self.register_outputs({"targets": self.targets, "roleArns": self.role_arns})

    def _sample_values(self) -> pulumi.Output[SampleValues] | None:
        settings, given = self._settings, self._args.sample_secrets
        wanted = (*(settings.vault.samples if settings.vault else ()), *(settings.aws.samples if settings.aws else ()))
        if wanted and given is None:
            raise SettingsError(
                f"is needed for {', '.join(wanted)} and not set",
                place=SAMPLES,
                remedy="pulumi config set --secret sampleSecrets '{…}'",
            )
        return given.apply(parse_samples) if given is not None else None

    def _namespaces(self, declared: Declarations) -> list[str]:
        """All of them are made first and, in one go, removed last: each takes the cluster five seconds to remove."""
        operator = self._settings.operator
        return sorted({*declared.namespaces, *([] if operator.kind == "none" else [operator.namespace])})

    def _vault(self, declared: Declarations, namespaces: list[kubernetes.core.v1.Namespace]) -> list[pulumi.Resource]:
        settings = self._settings.vault
        if settings is None:
            return []
        provider = vault.Provider(
            "vault", address=self._settings.vault_address, skip_child_token=True, opts=self._child
        )
        backend = VaultBackend(
            "vault",
            VaultBackendArgs(
                mount=settings.mount,
                auth_path=settings.auth_path,
                kubernetes=read_cluster(self._settings) if settings.manage == "all" else None,
                protect=self._settings.holds_data,
                sample_secrets=self._samples,
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
                    reviews_itself=settings.reviewer == "login",
                ),
                opts=pulumi.ResourceOptions(parent=self, providers=[provider, self._cluster], depends_on=namespaces),
            )
            for access in declared.vault_access
        ]
        return [backend, *roles]

    def _aws(self, declared: Declarations, namespaces: list[kubernetes.core.v1.Namespace]) -> list[AWSStores]:
        settings = self._settings.aws
        if settings is None:
            return []
        # Stacks without AWS need not wait for its SDK, which takes a quarter of a second to import.
        import pulumi_aws as aws  # noqa: PLC0415 - see above

        from components.access.aws_stores import AWSStores, AWSStoresArgs  # noqa: PLC0415 - see above

        provider = aws.Provider(
            "aws",
            region=settings.region,
            allowed_account_ids=[settings.account_id],
            default_tags=aws.ProviderDefaultTagsArgs(tags=settings.tags),
            opts=self._child,
        )
        return [
            AWSStores(
                "aws",
                AWSStoresArgs(
                    settings=settings,
                    access=declared.aws_access,
                    operator_namespace=self._settings.operator.namespace,
                    protect=self._settings.holds_data,
                    sample_values=self._samples,
                ),
                opts=pulumi.ResourceOptions(parent=self, providers=[provider, self._cluster], depends_on=namespaces),
            )
        ]

    def _before_operator(self, aws_stores: list[AWSStores]) -> list[pulumi.Resource]:
        """Pods get the credentials of Pod Identity when they start, so those are there first."""
        return list(aws_stores) if self._by_pod_identity else []

    @property
    def _by_pod_identity(self) -> bool:
        identity_settings = self._settings.aws.identity if self._settings.aws is not None else None
        return identity_settings is not None and identity_settings.kind == "podIdentity"

    def _definitions(self, declared: Declarations, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        """The kinds: made here for our controller, by its chart for `upstream`, and looked for where neither is."""
        kind = self._settings.operator.kind
        if kind == "builtin":
            return [CustomResourceDefinitions("kinds", retain=self._settings.environment != "dev", opts=opts)]
        if kind == "upstream":
            return []
        from components.dynamic.operator_readiness import EstablishedDefinitions  # noqa: PLC0415 - few stacks use it
        from components.operator.upstream_scope import UpstreamScope  # noqa: PLC0415 - see above

        return [EstablishedDefinitions("kinds", UpstreamScope.of(declared).definitions, opts=self._child)]

    def _operator(self, declared: Declarations, after: list[pulumi.Resource]) -> list[pulumi.Resource]:
        settings = self._settings.operator
        if settings.kind == "none":
            return []
        if settings.kind == "upstream":
            return [self._upstream(declared, after)]
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
                opts=pulumi.ResourceOptions(parent=self, provider=self._cluster, depends_on=after),
            )
        ]

    def _upstream(self, declared: Declarations, after: list[pulumi.Resource]) -> pulumi.Resource:
        from components.operator.upstream import UpstreamOperator, UpstreamOperatorArgs  # noqa: PLC0415 - few use it
        from components.operator.upstream_scope import UpstreamScope  # noqa: PLC0415 - see above

        return UpstreamOperator(
            "operator",
            UpstreamOperatorArgs(
                settings=self._settings.operator,
                scope=UpstreamScope.of(declared),
                pod_identity=self._by_pod_identity,
            ),
            opts=pulumi.ResourceOptions(parent=self, provider=self._cluster, depends_on=after),
        )

    def _external_secrets(self, declared: Declarations, sources: list[pulumi.Resource]) -> None:
        then = pulumi.ResourceOptions(parent=self, provider=self._cluster, depends_on=sources)
        if declared.cluster_external_secrets or declared.push_secrets:
            SpreadSecrets(
                "spread-secrets",
                SpreadSecretsArgs(
                    cluster_external_secrets=declared.cluster_external_secrets,
                    push_secrets=declared.push_secrets,
                    wait=self._settings.operator.kind == "upstream",
                ),
                opts=then,
            )
        OperatorExternalSecrets(
            "external-secrets",
            declared.in_lane("operator"),
            wait=self._settings.operator.kind != "none",
            opts=then,
        )
        in_pulumi = declared.in_lane("pulumi")
        if in_pulumi and self._args.fingerprint_key is None:
            raise SettingsError(
                "is needed by the pulumi lane and not set",
                place=f"{PREFIX}:fingerprintKey",
                remedy="pulumi config set --secret fingerprintKey $(openssl rand -hex 32)",
            )
        sync, then = self._settings.sync, pulumi.ResourceOptions(parent=self, depends_on=sources)
        rollout = Rollout(always=sync.rollout, patience_seconds=sync.rollout_patience_seconds)
        if sync.is_set(len(in_pulumi)):
            PulumiExternalSecretSet("synced", in_pulumi, declared.stores, then, places=declared.places, rollout=rollout)
            return
        made = {
            identity(es): PulumiExternalSecret(
                identity(es).replace("/", "-"),
                es,
                declared.stores,
                then,
                places=declared.places[identity(es)],
                rollout=rollout,
                gathered=True,
            )
            for es in in_pulumi
        }
        if made:
            problems = {name: synced.problem for name, synced in made.items()}
            ReadySyncedSecrets("synced-ready", problems, len(made), opts=self._child)


def _target(external_secret: ExternalSecret) -> str:
    return f"{external_secret.metadata.namespace}/{external_secret.spec.target.name or external_secret.metadata.name}"
