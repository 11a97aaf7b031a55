"""Parameters are encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import UNKNOWN, at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = parameters.names("plain", [], "Parameters (logical names) that hold no secret and may be plain text.")


def _check(resource: Resource) -> Iterator[str]:
    if resource.name in _PLAIN.of(resource.config):
        return
    if at(resource.inputs, "type") not in ("SecureString", UNKNOWN):
        yield f'it is stored as plain text; write type="SecureString", or list "{resource.name}" in this rule\'s plain'
    if at(resource.inputs, "insecureValue") is not None:
        yield "insecure_value keeps the value readable in state; write value=<a secret output>"


POLICY = resource_rule(
    "parameters-encrypted",
    "A parameter that ExternalSecrets read is a SecureString, and its value a secret in state.",
    _check,
    types=("aws:ssm/parameter:Parameter",),
    severity=Severity.HIGH,
    fix="Use SecureString; give configuration that is no secret to ConfigMaps, or list it.",
    parameters=(_PLAIN,),
)
"""The rule."""
