"""Resources name the provider they go through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES: Final = ("kubernetes:", "vault:", "aws:")
_DEFAULT: Final = re.compile(r"default(_[0-9].*)?")
"""Names that the engine gives the providers it makes itself: with their version, where the SDK tells one."""


def _check(resource: Resource) -> Iterator[str]:
    if resource.provider is not None and _DEFAULT.fullmatch(resource.provider.name):
        package = resource.type.partition(":")[0]
        yield (
            f"it goes through the default {package} provider, whose target depends on the shell it runs in; "
            "pass provider= to the resource or to its component"
        )


POLICY = resource_rule(
    "explicit-provider",
    "Resources of a cluster, a Vault or an AWS account go through a provider that the program made.",
    _check,
    types=_PACKAGES,
    severity=Severity.MEDIUM,
    fix="Make one provider per cluster, Vault and account and Region, and pass it by the component's options.",
)
"""The rule."""
