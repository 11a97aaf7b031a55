"""Declarations are ones that the operator accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies.declared import DECLARATIONS, declarations, has_unknown_beside
from policies.rule import Resource, resource_rule
from secretsync.api import Severity as ProblemSeverity
from secretsync.api import validate

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[str]:
    for declared in declarations(resource):
        for problem in validate(declared):
            if problem.severity is ProblemSeverity.error and not has_unknown_beside(resource, problem.field):
                yield str(problem)


POLICY = resource_rule(
    "declarations-admissible",
    "Declarations satisfy ESO's admission rules, also in a cluster without its webhook: policies fit, no key twice.",
    _check,
    types=DECLARATIONS,
    severity=Severity.HIGH,
    fix="Do what the message says; the rules are those of ESO v2.9.0.",
)
"""The rule."""
