"""Keys decrypt for a secret's service, not for whoever holds the role."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies.iam_documents import IDENTITY, IDENTITY_TYPES, Condition, Statement, statements, wildcard
from policies.inputs import UNKNOWN
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY: Final = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+")
_SERVICE: Final = re.compile(r"(secretsmanager|ssm)\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
_CONTEXTS: Final = ("kms:EncryptionContext:SecretARN", "kms:EncryptionContext:PARAMETER_ARN")


def _check(resource: Resource) -> Iterator[str]:
    for statement in statements(resource, IDENTITY):
        if statement.granted(["kms:Decrypt"]):
            yield from _judge(statement)


def _judge(statement: Statement) -> Iterator[str]:
    open_keys = [pattern for pattern in statement.resources if not _KEY.fullmatch(pattern)]
    if open_keys or statement.not_resources:
        shown = ", ".join(open_keys) or "all but some keys"
        yield (
            f"{statement.place} grants kms:Decrypt on {shown}; "
            "write the ARN of the key, arn:<partition>:kms:<region>:<account>:key/<id>"
        )
    if not any(_binds(condition) for condition in statement.conditions_on("kms:ViaService")):
        yield (
            f"{statement.place} grants kms:Decrypt outside a secret's service; add the condition "
            '"StringEquals": {"kms:ViaService": "secretsmanager.<region>.amazonaws.com"}'
        )
    if not any(_has_context(condition) for key in _CONTEXTS for condition in statement.conditions_on(key)):
        yield (
            f"{statement.place} grants kms:Decrypt for any ciphertext of the key; add the condition "
            '"StringLike": {"kms:EncryptionContext:SecretARN": "<the secret\'s ARN>"}'
        )


def _equals(condition: Condition) -> bool:
    return condition.operator.rpartition(":")[2].lower() in {"stringequals", "stringlike", "arnequals", "arnlike"}


def _binds(condition: Condition) -> bool:
    return _equals(condition) and all(value == UNKNOWN or _SERVICE.fullmatch(value) for value in condition.values)


def _has_context(condition: Condition) -> bool:
    return _equals(condition) and all(
        value == UNKNOWN or (value.startswith("arn:") and not _open(value)) for value in condition.values
    )


def _open(arn: str) -> bool:
    """Whether an ARN pattern leaves account, Region or name to whoever asks."""
    head, _, name = arn.rpartition(":")
    return wildcard(head) or not name.strip("*?/-")


POLICY = resource_rule(
    "kms-via-service",
    "kms:Decrypt names its key and holds only through Secrets Manager or Parameter Store, for the declared secrets.",
    _check,
    types=IDENTITY_TYPES,
    severity=Severity.CRITICAL,
    fix="Add kms:ViaService and kms:EncryptionContext:SecretARN (PARAMETER_ARN for ssm), and name the key's ARN.",
)
"""The rule."""
