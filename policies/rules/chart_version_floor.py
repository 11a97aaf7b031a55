"""The operator is not one with a published advisory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pulumi_policy import Severity

from policies import parameters
from policies.charts import CHARTS, NAME, is_external_secrets, version
from policies.inputs import UNKNOWN, at, text_at
from policies.pods import WORKLOADS, containers
from policies.rule import Resource, resource_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLOOR = parameters.text(
    "minimumVersion",
    "2.4.1",
    "Lowest version of chart and image. 2.4.1 is the first without CVE-2026-42876 (GHSA-fq7h-9x26-6j22).",
)
_IMAGE: Final = re.compile(r"(?:.*/)?external-secrets/external-secrets:([^@]+)(?:@.*)?")


def _check(resource: Resource) -> Iterator[str]:
    floor = _FLOOR.of(resource.config)
    for what, found, fix in _versions(resource):
        parsed, lowest = version(found), version(floor)
        if lowest is None:
            yield f"this rule's minimumVersion {floor} is no version; write it as 1.2.3"
        elif parsed is None:
            yield f"{what} {found} is not one version; pin it: {fix.format(floor)}"
        elif parsed < lowest:
            yield f"{what} {found} has a published advisory; write {fix.format(floor)} or later"


def _versions(resource: Resource) -> Iterator[tuple[str, str, str]]:
    if resource.type in CHARTS:
        given = at(resource.inputs, "version")
        if is_external_secrets(resource) and given != UNKNOWN:
            yield "the chart version", str(given or "(none)"), 'version="{}"'
        return
    label = text_at(resource.inputs, "metadata", "labels", "helm.sh/chart")
    if label.startswith(f"{NAME}-"):
        yield "the chart version", label.removeprefix(f"{NAME}-"), 'version="{}" of the chart'
    for container in containers(resource):
        match = _IMAGE.fullmatch(text_at(container.fields, "image"))
        if match:
            tag = match[1].removesuffix("-ubi").removesuffix("-ubi-boringssl")
            yield f"{container.place}.image", tag, "the image's tag v{}"


POLICY = resource_rule(
    "chart-version-floor",
    "The operator's chart and image are pinned, and not below the last version with a published advisory.",
    _check,
    types=(*CHARTS, *WORKLOADS),
    severity=Severity.HIGH,
    fix="Raise the version; read the chart's changelog for values that were renamed.",
    parameters=(_FLOOR,),
)
"""The rule."""
