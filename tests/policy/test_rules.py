"""Every rule: a compliant case, and one violation per way to break it."""

from __future__ import annotations

from typing import Any

import pytest

from policies.rules import (
    POLICIES,
    cluster_store_conditions,
    explicit_provider,
    refresh_interval_floor,
    secret_type_allow_list,
    static_store_credentials,
    synced_secret_state,
    vault_address_https,
    vault_policy_read_only,
)
from tests.policy.resources import VAULT, external_secret, store, synced_secret, violations

pytestmark = pytest.mark.policy

COMPLIANT = [
    store({"vault": VAULT}),
    store({"vault": VAULT}, kind="ClusterSecretStore", conditions=[{"namespaces": ["demo"]}]),
    external_secret(refreshInterval="1h"),
    external_secret(refreshPolicy="CreatedOnce", refreshInterval="0"),
    external_secret(target={"template": {"type": "kubernetes.io/tls", "data": {"a": "b"}}}),
    synced_secret(refreshInterval="15s"),
    ("vault:index/policy:Policy", {"policy": 'path "secret/data/foo" {\n  capabilities = ["read"]\n}\n'}),
    ("kubernetes:core/v1:ConfigMap", {"apiVersion": "v1", "kind": "ConfigMap"}),
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@pytest.mark.parametrize("resource", COMPLIANT, ids=lambda resource: resource[0].rpartition(":")[2])
def test_a_compliant_resource_is_not_flagged(policy: Any, resource: tuple[str, dict[str, Any]]) -> None:
    assert violations(policy, *resource) == []


def test_names_are_unique_and_every_rule_describes_itself() -> None:
    names = [policy.name for policy in POLICIES]
    assert len(set(names)) == len(names)
    assert all(len(policy.description) > len(policy.name) for policy in POLICIES)


def test_http_to_a_remote_vault_is_flagged_and_loopback_is_not() -> None:
    remote = store({"vault": VAULT | {"server": "http://vault.example:8200"}})
    assert "https" in violations(vault_address_https.POLICY, *remote)[0]
    for address in ("http://127.0.0.1:8200", "http://localhost:8200", "http://[::1]:8200"):
        assert violations(vault_address_https.POLICY, *store({"vault": VAULT | {"server": address}})) == []


def test_a_loopback_lookalike_is_flagged() -> None:
    lookalike = store({"vault": VAULT | {"server": "http://127.0.0.1.example.com:8200"}})
    assert violations(vault_address_https.POLICY, *lookalike)


@pytest.mark.parametrize("spec", [{}, {"conditions": []}])
def test_a_cluster_store_open_to_all_namespaces_is_flagged(spec: dict[str, Any]) -> None:
    opened = store({"vault": VAULT}, kind="ClusterSecretStore", **spec)
    assert "namespace" in violations(cluster_store_conditions.POLICY, *opened)[0]


def test_an_interval_below_the_floor_is_flagged_with_the_floor() -> None:
    fast = external_secret(refreshInterval="15s")
    assert "write 60s" in violations(refresh_interval_floor.POLICY, *fast, config={"minimumSeconds": 60})[0]
    assert "write 10s" in violations(refresh_interval_floor.POLICY, *external_secret(refreshInterval="9s"))[0]
    assert violations(refresh_interval_floor.POLICY, *synced_secret(refreshInterval="1s"))


def test_interval_zero_without_created_once_is_flagged() -> None:
    assert "CreatedOnce" in violations(refresh_interval_floor.POLICY, *external_secret(refreshInterval="0"))[0]


@pytest.mark.parametrize("kind", ["kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "own/type"])
def test_a_secret_type_off_the_list_is_flagged(kind: str) -> None:
    typed = external_secret(target={"template": {"type": kind, "data": {"a": "b"}}})
    assert kind in violations(secret_type_allow_list.POLICY, *typed)[0]


def test_the_list_of_types_can_be_set() -> None:
    typed = external_secret(target={"template": {"type": "own/type", "data": {"a": "b"}}})
    assert violations(secret_type_allow_list.POLICY, *typed, config={"allowed": ["own/type"]}) == []


@pytest.mark.parametrize(
    "auth",
    [
        {"tokenSecretRef": {"name": "t", "key": "token"}},
        {"appRole": {"path": "approle", "roleId": "r", "secretRef": {"name": "s", "key": "id"}}},
        {"userPass": {"path": "userpass", "username": "u", "secretRef": {"name": "s", "key": "p"}}},
        {"kubernetes": {"mountPath": "kubernetes", "role": "r", "secretRef": {"name": "s", "key": "jwt"}}},
    ],
    ids="-".join,
)
def test_a_stored_credential_is_flagged_unless_allowed(auth: dict[str, Any]) -> None:
    static = store({"vault": VAULT | {"auth": auth}})
    assert "stored credential" in violations(static_store_credentials.POLICY, *static)[0]
    assert violations(static_store_credentials.POLICY, *static, config={"allowed": True}) == []


def test_an_input_that_could_be_a_value_is_flagged_without_being_shown() -> None:
    token, props = synced_secret()
    (message,) = violations(synced_secret_state.POLICY, token, props | {"data": "canary-value"})
    assert "data" in message
    assert "canary-value" not in message


@pytest.mark.parametrize("package", ["kubernetes:core/v1:Secret", "vault:index/mount:Mount", "aws:iam/role:Role"])
def test_the_default_provider_is_flagged(package: str) -> None:
    assert violations(explicit_provider.POLICY, package, {}, provider="default_4_34_2")
    assert violations(explicit_provider.POLICY, package, {}, provider="cluster") == []


@pytest.mark.parametrize(
    ("path", "capabilities"),
    [
        ("secret/data/foo", '"read", "create"'),
        ("secret/data/foo", '"sudo"'),
        ("*", '"read"'),
        ("+/*", '"read"'),
        ("sys/mounts", '"read"'),
        ("auth/token/create", '"read"'),
    ],
)
def test_a_vault_policy_beyond_reading_named_secrets_is_flagged(path: str, capabilities: str) -> None:
    document = f'path "{path}" {{\n  capabilities = [{capabilities}]\n}}\n'
    assert violations(vault_policy_read_only.POLICY, "vault:index/policy:Policy", {"policy": document})


def test_the_second_rule_of_a_document_is_judged_too() -> None:
    document = 'path "a/data/b" {\n capabilities = ["read"]\n}\npath "a/data/c" {\n capabilities = ["update"]\n}\n'
    (message,) = violations(vault_policy_read_only.POLICY, "vault:index/policy:Policy", {"policy": document})
    assert "a/data/c" in message
