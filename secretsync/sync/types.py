"""Value types that travel between the steps of a sync and out of it; none of them shows a value in its repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from secretsync.api import JsonObject
    from secretsync.errors import SecretSyncError


class Reason(StrEnum):
    """Reasons of the Ready condition (ESO v2.9.0)."""

    SecretSynced = "SecretSynced"
    SecretSyncedError = "SecretSyncedError"
    SecretDeleted = "SecretDeleted"
    SecretMissing = "SecretMissing"
    ResourceSynced = "ResourceSynced"
    ResourceSyncedError = "ResourceSyncedError"
    ResourceDeleted = "ResourceDeleted"
    ResourceMissing = "ResourceMissing"

    def of_resource(self) -> Reason:
        """The same reason for a target that is not a Secret."""
        return Reason(self.value.replace("Secret", "Resource", 1))


class Phrase(StrEnum):
    """Messages of the Ready condition: one per step that can fail (ESO v2.9.0). The cause is in the event."""

    Synced = "secret synced"
    Retained = "secret retained due to DeletionPolicy=Retain"
    Deleted = "secret deleted due to DeletionPolicy=Delete"
    Missing = "secret will not be created due to CreationPolicy=Merge"
    GetFailed = "could not get secret data from provider"
    DeleteFailed = "could not delete secret"
    DeleteOrphanedFailed = "could not delete orphaned secrets"
    UpdateFailed = "could not update secret"
    ImmutableFailed = "could not update secret, target is immutable"
    OwnershipFailed = "failed to take ownership of target secret"
    Owned = "target is owned by another ExternalSecret"
    Undecodable = "the ExternalSecret cannot be read"


class EventReason(StrEnum):
    """Reasons of the events on an ExternalSecret (ESO v2.9.0)."""

    Created = "Created"
    Updated = "Updated"
    Deleted = "Deleted"
    UpdateFailed = "UpdateFailed"
    MissingProviderSecret = "MissingProviderSecret"


@dataclass(frozen=True, slots=True)
class Event:
    """One event to record on the ExternalSecret; `warning` tells Warning from Normal."""

    reason: EventReason
    message: str
    warning: bool = False


class Action(StrEnum):
    """What a sync did to the target."""

    Created = "created"
    Updated = "updated"
    Unchanged = "unchanged"
    Deleted = "deleted"
    Retained = "retained"
    Missing = "missing"
    NotWritten = "not written"
    Failed = "failed"


class Retry(StrEnum):
    """When a failed sync is tried again."""

    No = "no"
    """Only when something changes: trying again cannot help (ESO v2.9.0); a late look comes all the same."""
    Soon = "soon"
    """At once: somebody wrote in between."""
    Backoff = "backoff"
    """With growing pauses."""


@dataclass(frozen=True, slots=True)
class RefVersion:
    """Which version of a remote secret a sync read.

    Attributes:
        store: ``Kind/name`` of the store.
        key: the remote key.
        version: the backend's version identifier; empty where it has none.
    """

    store: str
    key: str
    version: str


@dataclass(frozen=True, slots=True)
class MissingSecret:
    """A remote secret that does not exist.

    Attributes:
        field: path of the entry, e.g. ``spec.data[0]``.
        key: the remote key; empty for a find.
        reason: what the provider says, without a value.
    """

    field: str
    key: str
    reason: str

    @property
    def message(self) -> str:
        """Text of the event."""
        return f"secret does not exist at provider using {self.field} (key={self.key})"


@dataclass(frozen=True, slots=True)
class Assembled:
    """The data map before templates; values are masked in the repr.

    Attributes:
        data: key → value.
        missing: what the backends did not hold and the deletionPolicy allows to miss.
        versions: which versions were read.
    """

    data: Mapping[str, bytes] = field(repr=False)
    missing: tuple[MissingSecret, ...] = ()
    versions: tuple[RefVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetContent:
    """What templates made of the data; values are masked in the repr.

    Attributes:
        type: the Secret type; empty where the ExternalSecret does not say.
        data: key → value.
        labels: labels that the ExternalSecret puts on the target.
        annotations: annotations that the ExternalSecret puts on the target.
        finalizers: finalizers to add.
    """

    type: str
    data: Mapping[str, bytes] = field(repr=False)
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    finalizers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What `writing.write` did.

    Attributes:
        action: created, updated or unchanged.
        target: the target as stored afterwards; masked in the repr.
    """

    action: Action
    target: JsonObject | None = field(repr=False, default=None)

    @property
    def resource_version(self) -> str:
        """The resource version after the write; empty where there is no target."""
        return str((self.target or {}).get("metadata", {}).get("resourceVersion", ""))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one sync: enough for status, events, metrics and the next visit.

    Attributes:
        action: what was done to the target.
        ready: status of the Ready condition.
        reason: its reason.
        message: its message.
        synced: whether refreshTime and syncedResourceVersion move on.
        bound: whether the target is recorded in ``status.binding``.
        events: events to record, in order.
        again_after: when the next visit is due; None for never by itself.
        retry: what a failure asks for.
        error: the failure; None where there was none.
        versions: which versions were read.
        keys: the keys of the target, sorted.
    """

    action: Action
    ready: bool
    reason: Reason
    message: str
    synced: bool
    bound: bool = False
    events: tuple[Event, ...] = ()
    again_after: timedelta | None = None
    retry: Retry = Retry.No
    error: SecretSyncError | None = None
    versions: tuple[RefVersion, ...] = ()
    keys: tuple[str, ...] = ()
