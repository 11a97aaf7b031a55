"""Secrets lie under a key of the customer's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import UNKNOWN, at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUIRED = parameters.flag("required", "Whether secrets and parameters need a key of the customer's.", default=False)
_INPUT = {"aws:secretsmanager/secret:Secret": "kmsKeyId", "aws:ssm/parameter:Parameter": "keyId"}


def _check(resource: Resource) -> Iterator[str]:
    name = _INPUT[resource.type]
    key = at(resource.inputs, name)
    if not _REQUIRED.of(resource.config) or at(resource.inputs, "type") in ("String", "StringList", UNKNOWN):
        return
    if not key or (isinstance(key, str) and "alias/aws/" in key):
        argument = "kms_key_id" if name == "kmsKeyId" else "key_id"
        yield f"it lies under the key of AWS, whose policy nobody can narrow; write {argument}=<your key's ARN>"


POLICY = resource_rule(
    "customer-managed-key",
    "Secrets and parameters are encrypted under a key whose policy the account controls, where that is asked.",
    _check,
    types=tuple(_INPUT),
    severity=Severity.MEDIUM,
    fix="Pass the ARN of a KMS key that this or another stack makes.",
    parameters=(_REQUIRED,),
)
"""The rule."""
