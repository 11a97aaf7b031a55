"""One target passes from one lane to the other, and is never without its data in between.

Both lanes write the same Secret: keys, data-hash, labels and field manager are ESO's in both. What differs is who ends
its life: an ExternalSecret that is an object owns it by reference, and the garbage collector follows that reference.
Pulumi makes what is new before it removes what is old, so for a while both lanes are there:

* to the operator: the object is made and the operator puts its reference on the Secret; then the program takes back
  what it wrote (`lane.remove`). `release` tells it that there is nothing to take back any more.
* to the program: the program writes (`lane.write`) while the object still owns the Secret; then the object is
  removed, and with it the Secret, had the reference stayed or come back. `take` makes the object harmless first: with
  creationPolicy None its operator neither writes nor owns (ESO v2.9.0), and once the operator has seen that, the
  reference can go for good. The object itself stays for whoever made it to remove.

A run that ends in between leaves the data, and an object that does nothing; the next run goes on from there, and
where the stack file was turned back, `release` makes the object what it was.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from secretsync.api import CreationPolicy, DeletionPolicy, ExternalSecret, RefreshPolicy, parse
from secretsync.errors import ClusterDenied, ClusterRefused, TargetOwned
from secretsync.kube.resources import EXTERNAL_SECRETS
from secretsync.sync import refresh, target
from secretsync.sync.targets import ClusterTargets

if TYPE_CHECKING:
    from secretsync.api import JsonObject
    from secretsync.kube.protocol import Cluster
    from secretsync.sync.targets import Targets

FIELD_MANAGER: Final = "external-secrets-on-pulumi/handover"
"""Owns the creationPolicy of an ExternalSecret that `take` made harmless; so a later run knows it again."""

PATIENCE: Final = 15.0
"""Seconds that an operator gets to see a change; one that takes longer does not run, or cannot sync anyway."""

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_NOT_FOUND: Final = 404


async def holder(
    external_secret: ExternalSecret, *, cluster: Cluster, targets: Targets | None = None
) -> ExternalSecret | None:
    """The object that owns the target of a declaration of the same name; None where no object does.

    `lane.write` asks this before it writes: only then there is something to `take`.

    Args:
        external_secret: the declaration of the program.
        cluster: where object and Secret are.
        targets: how the target is looked at; by default straight from `cluster`.

    Raises:
        ClusterError: the API server did not answer.
    """
    meta = external_secret.metadata
    looked_at = targets or ClusterTargets(cluster)
    live = await looked_at.get(meta.namespace, target.target_name(external_secret), certain=True)
    if live is None or target.controller_of(live) is None or not target.is_owned_by(external_secret, live):
        return None
    return _parsed(await cluster.get(EXTERNAL_SECRETS, meta.name, meta.namespace))


async def take(held: ExternalSecret, *, cluster: Cluster, patience: float = PATIENCE) -> None:
    """Make an object harmless, so that the target outlives it; the next write takes the owner reference off.

    `lane.write` calls this for what `holder` found, after it has seen that the values can be read: what fails then
    leaves the operator at work.

    Args:
        held: the object.
        cluster: where it is.
        patience: seconds to wait for the operator at most.

    Raises:
        TargetOwned: something else makes the object, and would undo this.
        ClusterError: the API server refused.
    """
    maker = next((reference for reference in held.metadata.owner_references if reference.controller), None)
    if maker is not None:
        raise TargetOwned(
            f"the ExternalSecret that owns it is made by {maker.kind} {maker.name}",
            place=f"Secret {held.metadata.namespace}/{target.target_name(held)}",
            remedy="take the namespace out of its selection, or leave this ExternalSecret to the operator",
        )
    if held.spec.target.creation_policy is not CreationPolicy.None_:
        held = await _patch_policies(held, CreationPolicy.None_, DeletionPolicy.Retain, cluster) or held
    if held.metadata.deletion_timestamp is None and _follows_edits(held):
        await _until_seen(held, cluster, patience)


async def release(external_secret: ExternalSecret, *, cluster: Cluster) -> bool:
    """Whether the target of a declaration that a program gives up is an object's now, and must be left as it is.

    `lane.remove` asks this before it takes anything back. An object that `take` made harmless gets its policies back
    from the declaration.

    Args:
        external_secret: the declaration of the program.
        cluster: where the object would be.

    Raises:
        ClusterError: the API server did not answer. That it does not let the program read ExternalSecrets is none:
            then the program did not make one either.
    """
    meta, spec = external_secret.metadata, external_secret.spec.target
    try:
        held = _parsed(await cluster.get(EXTERNAL_SECRETS, meta.name, meta.namespace))
    except ClusterDenied:
        return False
    if held is None or held.metadata.deletion_timestamp is not None:
        return False
    if _was_taken(held):
        held = await _patch_policies(held, spec.creation_policy, spec.deletion_policy, cluster)
        if held is None:
            return False
    writes = held.spec.target.creation_policy is not CreationPolicy.None_
    return writes and target.target_name(held) == target.target_name(external_secret)


def _parsed(obj: JsonObject | None) -> ExternalSecret | None:
    parsed = parse(obj) if obj is not None else None
    return parsed if isinstance(parsed, ExternalSecret) else None


def _was_taken(held: ExternalSecret) -> bool:
    if held.spec.target.creation_policy is not CreationPolicy.None_:
        return False
    fields = {"metadata": {"managedFields": held.metadata.managed_fields}}
    return "creationPolicy" in target.managed_keys(fields, FIELD_MANAGER, "spec", "target")


def _follows_edits(held: ExternalSecret) -> bool:
    """Whether the operator looks at edits and says so in the status; without an interval it does not (ESO v2.9.0)."""
    if not held.status.synced_resource_version:
        return True
    return held.spec.refresh_policy is RefreshPolicy.OnChange or refresh.interval(held) is not None


async def _until_seen(held: ExternalSecret, cluster: Cluster, patience: float) -> None:
    """Wait until the operator has visited this generation, and so has no older one under way."""
    meta, deadline = held.metadata, time.monotonic() + patience
    current: ExternalSecret | None = held
    pause = _FIRST_PAUSE
    while current is not None and _seen(current) < (meta.generation or 0) and time.monotonic() < deadline:
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)  # many may be waited for side by side
        current = _parsed(await cluster.get(EXTERNAL_SECRETS, meta.name, meta.namespace))


def _seen(held: ExternalSecret) -> int:
    generation = (held.status.synced_resource_version or "").partition("-")[0]
    return int(generation) if generation.isdigit() else -1


async def _patch_policies(
    held: ExternalSecret, creation: CreationPolicy, deletion: DeletionPolicy, cluster: Cluster
) -> ExternalSecret | None:
    """The object with other policies; None where it has gone meanwhile."""
    meta = held.metadata
    patch = {"spec": {"target": {"creationPolicy": str(creation), "deletionPolicy": str(deletion)}}}
    try:
        stored = await cluster.merge_patch(
            EXTERNAL_SECRETS, meta.name, meta.namespace, patch, field_manager=FIELD_MANAGER
        )
    except ClusterRefused as error:
        if error.status != _NOT_FOUND:
            raise
        return None
    return _parsed(stored)
