"""Vault policies of stores read, and reach a mount's secrets only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies.inputs import text_at
from policies.rule import Resource, resource_rule
from policies.vault_documents import POLICY_TYPE, rules

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALLOWED: Final = frozenset({"read", "list", "deny"})
_SYSTEM: Final = ("sys/", "auth/", "identity/", "cubbyhole/")


def _check(resource: Resource) -> Iterator[str]:
    if text_at(resource.inputs, "name") == "root":
        yield "it is named root, the policy that allows everything; give it another name"
    for rule in rules(text_at(resource.inputs, "policy")):
        beyond = sorted(rule.capabilities - _ALLOWED)
        if beyond:
            yield f'path "{rule.path}" grants {", ".join(beyond)}; write capabilities = ["read"], and "list" for find'
        if rule.path.lstrip("/").startswith(_SYSTEM) and rule.capabilities - {"deny"}:
            yield f'path "{rule.path}" reaches beyond a mount\'s secrets; take it out'


POLICY = resource_rule(
    "vault-policy-read-only",
    "A Vault policy grants read and list on a mount's secrets: no write, no sudo, nothing of the system.",
    _check,
    types=(POLICY_TYPE,),
    severity=Severity.CRITICAL,
    fix="Let secretsync.access compile the policy from the declarations.",
)
"""The rule."""
