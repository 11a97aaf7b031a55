"""Backends are not asked more often than the environment allows."""

from __future__ import annotations

from datetime import timedelta

from pulumi_policy import (
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
)

from policies.declared import external_secret
from secretsync.api import RefreshPolicy

DEFAULT_MINIMUM_SECONDS = 10


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    declared = external_secret(args)
    if declared is None or declared.spec.refresh_policy != RefreshPolicy.Periodic:
        return
    minimum = args.get_config().get("minimumSeconds", DEFAULT_MINIMUM_SECONDS)
    interval = declared.spec.refresh_interval
    if interval <= timedelta():
        report(
            "spec.refreshInterval is 0, which ignores later edits; if that is meant, say refreshPolicy: CreatedOnce",
            args.urn,
        )
    elif interval < timedelta(seconds=minimum):
        report(
            f"spec.refreshInterval is {interval.total_seconds():g}s, below the floor of {minimum:g}s; "
            f"write {minimum:g}s or more",
            args.urn,
        )


POLICY = ResourceValidationPolicy(
    "refresh-interval-floor",
    "An ExternalSecret does not refresh more often than the floor, and interval 0 goes with CreatedOnce only.",
    _validate,
    config_schema=PolicyConfigSchema({"minimumSeconds": {"type": "number", "default": DEFAULT_MINIMUM_SECONDS}}),
    severity=Severity.MEDIUM,
)
"""The rule."""
