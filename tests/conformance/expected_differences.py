"""Cases that are not expected to end as ESO v2.9.0 ends them, each with the decision behind it."""

from __future__ import annotations

NO_GENERIC_TARGETS = (
    "generic targets are behind an unsafe flag in ESO and refused here: D6, one Secret per ExternalSecret"
)
ISOLATED = "an object that cannot be decoded disturbs no other here, and the CRD refuses it to begin with: D2"

BY_CASE = {
    "manifest-target-configmap": NO_GENERIC_TARGETS,
    "manifest-target-configmap-template": NO_GENERIC_TARGETS,
    "manifest-target-configmap-literal": NO_GENERIC_TARGETS,
    "manifest-target-configmap-merge": NO_GENERIC_TARGETS,
    "poison-healthy-neighbour": ISOLATED,
    "poison-new-object-while-poisoned": ISOLATED,
}


def reason(name: str) -> str:
    """Why a case may end otherwise; empty where it must not."""
    return BY_CASE.get(name, "")
