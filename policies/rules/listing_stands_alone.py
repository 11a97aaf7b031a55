"""Listing has a statement of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies.iam_documents import IDENTITY, IDENTITY_TYPES, Statement, statements
from policies.rule import Resource, resource_rule
from policies.secret_access import LISTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTINGS = {action.lower() for action in LISTINGS}


def _check(resource: Resource) -> Iterator[str]:
    for statement in statements(resource, IDENTITY):
        listings = [action for action in statement.actions if action.lower() in _LISTINGS]
        if listings:
            yield from _judge(statement, listings)


def _judge(statement: Statement, listings: list[str]) -> Iterator[str]:
    named, others = ", ".join(listings), [each for each in statement.actions if each.lower() not in _LISTINGS]
    if others:
        yield (
            f"{statement.place} has {named} beside {', '.join(others)}; "
            f'move {named} to a statement of its own with Resource "*"'
        )
    elif [pattern for pattern in statement.resources if pattern != "*"]:
        yield f'{statement.place} grants {named} on ARNs, which grants nothing; write Resource "*" there'


POLICY = resource_rule(
    "listing-stands-alone",
    "Listing actions, the only ones that need Resource *, never share a statement with reads.",
    _check,
    types=IDENTITY_TYPES,
    severity=Severity.HIGH,
    fix="Two statements: reads on the ARNs of the secrets, listing alone on *.",
)
"""The rule."""
