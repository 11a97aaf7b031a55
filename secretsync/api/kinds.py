"""Which kinds there are, and which of them have models here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from secretsync.api.cluster_external_secret import ClusterExternalSecret
from secretsync.api.external_secret import ExternalSecret
from secretsync.api.generators import (
    ClusterGenerator,
    FakeGenerator,
    PasswordGenerator,
    SSHKeyGenerator,
    UUIDGenerator,
)
from secretsync.api.push_secret import PushSecret
from secretsync.api.stores.store import ClusterSecretStore, SecretStore

if TYPE_CHECKING:
    from secretsync.api.base import Kind

GROUP: Final = "external-secrets.io"
GENERATORS_GROUP: Final = "generators.external-secrets.io"

KINDS: Final[dict[tuple[str, str], type[Kind]]] = {
    (f"{GROUP}/v1", "ExternalSecret"): ExternalSecret,
    (f"{GROUP}/v1", "SecretStore"): SecretStore,
    (f"{GROUP}/v1", "ClusterSecretStore"): ClusterSecretStore,
    (f"{GROUP}/v1", "ClusterExternalSecret"): ClusterExternalSecret,
    (f"{GROUP}/v1beta1", "ExternalSecret"): ExternalSecret,
    (f"{GROUP}/v1beta1", "SecretStore"): SecretStore,
    (f"{GROUP}/v1beta1", "ClusterSecretStore"): ClusterSecretStore,
    (f"{GROUP}/v1beta1", "ClusterExternalSecret"): ClusterExternalSecret,
    (f"{GROUP}/v1alpha1", "PushSecret"): PushSecret,
    (f"{GENERATORS_GROUP}/v1alpha1", "ClusterGenerator"): ClusterGenerator,
    (f"{GENERATORS_GROUP}/v1alpha1", "Fake"): FakeGenerator,
    (f"{GENERATORS_GROUP}/v1alpha1", "Password"): PasswordGenerator,
    (f"{GENERATORS_GROUP}/v1alpha1", "SSHKey"): SSHKeyGenerator,
    (f"{GENERATORS_GROUP}/v1alpha1", "UUID"): UUIDGenerator,
}
"""apiVersion and kind → model. v1beta1 objects are read as v1."""

NOT_SERVED: Final = frozenset(
    {
        "ACRAccessToken",
        "BeyondtrustWorkloadCredentialsDynamicSecret",
        "CloudsmithAccessToken",
        "ClusterPushSecret",
        "ECRAuthorizationToken",
        "GCRAccessToken",
        "GeneratorState",
        "GithubAccessToken",
        "GitlabDeployToken",
        "Grafana",
        "MFA",
        "QuayAccessToken",
        "STSSessionToken",
        "VaultDynamicSecret",
        "Webhook",
    }
)
"""Kinds that ESO v2.9.0 has and this engine has not."""


def stored_version(api_version: str) -> str:
    """The apiVersion under which an object is kept: v1 for v1beta1, otherwise its own."""
    return f"{GROUP}/v1" if api_version == f"{GROUP}/v1beta1" else api_version
