"""Readers of secrets cannot change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.iam_documents import IDENTITY, IDENTITY_TYPES, statements
from policies.rule import Resource, resource_rule
from policies.secret_access import WRITES

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITERS = parameters.names("writers", [], "Policies (logical names) that may write secrets, as PushSecret needs it.")
_SHOWN = 3


def _check(resource: Resource) -> Iterator[str]:
    if resource.name in _WRITERS.of(resource.config):
        return
    for statement in statements(resource, IDENTITY):
        writes = statement.granted(WRITES)
        if writes:
            more = f" and {len(writes) - _SHOWN} more" if len(writes) > _SHOWN else ""
            yield (
                f"{statement.place} grants {', '.join(writes[:_SHOWN])}{more}; take that out, "
                f'or list "{resource.name}" in this rule\'s writers'
            )


POLICY = resource_rule(
    "iam-access-read-only",
    "Policies read secrets and parameters; writing them is for the policies on a list.",
    _check,
    types=IDENTITY_TYPES,
    severity=Severity.HIGH,
    fix="Keep GetSecretValue and DescribeSecret; give a PushSecret a role of its own and list its policy.",
    parameters=(_WRITERS,),
)
"""The rule."""
