"""The cluster as all resources of one engine operation see it: targets are read once, many of them by one list."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from secretsync.errors import ClusterError
from secretsync.kube.resources import SECRETS
from secretsync.sync.names import CREATED_BY_LABEL, MANAGED_LABEL, MANAGED_VALUE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from secretsync.api import JsonObject
    from secretsync.kube.protocol import Cluster, Listing, Token, WatchEvent
    from secretsync.kube.resources import Resource

_SINGLE_READS = 4
"""Targets of one namespace that are read one by one; more are listed."""


class SharedCluster:
    """A `Cluster` that remembers the Secrets it was told to expect; everything else goes through.

    What is remembered may be as old as the operation. A write carries the resourceVersion it was computed from, so the
    API server refuses it where somebody came in between, and the sync reads again. Other Secrets, e.g. those that
    templates or stores read, are never remembered: the same operation may change them.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._expected: dict[str, set[str]] = defaultdict(set)
        self._secrets: dict[tuple[str, str], JsonObject | None] = {}
        self._listed: set[str] = set()
        self._unlistable: set[str] = set()
        self._lists: dict[tuple[object, ...], asyncio.Task[Listing]] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def expect(self, targets: Iterable[str]) -> None:
        """Remember these targets, ``namespace/name``, once they are read."""
        for each in targets:
            namespace, _, name = each.partition("/")
            self._expected[namespace].add(name)

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> JsonObject | None:
        """The object; an expected Secret as it was first read or last written."""
        where = namespace or ""
        if resource != SECRETS or name not in self._expected[where]:
            return await self._cluster.get(resource, name, namespace)
        if (where, name) not in self._secrets:
            async with self._locks[where]:
                known = where in self._listed or where in self._unlistable
                if not known and len(self._expected[where]) > _SINGLE_READS:
                    await self._list_targets(where)
        if (where, name) not in self._secrets:
            self._secrets[where, name] = await self._cluster.get(resource, name, namespace)
        return self._secrets[where, name]

    async def fresh(self, namespace: str, name: str) -> JsonObject | None:
        """A Secret as the API server has it now."""
        found = await self._cluster.get(SECRETS, name, namespace)
        self._secrets[namespace, name] = found
        return found

    async def created_by(self, namespace: str, label: str) -> Sequence[JsonObject]:
        """The Secrets that carry this created-by label."""
        if namespace in self._listed:
            known = (secret for (where, _), secret in self._secrets.items() if where == namespace and secret)
            return [secret for secret in known if _label(secret, CREATED_BY_LABEL) == label]
        selector = f"{CREATED_BY_LABEL}={label}"
        return (await self._cluster.list(SECRETS, namespace, label_selector=selector, metadata_only=True)).items

    async def _list_targets(self, namespace: str) -> None:
        """All managed Secrets whole, and the names of all others: whatever is in neither list does not exist."""
        self._listed.add(namespace)
        selector = f"{MANAGED_LABEL}={MANAGED_VALUE}"
        try:
            managed, every = await asyncio.gather(
                self._cluster.list(SECRETS, namespace, label_selector=selector),
                self._cluster.list(SECRETS, namespace, metadata_only=True),
            )
        except ClusterError:  # e.g. no right to list: one by one, then, with errors of their own
            self._listed.discard(namespace)
            self._unlistable.add(namespace)
            return
        for secret in managed.items:
            self._secrets.setdefault((namespace, secret["metadata"]["name"]), secret)
        names = {secret["metadata"]["name"] for secret in every.items}
        for name in self._expected[namespace] - names:
            self._secrets.setdefault((namespace, name), None)

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> Listing:
        """All objects that match; the same question is asked once per operation, except for Secrets."""
        common = {"label_selector": label_selector, "field_selector": field_selector}
        if resource == SECRETS:
            return await self._cluster.list(resource, namespace, **common, metadata_only=metadata_only)
        question = (resource, namespace, *common.values(), metadata_only)
        if question not in self._lists or _has_failed(self._lists[question]):
            asked = self._cluster.list(resource, namespace, **common, metadata_only=metadata_only)
            self._lists[question] = asyncio.ensure_future(asked)
        return await asyncio.shield(self._lists[question])

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """Changes after `resource_version`."""
        return self._cluster.watch(
            resource,
            namespace,
            resource_version=resource_version,
            label_selector=label_selector,
            metadata_only=metadata_only,
        )

    async def create(
        self, resource: Resource, obj: JsonObject, *, field_manager: str, dry_run: bool = False
    ) -> JsonObject:
        """Create the object."""
        made = await self._cluster.create(resource, obj, field_manager=field_manager, dry_run=dry_run)
        return made if dry_run else self._stored(resource, made)

    async def replace(
        self, resource: Resource, obj: JsonObject, *, field_manager: str, subresource: str = "", dry_run: bool = False
    ) -> JsonObject:
        """Replace the object."""
        made = await self._cluster.replace(
            resource, obj, field_manager=field_manager, subresource=subresource, dry_run=dry_run
        )
        return made if dry_run else self._stored(resource, made)

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
        """Server-side apply."""
        made = await self._cluster.apply(
            resource, obj, field_manager=field_manager, force=force, subresource=subresource, dry_run=dry_run
        )
        return made if dry_run else self._stored(resource, made)

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
        """JSON merge patch."""
        made = await self._cluster.merge_patch(
            resource, name, namespace, patch, field_manager=field_manager, subresource=subresource
        )
        return self._stored(resource, made)

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
        """Delete the object."""
        if resource == SECRETS:
            self._secrets.pop((namespace or "", name), None)
        return await self._cluster.delete(
            resource, name, namespace, uid=uid, resource_version=resource_version, propagation=propagation
        )

    async def service_account_token(
        self, namespace: str, name: str, audiences: Sequence[str], expiration_seconds: int
    ) -> Token:
        """A fresh token of a service account."""
        return await self._cluster.service_account_token(namespace, name, audiences, expiration_seconds)

    async def discover(self, api_version: str, kind: str) -> Resource | None:
        """How the API server serves a kind."""
        return await self._cluster.discover(api_version, kind)

    def _stored(self, resource: Resource, obj: JsonObject) -> JsonObject:
        if resource == SECRETS:
            self._secrets[obj["metadata"].get("namespace", ""), obj["metadata"]["name"]] = obj
        return obj


class SharedTargets:
    """Targets of a sync, as a `SharedCluster` remembers them."""

    def __init__(self, cluster: SharedCluster) -> None:
        self._cluster = cluster

    async def get(self, namespace: str, name: str, *, certain: bool) -> JsonObject | None:
        """The Secret; with `certain`, one that is not remembered is asked for again."""
        found = await self._cluster.get(SECRETS, name, namespace)
        return await self.fresh(namespace, name) if found is None and certain else found

    async def fresh(self, namespace: str, name: str) -> JsonObject | None:
        """The Secret as the API server has it now."""
        return await self._cluster.fresh(namespace, name)

    async def created_by(self, namespace: str, label: str) -> Sequence[JsonObject]:
        """The Secrets that carry this created-by label."""
        return await self._cluster.created_by(namespace, label)

    def stored(self, target: JsonObject) -> None:
        """The cluster has remembered it already."""


def _label(secret: JsonObject, name: str) -> Any:  # noqa: ANN401 - JSON
    return (secret["metadata"].get("labels") or {}).get(name)


def _has_failed(task: asyncio.Task[Listing]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
