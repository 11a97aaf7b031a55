"""Generators, and the kinds that make or push Secrets in many places, as objects in the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.custom_object import CustomObject, awaited

if TYPE_CHECKING:
    from secretsync.api import ClusterExternalSecret, Generator, PushSecret

_READY_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorsArgs:
    """What `Generators` are made from."""

    generators: tuple[Generator, ...]
    """Generators of all kinds, ClusterGenerators included."""


class Generators(pulumi.ComponentResource):
    """One object per generator; ExternalSecrets refer to them by name."""

    names: pulumi.Output[list[str]]
    """Names of the generators, known once they are made."""

    def __init__(self, name: str, args: GeneratorsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:index:Generators", name, None, opts)
        made = [CustomObject(each, opts=pulumi.ResourceOptions(parent=self)) for each in args.generators]
        self.names = pulumi.Output.all(*(resource.id for resource in made))
        self.register_outputs({"names": self.names})


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadSecretsArgs:
    """What `SpreadSecrets` are made from."""

    cluster_external_secrets: tuple[ClusterExternalSecret, ...]
    """Each an ExternalSecret in many namespaces."""
    push_secrets: tuple[PushSecret, ...]
    """Each a Secret written to backends."""
    wait: bool = False
    """Whether there is an operator that finds them Ready."""


class SpreadSecrets(pulumi.ComponentResource):
    """ClusterExternalSecrets and PushSecrets; the operator `upstream` acts on them.

    With `wait`, each is awaited until it is Ready: an ExternalSecret in every namespace, or every Secret pushed. Their
    annotations are copied nowhere, so the wait is one of them, as for stores.
    """

    names: pulumi.Output[list[str]]
    """Names of the objects, known once they are Ready (or made, without `wait`)."""

    def __init__(self, name: str, args: SpreadSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("external-secrets:index:SpreadSecrets", name, None, opts)
        declared: list[ClusterExternalSecret | PushSecret] = [*args.cluster_external_secrets, *args.push_secrets]
        annotations = awaited(_READY_SECONDS) if args.wait else None
        made = [
            CustomObject(each, annotations=annotations, opts=pulumi.ResourceOptions(parent=self)) for each in declared
        ]
        self.names = pulumi.Output.all(*(resource.id for resource in made))
        self.register_outputs({"names": self.names})
