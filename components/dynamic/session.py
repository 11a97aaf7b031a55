"""What all resources of one engine operation share: a cluster client, opened stores, and one window of reads (D7).

The engine starts a fresh process for every operation, so "one operation" is "one process": what its checks saw and
what it then writes come from the same reads.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from components.dynamic import background
from components.dynamic.shared_cluster import SharedCluster, SharedTargets
from secretsync.api import ClusterSecretStore, SecretStore, parse
from secretsync.checks.shared import Shared
from secretsync.errors import StoreNotFound
from secretsync.kube.resources import NAMESPACES
from secretsync.providers.registry import open_provider
from secretsync.sync.fetching import FetchWindow
from secretsync.sync.login_scope import login_scope
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
        self._opened: dict[tuple[str, str, str, str], tuple[Store, Provider]] = {}
        self._allowed: list[tuple[Store, str]] = []

    def declare(self, stores: Iterable[Store]) -> None:
        """Make stores known by kind, namespace and name."""
        for store in stores:
            self._declared[store.kind, store.metadata.namespace, store.metadata.name] = store

    @property
    def declared(self) -> tuple[Store, ...]:
        """The stores that are known."""
        return tuple(self._declared.values())

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
        if store.spec.conditions and (store, namespace) not in self._allowed:
            found = await self._cluster.get(NAMESPACES, namespace)
            check_allowed(store, namespace, ((found or {}).get("metadata") or {}).get("labels") or {})
            self._allowed.append((store, namespace))
        identity = (str(ref.kind), where, name, login_scope(store, namespace))
        known = self._opened.get(identity)
        if known is None or known[0] != store:
            known = self._opened[identity] = (
                store,
                open_provider(store, namespace=namespace, cluster=self._cluster),
            )
        return known[1]

    async def aclose(self) -> None:
        """Log out of every backend, side by side; one that does not answer keeps no other from it."""
        opened, self._opened = list(self._opened.values()), {}
        await asyncio.gather(*(provider.aclose() for _, provider in opened), return_exceptions=True)


class Session:
    """What one process shares; opened at the first use, on the background loop.

    Attributes:
        client: the API server.
        cluster: the same, with targets remembered.
        targets: targets as a sync looks at them.
        providers: the declared stores.
        fetches: reads of the backends.
        began: since when a read counts, on the clock of `fetches`.
        shared: what examinations ask only once.
    """

    def __init__(self, client: KubeClient) -> None:
        self.client = client
        self.cluster = SharedCluster(client)
        self.targets = SharedTargets(self.cluster)
        self.providers = DeclaredProviders(client)
        self.fetches = FetchWindow(self.providers, keep=_KEEP_SECONDS)
        self.began = self.fetches.now()
        self.shared = Shared(self.cluster)
        self._keepers: dict[tuple[str, str], set[str]] = defaultdict(set)

    @classmethod
    async def open(cls, connection: Connection) -> Session:
        """Connect to the cluster; backends are opened when the first secret needs them."""
        client = connection.client()
        await client.__aenter__()
        return cls(client)

    def keep(self, identity: str, target: str, keeper: str) -> None:
        """Note that a resource of the type `keeper` declares this ExternalSecret with this target."""
        self._keepers[identity, target].add(keeper)

    def is_kept(self, identity: str, target: str, keeper: str) -> bool:
        """Whether a resource of another type than `keeper` declares the same: then it is no longer its to take back."""
        return bool(self._keepers.get((identity, target), set()) - {keeper})

    async def aclose(self) -> None:
        """Close everything."""
        try:
            await self.providers.aclose()
        finally:
            await self.client.__aexit__(None, None, None)


class _Shared:
    """The session of this process; all dynamic providers of a program use one cluster."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.opening = asyncio.Lock()


_shared = _Shared()


async def shared(connection: Connection, stores: str = "") -> Session:
    """The session of this process, with the stores of a resource made known.

    Args:
        connection: where the cluster is.
        stores: the resource's ``stores`` input, a JSON list of manifests.
    """
    async with _shared.opening:
        if _shared.session is None:
            _shared.session = await Session.open(connection)
            background.at_end(_shared.session.aclose)
    if stores:
        _shared.session.providers.declare(read_stores(stores))
    return _shared.session


@lru_cache(maxsize=256)
def read_stores(document: str) -> tuple[Store, ...]:
    """The stores of a resource's ``stores`` input, a JSON list of manifests."""
    parsed = (parse(wire) for wire in json.loads(document))
    return tuple(store for store in parsed if isinstance(store, SecretStore | ClusterSecretStore))
