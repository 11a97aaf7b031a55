"""Whether an ExternalSecret is due; pure, the clock is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from secretsync.api import RefreshPolicy
from secretsync.sync import sync_windows
from secretsync.sync.target import is_valid
from secretsync.values import object_hash

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret, JsonObject

_CLOSED_WINDOW_LOOK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to refresh.

    Attributes:
        refresh: fetch and write now.
        why: the reason, for logs and ``explain``.
        again_after: when to look again where nothing is to be done now; None for never by itself.
    """

    refresh: bool
    why: str
    again_after: timedelta | None = None


def synced_version(external_secret: ExternalSecret) -> str:
    """What ``status.syncedResourceVersion`` is after a sync: generation and a hash of labels and annotations."""
    meta = external_secret.metadata
    return f"{meta.generation or 0}-{object_hash.meta_hash(meta.labels, meta.annotations)}"


def interval(external_secret: ExternalSecret) -> timedelta | None:
    """The time between two refreshes; None where there is no second one by itself."""
    spec = external_secret.spec
    if spec.refresh_policy in (RefreshPolicy.CreatedOnce, RefreshPolicy.OnChange):
        return None
    return spec.refresh_interval if spec.refresh_interval > timedelta(0) else None


def decide(external_secret: ExternalSecret, target: JsonObject | None, now: datetime) -> Decision:
    """Whether `external_secret` is to be refreshed now.

    A target that is missing, lost its label or was edited forces a refresh whatever the policy says (ESO v2.9.0).
    """
    due = _due(external_secret, now)
    if due.refresh:
        return due
    if not is_valid(external_secret, target):
        return Decision(refresh=True, why="the target is missing or was changed")
    return due


def _due(external_secret: ExternalSecret, now: datetime) -> Decision:
    status = external_secret.status
    synced = status.synced_resource_version
    policy = external_secret.spec.refresh_policy
    changed = synced != synced_version(external_secret)
    if policy is RefreshPolicy.CreatedOnce:
        return Decision(refresh=not synced, why="created once" if synced else "never synced")
    if policy is RefreshPolicy.OnChange:
        return Decision(refresh=changed, why="changed" if changed else "unchanged")
    every = interval(external_secret)
    if every is None:
        return Decision(refresh=not synced, why="synced once, interval 0" if synced else "never synced")
    if changed:
        return Decision(refresh=True, why="never synced" if not synced else "spec, labels or annotations changed")
    last = status.refresh_time
    if last is None or _utc(last) > now:
        return Decision(refresh=True, why="no refresh time, or one in the future")
    rest = _utc(last) + every - now
    if rest > timedelta(0):
        return Decision(refresh=False, why="not due yet", again_after=rest)
    if sync_windows.permits(external_secret.spec.sync_windows, now):
        return Decision(refresh=True, why="interval elapsed")
    return Decision(refresh=False, why="outside the sync windows", again_after=min(every, _CLOSED_WINDOW_LOOK))


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
