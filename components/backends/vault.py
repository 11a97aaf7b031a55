"""A KV v2 mount and the Kubernetes auth method of one cluster: made on a Vault or OpenBao, or there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_vault as vault

from components.backends.samples import vault_sample

if TYPE_CHECKING:
    from components.backends.samples import SampleValues


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesEndpoint:
    """The API server as a backend reaches it, for the review of tokens."""

    server: str
    """Its address, ``https://…``."""
    ca_certificate: str
    """PEM of the authority behind that address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultBackendArgs:
    """What a `VaultBackend` is made from."""

    mount: str
    """Path of the KV v2 mount."""
    auth_path: str
    """Path of the Kubernetes auth method."""
    kubernetes: KubernetesEndpoint | None
    """The cluster whose ServiceAccounts log in; None where mount and auth method exist already and are left alone."""
    protect: bool
    """Whether the mount is protected from deletion; true where it holds data nobody can make again."""
    sample_secrets: pulumi.Input[SampleValues] | None = None
    """Secret. KV path → property → value, written once; later changes in the backend are left alone."""
    sample_paths: tuple[str, ...] = ()
    """The paths of `sample_secrets`, which are no secret; they name the resources."""


class VaultBackend(pulumi.ComponentResource):
    """Mount, auth method and its configuration; the sample secrets where there are any.

    An auth method made here keeps no reviewer token: each login is reviewed with the token that logs in, so the
    ServiceAccount that logs in needs ``system:auth-delegator`` (`components.access.vault_role` binds it), and the token
    the audience of the API server.
    """

    mount: pulumi.Output[str]
    """Path of the mount, known once it exists."""
    auth_path: pulumi.Output[str]
    """Path of the auth method, known once it is configured."""

    def __init__(self, name: str, args: VaultBackendArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:backends:Vault", name, None, opts)
        if args.kubernetes is None:
            self.mount = pulumi.Output.from_input(args.mount)
            self.auth_path = pulumi.Output.from_input(args.auth_path)
        else:
            self._make(name, args, args.kubernetes)
        self.register_outputs({"mount": self.mount, "authPath": self.auth_path})

    def _make(self, name: str, args: VaultBackendArgs, cluster: KubernetesEndpoint) -> None:
        child = pulumi.ResourceOptions(parent=self)
        mount = vault.Mount(
            f"{name}-mount",
            path=args.mount,
            type="kv",
            options={"version": "2"},
            description="Secrets that ExternalSecrets read",
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        auth = vault.AuthBackend(f"{name}-auth", type="kubernetes", path=args.auth_path, opts=child)
        configuration = vault.kubernetes.AuthBackendConfig(
            f"{name}-auth-config",
            backend=auth.path,
            kubernetes_host=cluster.server,
            kubernetes_ca_cert=cluster.ca_certificate,
            disable_local_ca_jwt=True,
            opts=child,
        )
        samples = [self._sample(name, mount, path, args) for path in args.sample_paths]
        self.mount = pulumi.Output.all(mount.path, *(sample.path for sample in samples)).apply(lambda paths: paths[0])
        self.auth_path = pulumi.Output.all(auth.path, configuration.id).apply(lambda values: values[0])

    def _sample(self, name: str, mount: vault.Mount, path: str, args: VaultBackendArgs) -> vault.kv.SecretV2:
        values: pulumi.Output[SampleValues | None] = pulumi.Output.secret(args.sample_secrets)
        return vault.kv.SecretV2(
            f"{name}-sample-{path.replace('/', '-')}",
            mount=mount.path,
            name=path,
            data_json=values.apply(lambda secrets: vault_sample(path, secrets or {})),
            delete_all_versions=True,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["dataJson"]),
        )
