"""Backends are not asked more often than the environment allows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pulumi_policy import Severity

from policies import parameters
from policies.declared import DECLARATIONS, is_unknown, specs
from policies.rule import Resource, resource_rule
from secretsync.api import RefreshPolicy, go_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

_MINIMUM = parameters.number("minimumSeconds", 60, "Shortest interval between two refreshes, in seconds.")


def _check(resource: Resource) -> Iterator[str]:
    minimum = timedelta(seconds=_MINIMUM.of(resource.config))
    for _, path, spec in specs(resource):
        if spec.refresh_policy is not RefreshPolicy.Periodic or is_unknown(resource, f"{path}.refreshPolicy"):
            continue
        interval = spec.refresh_interval
        if interval <= timedelta():
            yield (
                f"{path}.refreshInterval is 0, which ignores later edits; "
                "if that is meant, say refreshPolicy: CreatedOnce"
            )
        elif interval < minimum:
            yield (
                f"{path}.refreshInterval is {go_duration.format(interval)}, below the floor; "
                f"write {go_duration.format(minimum)} or more"
            )


POLICY = resource_rule(
    "refresh-interval-floor",
    "An ExternalSecret does not refresh more often than the floor, and interval 0 goes with CreatedOnce only.",
    _check,
    types=DECLARATIONS,
    severity=Severity.MEDIUM,
    fix="Raise spec.refreshInterval; a changed secret can be fetched at once by the annotation force-sync.",
    parameters=(_MINIMUM,),
)
"""The rule."""
