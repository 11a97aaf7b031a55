"""``external-secrets:vault``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from components.settings.section import ObjectName, Section


class VaultSettings(Section):
    """The Vault or OpenBao that this stack provisions a mount and access on."""

    address: str | None = None
    """Base URL; without it the variable VAULT_ADDR. The token comes from VAULT_TOKEN, never from configuration."""
    manage: Literal["all", "access"] = "all"
    """``all``: mount, auth method, policies and roles are made here; ``access``: mount and auth method exist already,
    and policies and roles are added."""
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
    reviewer: Literal["login", "vault"] = "login"
    """Whose token asks the API server about a login: the one that logs in, whose ServiceAccount then gets the right to
    ask; or one that an existing auth method holds."""

    @field_validator("reviewer")
    @classmethod
    def _held_by_an_existing_method(cls, value: str, info: ValidationInfo) -> str:
        if value == "vault" and info.data.get("manage") == "all":
            raise PydanticCustomError("review", "is vault, but the auth method made here holds no token; use login")
        return value

    @field_validator("samples")
    @classmethod
    def _on_an_own_mount(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if value and info.data.get("manage") == "access":
            raise PydanticCustomError("samples", "are for a mount made here; take them out, or set manage: all")
        return value
