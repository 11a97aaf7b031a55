"""Keys rotate, and do not vanish with the secrets under them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import UNKNOWN, at, number_at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_WINDOW = parameters.number("minimumDays", 14, "Days between the order to delete a key and its end (AWS: 7 to 30).")
_SYMMETRIC: Final = "SYMMETRIC_DEFAULT"


def _check(resource: Resource) -> Iterator[str]:
    spec = at(resource.inputs, "customerMasterKeySpec") or _SYMMETRIC
    if spec == _SYMMETRIC and at(resource.inputs, "enableKeyRotation") not in (True, UNKNOWN):
        yield "it is never rotated; write enable_key_rotation=True"
    minimum, days = _WINDOW.of(resource.config), number_at(resource.inputs, "deletionWindowInDays")
    if days is not None and days < minimum:  # without one AWS waits 30 days, the longest it knows
        yield f"it is gone {days:g} days after its deletion; write deletion_window_in_days={minimum:g} or more"
    if at(resource.inputs, "bypassPolicyLockoutSafetyCheck") is True:
        yield "it may lock everybody out; leave bypass_policy_lockout_safety_check out"


POLICY = resource_rule(
    "kms-keys-kept",
    "A KMS key rotates, and its deletion can be taken back for long: with the key every secret under it is lost.",
    _check,
    types=("aws:kms/key:Key",),
    severity=Severity.HIGH,
    fix="Set enable_key_rotation and a deletion window.",
    parameters=(_WINDOW,),
)
"""The rule."""
