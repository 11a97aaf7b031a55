"""A ClusterSecretStore says which namespaces may use it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies.declared import DECLARATIONS, has_unknown_beside, stores
from policies.inputs import at, has_unknown
from policies.rule import Resource, resource_rule
from secretsync.api import ClusterSecretStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsync.api import ClusterSecretStoreCondition

_ANY_NAMES: Final = ("a", "0", "no-namespace-is-called-like-this-1", "z" * 63)


def _check(resource: Resource) -> Iterator[str]:
    for store in stores(resource):
        if not isinstance(store, ClusterSecretStore):
            continue
        if not store.spec.conditions and not has_unknown(at(resource.inputs, "spec", "conditions")):
            yield (
                "spec.conditions is empty, so every namespace may read through this store; "
                "list namespaces, a namespaceSelector or namespaceRegexes"
            )
        for index, condition in enumerate(store.spec.conditions):
            place = f"spec.conditions[{index}]"
            if not has_unknown_beside(resource, f"{place}.namespaces"):
                yield from _open(condition, place)


def _open(condition: ClusterSecretStoreCondition, place: str) -> Iterator[str]:
    selector = condition.namespace_selector
    if selector is not None and not selector.match_labels and not selector.match_expressions:
        yield f"{place}.namespaceSelector is empty, which admits every namespace; write matchLabels"
    for index, pattern in enumerate(condition.namespace_regexes):
        if _fits_all(pattern):
            yield f"{place}.namespaceRegexes[{index}] admits every namespace; write ^<beginning>-"


def _fits_all(pattern: str) -> bool:
    try:
        return all(re.search(pattern, name) for name in _ANY_NAMES)
    except re.error:
        return False  # RE2's own syntax, or none at all, which ESO refuses


POLICY = resource_rule(
    "cluster-store-conditions",
    "A ClusterSecretStore names the namespaces that may use it.",
    _check,
    types=DECLARATIONS,
    severity=Severity.HIGH,
    fix="Write spec.conditions with namespaces, or use a SecretStore per namespace.",
)
"""The rule."""
