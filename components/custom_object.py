"""A declared store, ExternalSecret or generator as an object of the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.declarations import identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.declarations.declared import Declared


def awaited(seconds: int) -> dict[str, str]:
    """Annotations that have the provider wait until an operator has found the object Ready.

    Args:
        seconds: how long at most.
    """
    return {"pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": str(seconds)}


class CustomObject(kubernetes.apiextensions.CustomResource):
    """A custom resource whose live metadata is known to the type checker.

    `annotations` are added to the declared ones, e.g. for the provider.
    """

    metadata: pulumi.Output[Any]
    """Live metadata, ``generation`` included."""

    def __init__(
        self,
        declared: Declared,
        *,
        annotations: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        wire = declared.to_json()
        metadata = wire["metadata"]
        if annotations:
            metadata = {**metadata, "annotations": {**metadata.get("annotations", {}), **annotations}}
        super().__init__(
            f"{declared.kind}-{identity(declared).replace('/', '-')}",
            api_version=wire["apiVersion"],
            kind=declared.kind,
            metadata=metadata,
            spec=wire.get("spec", {}),
            opts=opts,
        )
