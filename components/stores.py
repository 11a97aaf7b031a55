"""SecretStore and ClusterSecretStore objects in the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.custom_object import CustomObject, awaited

if TYPE_CHECKING:
    from secretsync.api import Store

_READY_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class StoresArgs:
    """What `Stores` are made from."""

    stores: tuple[Store, ...]
    """The stores, completed."""
    wait: bool
    """Whether there is an operator that finds them Ready."""


class Stores(pulumi.ComponentResource):
    """One object per store; with `wait`, each is awaited until an operator has found it Ready."""

    names: pulumi.Output[list[str]]
    """Names of the stores, known once they are Ready (or made, without `wait`)."""

    def __init__(self, name: str, args: StoresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:index:Stores", name, None, opts)
        made = [self._object(store, wait=args.wait) for store in args.stores]
        self.names = pulumi.Output.all(*(resource.id for resource in made))
        self.register_outputs({"names": self.names})

    def _object(self, store: Store, *, wait: bool) -> CustomObject:
        annotations = awaited(_READY_SECONDS) if wait else None
        return CustomObject(store, annotations=annotations, opts=pulumi.ResourceOptions(parent=self))
