"""The controller as a whole: starts its parts, keeps them running, ends them in order."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from secretsync.controller.events import EventRecorder
from secretsync.controller.informer import Informer, version_of
from secretsync.controller.metrics import Metrics
from secretsync.controller.provider_cache import ProviderCache
from secretsync.controller.queue import Priority, WorkQueue
from secretsync.controller.reconcile import Memory, Reconciler, gather_cancelled
from secretsync.controller.server import HealthServer
from secretsync.controller.stores import StoreRegistry
from secretsync.controller.targets import CachedTargets
from secretsync.kube.lease import LeaderElection
from secretsync.kube.resources import EXTERNAL_SECRETS
from secretsync.sync.fetching import FetchWindow
from secretsync.sync.names import CLEANUP_FINALIZER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from secretsync.api import JsonObject
    from secretsync.controller.informer import Change, Key
    from secretsync.controller.provider_cache import StoreKey
    from secretsync.controller.settings import ControllerSettings
    from secretsync.kube.protocol import Cluster
    from secretsync.providers.protocol import Provider

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Hashable)

_STORE_WORKERS = 8
_GONE_CHECK = 0.05
"""Seconds after which a target that left the watch is looked for: without its label it may still be there."""


class Controller:
    """One controller process.

    Args:
        cluster: the API server.
        settings: its settings.
        opener: opens providers; another one in tests.
    """

    def __init__(
        self, cluster: Cluster, settings: ControllerSettings, *, opener: Callable[..., Provider] | None = None
    ) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.queue: WorkQueue[Key] = WorkQueue()
        self._cluster = cluster
        self._providers = ProviderCache(cluster, opener=opener) if opener is not None else ProviderCache(cluster)
        self.stores = StoreRegistry(cluster, settings, self._providers, self.metrics, self._store_usable)
        self.fetches = FetchWindow(self.stores)
        self._providers.fetches = self.fetches
        self.targets = CachedTargets(
            cluster,
            namespaces=settings.namespaces,
            on_target=self._target_changed,
            on_other=self.stores.credentials_changed,
        )
        self.external_secrets = Informer(
            cluster, EXTERNAL_SECRETS, self._external_secret_changed, namespaces=settings.namespaces
        )
        self.events = EventRecorder(cluster)
        self._memories: dict[Key, Memory] = {}
        self._by_target: dict[Key, set[Key]] = defaultdict(set)
        self._by_store: dict[StoreKey, set[Key]] = defaultdict(set)
        self._reconciler = Reconciler(
            cluster=cluster,
            informer=self.external_secrets,
            stores=self.stores,
            targets=self.targets,
            fetches=self.fetches,
            queue=self.queue,
            events=self.events,
            metrics=self.metrics,
            memories=self._memories,
        )
        self.server = HealthServer(
            settings.listen, metrics=self._render_metrics, ready=self.is_ready, alive=self.is_alive
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._checks: set[asyncio.Task[None]] = set()

    @property
    def informers(self) -> tuple[Informer, ...]:
        """Everything that is watched; ExternalSecrets last, so that what they need is known before."""
        return (*self.stores.informers, *self.targets.informers, self.external_secrets)

    def is_ready(self) -> bool:
        """Whether every cache has been filled; a replica that waits for the leadership is ready as well."""
        return not self._tasks or all(informer.synced.is_set() for informer in self.informers)

    def is_alive(self) -> bool:
        """Whether every part still runs."""
        return all(not task.done() for task in self._tasks)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`, waiting for the leadership first where that is asked for.

        Raises:
            SettingsError: the address to listen on cannot be had.
            ClusterDenied: RBAC does not allow the Lease.
        """
        await self.server.start()
        log.info("metrics and probes on %s", self.server.address)
        try:
            if self.settings.leader_elect:
                await self._run_elected(stop)
            else:
                await self.work(stop)
        finally:
            await self.server.aclose()

    async def work(self, stop: asyncio.Event) -> None:
        """Fill the caches, then sync until `stop`; then let running syncs end."""
        self.metrics.leading(leads=True)
        *first, last = self.informers
        events = self._start(self.events.run())
        watches = [self._start(informer.run()) for informer in first]
        await _until(asyncio.gather(*(informer.synced.wait() for informer in first)), stop)
        store_workers = [self._start(self.stores.work()) for _ in range(_STORE_WORKERS)]
        watches.append(self._start(last.run()))
        await _until(last.synced.wait(), stop)
        log.info("watching %d ExternalSecrets with %d workers", len(last.objects), self.settings.concurrent)
        workers = [self._start(self._reconciler.work()) for _ in range(self.settings.concurrent)]
        try:
            await stop.wait()
        finally:
            await self._end([*watches, *store_workers], workers, events)

    async def _run_elected(self, stop: asyncio.Event) -> None:
        identity = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        namespace = self.settings.leader_namespace
        election = LeaderElection(self._cluster, self.settings.lease_name, namespace, identity)
        self.metrics.leading(leads=False)
        log.info("waiting for the lease %s/%s", namespace, self.settings.lease_name)
        lead = asyncio.ensure_future(election.run(lambda: self.work(stop)))
        await _until(lead, stop, cancel=False)
        if not lead.done():
            if election.is_leader:
                await lead
            else:
                lead.cancel()
                await asyncio.gather(lead, return_exceptions=True)
        elif not stop.is_set():
            lead.result()
            log.error("the leadership was lost; ending, so that a fresh process waits for it")

    async def _end(
        self, watches: list[asyncio.Task[None]], workers: list[asyncio.Task[None]], events: asyncio.Task[None]
    ) -> None:
        self.queue.close()
        self.stores.queue.close()
        await gather_cancelled(watches)
        idle = asyncio.ensure_future(self.queue.idle())
        await asyncio.wait({idle}, timeout=self.settings.shutdown_grace.total_seconds())
        idle.cancel()
        await gather_cancelled([*workers, *self._checks])
        await gather_cancelled([events])
        await self.events.drain()
        await self._providers.aclose()
        self.metrics.leading(leads=False)

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.append(task)
        return task

    def _render_metrics(self) -> bytes:
        return self.metrics.render(waiting=len(self.queue), reads=self.fetches.counts)

    def _external_secret_changed(self, change: Change) -> None:
        key = change.key
        if change.old is not None:
            self._unlink(key, change.old)
        if change.new is not None:
            self._link(key, change.new)
        elif change.old is None:
            return
        if change.old is None or change.new is None or _concerns(change.old, change.new):
            memory = self._memories.setdefault(key, Memory())
            memory.noticed = self.fetches.now()
            self.queue.add(key, Priority.Changed)

    def _target_changed(self, change: Change) -> None:
        keys = self._by_target.get(change.key)
        if not keys:
            return
        if change.new is None:
            task = asyncio.get_running_loop().create_task(self._check_gone(change.key))
            self._checks.add(task)
            task.add_done_callback(self._checks.discard)
            return
        own_write = change.old is not None and version_of(change.old) == version_of(change.new)
        if own_write and len(keys) == 1:
            return
        for key in tuple(keys):  # of several with one target, one may wait for what another has just done
            memory = self._memories.get(key)
            if memory is not None and memory.attempted:
                self.queue.add(key, Priority.Changed)

    async def _check_gone(self, target: Key) -> None:
        """Sync again what lost its target; one that only lost its label is left alone (ESO v2.9.0)."""
        await asyncio.sleep(_GONE_CHECK)
        if self.targets.others.get(target) is None and self.targets.managed.get(target) is None:
            for key in self._by_target.get(target, ()):
                self.queue.add(key, Priority.Changed)

    def _store_usable(self, store: StoreKey) -> None:
        """Those that failed, maybe for want of this store, need not wait for the end of their pause."""
        for key in self._by_store.get(store, ()):
            memory = self._memories.get(key)
            if self.queue.is_failing(key) and (memory is None or not memory.blocked):
                self.queue.add(key, Priority.Retry)

    def _link(self, key: Key, raw: JsonObject) -> None:
        self._by_target[key[0], _target_name(raw)].add(key)
        for store in _stores(raw, key[0]):
            self._by_store[store].add(key)

    def _unlink(self, key: Key, raw: JsonObject) -> None:
        _discard(self._by_target, (key[0], _target_name(raw)), key)
        for store in _stores(raw, key[0]):
            _discard(self._by_store, store, key)


def _discard(index: dict[E, set[Key]], entry: E, key: Key) -> None:
    """Take a key out of an index, and the entry with its last key."""
    keys = index.get(entry)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[entry]


def _target_name(raw: JsonObject) -> str:
    spec = raw.get("spec") or {}
    return str((spec.get("target") or {}).get("name") or raw["metadata"]["name"])


def _stores(raw: JsonObject, namespace: str) -> set[StoreKey]:
    """The stores that a raw ExternalSecret names, read without its model: it may not be decodable."""
    spec = raw.get("spec") or {}
    refs = [spec.get("secretStoreRef")]
    entries = (*(spec.get("data") or ()), *(spec.get("dataFrom") or ()))
    refs.extend((entry.get("sourceRef") or {}).get("storeRef") for entry in entries)
    found = set()
    for ref in refs:
        if isinstance(ref, dict) and ref.get("name"):
            kind = str(ref.get("kind") or "SecretStore")
            found.add((kind, "" if kind == "ClusterSecretStore" else namespace, str(ref["name"])))
    return found


def _concerns(old: JsonObject, new: JsonObject) -> bool:
    """Whether a change is more than a status of our own."""
    left, right = old["metadata"], new["metadata"]
    parts = ("uid", "generation", "labels", "annotations", "deletionTimestamp")
    if any(left.get(part) != right.get(part) for part in parts):
        return True
    return CLEANUP_FINALIZER in (left.get("finalizers") or ()) and CLEANUP_FINALIZER not in (
        right.get("finalizers") or ()
    )


async def _until(work: Awaitable[object], stop: asyncio.Event, *, cancel: bool = True) -> None:
    """Wait for `work` or for `stop`, whichever comes first."""
    future = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({future, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        if cancel and not future.done():
            future.cancel()
            await asyncio.gather(future, return_exceptions=True)


async def run(cluster: Cluster, settings: ControllerSettings) -> None:
    """Run a controller until SIGTERM or SIGINT.

    Raises:
        SettingsError: the address to listen on cannot be had.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    controller = Controller(cluster, replace(settings))
    await controller.run(stop)
    log.info("ended")
