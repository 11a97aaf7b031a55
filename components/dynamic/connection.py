"""Where dynamic providers find cluster and keys: the stack's configuration, and the environment of the run (D4)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from secretsync.errors import SettingsError

if TYPE_CHECKING:
    from pulumi.dynamic import Config

    from secretsync.kube.client import KubeClient

PREFIX = "external-secrets"
_SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class Connection:
    """What a dynamic provider was configured with; never part of its state.

    Attributes:
        kubeconfig: path of the kubeconfig.
        context: its context; None for the current one.
    """

    kubeconfig: Path
    context: str | None

    @classmethod
    def from_config(cls, config: Config) -> Connection:
        """Read ``cluster`` of the stack's configuration; KUBECONFIG where it says nothing."""
        raw = config.get(f"{PREFIX}:cluster")
        cluster = json.loads(raw) if raw else {}
        path = cluster.get("kubeconfig") or os.environ.get("KUBECONFIG") or "~/.kube/config"
        return cls(Path(path).expanduser(), cluster.get("context"))

    def client(self) -> KubeClient:
        """A new client of the cluster; enter it before use."""
        # The program's own process imports this module too, and never connects.
        from secretsync.kube.client import KubeClient  # noqa: PLC0415 - see above
        from secretsync.kube.config import from_kubeconfig  # noqa: PLC0415 - see above

        return KubeClient(from_kubeconfig(self.kubeconfig, self.context))


def fingerprint_key(config: Config) -> bytes:
    """The stack's key for fingerprints.

    Raises:
        SettingsError: it is missing or shorter than 32 characters.
    """
    key = config.get(f"{PREFIX}:fingerprintKey") or ""
    if len(key) < _SHORTEST_KEY:
        raise SettingsError(
            "is missing or shorter than 32 characters",
            place=f"{PREFIX}:fingerprintKey",
            remedy="pulumi config set --secret fingerprintKey $(openssl rand -hex 32)",
        )
    return key.encode()
