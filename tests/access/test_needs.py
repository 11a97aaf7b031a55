"""Which declarations count for a store."""

from __future__ import annotations

from typing import Any

import pytest

from secretsync.access.needs import EVERYWHERE, needs_of, store_name
from secretsync.api import ClusterSecretStore, parse
from tests.access.builders import declared, secrets_manager

pytestmark = pytest.mark.unit


def cluster_store(*conditions: dict[str, Any]) -> ClusterSecretStore:
    parsed = parse(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterSecretStore",
            "metadata": {"name": "s"},
            "spec": {"provider": {"fake": {"data": []}}, "conditions": list(conditions)},
        }
    )
    assert isinstance(parsed, ClusterSecretStore)
    return parsed


def needed_from(namespace: str, *conditions: dict[str, Any]) -> int:
    external_secret = parse(
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "e", "namespace": namespace},
            "spec": {
                "secretStoreRef": {"name": "s", "kind": "ClusterSecretStore"},
                "data": [{"secretKey": "k", "remoteRef": {"key": "k"}}],
            },
        }
    )
    return len(needs_of(cluster_store(*conditions), [external_secret]))  # type: ignore[list-item] # parsed as one


@pytest.mark.parametrize(
    ("conditions", "admitted"),
    [
        ((), True),
        (({"namespaces": ["team", "other"]},), True),
        (({"namespaces": ["other"]},), False),
        (({"namespaceRegexes": ["^te"]},), True),
        (({"namespaceRegexes": ["^a"]},), False),
        (({"namespaceRegexes": ["("]},), False),
        (({"namespaces": ["other"]}, {"namespaceRegexes": ["m$"]}), True),
        (({"namespaceSelector": {"matchLabels": {"a": "b"}}},), True),
    ],
)
def test_a_cluster_store_serves_namespaces_that_its_conditions_may_admit(
    conditions: tuple[dict[str, Any], ...], *, admitted: bool
) -> None:
    assert needed_from("team", *conditions) == int(admitted)


def test_what_is_declared_for_unknown_namespaces_counts() -> None:
    assert needed_from(EVERYWHERE, {"namespaces": ["other"]}) == 1


def test_what_is_declared_for_unknown_namespaces_counts_for_the_stores_of_a_namespace_too() -> None:
    somewhere, elsewhere = (declared("a", namespace=namespace) for namespace in (EVERYWHERE, "elsewhere"))
    assert len(needs_of(secrets_manager(), [somewhere])) == 1
    assert not needs_of(secrets_manager(), [elsewhere])


def test_stores_are_called_as_people_call_them() -> None:
    assert store_name(cluster_store()) == "ClusterSecretStore s"
    assert store_name(secrets_manager()) == "SecretStore demo/s"
