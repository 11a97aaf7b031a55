"""A Vault role belongs to one workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies.inputs import UNKNOWN, at, text_at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_KUBERNETES: Final = "vault:kubernetes/authBackendRole:AuthBackendRole"
_JWT: Final = "vault:jwt/authBackendRole:AuthBackendRole"
_BOUND: Final = (("boundServiceAccountNames", "ServiceAccount"), ("boundServiceAccountNamespaces", "namespace"))


def _check(resource: Resource) -> Iterator[str]:
    if resource.type == _JWT:
        yield from _jwt(resource)
        return
    for name, what in _BOUND:
        given = at(resource.inputs, name)
        if given == UNKNOWN:
            continue
        values = given if isinstance(given, list) else []
        if len(values) != 1 or any(value != UNKNOWN and "*" in str(value) for value in values):
            yield f"{name} does not name one {what}; write a list of one name, without *"
    if text_at(resource.inputs, "boundServiceAccountNamespaceSelector"):
        yield "boundServiceAccountNamespaceSelector lets namespaces in by label; name the one in its place"
    if not at(resource.inputs, "audience"):
        yield "audience is not set, so any token of the ServiceAccount logs in; write the one that the store asks for"
    yield from _policies(resource)


def _jwt(resource: Resource) -> Iterator[str]:
    if text_at(resource.inputs, "roleType") != "oidc":
        subject = at(resource.inputs, "boundSubject")
        claims = at(resource.inputs, "boundClaims")
        if not subject and at(claims, "sub") is None and claims != UNKNOWN:
            yield 'boundSubject is not set; write "system:serviceaccount:<namespace>:<name>"'
        if not at(resource.inputs, "boundAudiences"):
            yield "boundAudiences is not set; write the audience that the store asks for"
    if text_at(resource.inputs, "boundClaimsType") == "glob":
        yield 'boundClaimsType is glob; write "string"'
    yield from _policies(resource)


def _policies(resource: Resource) -> Iterator[str]:
    policies = at(resource.inputs, "tokenPolicies")
    if isinstance(policies, list) and "root" in policies:
        yield "tokenPolicies has root; name the policy of the store"


POLICY = resource_rule(
    "vault-role-bound",
    "A role of Vault is bound to one namespace, one ServiceAccount and an audience.",
    _check,
    types=(_KUBERNETES, _JWT),
    severity=Severity.CRITICAL,
    fix="Make one role per store, as components.access.VaultStoreRole does.",
)
"""The rule."""
