"""Declarations mean what they seem to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import EnforcementLevel, Severity

from policies.declared import DECLARATIONS, declarations, has_unknown_beside
from policies.rule import Resource, resource_rule
from secretsync.api import Severity as ProblemSeverity
from secretsync.api import validate

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[str]:
    for declared in declarations(resource):
        for problem in validate(declared):
            if problem.severity is ProblemSeverity.warning and not has_unknown_beside(resource, problem.field):
                yield str(problem)


POLICY = resource_rule(
    "declarations-surprising",
    "Declarations do not rest on behaviour of ESO that surprises: they work, but perhaps not as their author thinks.",
    _check,
    types=DECLARATIONS,
    severity=Severity.LOW,
    fix="Do what the message says, or leave it if it is meant.",
    enforcement=EnforcementLevel.ADVISORY,
)
"""The rule."""
