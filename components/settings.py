"""The stack's configuration as frozen, typed settings; read in one place, wrong keys reported all at once.

The keys, their meaning and their defaults are described by the fields below and in ``docs/configuration.md``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "external-secrets"
SECTIONS = ("manifests", "cluster", "vault", "operator", "sync")
"""Keys whose values are objects or lists."""

DnsName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
ObjectName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9.-]+/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=317)
]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, alias_generator=_camel)


class ClusterSettings(_Section):
    """Where the cluster is."""

    kubeconfig: str | None = None
    """Path of the kubeconfig; without it the variable KUBECONFIG, then ``~/.kube/config``."""
    context: str | None = None
    """Context of the kubeconfig; without it the current one."""
    api_server: str | None = None
    """Address of the API server as the backend sees it (for token reviews); without it the kubeconfig's."""


class VaultSettings(_Section):
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


class OperatorSettings(_Section):
    """Who syncs in the operator lane."""

    kind: Literal["builtin", "none"] = "builtin"
    """``builtin``: our controller as a Deployment; ``none``: the cluster has an operator already."""
    namespace: DnsName = "external-secrets"
    """Namespace of the controller."""
    image: str = "external-secrets-on-pulumi/controller"
    """Image of the builtin controller."""
    replicas: int = Field(default=1, ge=1, le=9)
    """Number of controllers; one leads, the others wait."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """ExternalSecrets reconciled at the same time."""


class SyncSettings(_Section):
    """Which lane syncs an ExternalSecret."""

    default: Literal["operator", "pulumi"] = "operator"
    """Lane of every ExternalSecret that is not listed below."""
    operator: tuple[ObjectName, ...] = ()
    """ExternalSecrets (``namespace/name``) of the operator lane."""
    pulumi: tuple[ObjectName, ...] = ()
    """ExternalSecrets (``namespace/name``) of the pulumi lane."""

    @model_validator(mode="after")
    def _one_lane_each(self) -> Self:
        both = sorted(set(self.operator) & set(self.pulumi))
        if both:
            raise ValueError(f"{', '.join(both)} cannot be in both lanes")
        return self

    def lane(self, namespace: str, name: str) -> Literal["operator", "pulumi"]:
        """The lane of one ExternalSecret."""
        identity = f"{namespace}/{name}"
        if identity in self.pulumi:
            return "pulumi"
        return "operator" if identity in self.operator else self.default


class Settings(_Section):
    """All settings of a stack; secret ones are not in here, see ``components.platform``."""

    environment: Literal["dev", "staging", "prod"]
    """Which rules hold: protection, refresh floors, policy severity."""
    namespace: DnsName = "demo"
    """Namespace of manifests that name none."""
    manifests: tuple[str, ...] = Field(min_length=1)
    """Files and folders with external-secrets.io YAML, relative to the project."""
    cluster: ClusterSettings = ClusterSettings()
    vault: VaultSettings | None = None
    operator: OperatorSettings = OperatorSettings()
    sync: SyncSettings = SyncSettings()

    @property
    def kubeconfig(self) -> Path:
        """Path of the kubeconfig in force."""
        return Path(self.cluster.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config").expanduser()

    @property
    def vault_address(self) -> str:
        """Base URL of the Vault in force.

        Raises:
            SettingsError: neither the setting nor VAULT_ADDR is there.
        """
        address = (self.vault.address if self.vault else None) or os.environ.get("VAULT_ADDR")
        if not address:
            raise SettingsError(
                "no address is set",
                place=f"{PREFIX}:vault.address",
                remedy="set it in the stack file, or export VAULT_ADDR",
            )
        return address.rstrip("/")


def parse(values: Mapping[str, Any], *, place: str) -> Settings:
    """Settings from the stack's plain (not secret) values.

    Args:
        values: key without prefix → value, as ``pulumi.Config`` gives it.
        place: the stack file, for messages.

    Raises:
        SettingsError: one error that lists every wrong or missing key.
    """
    try:
        return Settings.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        problems = [
            f"{PREFIX}:{'.'.join(str(part) for part in problem['loc']) or '(whole)'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
    raise SettingsError(
        "the stack's configuration is wrong:\n  " + "\n  ".join(problems) + "\n",
        place=place,
        remedy="see docs/configuration.md, or compare with Pulumi.dev.yaml",
    )
