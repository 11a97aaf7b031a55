"""Tokens of Vault end soon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import UNKNOWN, at, number_at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_CEILING = parameters.number("maximumSeconds", 3600, "Longest life of a token that a role issues, in seconds.")
_TYPES: Final = (
    "vault:kubernetes/authBackendRole:AuthBackendRole",
    "vault:jwt/authBackendRole:AuthBackendRole",
    "vault:appRole/authBackendRole:AuthBackendRole",
    "vault:aws/authBackendRole:AuthBackendRole",
)
_ARGUMENTS: Final = {"tokenTtl": "token_ttl", "tokenMaxTtl": "token_max_ttl"}


def _check(resource: Resource) -> Iterator[str]:
    ceiling = _CEILING.of(resource.config)
    for name, argument in _ARGUMENTS.items():
        seconds = number_at(resource.inputs, name)
        if seconds is None and at(resource.inputs, name) is not None:
            continue
        if not seconds:
            yield f"{name} is not set, so the server's default of weeks holds; write {argument}={ceiling:g} or less"
        elif seconds > ceiling:
            yield f"{name} is {seconds:g} seconds, over {ceiling:g}; write {argument}={ceiling:g} or less"
    if at(resource.inputs, "tokenPeriod") not in (None, 0, UNKNOWN):
        yield "tokenPeriod lets its tokens be renewed for ever; leave token_period out"


POLICY = resource_rule(
    "vault-token-lifetime",
    "Tokens that a role issues have an end below the ceiling and cannot be renewed for ever.",
    _check,
    types=_TYPES,
    severity=Severity.HIGH,
    fix="Set token_ttl and token_max_ttl; the operator logs in again by itself.",
    parameters=(_CEILING,),
)
"""The rule."""
