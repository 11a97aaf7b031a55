"""Who reads secrets in Vault, names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import text_at
from policies.rule import Resource, resource_rule
from policies.vault_documents import POLICY_TYPE, rules

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDERS = parameters.names(
    "folders", [], "Paths of a policy, without /*, that may be granted whole, as find needs it: secret/data/team."
)


def _check(resource: Resource) -> Iterator[str]:
    folders = {each.strip("/") for each in _FOLDERS.of(resource.config)}
    for rule in rules(text_at(resource.inputs, "policy")):
        if "read" not in rule.capabilities or not rule.open:
            continue
        folder = rule.path.removesuffix("/*").strip("/")
        if not rule.path.endswith("/*") or folder not in folders:
            yield (
                f'path "{rule.path}" reads more than one secret; write one path for each key, '
                "or list the folder in this rule's folders"
            )


POLICY = resource_rule(
    "vault-reads-name-secrets",
    "A Vault policy names the secrets it reads: no + and no * but for folders on a list.",
    _check,
    types=(POLICY_TYPE,),
    severity=Severity.CRITICAL,
    fix="Name keys with data or extract in place of find, or list the folder that find searches.",
    parameters=(_FOLDERS,),
)
"""The rule."""
