"""Stores log in with an identity, not with a stored credential."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import (
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
)

from policies.declared import store

_STATIC = {"tokenSecretRef", "appRole", "userPass", "ldap", "secretRef", "authSecretRef", "token"}


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    declared = store(args)
    if declared is None or args.get_config().get("allowed", False):
        return
    auth = declared.spec.provider.config.get("auth")
    for path in _static(auth, "auth") if isinstance(auth, Mapping) else ():
        report(
            f"provider.{declared.spec.provider.name}.{path} is a stored credential; "
            "log in with a ServiceAccount (Kubernetes auth, IRSA or workload identity)",
            args.urn,
        )


def _static(auth: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in auth.items():
        if key in _STATIC:
            yield f"{path}.{key}"
        elif isinstance(value, Mapping):
            yield from _static(value, f"{path}.{key}")


POLICY = ResourceValidationPolicy(
    "static-store-credentials",
    "A store logs in with a workload's identity; stored tokens, passwords and keys are for development only.",
    _validate,
    config_schema=PolicyConfigSchema({"allowed": {"type": "boolean", "default": False}}),
    severity=Severity.HIGH,
)
"""The rule."""
