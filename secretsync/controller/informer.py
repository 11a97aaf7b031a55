"""A cache of one kind of object, kept true by one LIST and one WATCH for each namespace that is followed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.errors import ClusterError
from secretsync.kube.protocol import WatchExpired

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretsync.api import JsonObject
    from secretsync.kube.protocol import Cluster
    from secretsync.kube.resources import Resource

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name; the namespace is empty for cluster-wide kinds."""

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one object.

    Attributes:
        key: namespace and name.
        old: what the cache had; None for a new object.
        new: what it has now; None for one that is gone.
    """

    key: Key
    old: JsonObject | None
    new: JsonObject | None


def key_of(obj: JsonObject) -> Key:
    """Namespace and name of an object."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def version_of(obj: JsonObject | None) -> int:
    """The resource version as a number (comparable by Kubernetes' API conventions); -1 where there is none."""
    text = str(((obj or {}).get("metadata") or {}).get("resourceVersion") or "")
    return int(text) if text.isdecimal() else -1


class Informer:
    """The cache of one kind.

    Args:
        cluster: where.
        resource: which kind.
        on_change: called for every change, in the event loop; must not block.
        namespaces: only these; empty for all.
        label_selector: only these.
        metadata_only: ask for no more than metadata.
        keep: what of an object is kept; the whole of it by default.
    """

    def __init__(
        self,
        cluster: Cluster,
        resource: Resource,
        on_change: Callable[[Change], None],
        *,
        namespaces: Sequence[str] = (),
        label_selector: str = "",
        metadata_only: bool = False,
        keep: Callable[[JsonObject], JsonObject] = lambda obj: obj,
    ) -> None:
        self.objects: dict[Key, JsonObject] = {}
        self.synced = asyncio.Event()
        self._cluster = cluster
        self._resource = resource
        self._on_change = on_change
        self._namespaces: tuple[str | None, ...] = tuple(namespaces) or (None,)
        self._unlisted = set(self._namespaces)
        self._label_selector = label_selector
        self._metadata_only = metadata_only
        self._keep = keep

    def __getitem__(self, key: Key) -> JsonObject:
        return self.objects[key]

    def get(self, key: Key) -> JsonObject | None:
        """The object, or None where the cache has none."""
        return self.objects.get(key)

    def store(self, obj: JsonObject) -> None:
        """Take in what the API server just answered, unless the cache knows something newer. No change is reported."""
        key, kept = key_of(obj), self._keep(obj)
        if version_of(kept) >= version_of(self.objects.get(key)):
            self.objects[key] = kept

    def drop(self, key: Key) -> None:
        """Forget an object that the API server just said is gone. No change is reported."""
        self.objects.pop(key, None)

    async def run(self) -> None:
        """List, then watch, for ever; failures are logged and tried again with growing pauses."""
        await asyncio.gather(*(self._follow(namespace) for namespace in self._namespaces))

    async def _follow(self, namespace: str | None) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                version = await self._list(namespace)
                pause = _FIRST_PAUSE
                self._unlisted.discard(namespace)
                if not self._unlisted:
                    self.synced.set()
                await self._watch(namespace, version)
            except WatchExpired:
                log.debug("the watch on %s expired", self._resource.plural)
            except ClusterError as error:
                log.warning("cannot watch %s: %s", self._resource.plural, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _list(self, namespace: str | None) -> str:
        listing = await self._cluster.list(
            self._resource,
            namespace,
            label_selector=self._label_selector,
            metadata_only=self._metadata_only,
        )
        present = set()
        for obj in listing.items:
            present.add(key_of(obj))
            self._changed(obj)
        followed = [key for key in self.objects if namespace is None or key[0] == namespace]
        for key in (key for key in followed if key not in present):
            self._gone(key)
        return listing.resource_version

    async def _watch(self, namespace: str | None, version: str) -> None:
        watch = self._cluster.watch(
            self._resource,
            namespace,
            resource_version=version,
            label_selector=self._label_selector,
            metadata_only=self._metadata_only,
        )
        async for event in watch:
            if event.type == "BOOKMARK":
                continue
            if event.type == "DELETED":
                self._gone(key_of(event.object), version_of(event.object))
            else:
                self._changed(event.object)

    def _changed(self, obj: JsonObject) -> None:
        key, kept = key_of(obj), self._keep(obj)
        old = self.objects.get(key)
        if old is not None and version_of(kept) < version_of(old):
            return  # an answer to a write of our own was faster than the watch
        self.objects[key] = kept
        self._notify(Change(key, old, kept))

    def _gone(self, key: Key, version: int = -1) -> None:
        old = self.objects.get(key)
        if old is not None and -1 < version < version_of(old):
            return
        self.objects.pop(key, None)
        self._notify(Change(key, old, None))

    def _notify(self, change: Change) -> None:
        try:
            self._on_change(change)
        except Exception:
            # one object that a handler chokes on must not end the watch for all others
            log.exception("cannot take in a change of %s %s/%s", self._resource.kind, *change.key)
