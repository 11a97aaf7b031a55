"""Pods as workloads declare them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from policies.inputs import at, items_at, text_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.rule import Resource
    from secretsync.api import JsonObject

_PATHS: Final = {
    "kubernetes:apps/v1:Deployment": ("spec", "template", "spec"),
    "kubernetes:apps/v1:StatefulSet": ("spec", "template", "spec"),
    "kubernetes:apps/v1:ReplicaSet": ("spec", "template", "spec"),
    "kubernetes:apps/v1:DaemonSet": ("spec", "template", "spec"),
    "kubernetes:batch/v1:Job": ("spec", "template", "spec"),
    "kubernetes:batch/v1:CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "kubernetes:core/v1:Pod": ("spec",),
}
WORKLOADS: Final = tuple(_PATHS)
"""Type tokens of what makes pods."""
_LISTS: Final = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class Container:
    """One container: where it stands, ``containers[0] (controller)``, and its fields."""

    place: str
    fields: JsonObject = field(repr=False)


def pod_spec(resource: Resource) -> JsonObject | None:
    """The pod spec of a workload; None where it is not known yet or the resource is no workload."""
    path = _PATHS.get(resource.type)
    found = at(resource.inputs, *path) if path is not None else None
    return found if isinstance(found, dict) else None


def containers(resource: Resource) -> Iterator[Container]:
    """The containers of a workload, init containers first."""
    spec = pod_spec(resource)
    for key in _LISTS if spec is not None else ():
        for index, container in enumerate(items_at(spec, key)):
            if isinstance(container, dict):
                yield Container(f"{key}[{index}] ({text_at(container, 'name')})", container)
