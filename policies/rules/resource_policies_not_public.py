"""Nobody unknown reads a secret or uses a key through its own policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies.iam_documents import RESOURCE, Statement, statements
from policies.inputs import UNKNOWN, at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECRET_POLICY: Final = "aws:secretsmanager/secretPolicy:SecretPolicy"  # noqa: S105 - a type token
_BOUNDS: Final = (
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "kms:CallerAccount",
)


def _check(resource: Resource) -> Iterator[str]:
    if resource.type == _SECRET_POLICY and at(resource.inputs, "blockPublicPolicy") not in (True, UNKNOWN):
        yield "blockPublicPolicy is not set, so AWS accepts a public policy; write block_public_policy=True"
    for statement in statements(resource, RESOURCE):
        if statement.not_principals:
            yield f"{statement.place} allows everybody but somebody (NotPrincipal); name who may"
        elif any(principal.name == "*" for principal in statement.principals) and not _bound(statement):
            yield (
                f"{statement.place} allows everybody; name the principal, "
                "or add a condition on aws:PrincipalOrgID, aws:SourceVpce or kms:CallerAccount"
            )


def _bound(statement: Statement) -> bool:
    return any(condition.pins for key in _BOUNDS for condition in statement.conditions_on(key))


POLICY = resource_rule(
    "resource-policies-not-public",
    "Policies of secrets and keys name who they let in, and secrets refuse public policies.",
    _check,
    types=tuple(RESOURCE),
    severity=Severity.CRITICAL,
    fix="Set block_public_policy; name principals, or bind * to an organisation, VPC endpoint or account.",
)
"""The rule."""
