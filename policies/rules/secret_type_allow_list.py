"""Targets have harmless Secret types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.declared import DECLARATIONS, specs
from policies.inputs import UNKNOWN
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFAULT = (
    "Opaque",
    "kubernetes.io/basic-auth",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/ssh-auth",
    "kubernetes.io/tls",
)
_ALLOWED = parameters.names("allowed", _DEFAULT, "Types of Secrets that ExternalSecrets may make.")


def _check(resource: Resource) -> Iterator[str]:
    allowed = _ALLOWED.of(resource.config)
    for _, path, spec in specs(resource):
        template = spec.target.template
        if template is not None and template.type not in ("", UNKNOWN, *allowed):
            yield f"{path}.target.template.type {template.type} is not allowed; use one of {', '.join(allowed)}"


POLICY = resource_rule(
    "secret-type-allow-list",
    "A target Secret has a type from the list; token types would let an ExternalSecret mint credentials.",
    _check,
    types=DECLARATIONS,
    severity=Severity.HIGH,
    fix="Use Opaque, or the type that the workload asks for; add types of your own to the list.",
    parameters=(_ALLOWED,),
)
"""The rule."""
