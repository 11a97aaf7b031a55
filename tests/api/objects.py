"""Small declarations for the tests."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]


def external_secret(spec: JsonObject, *, name: str = "app", version: str = "v1", namespace: str = "team") -> JsonObject:
    return {
        "apiVersion": f"external-secrets.io/{version}",
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def minimal_spec(**further: Any) -> JsonObject:
    return {
        "secretStoreRef": {"name": "vault", "kind": "SecretStore"},
        "data": [{"secretKey": "password", "remoteRef": {"key": "db"}}],
        **further,
    }


def store(provider: JsonObject, *, kind: str = "SecretStore", name: str = "vault", **spec: Any) -> JsonObject:
    metadata = {"name": name} if kind == "ClusterSecretStore" else {"name": name, "namespace": "team"}
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"provider": provider, **spec},
    }


def vault(**further: Any) -> JsonObject:
    auth = further.pop("auth", {"tokenSecretRef": {"name": "token", "key": "token"}})
    return {"vault": {"server": "https://vault.example", "path": "kv", "auth": auth, **further}}


FAKE = {"fake": {"data": [{"key": "db", "value": "x"}]}}
