"""The pulumi lane: an ExternalSecret that is no object of the cluster, observed, written and removed by a program.

Nothing that leaves this module holds a value: key names, versions, a keyed fingerprint and what somebody else changed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from secretsync.api import CreationPolicy, DeletionPolicy
from secretsync.kube.resources import SECRETS
from secretsync.sync import drift, handover, target
from secretsync.sync.assembling import assemble
from secretsync.sync.names import field_manager
from secretsync.sync.plan import plan
from secretsync.sync.synchronize import fetch, synchronize
from secretsync.sync.targets import ClusterTargets
from secretsync.sync.templating import apply_template, read_sources
from secretsync.sync.types import TargetContent
from secretsync.sync.volatile import volatile_parts

if TYPE_CHECKING:
    from collections.abc import Collection

    from secretsync.api import ExternalSecret, JsonObject
    from secretsync.kube.protocol import Cluster
    from secretsync.sync.fetching import FetchWindow
    from secretsync.sync.targets import Targets
    from secretsync.sync.types import Assembled, RefVersion

_CONTEXT = b"external-secrets-on-pulumi/fingerprint/v1\0"


@dataclass(frozen=True, slots=True)
class Observation:
    """What upstream and the cluster hold for one declaration.

    Attributes:
        target: ``namespace/name`` of the Secret.
        keys: keys that the declaration gives the Secret, sorted.
        versions: which upstream versions they come from.
        fingerprint: HMAC-SHA-256 of the content the declaration gives, hex.
        drift: what somebody did to the live Secret, e.g. ``missing`` or ``key a edited by kubectl-edit``; empty where
            nobody did.
        rotated: keys whose live values are older than upstream or the declaration, sorted.
    """

    target: str
    keys: tuple[str, ...]
    versions: tuple[RefVersion, ...]
    fingerprint: str
    drift: str
    rotated: tuple[str, ...] = ()


async def observe(
    external_secret: ExternalSecret, *, cluster: Cluster, fetches: FetchWindow, key: bytes, not_before: float
) -> Observation:
    """Fetch and render without writing, and compare with the live Secret.

    Args:
        external_secret: the declaration.
        cluster: where the target is, and what templates read.
        fetches: where values come from.
        key: the fingerprint's key.
        not_before: how fresh a shared read must be, on the clock of `fetches`.

    Raises:
        SecretSyncError: anything that would make a sync fail.
    """
    planned = plan(external_secret)
    answers = await fetch(external_secret, planned, cluster=cluster, fetches=fetches, not_before=not_before)
    assembled = assemble(external_secret, planned, answers)
    name = target.target_name(external_secret)
    live = await cluster.get(SECRETS, name, external_secret.metadata.namespace)
    content = None
    if not is_without_data(external_secret, assembled):
        content = apply_template(external_secret, assembled.data, await read_sources(external_secret, cluster))
    return observation(external_secret, assembled, content, live, key)


def is_without_data(external_secret: ExternalSecret, assembled: Assembled) -> bool:
    """Whether nothing is written, because all data is gone upstream and the deletionPolicy is not Merge."""
    return not assembled.data and external_secret.spec.target.deletion_policy is not DeletionPolicy.Merge


def observation(
    external_secret: ExternalSecret,
    assembled: Assembled,
    content: TargetContent | None,
    live: JsonObject | None,
    key: bytes,
) -> Observation:
    """What `observe` says, from what was read already.

    Args:
        external_secret: the declaration.
        assembled: its data.
        content: what its templates made of the data; None where it `is_without_data`.
        live: the target as it is; None where there is none.
        key: the fingerprint's key.

    Raises:
        TargetError: something else controls the target, or it would be too large.
    """
    if content is None:
        return _without_data(external_secret, assembled, live, key)
    difference = drift.compare(external_secret, content, live)
    return Observation(
        target=f"{external_secret.metadata.namespace}/{target.target_name(external_secret)}",
        keys=tuple(sorted(content.data)),
        versions=assembled.versions,
        fingerprint=fingerprint(content, key),
        drift=difference.drift,
        rotated=difference.rotated,
    )


def _without_data(
    external_secret: ExternalSecret, assembled: Assembled, live: JsonObject | None, key: bytes
) -> Observation:
    """All data is gone upstream: with Delete the Secret must go too, otherwise it stays as it is."""
    to_delete = external_secret.spec.target.deletion_policy is DeletionPolicy.Delete and live is not None
    digest = hmac.new(key, _CONTEXT + b"no data", hashlib.sha256).hexdigest()
    name = f"{external_secret.metadata.namespace}/{target.target_name(external_secret)}"
    return Observation(name, (), assembled.versions, digest, "all data is gone upstream" if to_delete else "")


async def write(
    external_secret: ExternalSecret,
    *,
    cluster: Cluster,
    fetches: FetchWindow,
    key: bytes,
    not_before: float,
    targets: Targets | None = None,
) -> Observation:
    """Sync once, then observe what came of it, from the same reads.

    Where generators or templates make new values each time, the fingerprint is that of what was written.

    Args:
        external_secret: the declaration.
        cluster: where it is written, and what templates read; it must show what was just written.
        fetches: where values come from.
        key: the fingerprint's key.
        not_before: how fresh a shared read must be, on the clock of `fetches`.
        targets: how the sync looks at targets; by default straight from `cluster`.

    Where an ExternalSecret of the cluster owns the target, it is taken over first (see `handover`).

    Raises:
        SecretSyncError: the sync failed; nothing was written.
    """
    targets = targets or ClusterTargets(cluster)
    await _take_over(external_secret, cluster=cluster, fetches=fetches, not_before=not_before, targets=targets)
    outcome = await synchronize(
        external_secret, cluster=cluster, fetches=fetches, targets=targets, not_before=not_before
    )
    if outcome.error is not None:
        raise outcome.error
    observed = await observe(external_secret, cluster=cluster, fetches=fetches, key=key, not_before=not_before)
    if not volatile_parts(external_secret):
        return observed
    live = await cluster.get(SECRETS, target.target_name(external_secret), external_secret.metadata.namespace)
    written = TargetContent("", target.decoded_data(live), {}, {})
    return replace(observed, fingerprint=fingerprint(written, key), drift="", rotated=())


async def _take_over(
    external_secret: ExternalSecret, *, cluster: Cluster, fetches: FetchWindow, not_before: float, targets: Targets
) -> None:
    """Take the target from the object that owns it, if one does, once the values are known to be there."""
    name = target.target_name(external_secret)
    live = await targets.get(external_secret.metadata.namespace, name, certain=False)
    if live is None or target.controller_of(live) is None:
        return
    held = await handover.holder(external_secret, cluster=cluster, targets=targets)
    if held is not None:
        planned = plan(external_secret)
        answers = await fetch(external_secret, planned, cluster=cluster, fetches=fetches, not_before=not_before)
        assemble(external_secret, planned, answers)
        await handover.take(held, cluster=cluster)
        await targets.fresh(external_secret.metadata.namespace, name)


async def remove(external_secret: ExternalSecret, *, cluster: Cluster, keep: Collection[str] = ()) -> bool:
    """Take back what the declaration wrote, as its creationPolicy says; whether anything was there to take back.

    Owner: the Secret goes. Merge and CreateOrMerge: the declaration's own keys go. Orphan and None: all stays. So does
    all that an ExternalSecret of the cluster has in its hands now (see `handover`).

    Args:
        external_secret: the declaration; its name, target and policies suffice.
        cluster: where the Secret is.
        keep: keys that stay in a merged Secret, because another declaration gives them now.
    """
    namespace, name = external_secret.metadata.namespace, target.target_name(external_secret)
    # Asked first: an object that a switch left harmless half way gets its policies back, Secret or no Secret.
    if await handover.release(external_secret, cluster=cluster):
        return False
    live = await cluster.get(SECRETS, name, namespace)
    if live is None:
        return False
    match external_secret.spec.target.creation_policy:
        case CreationPolicy.Owner:
            if not target.is_owned_by(external_secret, live):
                return False
            return await cluster.delete(SECRETS, name, namespace, uid=live["metadata"].get("uid", ""))
        case CreationPolicy.Merge | CreationPolicy.CreateOrMerge:
            manager = field_manager(external_secret.metadata.name)
            own = target.managed_keys(live, manager, "data") - frozenset(keep)
            if not own:
                return False
            patch = {"data": dict.fromkeys(sorted(own))}
            await cluster.merge_patch(SECRETS, name, namespace, patch, field_manager=manager)
            return True
        case _:
            return False


async def live_drift(external_secret: ExternalSecret, *, cluster: Cluster, keys: Collection[str] = ()) -> str | None:
    """How the live Secret differs from what was last written, told without asking any backend.

    Args:
        external_secret: the declaration; its name and target suffice.
        cluster: where the Secret is.
        keys: the keys that were written, so that each edited one can be named.

    Returns:
        None where the Secret does not exist; empty where it is as written.
    """
    live = await cluster.get(SECRETS, target.target_name(external_secret), external_secret.metadata.namespace)
    return drift.of_live(external_secret, live, keys)


def fingerprint(content: TargetContent, key: bytes) -> str:
    """HMAC-SHA-256, hex, over everything the content says, in a form that has no second reading."""
    canonical = json.dumps(
        {
            "type": content.type,
            "data": {name: value.hex() for name, value in content.data.items()},
            "labels": dict(content.labels),
            "annotations": dict(content.annotations),
        },
        sort_keys=True,
        ensure_ascii=True,
        separators=(",", ":"),
    )
    return hmac.new(key, _CONTEXT + canonical.encode(), hashlib.sha256).hexdigest()
