"""The load itself: which KV secrets there are, what they hold, and which ExternalSecrets read them."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from secretsync.api import go_duration
from secretsync.kube.resources import EXTERNAL_SECRETS

if TYPE_CHECKING:
    from datetime import timedelta

    from bench.load.settings import LoadSettings
    from secretsync.api import JsonObject

STORE = "bench"
"""Name of the SecretStore that every ExternalSecret uses."""


def kv_key(index: int) -> str:
    """Path of a KV secret below the mount."""
    return f"app/k-{index:04d}"


def kv_value(index: int, revision: int, properties: int) -> dict[str, str]:
    """What a KV secret holds: about 43 characters for each property, other ones for each revision."""
    key = kv_key(index)

    def text(number: int) -> str:
        digest = hashlib.sha256(f"{key}|p{number}|{revision}".encode()).hexdigest()
        return f"r{revision}-{digest[:40]}"

    return {f"p{number}": text(number) for number in range(properties)}


class Declarations:
    """The ExternalSecrets of a run, and what their targets have to hold as the KV secrets change.

    Args:
        settings: sizes and names.
    """

    def __init__(self, settings: LoadSettings) -> None:
        self._size = settings.size
        self._namespace = settings.namespace
        self._refresh = settings.refresh
        self._revisions = dict.fromkeys(range(self._size.keys), 0)

    @property
    def names(self) -> list[str]:
        """Names of the ExternalSecrets, which are those of their targets."""
        return [self._name(index) for index in range(self._size.objects)]

    def readers(self, key: int) -> list[str]:
        """Names of the ExternalSecrets that read a KV secret."""
        return [self._name(index) for index in range(key, self._size.objects, self._size.keys)]

    def rotate(self, key: int) -> int:
        """A KV secret is about to change; gives its new revision."""
        self._revisions[key] += 1
        return self._revisions[key]

    def expected(self) -> dict[str, dict[str, str]]:
        """What every target has to hold now, as a Secret's ``data``."""
        return {self._name(index): self.content(index % self._size.keys) for index in range(self._size.objects)}

    def content(self, key: int) -> dict[str, str]:
        """What the targets of one KV secret have to hold now."""
        values = kv_value(key, self._revisions[key], self._size.properties)
        return {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}

    def manifests(self) -> list[JsonObject]:
        """All ExternalSecrets."""
        return [
            self.manifest(self._name(index), index % self._size.keys, self._refresh)
            for index in range(self._size.objects)
        ]

    def manifest(self, name: str, key: int, refresh: timedelta) -> JsonObject:
        """One ExternalSecret with one data entry for each property of its KV secret."""
        data = [
            {"secretKey": f"p{number}", "remoteRef": {"key": kv_key(key), "property": f"p{number}"}}
            for number in range(self._size.properties)
        ]
        return {
            "apiVersion": EXTERNAL_SECRETS.api_version,
            "kind": EXTERNAL_SECRETS.kind,
            "metadata": {"name": name, "namespace": self._namespace},
            "spec": {
                "refreshInterval": go_duration.format(refresh),
                "secretStoreRef": {"name": STORE, "kind": "SecretStore"},
                "target": {"name": name},
                "data": data,
            },
        }

    @staticmethod
    def _name(index: int) -> str:
        return f"es-{index:05d}"
