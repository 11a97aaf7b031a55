"""Values end in Secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.declared import DECLARATIONS, specs
from policies.inputs import UNKNOWN
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = parameters.names("kinds", [], "Further kinds that an ExternalSecret may write.")


def _check(resource: Resource) -> Iterator[str]:
    for _, path, spec in specs(resource):
        manifest = spec.target.manifest
        if manifest is not None and manifest.kind not in ("Secret", UNKNOWN, *_KINDS.of(resource.config)):
            yield (
                f"{path}.target.manifest makes a {manifest.kind}, which fewer guards protect; take manifest out, "
                f'or list "{manifest.kind}" in this rule\'s kinds'
            )


POLICY = resource_rule(
    "targets-are-secrets",
    "ExternalSecrets write Secrets: other kinds are readable to more people and not encrypted at rest.",
    _check,
    types=DECLARATIONS,
    severity=Severity.HIGH,
    fix="Write a Secret and refer to it.",
    parameters=(_KINDS,),
)
"""The rule."""
