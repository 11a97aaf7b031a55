"""CRDs do not go with the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies.charts import CHARTS, is_external_secrets
from policies.inputs import UNKNOWN, at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[str]:
    if is_external_secrets(resource) and at(resource.inputs, "values") != UNKNOWN:
        installs = at(resource.inputs, "values", "installCRDs")
        if installs is not False and installs != UNKNOWN:
            yield (
                "its CRDs are part of the release, so a removed release deletes every ExternalSecret; "
                'write values={"installCRDs": False} and make the CRDs with retain_on_delete=True'
            )


POLICY = resource_rule(
    "crds-outlive-release",
    "The chart does not own the CRDs: deleting a CRD deletes every object of its kind in the cluster.",
    _check,
    types=CHARTS,
    severity=Severity.HIGH,
    fix="Set installCRDs to false; components.operator.CustomResourceDefinitions makes and keeps them.",
)
"""The rule."""
