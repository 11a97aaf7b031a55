"""Resources name the provider they go through."""

from __future__ import annotations

from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy, Severity

_PACKAGES = {"kubernetes", "vault", "aws"}


def _validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    package = args.resource_type.partition(":")[0]
    if package not in _PACKAGES or args.provider is None:
        return
    if args.provider.name.startswith("default"):
        report(
            f"it goes through the default {package} provider, whose target depends on the shell it runs in; "
            "pass provider= to the resource or to its component",
            args.urn,
        )


POLICY = ResourceValidationPolicy(
    "explicit-provider",
    "Resources of a cluster, a Vault or an AWS account go through a provider that the program made.",
    _validate,
    severity=Severity.MEDIUM,
)
"""The rule."""
