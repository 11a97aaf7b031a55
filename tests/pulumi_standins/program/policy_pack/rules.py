"""The rule of the pack, in a module of its own."""

from __future__ import annotations

import pulumi
from pulumi_policy import ReportViolation, ResourceValidationArgs, ResourceValidationPolicy


def _check(args: ResourceValidationArgs, report: ReportViolation) -> None:
    allowed = pulumi.Config("standins").get_int("allowed")
    if args.resource_type == "kubernetes:core/v1:ConfigMap" and allowed == 0:
        report(f"no ConfigMap is allowed in the stack {pulumi.get_stack()}", None)


named = ResourceValidationPolicy(name="named", description="ConfigMaps are counted.", validate=_check)
