"""A deleted secret can be had back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.inputs import at, number_at
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_WINDOW = parameters.number("minimumDays", 7, "Days for which a deleted secret can be restored (AWS: 7 to 30, or 0).")


def _check(resource: Resource) -> Iterator[str]:
    minimum, days = _WINDOW.of(resource.config), number_at(resource.inputs, "recoveryWindowInDays")
    if days is not None and days < minimum:  # without one AWS waits 30 days, the longest it knows
        yield f"it can be restored for {days:g} days only; write recovery_window_in_days={minimum:g} or more"
    if at(resource.inputs, "forceOverwriteReplicaSecret") is True:
        yield "it overwrites a secret of its name in the replica's Region; leave force_overwrite_replica_secret out"


POLICY = resource_rule(
    "secret-recovery-window",
    "A secret of Secrets Manager can be restored for some days after its deletion.",
    _check,
    types=("aws:secretsmanager/secret:Secret",),
    severity=Severity.MEDIUM,
    fix="Set recovery_window_in_days, or leave it to AWS, which takes 30.",
    parameters=(_WINDOW,),
)
"""The rule."""
