"""Hand-made resources for the rules, and a way to collect what a rule reports."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import unknown_checking_proxy

if TYPE_CHECKING:
    from collections.abc import Mapping

URN = "urn:pulumi:test::external-secrets::type::name"


@dataclass(frozen=True, slots=True)
class Given:
    """A resource as the engine tells of it, and the rule's configuration."""

    type: str
    inputs: dict[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict)
    protected: bool = False
    provider: str = "explicit"
    provider_inputs: dict[str, Any] = field(default_factory=dict)
    name: str = "name"


@dataclass(frozen=True, slots=True)
class Broken:
    """One way to break a rule, and words of the one message that it leads to."""

    how: str
    given: Given
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleCases:
    """What a rule lets pass, and each way to break it."""

    compliant: tuple[Given, ...]
    broken: tuple[Broken, ...]
    quotes: tuple[str, ...] = ()
    """Ends of the paths of inputs that messages may repeat: names, never values."""


def configured(given: Given, **config: Any) -> Given:
    """The same resource, judged by a rule with this configuration."""
    return replace(given, config=config)


def broken(how: str, given: Given, *says: str) -> Broken:
    return Broken(how, given, says)


def violations(policy: ResourceValidationPolicy, given: Given) -> list[str]:
    """Messages that the rule reports for one resource."""
    found: list[str] = []
    options = PolicyResourceOptions(
        protect=given.protected,
        ignore_changes=[],
        delete_before_replace=None,
        aliases=[],
        custom_timeouts=PolicyCustomTimeouts(0, 0, 0),
        additional_secret_outputs=[],
        parent="",
    )
    # Views, as the engine's calls arrive at a rule.
    owner = PolicyProviderResource(
        f"pulumi:providers:{given.type.partition(':')[0]}",
        unknown_checking_proxy(given.provider_inputs),
        URN,
        given.provider,
    )
    views = unknown_checking_proxy(given.inputs)
    args = ResourceValidationArgs(given.type, views, URN, given.name, options, owner, dict(given.config))

    def report(message: str, urn: str | None = None) -> None:
        assert urn == URN
        found.append(message)

    policy.validate(args, report)
    return found


def store(provider: dict[str, Any], *, kind: str = "SecretStore", **spec: Any) -> Given:
    """A store in the cluster."""
    metadata = {"name": "s"} if kind == "ClusterSecretStore" else {"name": "s", "namespace": "demo"}
    inputs = {
        "apiVersion": "external-secrets.io/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"provider": provider, **spec},
    }
    return Given(f"kubernetes:external-secrets.io/v1:{kind}", inputs)


def external_secret(*, config: Mapping[str, Any] | None = None, namespace: str = "demo", **spec: Any) -> Given:
    """An ExternalSecret in the cluster."""
    inputs = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "es", "namespace": namespace},
        "spec": {
            "secretStoreRef": {"name": "s", "kind": "SecretStore"},
            "data": [{"secretKey": "k", "remoteRef": {"key": "foo"}}],
            **spec,
        },
    }
    return Given("kubernetes:external-secrets.io/v1:ExternalSecret", inputs, config or {})


def cluster_external_secret(**spec: Any) -> Given:
    """A ClusterExternalSecret in the cluster."""
    inner = external_secret(**spec).inputs["spec"]
    inputs = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ClusterExternalSecret",
        "metadata": {"name": "ces"},
        "spec": {"namespaces": ["demo"], "externalSecretSpec": inner},
    }
    return Given("kubernetes:external-secrets.io/v1:ClusterExternalSecret", inputs)


def synced_secret(**spec: Any) -> Given:
    """A sync of the program's own."""
    inputs = {
        "declaration": json.dumps(external_secret(**spec).inputs),
        "stores": {"SecretStore/demo/s": "9f86d081884c7d65"},
        "target": "demo/es",
        "keys": ["k"],
        "rotated": ["k"],
        "versions": {"s foo": "3"},
        "fingerprint": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "drift": "the key k was changed",
    }
    return Given("pulumi-python:dynamic/external-secrets:SyncedSecret", inputs)


def synced_secret_set(**spec: Any) -> Given:
    """Several syncs as one resource."""
    one = synced_secret(**spec).inputs
    inputs = {
        "declarations": {"demo/es": one["declaration"]},
        "stores": one["stores"],
        "targets": {"demo/es": one["target"]},
        "keys": {"demo/es": one["keys"]},
        "versions": {"demo/es": one["versions"]},
        "fingerprints": {"demo/es": one["fingerprint"]},
        "problems": {},
    }
    return Given("pulumi-python:dynamic/external-secrets:SyncedSecretSet", inputs)


VAULT: dict[str, Any] = {
    "server": "https://vault.example:8200",
    "path": "secret",
    "auth": {"kubernetes": {"mountPath": "kubernetes", "role": "r", "serviceAccountRef": {"name": "s"}}},
}
"""A compliant Vault provider."""
AWS: dict[str, Any] = {
    "service": "SecretsManager",
    "region": "eu-west-1",
    "auth": {"jwt": {"serviceAccountRef": {"name": "s"}}},
}
"""A compliant AWS provider."""
