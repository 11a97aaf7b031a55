"""What holds data that nobody can make again is protected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFAULT = (
    "aws:kms/key:Key",
    "aws:secretsmanager/secret:Secret",
    "aws:ssm/parameter:Parameter",
    "vault:index/mount:Mount",
)
_TYPES = parameters.names("types", _DEFAULT, "Type tokens of what holds data.")


def _check(resource: Resource) -> Iterator[str]:
    if resource.type in _TYPES.of(resource.config) and not resource.protected:
        yield "a destroy or a replacement would take its data along; pass opts=ResourceOptions(protect=True)"


POLICY = resource_rule(
    "data-holders-protected",
    "Secrets, keys, parameters and mounts carry protect, so that no destroy or replacement takes data along.",
    _check,
    types=("",),
    severity=Severity.HIGH,
    fix="Pass protect=True; to remove one on purpose, `pulumi state unprotect` first.",
    parameters=(_TYPES,),
)
"""The rule."""
