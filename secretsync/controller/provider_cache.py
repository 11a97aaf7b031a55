"""One login per store: providers stay open until their store or the objects it refers to change."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secretsync.providers.registry import open_provider
from secretsync.sync.login_scope import login_scope, referenced_objects

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsync.api import Store
    from secretsync.controller.informer import Key
    from secretsync.kube.protocol import Cluster
    from secretsync.providers.protocol import Provider
    from secretsync.sync.fetching import FetchWindow

log = logging.getLogger(__name__)

StoreKey = tuple[str, str, str]
"""Kind, namespace (empty for a ClusterSecretStore) and name."""

_CLOSE_AFTER = 30.0
"""Seconds that a replaced provider stays open for the syncs that still use it."""


def store_key(store: Store) -> StoreKey:
    """The key of a store."""
    return store.kind, store.metadata.namespace, store.metadata.name


@dataclass(slots=True)
class _Opened:
    version: tuple[str, int]
    provider: Provider
    objects: frozenset[Key]


class ProviderCache:
    """Open providers by store, and by namespace where the store reads credentials there."""

    def __init__(self, cluster: Cluster, *, opener: Callable[..., Provider] = open_provider) -> None:
        self._cluster = cluster
        self._opener = opener
        self._opened: dict[tuple[StoreKey, str], _Opened] = {}
        self._closing: dict[asyncio.TimerHandle, Provider] = {}
        self._closings: set[asyncio.Task[None]] = set()
        self.fetches: FetchWindow | None = None
        self.logins = 0

    def provider(self, store: Store, namespace: str) -> Provider:
        """The provider of a store as it now is.

        Raises:
            StoreInvalid: its specification cannot work.
        """
        identity = (store_key(store), login_scope(store, namespace))
        version = (store.metadata.uid, store.metadata.generation)
        opened = self._opened.get(identity)
        if opened is not None and opened.version == version:
            return opened.provider
        if opened is not None:
            self._drop(identity)
        provider = self._opener(store, namespace=namespace, cluster=self._cluster)
        self.logins += 1
        self._opened[identity] = _Opened(version, provider, referenced_objects(store, namespace))
        return provider

    def drop_store(self, key: StoreKey) -> None:
        """Close what was opened for a store."""
        for identity in [identity for identity in self._opened if identity[0] == key]:
            self._drop(identity)

    def drop_users_of(self, obj: Key) -> frozenset[StoreKey]:
        """Close what depends on an object, e.g. a Secret with credentials; the stores concerned."""
        users = [identity for identity, opened in self._opened.items() if obj in opened.objects]
        for identity in users:
            self._drop(identity)
        return frozenset(identity[0] for identity in users)

    async def aclose(self) -> None:
        """Close everything now."""
        providers = [entry.provider for entry in self._opened.values()]
        for timer, provider in self._closing.items():
            timer.cancel()
            providers.append(provider)
        self._opened, self._closing = {}, {}
        await asyncio.gather(*(_close(provider) for provider in providers), *self._closings)

    def _drop(self, identity: tuple[StoreKey, str]) -> None:
        provider = self._opened.pop(identity).provider
        if self.fetches is not None:
            self.fetches.forget(provider)

        def close() -> None:
            self._closing.pop(timer, None)
            task = loop.create_task(_close(provider))
            self._closings.add(task)
            task.add_done_callback(self._closings.discard)

        loop = asyncio.get_running_loop()
        timer = loop.call_later(_CLOSE_AFTER, close)
        self._closing[timer] = provider


async def _close(provider: Provider) -> None:
    try:
        await provider.aclose()
    except Exception as error:  # noqa: BLE001 - a backend that is gone already must not stop the shutdown
        log.debug("closing a provider failed: %s", type(error).__name__)
