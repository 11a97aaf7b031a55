"""Targets have harmless Secret types."""

from __future__ import annotations

from pulumi_policy import (
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
)

from policies.declared import external_secret

DEFAULT_ALLOWED = (
    "Opaque",
    "kubernetes.io/basic-auth",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/ssh-auth",
    "kubernetes.io/tls",
)


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    declared = external_secret(args)
    template = declared.spec.target.template if declared is not None else None
    if template is None or not template.type:
        return
    allowed = args.get_config().get("allowed", list(DEFAULT_ALLOWED))
    if template.type not in allowed:
        report(f"spec.target.template.type {template.type} is not allowed; use one of {', '.join(allowed)}", args.urn)


POLICY = ResourceValidationPolicy(
    "secret-type-allow-list",
    "A target Secret has a type from the list; token types would let an ExternalSecret mint credentials.",
    _validate,
    config_schema=PolicyConfigSchema(
        {"allowed": {"type": "array", "items": {"type": "string"}, "default": list(DEFAULT_ALLOWED)}}
    ),
    severity=Severity.HIGH,
)
"""The rule."""
