"""One declaration, two lanes: an object for the operator, or a sync by the program itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pulumi

from components.custom_object import CustomObject
from components.declarations import identity
from components.dynamic.readiness import ReadyExternalSecrets
from components.dynamic.rollout import checksum
from components.dynamic.synced_secret import SyncedSecret
from secretsync.api import RefreshPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsync.api import ExternalSecret, Store


class OperatorExternalSecrets(pulumi.ComponentResource):
    """ExternalSecret objects, which the operator syncs; ready once all of them are.

    The wait is a resource of its own and not an annotation on the objects, because ESO copies an ExternalSecret's
    annotations to the Secret.
    """

    ready: pulumi.Output[list[str]]
    """Identities ``namespace/name`` of the ExternalSecrets, known once all are Ready."""

    def __init__(
        self,
        name: str,
        external_secrets: Sequence[ExternalSecret],
        *,
        wait: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("external-secrets:index:OperatorExternalSecrets", name, None, opts)
        made = {identity(es): CustomObject(es, opts=pulumi.ResourceOptions(parent=self)) for es in external_secrets}
        if made and wait:
            self.ready = ReadyExternalSecrets(
                f"{name}-ready",
                {identity(es): _generation(es, made[identity(es)]) for es in external_secrets},
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(made.values())),
            ).ready
        else:
            self.ready = pulumi.Output.from_input(sorted(made))
        self.register_outputs({"ready": self.ready})


def _generation(external_secret: ExternalSecret, resource: CustomObject) -> pulumi.Input[int]:
    """The generation to wait for; 0, any, where the operator ignores later edits (ESO v2.9.0)."""
    spec = external_secret.spec
    once = spec.refresh_policy == RefreshPolicy.CreatedOnce
    if once or (spec.refresh_policy == RefreshPolicy.Periodic and spec.refresh_interval <= timedelta()):
        return 0
    generation: pulumi.Output[int] = resource.metadata.apply(lambda metadata: int(metadata.get("generation") or 0))
    return generation


class PulumiExternalSecret(pulumi.ComponentResource):
    """One ExternalSecret that the program fetches and writes itself, at ``pulumi up``."""

    target: pulumi.Output[str]
    """``namespace/name`` of the Secret, known once it is written."""
    checksum: pulumi.Output[str]
    """Changes with the content and tells nothing else of it: for a pod template of the program, or a `RolledOut`."""

    def __init__(
        self,
        name: str,
        external_secret: ExternalSecret,
        stores: Sequence[Store],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("external-secrets:index:PulumiExternalSecret", name, None, opts)
        synced = SyncedSecret(name, external_secret, stores, opts=pulumi.ResourceOptions(parent=self))
        self.target = synced.target
        self.checksum = checksum(synced.fingerprint)
        self.register_outputs({"target": self.target, "checksum": self.checksum})
