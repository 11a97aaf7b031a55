"""One login for all namespaces, or one for each."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.api import ClusterSecretStore, SecretStore
from secretsync.sync.login_scope import login_scope, referenced_objects

pytestmark = pytest.mark.unit

ROLE = {"service": "SecretsManager", "region": "eu-central-1", "role": "arn:aws:iam::222222222222:role/r"}


def cluster_store(**provider: Any) -> ClusterSecretStore:
    return ClusterSecretStore.from_json(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterSecretStore",
            "metadata": {"name": "shared"},
            "spec": {"provider": provider},
        }
    )


def token(**namespace: str) -> dict[str, Any]:
    return {"server": "https://vault", "auth": {"tokenSecretRef": {"name": "bao-token", "key": "token", **namespace}}}


def test_credentials_without_a_namespace_are_those_of_each() -> None:
    wide = cluster_store(vault=token())
    assert login_scope(wide, "a") == "a"
    assert referenced_objects(wide, "a") == {("a", "bao-token")}


def test_credentials_with_a_namespace_serve_all() -> None:
    fixed = cluster_store(vault=token(namespace="vault"))
    assert login_scope(fixed, "a") == ""
    assert referenced_objects(fixed, "a") == {("vault", "bao-token")}


@pytest.mark.parametrize(
    ("more", "scope"),
    [
        ({"sessionTagsPolicy": "Simple"}, "a"),
        ({"sessionTagsPolicy": "Custom"}, "a"),
        ({"sessionTagsPolicy": "None"}, ""),
        ({}, ""),
        ({"sessionTagsPolicy": "Simple", "role": ""}, ""),
    ],
)
def test_session_tags_name_the_namespace_of_each(more: dict[str, str], scope: str) -> None:
    assert login_scope(cluster_store(aws={**ROLE, **more}), "a") == scope


def test_a_secret_store_is_of_its_own_namespace() -> None:
    wire = cluster_store(aws={**ROLE, "sessionTagsPolicy": "Simple"}).to_json()
    store = SecretStore.from_json({**wire, "kind": "SecretStore", "metadata": {"name": "s", "namespace": "home"}})
    assert login_scope(store, "home") == "home"
