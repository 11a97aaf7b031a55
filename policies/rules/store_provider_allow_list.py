"""Stores use backends that were agreed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.declared import DECLARATIONS, stores
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFAULT = ("aws", "azurekv", "gcpsm", "kubernetes", "openBao", "vault")
_ALLOWED = parameters.names("allowed", _DEFAULT, "Providers of stores, by their JSON key.")


def _check(resource: Resource) -> Iterator[str]:
    allowed = _ALLOWED.of(resource.config)
    for store in stores(resource):
        name = store.spec.provider.name
        if name not in allowed:
            yield f"spec.provider.{name} is not allowed here; use one of {', '.join(allowed)}"


POLICY = resource_rule(
    "store-provider-allow-list",
    "Stores use the providers on a list; fake keeps values in its manifest, and webhook sends them anywhere.",
    _check,
    types=DECLARATIONS,
    severity=Severity.HIGH,
    fix="Move the secret to an allowed backend, or add the provider to the list of the environment.",
    parameters=(_ALLOWED,),
)
"""The rule."""
