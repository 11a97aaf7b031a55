"""The one write of a sync: create, update, or nothing where nothing changes.

A PUT that carries the resourceVersion it was computed from stands in for server-side apply: it fails where somebody
wrote in between, it can take foreign keys away as creationPolicy Owner does, and the API server records the same field
manager.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsync.errors import ClusterConflict, ClusterRefused, TargetImmutable
from secretsync.kube.resources import SECRETS
from secretsync.sync.names import MANAGED_LABEL, MANAGED_VALUE, field_manager
from secretsync.sync.types import Action, Written

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret, JsonObject
    from secretsync.kube.protocol import Cluster

_CONTENT = ("data", "type", "immutable")


async def write(
    cluster: Cluster,
    external_secret: ExternalSecret,
    desired: JsonObject,
    live: JsonObject | None,
    *,
    manager: str = "",
) -> Written:
    """Bring the target from `live` to `desired`.

    Args:
        cluster: where.
        external_secret: for whom; its field manager owns what is written.
        desired: from `target.desired`.
        live: what `desired` was computed from.
        manager: another field manager than that of the ExternalSecret.

    Raises:
        ClusterConflict: it was created or changed in between: read again.
        TargetImmutable: its data would change, but it is immutable. Metadata was written.
        ClusterError: the API server refused.
    """
    manager = manager or field_manager(external_secret.metadata.name)
    if live is None:
        return Written(Action.Created, await cluster.create(SECRETS, desired, field_manager=manager))
    if is_same(live, desired):
        return Written(Action.Unchanged, live)
    if live.get("immutable"):
        return await _update_immutable(cluster, desired, live, manager)
    return Written(Action.Updated, await cluster.replace(SECRETS, desired, field_manager=manager))


async def mark_managed(cluster: Cluster, external_secret: ExternalSecret, live: JsonObject) -> JsonObject:
    """Put the managed label on a target that was there before, whatever the creationPolicy (ESO v2.9.0)."""
    metadata = live["metadata"]
    patch = {"metadata": {"labels": {MANAGED_LABEL: MANAGED_VALUE}}}
    manager = field_manager(external_secret.metadata.name)
    return await cluster.merge_patch(SECRETS, metadata["name"], metadata["namespace"], patch, field_manager=manager)


def is_same(live: JsonObject, desired: JsonObject) -> bool:
    """Whether writing `desired` would change nothing; absent and empty are the same."""
    return same_metadata(live, desired) and _same_content(live, desired)


def same_metadata(live: JsonObject, desired: JsonObject) -> bool:
    """Whether labels, annotations, owners and finalizers are the same."""
    left, right = live["metadata"], desired["metadata"]
    parts = ("labels", "annotations", "ownerReferences", "finalizers")
    return all((left.get(part) or None) == (right.get(part) or None) for part in parts)


def _same_content(live: JsonObject, desired: JsonObject) -> bool:
    return all((live.get(part) or None) == (desired.get(part) or None) for part in _CONTENT)


async def _update_immutable(cluster: Cluster, desired: JsonObject, live: JsonObject, manager: str) -> Written:
    written = Written(Action.Unchanged, live)
    if not same_metadata(live, desired):
        only_metadata = {**desired, **{part: live[part] for part in _CONTENT if part in live}}
        written = Written(Action.Updated, await cluster.replace(SECRETS, only_metadata, field_manager=manager))
    if not _same_content(live, desired):
        place = f"Secret {live['metadata'].get('namespace', '')}/{live['metadata'].get('name', '')}"
        remedy = "delete the Secret so that it is created anew, or give the ExternalSecret another spec.target.name"
        raise TargetImmutable("its data would change, but it is immutable", place=place, remedy=remedy)
    return written


def is_existing(error: ClusterConflict) -> bool:
    """Whether a conflict means that the object exists already."""
    return error.reason == "AlreadyExists"


def is_gone(error: ClusterRefused) -> bool:
    """Whether a refusal means that the object has gone in between."""
    return error.status == 404  # noqa: PLR2004 - HTTP
