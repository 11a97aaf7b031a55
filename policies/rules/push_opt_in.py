"""Secrets leave the cluster by decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.declared import OBJECTS
from policies.inputs import UNKNOWN, at, text_at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALLOWED = parameters.names(
    "allowed", [], "PushSecrets that may be, as namespace/name; a ClusterPushSecret by its name."
)


def _check(resource: Resource) -> Iterator[str]:
    namespace, name = (at(resource.inputs, "metadata", field) for field in ("namespace", "name"))
    if UNKNOWN in (namespace, name):
        return
    identity = f"{namespace}/{name or resource.name}" if namespace else str(name or resource.name)
    if identity not in _ALLOWED.of(resource.config):
        kind = text_at(resource.inputs, "kind") or resource.type.rpartition(":")[2]
        yield f'{kind} {identity} writes Secrets of the cluster to a backend; list "{identity}" in this rule\'s allowed'


POLICY = resource_rule(
    "push-opt-in",
    "A PushSecret is on a list: it takes Secrets out of the cluster, and its store needs rights to write.",
    _check,
    types=(
        f"{OBJECTS}v1alpha1:PushSecret",
        f"{OBJECTS}v1alpha1:ClusterPushSecret",
        f"{OBJECTS}v1:PushSecret",
        f"{OBJECTS}v1:ClusterPushSecret",
    ),
    severity=Severity.HIGH,
    fix="List it in the policy configuration of the environment, and its IAM policy in iam-access-read-only's writers.",
    parameters=(_ALLOWED,),
)
"""The rule."""
