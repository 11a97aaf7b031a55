"""A ClusterSecretStore says which namespaces may use it."""

from __future__ import annotations

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy, Severity

from policies.declared import store
from secretsync.api import ClusterSecretStore


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    declared = store(args)
    if isinstance(declared, ClusterSecretStore) and not declared.spec.conditions:
        report(
            "spec.conditions is empty, so every namespace may read through this store; "
            "list namespaces, a namespaceSelector or namespaceRegexes",
            args.urn,
        )


POLICY = ResourceValidationPolicy(
    "cluster-store-conditions",
    "A ClusterSecretStore names the namespaces that may use it.",
    _validate,
    severity=Severity.HIGH,
)
"""The rule."""
