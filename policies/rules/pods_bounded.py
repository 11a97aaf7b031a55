"""Pods say what they need and may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies.inputs import at
from policies.pods import WORKLOADS, containers
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_WANTED = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"))


def _check(resource: Resource) -> Iterator[str]:
    for container in containers(resource):
        for kind, name in _WANTED:
            if at(container.fields, "resources", kind, name) is None:
                yield f"{container.place}.resources.{kind} has no {name}; write {kind}: {{{name}: …}}"


POLICY = resource_rule(
    "pods-bounded",
    "Every container asks for CPU and memory and has a limit of memory, so that one cannot starve its node.",
    _check,
    types=WORKLOADS,
    severity=Severity.MEDIUM,
    fix="Set resources.requests and resources.limits.memory; 50m, 64Mi and 256Mi suit an operator of a small cluster.",
)
"""The rule."""
