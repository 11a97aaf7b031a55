"""A cluster in memory for tests of code that takes a `Cluster`: same methods, same outcomes, no server.

It knows resource versions, uids, generations, finalizers, ``status`` subresources, field managers, selectors, watches,
immutable Secrets and the size limit. It does not know schemas, RBAC, admission or garbage collection, and namespaces
need not exist. A contract test runs the same cases against it and a real API server.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from secretsync.errors import ClusterConflict, ClusterRefused
from secretsync.kube import field_ownership, object_rules, resources, selectors
from secretsync.kube.failures import place_of
from secretsync.kube.field_ownership import Managers
from secretsync.kube.protocol import Listing, Token, WatchEvent, WatchExpired
from secretsync.kube.resources import Resource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from secretsync.api import JsonObject

_WITH_STATUS: Final = frozenset(
    {
        "CustomResourceDefinition",
        "Deployment",
        "Namespace",
        "Pod",
        "ClusterExternalSecret",
        "ClusterSecretStore",
        "ExternalSecret",
        "PushSecret",
        "SecretStore",
    }
)
_WITHOUT_GENERATION: Final = frozenset({"Secret", "ConfigMap", "Namespace", "ServiceAccount", "Event", "Lease"})
Identity = tuple[str, str]
"""Namespace (empty for none) and name."""


class MemoryCluster:
    """Implements `secretsync.kube.protocol.Cluster` over dictionaries; one event loop.

    Args:
        objects: objects to start with; their kinds must be among `secretsync.kube.resources`.

    Attributes:
        requests: every call as (verb, plural, ``namespace/name``), in order.
        before: called before each call with the same three; it may raise what the call shall raise.
    """

    def __init__(self, objects: Iterable[JsonObject] = ()) -> None:
        self.requests: list[tuple[str, str, str]] = []
        self.before: Callable[[str, str, str], None] = lambda _verb, _plural, _name: None
        self._version = 1
        self._oldest = 1
        self._objects: dict[tuple[str, str], dict[Identity, JsonObject]] = {}
        self._events: list[tuple[int, Resource, WatchEvent]] = []
        self._changed = asyncio.Event()
        self._known = {
            (value.api_version, value.kind): value for value in vars(resources).values() if isinstance(value, Resource)
        }
        for obj in objects:
            resource = self._known[obj["apiVersion"], obj["kind"]]
            self._create(resource, obj, "test-setup", dry_run=False, subresources=True)

    def register(self, resource: Resource) -> None:
        """Serve a further kind."""
        self._known[resource.api_version, resource.kind] = resource

    def compact(self) -> None:
        """Forget all changes so far: watches from an older resource version expire, as after etcd's compaction."""
        self._oldest = self._version
        self._events.clear()
        self._wake()

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> JsonObject | None:
        """See `Cluster.get`."""
        self._called("get", resource, namespace, name)
        found = self._kept(resource).get((namespace or "", name))
        return copy.deepcopy(found) if found else None

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> Listing:
        """See `Cluster.list`."""
        self._called("list", resource, namespace)
        requirements = selectors.parse(label_selector)
        fields = selectors.field_matcher(field_selector)
        items = [
            _view(obj, metadata_only=metadata_only)
            for (own, _), obj in sorted(self._kept(resource).items())
            if namespace in {None, own} and selectors.matches_labels(requirements, _labels(obj)) and fields(obj)
        ]
        return Listing(items, str(self._version))

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """See `Cluster.watch`. An object that leaves the selection is told of as ``DELETED``."""
        self._called("watch", resource, namespace)
        requirements = selectors.parse(label_selector)
        seen = int(resource_version)
        selected = {
            (own, name)
            for (own, name), obj in self._kept(resource).items()
            if int(obj["metadata"]["resourceVersion"]) <= seen and selectors.matches_labels(requirements, _labels(obj))
        }
        while True:
            changed = self._changed
            if seen < self._oldest:
                raise WatchExpired
            for version, kind, event in list(self._events):
                if version <= seen:
                    continue
                seen = version
                identity = _identity(event.object)
                if kind != resource or (namespace is not None and identity[0] != namespace):
                    continue
                told = _selected(event, identity, selected, requirements)
                if told:
                    yield WatchEvent(told, _view(event.object, metadata_only=metadata_only))
            await changed.wait()

    async def create(
        self, resource: Resource, obj: JsonObject, *, field_manager: str, dry_run: bool = False
    ) -> JsonObject:
        """See `Cluster.create`."""
        self._called("create", resource, *_identity(obj))
        return self._create(resource, obj, field_manager, dry_run=dry_run)

    def _create(
        self, resource: Resource, obj: JsonObject, manager: str, *, dry_run: bool, subresources: bool = False
    ) -> JsonObject:
        new = copy.deepcopy(obj)
        metadata = new.setdefault("metadata", {})
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
        if not resource.namespaced:
            metadata.pop("namespace", None)
        identity = _identity(new)
        if identity in self._kept(resource):
            raise ClusterConflict(
                "exists already",
                place=place_of(resource, *identity),
                remedy="read it again and retry",
                status=409,
                reason="AlreadyExists",
            )
        if resource.kind in _WITH_STATUS and not subresources:
            new.pop("status", None)
        for field in ("resourceVersion", "deletionTimestamp", "managedFields"):
            metadata.pop(field, None)
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = _now()
        return self._store(resource, None, new, manager, dry_run=dry_run)

    async def replace(
        self, resource: Resource, obj: JsonObject, *, field_manager: str, subresource: str = "", dry_run: bool = False
    ) -> JsonObject:
        """See `Cluster.replace`."""
        identity = _identity(obj)
        self._called("update", resource, *identity)
        live = self._present(resource, identity)
        _check_version(resource, live, str(obj["metadata"].get("resourceVersion") or ""))
        new = copy.deepcopy(obj)
        if subresource:
            new = {**copy.deepcopy(live), subresource: new.get(subresource, {})}
        elif resource.kind in _WITH_STATUS:
            new.pop("status", None)
            if "status" in live:
                new["status"] = copy.deepcopy(live["status"])
        return self._store(resource, live, new, field_manager, subresource, dry_run=dry_run)

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
        """See `Cluster.apply`."""
        identity = _identity(obj)
        self._called("patch", resource, *identity)
        applied = copy.deepcopy(obj)
        if subresource:
            applied = {key: applied[key] for key in ("apiVersion", "kind", "metadata", subresource) if key in applied}
        elif resource.kind in _WITH_STATUS:
            applied.pop("status", None)
        object_rules.complete(resource, applied)
        live = self._kept(resource).get(identity)
        if live:
            version = str(applied["metadata"].pop("resourceVersion", "") or "")
            _check_version(resource, live, version)
        managers = Managers((live or {}).get("metadata", {}).get("managedFields") or [])
        wanted = field_ownership.leaves(applied)
        existing = field_ownership.leaves(live or {})
        conflicts = managers.conflicts(field_manager, wanted, existing)
        if conflicts and not force:
            owned = "; ".join(
                f"{manager!r} owns {', '.join(map(field_ownership.dotted, paths))}"
                for manager, paths in conflicts.items()
            )
            raise ClusterConflict(
                f"another field manager owns fields: {owned}",
                place=place_of(resource, *identity),
                remedy="remove these fields from one of the two, or give up the other's ownership",
                status=409,
                reason="Conflict",
            )
        if live is None:
            applied["metadata"]["uid"] = str(uuid.uuid4())
            applied["metadata"]["creationTimestamp"] = _now()
        released = managers.apply(field_manager, subresource, wanted, existing)
        new = field_ownership.merge(live or applied, applied)
        field_ownership.remove(new, released)
        return self._store(resource, live, new, field_manager, subresource, dry_run=dry_run, managers=managers)

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
        """See `Cluster.merge_patch`."""
        self._called("patch", resource, namespace, name)
        live = self._present(resource, (namespace or "", name))
        _check_version(resource, live, str((patch.get("metadata") or {}).get("resourceVersion") or ""))
        new = object_rules.merge_patched(live, patch)
        if subresource:
            new = {**copy.deepcopy(live), subresource: new.get(subresource, {})}
        elif resource.kind in _WITH_STATUS:
            new.pop("status", None)
            if "status" in live:
                new["status"] = copy.deepcopy(live["status"])
        return self._store(resource, live, new, field_manager, subresource)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: str = "Background",  # noqa: ARG002 - the protocol's signature
    ) -> bool:
        """See `Cluster.delete`; `propagation` has no effect, as nothing is collected here."""
        self._called("delete", resource, namespace, name)
        live = self._kept(resource).get((namespace or "", name))
        if live is None:
            return False
        if uid and uid != live["metadata"]["uid"]:
            raise _changed_in_between(resource, live)
        _check_version(resource, live, resource_version)
        if live["metadata"].get("finalizers"):
            if "deletionTimestamp" not in live["metadata"]:
                marked = copy.deepcopy(live)
                marked["metadata"]["deletionTimestamp"] = _now()
                marked["metadata"]["deletionGracePeriodSeconds"] = 0
                if "generation" in marked["metadata"]:
                    marked["metadata"]["generation"] += 1
                self._put(resource, marked, "MODIFIED")
        else:
            self._put(resource, copy.deepcopy(live), "DELETED")
        return True

    async def service_account_token(
        self, namespace: str, name: str, audiences: Sequence[str], expiration_seconds: int
    ) -> Token:
        """See `Cluster.service_account_token`; the token says whom and what for it stands, unsigned."""
        self._called("create", resources.SERVICE_ACCOUNTS, namespace, f"{name}/token")
        if (namespace, name) not in self._kept(resources.SERVICE_ACCOUNTS):
            raise ClusterRefused(
                "does not exist",
                place=place_of(resources.SERVICE_ACCOUNTS, namespace, name),
                remedy="create the ServiceAccount",
                status=404,
            )
        claims = {"sub": f"system:serviceaccount:{namespace}:{name}", "aud": list(audiences)}
        value = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        return Token(value, datetime.now(UTC) + timedelta(seconds=expiration_seconds))

    async def discover(self, api_version: str, kind: str) -> Resource | None:
        """See `Cluster.discover`; knows the kinds of `secretsync.kube.resources` and the registered ones."""
        return self._known.get((api_version, kind))

    def _called(self, verb: str, resource: Resource, namespace: str | None, name: str = "") -> None:
        path = "/".join(part for part in (namespace, name) if part)
        self.requests.append((verb, resource.plural, path))
        self.before(verb, resource.plural, path)

    def _kept(self, resource: Resource) -> dict[Identity, JsonObject]:
        return self._objects.setdefault((resource.group, resource.plural), {})

    def _present(self, resource: Resource, identity: Identity) -> JsonObject:
        live = self._kept(resource).get(identity)
        if live is None:
            raise ClusterRefused(
                "does not exist",
                place=place_of(resource, *identity),
                remedy="create what is missing first",
                status=404,
                reason="NotFound",
            )
        return live

    def _store(
        self,
        resource: Resource,
        live: JsonObject | None,
        new: JsonObject,
        manager: str,
        subresource: str = "",
        *,
        dry_run: bool = False,
        managers: Managers | None = None,
    ) -> JsonObject:
        """Complete, check and keep an object; equal content is not written again."""
        new = {"apiVersion": resource.api_version, "kind": resource.kind, **new}
        object_rules.complete(resource, new)
        object_rules.check(resource, live, new)
        metadata = new["metadata"]
        if live:
            for field in ("uid", "creationTimestamp", "deletionTimestamp", "resourceVersion", "generation"):
                metadata.pop(field, None)
                if field in live["metadata"]:
                    metadata[field] = live["metadata"][field]
            if managers is None and object_rules.without_management(new) == object_rules.without_management(live):
                return copy.deepcopy(live)
        elif resource.kind not in _WITHOUT_GENERATION:
            metadata["generation"] = 1
        if managers is None:
            managers = Managers((live or {}).get("metadata", {}).get("managedFields") or [])
            managers.update(manager, subresource, field_ownership.leaves(live or {}), field_ownership.leaves(new))
        metadata["managedFields"] = managers.to_json(resource.api_version, _now())
        if live and new == live:
            return copy.deepcopy(live)
        if live and "generation" in metadata and object_rules.intent(new) != object_rules.intent(live):
            metadata["generation"] += 1
        if dry_run:
            metadata.setdefault("resourceVersion", "")
            return copy.deepcopy(new)
        gone = live is not None and "deletionTimestamp" in metadata and not metadata.get("finalizers")
        return self._put(resource, new, "DELETED" if gone else "MODIFIED" if live else "ADDED")

    def _put(self, resource: Resource, obj: JsonObject, event: str) -> JsonObject:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        if event == "DELETED":
            del self._kept(resource)[_identity(obj)]
        else:
            self._kept(resource)[_identity(obj)] = obj
        self._events.append((self._version, resource, WatchEvent(event, copy.deepcopy(obj))))
        self._wake()
        return copy.deepcopy(obj)

    def _wake(self) -> None:
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()


def _selected(
    event: WatchEvent, identity: Identity, selected: set[Identity], requirements: Sequence[selectors.Requirement]
) -> str:
    """What a watch with a label selector tells of an event; empty for nothing. Keeps `selected` up to date."""
    matches = event.type != "DELETED" and selectors.matches_labels(list(requirements), _labels(event.object))
    before = identity in selected
    if matches:
        selected.add(identity)
        return "MODIFIED" if before else "ADDED"
    selected.discard(identity)
    return "DELETED" if before else ""


def _identity(obj: JsonObject) -> Identity:
    metadata = obj.get("metadata") or {}
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def _labels(obj: JsonObject) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def _view(obj: JsonObject, *, metadata_only: bool) -> JsonObject:
    if metadata_only:
        obj = {key: obj[key] for key in ("apiVersion", "kind", "metadata")}
    return copy.deepcopy(obj)


def _check_version(resource: Resource, live: JsonObject, resource_version: str) -> None:
    if resource_version and resource_version != live["metadata"]["resourceVersion"]:
        raise _changed_in_between(resource, live)


def _changed_in_between(resource: Resource, live: JsonObject) -> ClusterConflict:
    return ClusterConflict(
        "changed in between",
        place=place_of(resource, *_identity(live)),
        remedy="read it again and retry",
        status=409,
        reason="Conflict",
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
