"""What tests need of a real OpenBao: mounts, secrets, auth methods, and stores that point at it."""

from __future__ import annotations

import base64
import itertools
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secretsync.api import ClusterSecretStore, SecretStore
from secretsync.kube.fake import MemoryCluster
from secretsync.providers.registry import open_provider

if TYPE_CHECKING:
    from secretsync.api import JsonObject
    from secretsync.providers.protocol import Provider

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Bao:
    """A server and its root token."""

    address: str
    token: str

    def request(self, method: str, path: str, payload: dict[str, Any] | None = None, *, ok: bool = True) -> JsonObject:
        """One request as root; the decoded answer."""
        request = urllib.request.Request(
            f"{self.address}/v1/{path}",
            method=method,
            data=None if payload is None else json.dumps(payload).encode(),
            headers={"X-Vault-Token": self.token, "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
            if ok:
                raise AssertionError(path, error.code, text) from None
        body: JsonObject = json.loads(text) if text else {}
        return body

    def mount(self, version: int = 2, path: str = "") -> str:
        """The path of a new KV engine."""
        path = path or f"kv{version}-{next(_numbers)}"
        self.request("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": str(version)}})
        if version == 2:
            for _ in range(50):
                if "errors" not in self.request("GET", f"{path}/config", ok=False):
                    break
        return path

    def put(self, mount: str, key: str, data: dict[str, Any], *, version: int = 2) -> None:
        """Write a secret."""
        if version == 2:
            self.request("POST", f"{mount}/data/{key}", {"data": data})
        else:
            self.request("POST", f"{mount}/{key}", data)

    def limited_token(self, policy: str, **options: Any) -> str:
        """A token that has this policy only."""
        name = f"policy-{next(_numbers)}"
        self.request("PUT", f"sys/policies/acl/{name}", {"policy": policy})
        made = self.request("POST", "auth/token/create", {"policies": [name], **options})
        return str(made["auth"]["client_token"])


def secret(name: str, **data: str) -> JsonObject:
    """A Secret in the namespace ``ns``."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "ns"}, "data": encoded}


def store(address: str, mount: str | None, auth: JsonObject | None, **spec: Any) -> SecretStore:
    """A SecretStore ``ns/store``."""
    vault: JsonObject = {"server": address, **({"path": mount} if mount else {}), **spec}
    if auth is not None:
        vault["auth"] = auth
    return SecretStore.from_json(
        {"metadata": {"name": "store", "namespace": "ns"}, "spec": {"provider": {"vault": vault}}}
    )


def cluster_store(address: str, mount: str, auth: JsonObject, **spec: Any) -> ClusterSecretStore:
    """A ClusterSecretStore ``store``."""
    vault: JsonObject = {"server": address, "path": mount, "auth": auth, **spec}
    return ClusterSecretStore.from_json({"metadata": {"name": "store"}, "spec": {"provider": {"vault": vault}}})


TOKEN_AUTH: JsonObject = {"tokenSecretRef": {"name": "token", "key": "token"}}


def opened(address: str, mount: str | None, token: str, **spec: Any) -> Provider:
    """The backend of a store with a static token."""
    cluster = MemoryCluster([secret("token", token=token)])
    return open_provider(store(address, mount, TOKEN_AUTH, **spec), namespace="ns", cluster=cluster)
