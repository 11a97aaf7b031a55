"""Roles stay inside a boundary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import UNKNOWN, at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOUNDARY = parameters.text("boundary", "", "ARN of the permissions boundary that every role carries; empty asks none.")


def _check(resource: Resource) -> Iterator[str]:
    boundary = _BOUNDARY.of(resource.config)
    if boundary and at(resource.inputs, "permissionsBoundary") not in (boundary, UNKNOWN):
        yield f'it has not the permissions boundary of this environment; write permissions_boundary="{boundary}"'


POLICY = resource_rule(
    "role-permission-boundary",
    "Every role carries the permissions boundary of its environment, where one is configured.",
    _check,
    types=("aws:iam/role:Role",),
    severity=Severity.MEDIUM,
    fix="Pass permissions_boundary to the role.",
    parameters=(_BOUNDARY,),
)
"""The rule."""
