"""What all resources of one engine operation share: a cluster client, opened stores, and one window of reads (D7).

The engine starts a fresh process for every operation, so "one operation" is "one process": what its checks saw and
what it then writes come from the same reads.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from secretsync.api import ClusterSecretStore, SecretStore, parse
from secretsync.errors import StoreNotFound
from secretsync.kube.resources import NAMESPACES
from secretsync.providers.registry import open_provider
from secretsync.sync.fetching import FetchWindow
from secretsync.sync.stores import check_allowed, describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from components.dynamic.connection import Connection
    from secretsync.api import Store, StoreRef
    from secretsync.kube.client import KubeClient
    from secretsync.providers.protocol import Provider

_KEEP_SECONDS = 3600.0


class DeclaredProviders:
    """Opens stores as the program declares them, each once."""

    def __init__(self, cluster: KubeClient) -> None:
        self._cluster = cluster
        self._declared: dict[tuple[str, str, str], Store] = {}
        self._opened: dict[tuple[str, str], Provider] = {}

    def declare(self, stores: Iterable[Store]) -> None:
        """Make stores known by kind, namespace and name."""
        for store in stores:
            self._declared[store.kind, store.metadata.namespace, store.metadata.name] = store

    async def open(self, ref: StoreRef, namespace: str) -> Provider:
        """The provider of a declared store.

        Raises:
            StoreNotFound: the program declares no such store.
            StoreNotAllowed: its conditions do not admit the namespace.
        """
        name = ref.name or ""
        where = namespace if str(ref.kind) == "SecretStore" else ""
        store = self._declared.get((str(ref.kind), where, name))
        place = describe(ref, namespace)
        if store is None:
            raise StoreNotFound(
                "no manifest of this stack declares it",
                place=place,
                remedy="add its manifest to the stack's `manifests`",
            )
        if store.spec.conditions:
            found = await self._cluster.get(NAMESPACES, namespace)
            check_allowed(store, namespace, ((found or {}).get("metadata") or {}).get("labels") or {})
        identity = (json.dumps(store.to_json(), sort_keys=True), namespace)
        if identity not in self._opened:
            self._opened[identity] = open_provider(store, namespace=namespace, cluster=self._cluster)
        return self._opened[identity]

    async def aclose(self) -> None:
        """Log out of every backend, side by side; one that does not answer keeps no other from it."""
        opened, self._opened = list(self._opened.values()), {}
        await asyncio.gather(*(provider.aclose() for provider in opened), return_exceptions=True)


class Session:
    """Shared connections of one process; opened at the first use, on the background loop."""

    def __init__(self, client: KubeClient) -> None:
        self.cluster = client
        self.providers = DeclaredProviders(client)
        self.fetches = FetchWindow(self.providers, keep=_KEEP_SECONDS)
        self.began = self.fetches.now()

    @classmethod
    async def open(cls, connection: Connection) -> Session:
        """Connect to the cluster; backends are opened when the first secret needs them."""
        client = connection.client()
        await client.__aenter__()
        return cls(client)

    async def aclose(self) -> None:
        """Close everything."""
        try:
            await self.providers.aclose()
        finally:
            await self.cluster.__aexit__(None, None, None)


def read_stores(document: str) -> tuple[Store, ...]:
    """The stores of a resource's ``stores`` input, a JSON list of manifests."""
    parsed = (parse(wire) for wire in json.loads(document))
    return tuple(store for store in parsed if isinstance(store, SecretStore | ClusterSecretStore))
