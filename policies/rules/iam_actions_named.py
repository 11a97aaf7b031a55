"""Actions are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies.iam_documents import IDENTITY, IDENTITY_TYPES, statements, wildcard
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[str]:
    for statement in statements(resource, IDENTITY):
        if statement.not_actions:
            yield f"{statement.place} allows everything but some actions (NotAction); list what it needs in Action"
        for action in statement.actions:
            if wildcard(action):
                yield f"{statement.place} allows {action}; write the actions that it needs, e.g. {_example(action)}"


def _example(action: str) -> str:
    service = action.partition(":")[0].lower()
    return {"ssm": "ssm:GetParameter", "kms": "kms:Decrypt"}.get(service, "secretsmanager:GetSecretValue")


POLICY = resource_rule(
    "iam-actions-named",
    "What a policy allows is named action by action: a wildcard also allows what AWS adds later.",
    _check,
    types=IDENTITY_TYPES,
    severity=Severity.HIGH,
    fix="Replace the wildcard by the actions in use; `python -m secretsync access` names them.",
)
"""The rule."""
