"""``external-secrets:vault``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from components.settings.section import ObjectName, Section


class VaultSettings(Section):
    """The Vault or OpenBao that this stack provisions a mount and access on."""

    address: str | None = None
    """Base URL; without it the variable VAULT_ADDR. The token comes from VAULT_TOKEN, never from configuration."""
    mount: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")] = "secret"
    """Path of the KV v2 mount."""
    auth_path: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")] = "kubernetes"
    """Path of the Kubernetes auth method."""
    stores: tuple[ObjectName, ...] = ()
    """Stores whose server, mount and role this stack fills in: ``namespace/name``, or ``name`` of a cluster store."""
    samples: tuple[str, ...] = ()
    """KV paths written once with the values that the secret setting ``sampleSecrets`` holds for them."""
    token_ttl_seconds: int = Field(default=600, ge=60, le=86_400)
    """Life of a token that the role issues, in seconds."""
    audience: str = "https://kubernetes.default.svc"
    """Audience that a ServiceAccount token must carry to log in: the API server's, as the token reviews itself."""
