"""What callers may ask of a cluster: the protocol that the client and the in-memory stand-in both keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from secretsync.api import JsonObject
    from secretsync.kube.resources import Resource


class WatchExpired(Exception):
    """The resource version a watch starts from is too old (HTTP 410): list again, then watch from there.

    Part of every informer's life rather than a failure, hence outside the tree of errors.
    """


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of one list request, however many pages it took.

    Attributes:
        items: the objects; each carries `apiVersion` and `kind`, which the API server leaves out inside lists.
        resource_version: where a watch continues from.
    """

    items: list[JsonObject] = field(repr=False)
    resource_version: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change.

    Attributes:
        type: ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK``.
        object: the object after the change (before it for ``DELETED``); a bookmark carries a `resourceVersion` only.
    """

    type: str
    object: JsonObject = field(repr=False)

    @property
    def resource_version(self) -> str:
        """Where a later watch continues from after this event."""
        return str(self.object.get("metadata", {}).get("resourceVersion", ""))


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A service account token.

    Attributes:
        value: the token itself; masked in the repr.
        expires: when the API server stops accepting it.
    """

    value: str
    expires: datetime

    def __repr__(self) -> str:
        return f"Token(value=***, expires={self.expires.isoformat()})"


class Cluster(Protocol):
    """The Kubernetes API as this engine uses it.

    Every method raises a `secretsync.errors.ClusterError`: `ClusterUnavailable` where trying later can help,
    `ClusterDenied` for 401 and 403, `ClusterConflict` for 409, `ClusterRefused` otherwise.
    """

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> JsonObject | None:
        """The object, or None where there is none."""
        ...

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> Listing:
        """All objects that match, of one namespace or of all (None).

        Args:
            resource: which kind.
            namespace: None for all namespaces.
            label_selector: Kubernetes' selector text, e.g. ``app=web,tier in (a,b)``.
            field_selector: Kubernetes' selector text, e.g. ``metadata.name=foo``.
            metadata_only: ask for `PartialObjectMetadata`: no spec, no data.
        """
        ...

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """Changes after `resource_version`, bookmarks included; re-connects by itself and does not end.

        Raises:
            WatchExpired: the resource version is too old: list again.
            ClusterError: the watch is refused, or the API server cannot be reached for longer than the retries take.
        """
        ...

    async def create(
        self, resource: Resource, obj: JsonObject, *, field_manager: str, dry_run: bool = False
    ) -> JsonObject:
        """Create the object named in `obj`; the object as stored.

        Raises:
            ClusterConflict: it exists already (reason ``AlreadyExists``).
        """
        ...

    async def replace(
        self, resource: Resource, obj: JsonObject, *, field_manager: str, subresource: str = "", dry_run: bool = False
    ) -> JsonObject:
        """Replace the object named in `obj` (PUT); its `resourceVersion`, where given, must be the current one."""
        ...

    async def apply(
        self,
        resource: Resource,
        obj: JsonObject,
        *,
        field_manager: str,
        force: bool = False,
        subresource: str = "",
        dry_run: bool = False,
    ) -> JsonObject:
        """Server-side apply; creates the object where it is missing.

        Raises:
            ClusterConflict: without `force`, another field manager owns a field; the message names that manager.
        """
        ...

    async def merge_patch(
        self,
        resource: Resource,
        name: str,
        namespace: str | None,
        patch: JsonObject,
        *,
        field_manager: str,
        subresource: str = "",
    ) -> JsonObject:
        """JSON merge patch (RFC 7386); the object as stored."""
        ...

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "Background",
    ) -> bool:
        """Delete the object; False where there was none.

        Args:
            resource: which kind.
            name: the object's name.
            namespace: its namespace.
            uid: precondition: only this incarnation.
            resource_version: precondition: only this version.
            propagation: ``Background``, ``Foreground`` or ``Orphan``.

        Raises:
            ClusterConflict: a precondition does not hold.
        """
        ...

    async def service_account_token(
        self, namespace: str, name: str, audiences: Sequence[str], expiration_seconds: int
    ) -> Token:
        """A fresh token of a service account (TokenRequest); empty audiences mean the API server's own."""
        ...

    async def discover(self, api_version: str, kind: str) -> Resource | None:
        """How the API server serves a kind; None where it does not. Remembered once found."""
        ...
