"""One declaration, two lanes: an object for the operator, or a sync by the program itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pulumi

from components.custom_object import CustomObject
from components.declarations import identity
from components.dynamic.readiness import ReadyExternalSecrets
from components.dynamic.rollout import PATIENCE_SECONDS, RolledOut, checksum
from components.dynamic.synced_secret import SyncedSecret
from components.dynamic.synced_secret_set import SyncedSecretSet
from secretsync.api import RefreshPolicy
from secretsync.workloads.marks import asks_for_rollout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        waited: ReadyExternalSecrets | None = None
        if made and wait:
            waited = ReadyExternalSecrets(
                f"{name}-ready",
                {identity(es): _generation(es, made[identity(es)]) for es in external_secrets},
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(made.values())),
            )
            self.ready = waited.ready
        else:
            self.ready = pulumi.Output.from_input(sorted(made))
        for es in external_secrets:
            after = made[identity(es)] if waited is None else waited
            Rollout().of(es, f"{_resource_name(es)}-rollout", None, after=after, parent=self)
        self.register_outputs({"ready": self.ready})


def _generation(external_secret: ExternalSecret, resource: CustomObject) -> pulumi.Input[int]:
    """The generation to wait for; 0, any, where the operator ignores later edits (ESO v2.9.0)."""
    spec = external_secret.spec
    once = spec.refresh_policy == RefreshPolicy.CreatedOnce
    if once or (spec.refresh_policy == RefreshPolicy.Periodic and spec.refresh_interval <= timedelta()):
        return 0
    generation: pulumi.Output[int] = resource.metadata.apply(lambda metadata: int(metadata.get("generation") or 0))
    return generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Which Secrets restart the workloads that ask for it, by an annotation of theirs, when their content changed."""

    always: bool = False
    """All of them; otherwise those whose ExternalSecret carries the annotation, too."""
    patience_seconds: int = PATIENCE_SECONDS
    """How long the workloads of one Secret may take."""

    def of(
        self,
        external_secret: ExternalSecret,
        name: str,
        content: pulumi.Input[str] | None,
        *,
        after: pulumi.Resource,
        parent: pulumi.Resource,
    ) -> None:
        """Make the `RolledOut` of one Secret, if it is to have one.

        Args:
            external_secret: its declaration.
            name: name of the resource.
            content: its checksum; None for the Secret as it is in the cluster.
            after: what writes it.
            parent: what the resource belongs to.
        """
        if self.always or asks_for_rollout(external_secret.metadata.annotations):
            metadata = external_secret.metadata
            RolledOut(
                name,
                f"{metadata.namespace}/{external_secret.spec.target.name or metadata.name}",
                pulumi.ResourceOptions(parent=parent, depends_on=[after]),
                checksum=content,
                patience_seconds=self.patience_seconds,
            )


class PulumiExternalSecret(pulumi.ComponentResource):
    """One ExternalSecret that the program fetches and writes itself, at ``pulumi up``.

    Args:
        name: name of the component.
        external_secret: the declaration. With the annotation ``external-secrets-on-pulumi/rollout: "true"`` the
            workloads that ask for it are restarted when the content changed.
        stores: the stores it may read.
        opts: options of the component.
        places: path of a field → ``file:line``, the empty path for the declaration; for messages.
        rollout: how workloads are restarted; by default only where the annotation says so.
        gathered: whether a `ReadySyncedSecrets` of the program is given `problem`, so that a preview tells all at once.
    """

    target: pulumi.Output[str]
    """``namespace/name`` of the Secret, known once it is written."""
    checksum: pulumi.Output[str]
    """Changes with the content and tells nothing else of it: for a pod template of the program, or a `RolledOut`."""
    problem: pulumi.Output[str | None]
    """Why it cannot be synced; with `gathered`, in a preview."""

    def __init__(
        self,
        name: str,
        external_secret: ExternalSecret,
        stores: Sequence[Store],
        opts: pulumi.ResourceOptions | None = None,
        *,
        places: Mapping[str, str] | None = None,
        rollout: Rollout | None = None,
        gathered: bool = False,
    ) -> None:
        super().__init__("external-secrets:index:PulumiExternalSecret", name, None, opts)
        rollout = rollout or Rollout()
        synced = SyncedSecret(
            name,
            external_secret,
            stores,
            opts=pulumi.ResourceOptions(parent=self),
            places=places,
            rollout=rollout.always,
            gathered=gathered,
        )
        self.target = synced.target
        self.problem = synced.problem
        self.checksum = checksum(synced.fingerprint)
        rollout.of(external_secret, f"{name}-rollout", self.checksum, after=synced, parent=self)
        self.register_outputs({"target": self.target, "checksum": self.checksum})


class PulumiExternalSecretSet(pulumi.ComponentResource):
    """Many ExternalSecrets that the program fetches and writes itself, as one resource of the stack.

    Args:
        name: name of the component.
        external_secrets: the declarations; the annotation ``external-secrets-on-pulumi/rollout`` as above.
        stores: the stores they may read.
        opts: options of the component.
        places: ``namespace/name`` → path of a field → ``file:line``; for messages.
        rollout: how workloads are restarted.
    """

    targets: pulumi.Output[dict[str, str]]
    """``namespace/name`` of the ExternalSecret → of its Secret."""
    checksums: Mapping[str, pulumi.Output[str]]
    """``namespace/name`` of the ExternalSecret → what `PulumiExternalSecret.checksum` is for one."""

    def __init__(
        self,
        name: str,
        external_secrets: Sequence[ExternalSecret],
        stores: Sequence[Store],
        opts: pulumi.ResourceOptions | None = None,
        *,
        places: Mapping[str, Mapping[str, str]] | None = None,
        rollout: Rollout | None = None,
    ) -> None:
        super().__init__("external-secrets:index:PulumiExternalSecretSet", name, None, opts)
        rollout = rollout or Rollout()
        child = pulumi.ResourceOptions(parent=self)
        synced = SyncedSecretSet(name, external_secrets, stores, opts=child, places=places, rollout=rollout.always)
        self.targets = synced.targets
        self.checksums = {identity(es): _checksum_of(synced, identity(es)) for es in external_secrets}
        for es in external_secrets:
            rollout.of(
                es, f"{_resource_name(es)}-rollout", self.checksums[identity(es)], after=synced.ready, parent=self
            )
        self.register_outputs({"targets": self.targets})


def _checksum_of(synced: SyncedSecretSet, name: str) -> pulumi.Output[str]:
    fingerprint: pulumi.Output[str] = synced.fingerprints.apply(lambda fingerprints: fingerprints.get(name, ""))
    return checksum(fingerprint)


def _resource_name(external_secret: ExternalSecret) -> str:
    return identity(external_secret).replace("/", "-")
