"""The stack's configuration as frozen, typed settings; read in one place, wrong keys reported all at once.

The keys, their meaning and their defaults are described by the fields below and in ``docs/configuration.md``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from components.settings.cluster import ClusterSettings
from components.settings.operator import OperatorSettings
from components.settings.section import DnsName, Section
from components.settings.sync import SyncSettings
from components.settings.vault import VaultSettings
from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "external-secrets"
SECTIONS = ("manifests", "cluster", "vault", "operator", "sync")
"""Keys whose values are objects or lists."""


class Settings(Section):
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
