"""Nothing of ours in the namespaces of the cluster itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.declared import OBJECTS, SYNCED, declarations
from policies.inputs import text_at
from policies.pods import WORKLOADS
from policies.rule import Resource, resource_rule
from secretsync.api import ClusterExternalSecret

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFAULT = ("default", "kube-node-lease", "kube-public", "kube-system")
_DENIED = parameters.names("denied", _DEFAULT, "Namespaces that get no stores, ExternalSecrets or workloads.")


def _check(resource: Resource) -> Iterator[str]:
    denied = _DENIED.of(resource.config)
    for place, namespace in _namespaces(resource):
        if namespace in denied:
            yield f"{place} is {namespace}; use a namespace of its own"


def _namespaces(resource: Resource) -> Iterator[tuple[str, str]]:
    if not resource.type.startswith(SYNCED):
        yield "metadata.namespace", text_at(resource.inputs, "metadata", "namespace")
    for declared in declarations(resource):
        if resource.type.startswith(SYNCED):
            yield "metadata.namespace of the declaration", declared.metadata.namespace
        if isinstance(declared, ClusterExternalSecret):
            for name in declared.spec.namespaces:
                yield "spec.namespaces", name


POLICY = resource_rule(
    "namespace-deny-list",
    "Stores, ExternalSecrets and the operator stay out of the namespaces of the cluster itself.",
    _check,
    types=(OBJECTS, SYNCED, *WORKLOADS),
    severity=Severity.MEDIUM,
    fix="Give teams and the operator namespaces of their own, with quotas and rights of their own.",
    parameters=(_DENIED,),
)
"""The rule."""
