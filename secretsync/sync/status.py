"""Status of an ExternalSecret after a sync, as the merge patch that changes it; pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from secretsync.sync.refresh import synced_version
from secretsync.sync.target import target_name

if TYPE_CHECKING:
    from secretsync.api import ExternalSecret, JsonObject
    from secretsync.sync.types import Outcome


def format_time(moment: datetime) -> str:
    """Kubernetes' time: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def merge_condition(
    conditions: list[JsonObject], kind: str, *, ready: bool, reason: str, message: str, now: datetime
) -> list[JsonObject]:
    """The conditions with one of them set; its transition time moves only when its status does."""
    fresh: JsonObject = {
        "type": kind,
        "status": "True" if ready else "False",
        "reason": reason,
        "message": message,
        "lastTransitionTime": format_time(now),
    }
    kept = []
    for condition in conditions:
        if condition.get("type") != kind:
            kept.append(condition)
        elif condition.get("status") == fresh["status"]:
            fresh["lastTransitionTime"] = condition.get("lastTransitionTime") or fresh["lastTransitionTime"]
    return [*kept, fresh]


def status_patch(external_secret: ExternalSecret, outcome: Outcome, *, started: datetime, now: datetime) -> JsonObject:
    """What changes in the status; empty where nothing does.

    Args:
        external_secret: as last read.
        outcome: of the sync.
        started: when the sync began; becomes refreshTime, so that the interval counts from there (ESO v2.9.0).
        now: for transition times.
    """
    status = external_secret.status.to_json()
    patch: JsonObject = {}
    before = list(status.get("conditions") or ())
    conditions = merge_condition(
        before, "Ready", ready=outcome.ready, reason=outcome.reason, message=outcome.message, now=now
    )
    if conditions != before:
        patch["conditions"] = conditions
    if outcome.bound and (status.get("binding") or {}).get("name") != target_name(external_secret):
        patch["binding"] = {"name": target_name(external_secret)}
    if outcome.synced:
        patch["refreshTime"] = format_time(started)
        if status.get("syncedResourceVersion") != synced_version(external_secret):
            patch["syncedResourceVersion"] = synced_version(external_secret)
        if status.get("refreshTime") == patch["refreshTime"]:
            del patch["refreshTime"]
    return patch
