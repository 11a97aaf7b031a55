"""Secrets of another namespace or cluster as a backend."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from secretsync.api.base import Base64Bytes, Model, NamespaceName
from secretsync.api.references import CAProvider, SecretKeySelector, ServiceAccountSelector


class KubernetesServer(Model):
    """The API server."""

    url: str = "kubernetes.default"
    """Its address."""
    ca_bundle: Base64Bytes = b""
    """PEM certificates it is checked against, base64 on the wire."""
    ca_provider: CAProvider | None = None
    """The same, kept in a Secret or ConfigMap."""


class CertAuth(Model):
    """A client certificate."""

    client_cert: SecretKeySelector = Field(default_factory=SecretKeySelector)
    """The certificate."""
    client_key: SecretKeySelector = Field(default_factory=SecretKeySelector)
    """Its private key."""


class TokenAuth(Model):
    """A bearer token."""

    bearer_token: SecretKeySelector = Field(default_factory=SecretKeySelector)
    """The token."""


class KubernetesAuth(Model):
    """How to log in; exactly one is set."""

    cert: CertAuth | None = None
    """By client certificate."""
    token: TokenAuth | None = None
    """By bearer token."""
    service_account: ServiceAccountSelector | None = None
    """By the token of a ServiceAccount of the own cluster."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.cert is not None) + (self.token is not None) + (self.service_account is not None) != 1:
            raise PydanticCustomError("exactly_one", "needs exactly one of cert, token, serviceAccount")
        return self


class KubernetesProvider(Model):
    """Reads Secrets through a Kubernetes API server."""

    server: KubernetesServer = Field(default_factory=KubernetesServer)
    """The API server."""
    auth: KubernetesAuth | None = None
    """How to log in."""
    auth_ref: SecretKeySelector | None = None
    """A kubeconfig in a Secret, in place of server and auth."""
    remote_namespace: NamespaceName = "default"
    """The namespace that is read."""
