"""Hand-made resources for the rules, and a way to collect what a rule reports."""

from __future__ import annotations

import json
from typing import Any

from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import unknown_checking_proxy

URN = "urn:pulumi:test::external-secrets::type::name"


def violations(
    policy: ResourceValidationPolicy,
    resource_type: str,
    props: dict[str, Any],
    *,
    provider: str = "cluster",
    config: dict[str, Any] | None = None,
) -> list[str]:
    """Messages that the rule reports for one resource."""
    found: list[str] = []
    options = PolicyResourceOptions(
        protect=False,
        ignore_changes=[],
        delete_before_replace=None,
        aliases=[],
        custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
        additional_secret_outputs=[],
        parent="",
    )
    owner = PolicyProviderResource("pulumi:providers:kubernetes", {}, URN, provider)
    views = unknown_checking_proxy(props)  # as the engine's calls arrive at a rule
    args = ResourceValidationArgs(resource_type, views, URN, "name", options, owner, config or {})

    def report(message: str, _urn: str | None = None) -> None:
        found.append(message)

    policy.validate(args, report)
    return found


def store(provider: dict[str, Any], *, kind: str = "SecretStore", **spec: Any) -> tuple[str, dict[str, Any]]:
    """Type and inputs of a store in the cluster."""
    metadata = {"name": "s"} if kind == "ClusterSecretStore" else {"name": "s", "namespace": "demo"}
    props = {
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"provider": provider, **spec},
    }
    return f"kubernetes:external-secrets.io/v1:{kind}", props


def external_secret(**spec: Any) -> tuple[str, dict[str, Any]]:
    """Type and inputs of an ExternalSecret in the cluster."""
    props = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "es", "namespace": "demo"},
        "spec": {
            "secretStoreRef": {"name": "s", "kind": "SecretStore"},
            "data": [{"secretKey": "k", "remoteRef": {"key": "foo"}}],
            **spec,
        },
    }
    return "kubernetes:external-secrets.io/v1:ExternalSecret", props


def synced_secret(**spec: Any) -> tuple[str, dict[str, Any]]:
    """Type and inputs of a sync of the program's own."""
    _, declared = external_secret(**spec)
    return "pulumi-python:dynamic/external-secrets:SyncedSecret", {"declaration": json.dumps(declared), "stores": "[]"}


VAULT: dict[str, Any] = {
    "server": "https://vault.example:8200",
    "path": "secret",
    "auth": {"kubernetes": {"mountPath": "kubernetes", "role": "r", "serviceAccountRef": {"name": "s"}}},
}
"""A compliant Vault provider."""
