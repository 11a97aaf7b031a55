"""The targets as two watches show them: managed Secrets whole, all others by name and version only."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING

from secretsync.controller.informer import Change, Informer, key_of
from secretsync.kube.resources import SECRETS
from secretsync.sync.names import CREATED_BY_LABEL, MANAGED_LABEL, MANAGED_VALUE, is_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretsync.api import JsonObject
    from secretsync.controller.informer import Key
    from secretsync.kube.protocol import Cluster

log = logging.getLogger(__name__)


class CachedTargets:
    """Reads targets from memory wherever that is certain enough; values stay in memory only.

    Args:
        cluster: where.
        namespaces: only these; empty for all.
        on_target: called with the change of a managed Secret.
        on_other: called with namespace and name of any other Secret that changed: it may hold credentials of a store.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespaces: Sequence[str],
        on_target: Callable[[Change], None],
        on_other: Callable[[Key], None],
    ) -> None:
        self._cluster = cluster
        self._on_target = on_target
        self._on_other = on_other
        self._by_creator: dict[tuple[str, str], set[str]] = defaultdict(set)
        managed, others = f"{MANAGED_LABEL}={MANAGED_VALUE}", f"{MANAGED_LABEL}!={MANAGED_VALUE}"
        self.managed = Informer(
            cluster, SECRETS, self._managed_changed, namespaces=namespaces, label_selector=managed, keep=_slim
        )
        self.others = Informer(
            cluster,
            SECRETS,
            self._other_changed,
            namespaces=namespaces,
            label_selector=others,
            metadata_only=True,
            keep=_named,
        )

    @property
    def informers(self) -> tuple[Informer, Informer]:
        """What has to run."""
        return self.managed, self.others

    async def get(self, namespace: str, name: str, *, certain: bool) -> JsonObject | None:
        """The Secret as known. Without `certain`, one that neither watch has shown counts as absent."""
        known = self.managed.get((namespace, name))
        if known is not None:
            return known
        if certain or self.others.get((namespace, name)) is not None:
            return await self.fresh(namespace, name)
        return None

    async def fresh(self, namespace: str, name: str) -> JsonObject | None:
        """The Secret as the API server has it now."""
        found = await self._cluster.get(SECRETS, name, namespace)
        if found is None:
            self.managed.drop((namespace, name))
        elif _is_managed(found):
            self.stored(found)
        return found

    async def created_by(self, namespace: str, label: str) -> Sequence[JsonObject]:
        """The managed Secrets with this created-by label."""
        names = self._by_creator.get((namespace, label), ())
        return [self.managed[namespace, name] for name in names if self.managed.get((namespace, name)) is not None]

    def stored(self, target: JsonObject) -> None:
        """Take note of what was just written."""
        self.managed.store(target)
        self._index(target)

    def _managed_changed(self, change: Change) -> None:
        if change.new is not None:
            self._index(change.new)
        elif change.old is not None:
            namespace, name = change.key
            for label in _creators(change.old):
                self._by_creator[namespace, label].discard(name)
        self._on_target(change)
        self._on_other(change.key)  # a synced Secret may hold a store's credentials as well

    def _other_changed(self, change: Change) -> None:
        self._on_other(change.key)

    def _index(self, target: JsonObject) -> None:
        namespace, name = key_of(target)
        for label in _creators(target):
            self._by_creator[namespace, label].add(name)


def _creators(secret: JsonObject) -> Sequence[str]:
    label = (secret["metadata"].get("labels") or {}).get(CREATED_BY_LABEL)
    return (label,) if label else ()


def _is_managed(secret: JsonObject) -> bool:
    return (secret["metadata"].get("labels") or {}).get(MANAGED_LABEL) == MANAGED_VALUE


def _slim(secret: JsonObject) -> JsonObject:
    """Without the managedFields of foreign managers: they are the larger part of a small Secret."""
    metadata = secret["metadata"]
    fields = [entry for entry in metadata.get("managedFields") or () if is_ours(str(entry.get("manager", "")))]
    return {**secret, "metadata": {**metadata, "managedFields": fields}}


def _named(secret: JsonObject) -> JsonObject:
    metadata = secret["metadata"]
    kept = {part: metadata[part] for part in ("namespace", "name", "resourceVersion") if part in metadata}
    return {"metadata": kept}
