"""Cases that are not expected to end as ESO v2.9.0 ends them, each with the decision behind it."""

from __future__ import annotations

NO_AWS = "the aws provider is not served yet (D9: upstream ESO serves such stores meanwhile)"
NO_GENERIC_TARGETS = (
    "generic targets are behind an unsafe flag in ESO and refused here: D6, one Secret per ExternalSecret"
)
ISOLATED = "an object that cannot be decoded disturbs no other here, and the CRD refuses it to begin with: D2"

AWS_AREAS = frozenset({"aws", "data_property_aws"})

BY_CASE = {
    "manifest-target-configmap": NO_GENERIC_TARGETS,
    "manifest-target-configmap-template": NO_GENERIC_TARGETS,
    "manifest-target-configmap-literal": NO_GENERIC_TARGETS,
    "manifest-target-configmap-merge": NO_GENERIC_TARGETS,
    "poison-healthy-neighbour": ISOLATED,
    "poison-new-object-while-poisoned": ISOLATED,
}


def reason(name: str, area: str, needs: frozenset[str]) -> str:
    """Why a case may end otherwise; empty where it must not."""
    if area in AWS_AREAS or "aws" in needs:
        return NO_AWS
    return BY_CASE.get(name, "")
