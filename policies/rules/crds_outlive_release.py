"""CRDs do not go with the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies.charts import CHARTS, RELEASE, is_external_secrets
from policies.inputs import UNKNOWN, at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[str]:
    if is_external_secrets(resource) and at(resource.inputs, "values") != UNKNOWN:
        installs = at(resource.inputs, "values", "installCRDs")
        kept = at(resource.inputs, "values", "crds", "annotations", "helm.sh/resource-policy")
        # Helm keeps what is annotated; objects of a rendered chart are the engine's, which wants retain_on_delete.
        outlives = resource.type == RELEASE and kept in ("keep", UNKNOWN)
        if installs is not False and installs != UNKNOWN and not outlives:
            yield (
                "its CRDs are part of the release, so a removed release deletes every ExternalSecret; "
                'write values={"crds": {"annotations": {"helm.sh/resource-policy": "keep"}}} for a Release, or '
                'values={"installCRDs": False} and make the CRDs with retain_on_delete=True'
            )


POLICY = resource_rule(
    "crds-outlive-release",
    "CRDs stay when the chart's release goes: deleting a CRD deletes every object of its kind in the cluster.",
    _check,
    types=CHARTS,
    severity=Severity.HIGH,
    fix="Annotate the CRDs of a Release with helm.sh/resource-policy: keep, as components.operator.upstream does.",
)
"""The rule."""
