"""One login per store, until the store or what it refers to changes."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.api import ClusterSecretStore, SecretStore, Store, parse
from secretsync.controller.provider_cache import ProviderCache, store_key
from secretsync.kube.fake import MemoryCluster
from secretsync.sync.fetching import FetchWindow
from tests.sync.builders import Backend

pytestmark = pytest.mark.unit


def _store(kind: str = "SecretStore", generation: int = 1, **ref: Any) -> Store:
    token = {"name": "bao-token", "key": "token", **ref}
    vault = {"server": "http://127.0.0.1:1", "path": "kv", "auth": {"tokenSecretRef": token}}
    metadata: dict[str, Any] = {"name": "s", "uid": "u", "generation": generation}
    if kind == "SecretStore":
        metadata["namespace"] = "team"
    raw = {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": metadata}
    parsed = parse({**raw, "spec": {"provider": {"vault": vault}}})
    assert isinstance(parsed, SecretStore | ClusterSecretStore)
    return parsed


def _cache() -> tuple[ProviderCache, list[Backend]]:
    opened: list[Backend] = []

    def opener(store: Store, *, namespace: str, cluster: object) -> Backend:
        opened.append(Backend())
        return opened[-1]

    cache = ProviderCache(MemoryCluster(), opener=opener)
    cache.fetches = FetchWindow(Backend())
    return cache, opened


async def test_a_store_is_opened_once_whoever_asks() -> None:
    cache, opened = _cache()
    assert cache.provider(_store(), "team") is cache.provider(_store(), "team")
    assert len(opened) == cache.logins == 1
    await cache.aclose()
    assert opened[0].closed


async def test_an_edited_store_is_opened_anew() -> None:
    cache, opened = _cache()
    first = cache.provider(_store(), "team")
    assert cache.provider(_store(generation=2), "team") is not first
    await cache.aclose()
    assert all(backend.closed for backend in opened)


async def test_changed_credentials_open_their_stores_anew() -> None:
    cache, _ = _cache()
    first = cache.provider(_store(), "team")
    assert cache.drop_users_of(("team", "other")) == frozenset()
    assert cache.drop_users_of(("team", "bao-token")) == {store_key(_store())}
    assert cache.provider(_store(), "team") is not first
    cache.drop_store(store_key(_store()))
    await cache.aclose()


async def test_a_cluster_store_without_namespaces_is_opened_for_each() -> None:
    cache, _ = _cache()
    wide = _store("ClusterSecretStore")
    assert cache.provider(wide, "a") is not cache.provider(wide, "b")
    fixed = _store("ClusterSecretStore", namespace="vault", generation=2)
    assert cache.provider(fixed, "a") is cache.provider(fixed, "b")
    await cache.aclose()
