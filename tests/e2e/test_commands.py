"""What a Pulumi user types, on a platform that is up."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.checkout import Checkout

pytestmark = pytest.mark.e2e

CARELESS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: careless}
spec:
  provider:
    vault:
      server: http://vault.example.com:8200
      path: secret
      version: v2
      auth: {tokenSecretRef: {name: token, key: token}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: hasty}
spec:
  refreshInterval: 1s
  secretStoreRef: {name: careless, kind: SecretStore}
  target: {template: {type: kubernetes.io/service-account-token}}
  data: [{secretKey: a, remoteRef: {key: foo}}]
"""
PACK = ("--policy-pack", "policies", "--policy-pack-config", "policies/config/dev.json")
BROKEN_RULES = {
    ("mandatory", "vault-address-https"),
    ("mandatory", "secret-type-allow-list"),
    ("mandatory", "refresh-interval-floor"),
    ("advisory", "static-store-credentials"),
    ("advisory", "declarations-surprising"),
}


def _count(platform: Checkout) -> int:
    """Resources of the stack as the engine counts them: without the provider it adds for dynamic resources."""
    resources = platform.pulumi("stack", "export").document()["deployment"]["resources"]
    return len([each for each in resources if each["type"] != "pulumi:providers:pulumi-python"])


def test_a_second_up_finds_everything_unchanged(platform: Checkout) -> None:
    done = platform.local("up", "--json").document()
    assert done["unchanged"] is True
    assert done["changes"] == {"same": _count(platform)}
    assert done["started"] == []
    lanes = {each["name"]: each for each in done["secrets"]["externalSecrets"]}
    assert {(name, each["lane"], each["ready"], each["keys"]) for name, each in lanes.items()} == {
        ("vault-example", "operator", True, 1),
        ("vault-example-pulumi", "pulumi", True, 1),
    }


def test_a_refresh_changes_nothing(platform: Checkout) -> None:
    done = platform.pulumi("refresh", "--yes", "--skip-preview")
    assert f"{_count(platform)} unchanged" in done.output
    assert "updated" not in done.output.partition("Resources:")[2]


def test_the_policy_pack_lets_the_dev_stack_pass(platform: Checkout) -> None:
    done = platform.pulumi("preview", *PACK)
    assert "✅ external-secrets@" in done.output
    assert f"{_count(platform)} unchanged" in done.output


def test_the_policy_pack_names_the_rules_that_bad_manifests_break(platform: Checkout) -> None:
    added = platform.manifest(CARELESS)
    try:
        done = platform.pulumi("preview", *PACK, check=False)
    finally:
        added.unlink()
    assert done.code != 0
    assert "❌ external-secrets@" in done.output
    violation = re.compile(r"^ *- \[(mandatory|advisory)\].*\]  ([a-z-]+)  \(", re.MULTILINE)
    assert set(violation.findall(done.output)) == BROKEN_RULES
    for place in ("SecretStore-demo-careless", "ExternalSecret-demo-hasty"):
        assert place in done.output


def test_a_preview_as_json_is_json_and_counts_the_same(platform: Checkout) -> None:
    assert platform.pulumi("preview", "--json").document()["changeSummary"] == {"same": _count(platform)}


def test_the_state_names_what_exists_and_encrypts_what_is_secret(platform: Checkout) -> None:
    resources = platform.pulumi("stack", "export").document()["deployment"]["resources"]
    (synced,) = (each for each in resources if each["type"].endswith(":SyncedSecret"))
    assert synced["outputs"]["keys"] == ["foobar"]
    assert set(synced["outputs"]["fingerprint"]) == {"4dabf18193072939515e22adb298388d", "ciphertext"}
    outputs = platform.pulumi("stack", "output", "--json").document()
    assert outputs == {
        "targets": {
            "demo/vault-example": "demo/mysecretfoobar",
            "demo/vault-example-pulumi": "demo/mysecretfoobar-pulumi",
        }
    }


def test_env_and_status_say_where_everything_is(platform: Checkout) -> None:
    exported = platform.variables()
    parts = {part["part"]: part for part in platform.local("status", "--json").document()}
    assert {name: part["state"] for name, part in parts.items()} == dict.fromkeys(
        ("etcd", "kube-apiserver", "kube-controller-manager", "openbao", "node"), "ready"
    )
    assert exported["VAULT_ADDR"] == parts["openbao"]["address"]
    assert parts["kube-apiserver"]["address"] in platform.layout.kubeconfig.read_text()
    assert exported["KUBECONFIG"] == str(platform.layout.kubeconfig)
    assert "VAULT_TOKEN" not in json.dumps(list(parts.values()))


def test_the_committed_stack_file_stays_without_secrets(platform: Checkout) -> None:
    text = (platform.folder / "Pulumi.dev.yaml").read_text()
    assert "secure:" not in text
    assert "encryptionsalt" not in text
